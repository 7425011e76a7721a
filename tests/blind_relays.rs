//! Relays stay blind: what is secret in a document is nowhere in the data, the logs or the traffic of those who pass it on.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is test code in a file of its own"
)]

mod blind_relays {
    pub(crate) mod needles;
    pub(crate) mod wiretap;
}
mod harness;

use blind_relays::needles::Needles;
use blind_relays::wiretap::Wiretap;
use harness::random::Random;
use harness::waiting::until;
use harness::{Network, SEVEN, list, text};
use std::path::{Path, PathBuf};

const ORIGIN: &str = "652301";
const DESTINATION: &str = "653101";
/// Those on the way, and those who have nothing to do with it.
const BLIND: [&str; 5] = ["6523", "65", "6531", "652324", "653130"];
/// Everything that our own code would say; of the libraries only what they say to operators.
const LOG: &str = "info,yizhan=trace,yizhan_node=trace,yizhan_link=trace,yizhan_spool=trace,yizhan_exchange=trace,\
                   yizhan_journal=trace,yizhan_ledger=trace,yizhan_desk=trace,yizhan_envelope=trace";
/// The last relay, which holds everything as long as the destination is away.
const LAST: &str = "6531";
/// A document that goes into the journal, and one that becomes a file of its own and many packets.
const SIZES: [usize; 2] = [3_000, 2_500_000];

#[test]
fn no_relay_and_no_wire_shows_title_file_name_or_content_in_any_spelling() {
    let mut random = Random::of_this_run();
    // Of this run only, so that nothing else can hold it by chance.
    let (latin, chinese) = (format!("canary{:016x}", random.next()), chinese(&mut random));
    let needles = Needles::of(&[&latin, &chinese]);
    let network = Network::of_seven();
    let wiretap = Wiretap::between_all(&network);
    SEVEN.iter().for_each(|node| network.start_logging(node, LOG));
    network.await_all();
    // What is said in the clear is heard before every node: so silence means something.
    wiretap.speak("this wire has ears");

    network.stop(DESTINATION);
    let mut ids = Vec::new();
    for (number, size) in SIZES.into_iter().enumerate() {
        let file = network.beside(&format!("{latin}-{chinese}-{number}.txt"));
        std::fs::write(&file, content(&latin, &chinese, size)).unwrap();
        ids.push(network.send(ORIGIN, &[DESTINATION], &format!("{latin} 关于{chinese}的通知"), &[&file]));
    }
    until("the last relay has the large document", || {
        let held: u64 = lengths_below(&network.data(LAST).join("bodies")).sum();
        (held > SIZES[1] as u64).then_some(())
    });
    nothing_is_found_at(&network, &needles, LAST);
    network.start_logging(DESTINATION, LOG);
    network.await_ready(DESTINATION);
    for (id, size) in ids.iter().zip(SIZES) {
        network.await_inbox(DESTINATION, id);
        the_recipient_sees_all_of_it(&network, &needles, id, content(&latin, &chinese, size).as_bytes());
        network.json(&["inbox", "sign", &harness::documents::office(DESTINATION), id, "--person", &latin]);
        network.await_stage(id, DESTINATION, "signed-for");
    }
    network.await_rest();
    network.stop_all();

    let carried = wiretap.carried();
    // Four hops; the canary fills the large document, which does not shrink by being encrypted.
    assert!(carried.len() > 4 * SIZES[1], "only {} bytes were seen on the wire", carried.len());
    assert_eq!(needles.found_in(&carried), None, "on the wire");
    for node in BLIND {
        nothing_is_found_at(&network, &needles, node);
        // The relays had it: not seeing it is no merit of those whom it never reached.
        let entries = files_below(&network.data(node).join("ledger/tile/entries"));
        let accepted = |file: &PathBuf| {
            String::from_utf8_lossy(&std::fs::read(file).unwrap()).contains("RelayAcceptance")
        };
        let held = entries.iter().any(accepted);
        let relay = DESTINATION.starts_with(node) || ORIGIN.starts_with(node);
        assert_eq!(held, relay, "custody at {node}");
    }
}

/// No file of a node holds a canary, nor does any name of one.
fn nothing_is_found_at(network: &Network, needles: &Needles, node: &str) {
    let files = files_below(&network.node(node));
    assert!(files.iter().any(|file| file.ends_with("node.log")) && files.len() > 10, "{files:?}");
    for file in files {
        let name = file.strip_prefix(network.folder()).unwrap().to_string_lossy().into_owned();
        assert_eq!(needles.found_in(name.as_bytes()), None, "in a name at {node}");
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            // A node that runs lets files go between the two looks.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => panic!("{name}: {error}"),
        };
        assert_eq!(needles.found_in(&bytes), None, "in {name}");
    }
}

/// How long the files below a folder are, in bytes. One that goes between two looks does not count.
fn lengths_below(folder: &Path) -> impl Iterator<Item = u64> {
    files_below(folder).into_iter().filter_map(|file| file.metadata().ok()).map(|found| found.len())
}

/// The search finds what is there: in what the recipient took, and in the origin's own file.
fn the_recipient_sees_all_of_it(network: &Network, needles: &Needles, id: &str, content: &[u8]) {
    let item = network.inbox(DESTINATION).into_iter().find(|item| text(item, "/id") == id).unwrap();
    assert!(needles.found_in(text(&item, "/title").as_bytes()).is_some());
    assert!(needles.found_in(text(&list(&item, "/parts")[0], "/name").as_bytes()).is_some());
    let taken = network.take(DESTINATION, id);
    let files = files_below(&taken);
    let found = files.iter().filter(|file| needles.found_in(&std::fs::read(file).unwrap()).is_some());
    assert_eq!(found.count(), 2, "the file and the manifest hold the canary: {files:?}");
    let named = files.iter().find(|file| needles.found_in(file.to_string_lossy().as_bytes()).is_some());
    assert!(std::fs::read(named.unwrap()).unwrap() == content, "other bytes arrived");
}

/// Text in which the canaries stand so often that no packet of it could miss them.
fn content(latin: &str, chinese: &str, size: usize) -> String {
    let line = format!("{latin}{chinese}\n");
    line.repeat(size / line.len() + 1)
}

fn chinese(random: &mut Random) -> String {
    const CHARACTERS: [char; 16] =
        ['驿', '站', '公', '文', '密', '封', '签', '收', '昌', '吉', '喀', '什', '巴', '楚', '玛', '纳'];
    (0..12).map(|_| random.one_of(&CHARACTERS)).collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files
}
