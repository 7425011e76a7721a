//! Fifty times a random node is killed at a random moment while documents are under way, and it still ends well.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is test code in a file of its own"
)]

mod harness;

use harness::documents::{TRY_LATER, office};
use harness::random::Random;
use harness::waiting::until;
use harness::{Network, SEVEN, flag, list, number, path_text, text};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How often a node is killed.
const KILLS: usize = 50;
/// The longest time between a kill and the next, in answers of nodes seen.
const LOOKS_MAX: usize = 25;
/// Small enough for the journal, and too large for it.
const SIZES: [u64; 4] = [1_000, 200_000, 700_000, 3_000_000];
const COUNTIES: [&str; 4] = ["652301", "652324", "653101", "653130"];
/// The documents of one round, as the demonstration sends them: from, to, which sizes.
const ROUND: [(&str, &[&str], &[usize]); 5] = [
    ("652301", &["653101"], &[0, 2]),
    ("65", &["652324"], &[1]),
    ("652301", &["652324"], &[0]),
    ("652301", &COUNTIES, &[0, 3]),
    ("653130", &["65"], &[0]),
];

/// A document that was handed in.
struct Sent {
    origin: String,
    to: Vec<String>,
    files: Vec<PathBuf>,
}

/// What all threads share.
struct Run {
    network: Network,
    files: Vec<PathBuf>,
    sent: Mutex<BTreeMap<String, Sent>>,
    /// Documents taken and signed for, one for each recipient.
    signed: AtomicUsize,
    killing: AtomicBool,
    sending: AtomicBool,
}

#[test]
fn fifty_kills_at_random_moments_lose_nothing_and_deliver_nothing_twice() {
    let mut random = Random::of_this_run();
    let network = Network::of_seven();
    let files = SIZES.map(|size| {
        let path = network.beside(&format!("{size}.bin"));
        random.file(&path, size);
        path
    });
    network.start_all();
    let run = Run {
        network,
        files: files.to_vec(),
        sent: Mutex::default(),
        signed: AtomicUsize::new(0),
        killing: AtomicBool::new(true),
        sending: AtomicBool::new(true),
    };
    std::thread::scope(|threads| {
        threads.spawn(|| send_rounds(&run));
        for node in SEVEN.into_iter().filter(|node| receives(node)) {
            let run = &run;
            threads.spawn(move || receive(run, node));
        }
        let ends = Ended(&run);
        kill_at_random_moments(&run, &mut random);
        drop(ends);
    });
    all_is_well_at_the_end(&run);
}

/// Tells the other threads that no node will be killed any more, also if the killing thread failed.
struct Ended<'a>(&'a Run);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.killing.store(false, Ordering::SeqCst);
    }
}

fn receives(node: &str) -> bool {
    ROUND.iter().any(|(_, to, _)| to.contains(&node))
}

/// Hands in round after round for as long as nodes are killed.
fn send_rounds(run: &Run) {
    let mut round = 0;
    while run.killing.load(Ordering::SeqCst) {
        for (number, (from, to, sizes)) in ROUND.iter().enumerate() {
            let files: Vec<&Path> = sizes.iter().map(|size| run.files[*size].as_path()).collect();
            let (key, title) = (format!("{round}-{number}"), format!("第{round}轮第{number}号"));
            let more = ["--title", &title, "--key", &key];
            let submitted = until("the document is taken", || {
                let said = run.network.send_with(from, to, &more, &files);
                (said.code != TRY_LATER).then(|| said.json())
            });
            let sent = Sent {
                origin: (*from).to_owned(),
                to: to.iter().map(|to| (*to).to_owned()).collect(),
                files: files.iter().map(|file| (*file).to_owned()).collect(),
            };
            let known = run.sent.lock().unwrap().insert(text(&submitted, "/id"), sent);
            assert!(known.is_none(), "two submissions got one id: {submitted}");
        }
        // So many are under way at once, at the most: the disk of this machine is not what is tested.
        until("half of what was sent is signed for", || {
            let due = recipients(run);
            (run.signed.load(Ordering::SeqCst) * 2 >= due || !run.killing.load(Ordering::SeqCst))
                .then_some(())
        });
        round += 1;
    }
    eprintln!("{round} rounds of {} documents", ROUND.len());
    run.sending.store(false, Ordering::SeqCst);
}

fn recipients(run: &Run) -> usize {
    run.sent.lock().unwrap().values().map(|sent| sent.to.len()).sum()
}

/// Takes, compares and signs for what comes, until everything that was sent to this node is signed for.
fn receive(run: &Run, node: &str) {
    let office = office(node);
    let mut done: Vec<String> = Vec::new();
    let mut tries = 0;
    until(&format!("all is signed for at {node}"), || {
        let finished = !run.sending.load(Ordering::SeqCst);
        let items = run.network.patiently(&["inbox", "list", &office, "--limit", "1000", "--json"]);
        let ids: Vec<String> = list(&items, "").iter().map(|item| text(item, "/id")).collect();
        for id in ids.iter().filter(|id| !done.contains(id)).cloned().collect::<Vec<_>>() {
            // Its sender may not have been told yet.
            let Some(files) = run.sent.lock().unwrap().get(&id).map(|sent| sent.files.clone()) else {
                continue;
            };
            tries += 1;
            if take_and_sign(run, node, &id, &files, tries) {
                done.push(id);
                run.signed.fetch_add(1, Ordering::SeqCst);
            }
        }
        let due =
            run.sent.lock().unwrap().values().filter(|sent| sent.to.iter().any(|to| to == node)).count();
        (finished && done.len() == due).then_some(())
    });
}

/// Whether a document was taken and signed for; not, if its node was killed meanwhile.
fn take_and_sign(run: &Run, node: &str, id: &str, files: &[PathBuf], number: usize) -> bool {
    let office = office(node);
    let out = run.network.beside("taken").join(format!("{node}-{number}"));
    let taken = run.network.said(&["inbox", "take", &office, id, "--out", path_text(&out), "--json"]);
    if taken.code == TRY_LATER {
        return false;
    }
    let taken = taken.json();
    let names: Vec<String> =
        list(&taken, "/files").iter().map(|file| file.as_str().unwrap().to_owned()).collect();
    assert_eq!(names.len(), files.len(), "{taken}");
    for (name, sent) in names.iter().zip(files) {
        assert!(std::fs::read(name).unwrap() == std::fs::read(sent).unwrap(), "{id} at {node}: other bytes");
    }
    std::fs::remove_dir_all(&out).unwrap();
    let signed = run.network.said(&["inbox", "sign", &office, id, "--json"]);
    if signed.code == TRY_LATER {
        return false;
    }
    signed.json();
    true
}

/// Kills a random node after a random number of answers, again and again; a third of the time the one that is just recovering.
fn kill_at_random_moments(run: &Run, random: &mut Random) {
    let mut last = random.one_of(&SEVEN);
    let mut in_recovery = 0;
    let mut under_way = 0;
    for _ in 0..KILLS {
        let node = if random.below(3) == 0 { last } else { random.one_of(&SEVEN) };
        for _ in 0..random.below(LOOKS_MAX) {
            run.network.status(random.one_of(&SEVEN));
        }
        in_recovery += usize::from(run.network.status(node).is_none());
        under_way += usize::from(run.signed.load(Ordering::SeqCst) < recipients(run));
        run.network.kill(node);
        // What the others do while it is away is part of it.
        for _ in 0..random.below(LOOKS_MAX) / 2 {
            run.network.status(random.one_of(&SEVEN));
        }
        run.network.start(node);
        last = node;
    }
    eprintln!("{KILLS} kills, {under_way} with documents under way, {in_recovery} of nodes still recovering");
    assert!(under_way > KILLS / 2, "too little was under way: {under_way} of {KILLS}");
}

/// Everything is signed for, lies in each inbox once, and every ledger and every chain verifies.
fn all_is_well_at_the_end(run: &Run) {
    let network = &run.network;
    network.await_all();
    let sent = run.sent.lock().unwrap();
    for (id, sent) in sent.iter() {
        assert!(id.starts_with(&format!("{}.0.", sent.origin)), "{id} is from {}", sent.origin);
        sent.to.iter().for_each(|to| network.await_stage(id, to, "signed-for"));
    }
    for node in SEVEN {
        let mut lie_there = network.inbox_ids(node);
        let mut due: Vec<String> = sent
            .iter()
            .filter(|(_, sent)| sent.to.iter().any(|to| to == node))
            .map(|(id, _)| id.clone())
            .collect();
        lie_there.sort();
        due.sort();
        assert_eq!(lie_there, due, "in the inbox of {node}");
    }
    network.await_rest();
    network.stop_all();
    for node in SEVEN {
        let ledger = network.data(node).join("ledger");
        assert!(flag(&network.verified(node, &ledger).json(), "/ok"));
        assert!(!network.log(node).contains("ALARM"), "{}", network.log(node));
    }
    let report = network.audited(&network.ledgers()).json();
    let chains: usize = sent.values().map(|sent| sent.to.len()).sum();
    assert_eq!(
        (number(&report, "/chains"), number(&report, "/chains_verified")),
        (chains as u64, chains as u64)
    );
    assert!(list(&report, "/problems").is_empty(), "{}", report["problems"]);
    eprintln!("{} documents, {chains} chains verified", sent.len());
}
