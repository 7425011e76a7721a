//! Two trees, each with authorities, nodes and a directory of its own, joined by an agreement that both signed: documents cross where
//! it lets them, their receipts come home, chains verify; what it does not let cross is refused where it is handed in.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is test code in a file of its own"
)]

mod harness;

use harness::documents::office;
use harness::programs::auditor;
use harness::waiting::until;
use harness::{Network, Said, flag, list, number, path_text, said, text};
use std::fs;
use std::path::{Path, PathBuf};
use yizhan_node::Clock;

const GOV: &str = "xinjiang.example";
const PARTY: &str = "party.example";
/// What a refusal is as an exit code.
const REFUSED: i32 = 3;
/// How often an origin tries (MUST-25).
const ATTEMPTS: usize = 6;

/// A government tree and a Party tree, running, and an agreement that nobody has signed.
struct Two {
    gov: Network,
    party: Network,
    agreement: PathBuf,
    file: PathBuf,
}

impl Two {
    fn running() -> Self {
        let gov = Network::of_three();
        // Its ports are taken before the other network looks for free ones.
        gov.start_all();
        let names = ["--root", "p-65", "--prefecture", "p-6523", "--name", PARTY];
        let party = Network::create(&names);
        party.start_all();
        let (agreement, file) = (gov.beside("agreement"), gov.beside("请示.txt"));
        fs::write(&file, "关于防汛工作的请示\n").unwrap();
        let two = Self { gov, party, agreement, file };
        let lines = ["xinjiang.example below 65 to p-6523", "party.example below p-65 to 652301"];
        two.draft(&two.agreement, "1", &lines);
        two
    }

    /// An agreement that nobody has signed.
    fn draft(&self, file: &Path, version: &str, lines: &[&str]) {
        let key = |of: &str, network: &Network| {
            format!("{of}={}", path_text(&network.folder().join("authority/authority.vkey")))
        };
        let (of_gov, of_party) = (key(GOV, &self.gov), key(PARTY, &self.party));
        let mut words = vec!["agreement", "draft", path_text(file), "--number", version];
        words.extend(["--join", "xinjiang.example=65", "--join", "party.example=p-65"]);
        words.extend(["--authority", &of_gov, "--authority", &of_party]);
        lines.iter().for_each(|line| words.extend(["--cross", line]));
        self.gov.json(&words);
    }

    /// Signs an agreement as the authority of a network; whether nobody has to sign it any more.
    fn sign(&self, file: &Path, network: &Network) -> bool {
        let key = network.folder().join("authority/authority.pem");
        let words = ["agreement", "sign", path_text(file), "--key", path_text(&key)];
        flag(&self.gov.json(&words), "/complete")
    }

    /// Drafts the next version of one network with the agreement and the other's directory in it.
    fn drafted(&self, file: &Path, of: &Network, name: &str) -> (PathBuf, Said) {
        let with = if std::ptr::eq(of, &self.gov) { &self.party } else { &self.gov };
        let (draft, other) = (of.beside(name), with.folder().join("directory"));
        let (folder, agreement) = (path_text(&draft), path_text(file));
        let words = ["directory", "edit", folder, "--agreement", agreement, "--other", path_text(&other)];
        let said = of.said(&words);
        (draft, said)
    }

    /// Both sign, and both put it in force.
    fn join(&self) {
        let file = &self.agreement;
        assert!(!self.sign(file, &self.gov) && self.sign(file, &self.party));
        for of in [&self.gov, &self.party] {
            let (draft, said) = self.drafted(file, of, "joining");
            assert_eq!(said.code, 0, "{said:?}");
            publish(of, &draft);
        }
        self.await_joined((2, 2), "in-force");
        self.gov.await_all();
        self.party.await_all();
    }

    /// Waits until every node of either network goes by these versions of the two.
    fn await_joined(&self, (gov, party): (u64, u64), standing: &str) {
        for (network, own, theirs) in [(&self.gov, gov, party), (&self.party, party, gov)] {
            for node in network.ids() {
                let wanted = (own, theirs, standing.to_owned());
                until(&format!("{node} goes by {wanted:?}"), || {
                    let status = network.status(node)?;
                    status.pointer("/directory_joined/0")?;
                    let joined = number(&status, "/directory_joined/0/version");
                    let standing = text(&status, "/directory_joined/0/standing");
                    let found = (number(&status, "/directory_version"), joined, standing);
                    (found == wanted).then_some(())
                });
            }
        }
    }

    fn ledgers(&self) -> Vec<PathBuf> {
        [self.gov.ledgers(), self.party.ledgers()].concat()
    }
}

/// Signs a draft as the authority of a network and publishes it there.
fn publish(network: &Network, draft: &Path) {
    let key = network.folder().join("authority/authority.pem");
    network.json(&["directory", "sign", path_text(draft), "--key", path_text(&key)]);
    network.json(&["directory", "publish", path_text(draft)]);
}

fn edited(network: &Network, name: &str, flags: &[&str]) -> PathBuf {
    let draft = network.beside(name);
    let said = network.said(&[&["directory", "edit", path_text(&draft)], flags].concat());
    assert_eq!(said.code, 0, "{said:?}");
    publish(network, &draft);
    draft
}

/// Audits all ledgers by a directory in a folder: so many chains of so many have to be good, and nothing is wrong.
fn assert_chains_verify(two: &Two, network: &Network, directory: &Path, wanted: (u64, u64)) {
    let authority = network.folder().join("authority/authority.vkey");
    let mut command = auditor();
    command.args(["verify", "--directory", path_text(directory), "--authority", path_text(&authority)]);
    let said = said(command.arg("--json").args(two.ledgers()));
    let report = said.any_json();
    assert_eq!(said.code, i32::from(wanted.0 < wanted.1), "{report}");
    let found = (number(&report, "/chains_verified"), number(&report, "/chains"));
    assert_eq!(found, wanted, "{report}");
    assert!(list(&report, "/problems").is_empty(), "{report}");
}

/// MUST-58: refused before anything is accepted.
fn assert_refused(said: &Said, reason: &str) {
    let words = format!("{}{}", said.out, said.err);
    assert!(said.code == REFUSED && words.contains(reason), "not refused as {reason}: {said:?}");
}

#[test]
fn a_document_crosses_into_the_other_tree_and_back_and_each_side_verifies_both_chains() {
    let two = Two::running();
    let Two { gov, party, file, .. } = &two;
    let processes: Vec<u32> = ["65", "6523", "652301"].iter().map(|node| gov.pid(node)).collect();
    two.join();
    let way = gov.json(&["route", &office("p-6523"), "--from", "652301"]);
    let nodes: Vec<String> = list(&way, "").iter().map(|step| text(step, "/node")).collect();
    assert_eq!(nodes, ["652301", "6523", "65", "p-65", "p-6523"]);
    assert!(text(&way, "/3/why").contains("into party.example by agreement 1: it is in force"), "{way}");
    let shown = gov.json(&["directory", "show"]);
    assert_eq!(text(&shown, "/joined/0/crossings/0"), "party.example below p-65 to 652301");

    let there = gov.send("652301", &["p-6523"], "请示", &[file]);
    party.await_inbox("p-6523", &there);
    let taken = party.take("p-6523", &there);
    assert!(taken.join("请示.txt").exists(), "{}", taken.display());
    party.json(&["inbox", "sign", &office("p-6523"), &there, "--person", "阿依古丽"]);
    gov.await_stage(&there, "p-6523", "signed-for");
    let back = party.send("p-6523", &["652301"], "批复", &[file]);
    gov.await_inbox("652301", &back);
    gov.json(&["inbox", "sign", &office("652301"), &back, "--person", "阿依古丽"]);
    party.await_stage(&back, "652301", "signed-for");
    let certificate = gov.beside("certificate.json");
    gov.json(&["certificate", &there, "--out", path_text(&certificate)]);
    let checked = gov.audited_certificate(&certificate).json();
    assert_eq!(number(&checked, "/signed_for"), 1);

    // A new version of the other directory comes over the link, without a word of the own authorities.
    edited(party, "archives", &["--new-office", "archives@p-6523=档案局"]);
    let clock = Clock::start();
    let begun = clock.wall();
    two.await_joined((2, 3), "in-force");
    eprintln!("three nodes go by the other network's new version after {} ms", clock.wall().ms_since(begun));
    assert_eq!(["65", "6523", "652301"].iter().map(|node| gov.pid(node)).collect::<Vec<_>>(), processes);
    let words = ["send", "--json", "--from", "gov-office@652301", "--to", "archives@p-6523", "--title", "T"];
    let archived = text(&gov.said(&[&words[..], &[path_text(file)]].concat()).json(), "/id");
    gov.await_stage(&archived, "p-6523", "delivered");

    for network in [gov, party] {
        network.await_rest();
        network.stop_all();
    }
    // By the directory of either side: the one in the folder, and the one that a node kept.
    let kept = gov.data("652301").join("directory");
    let newest = fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().path());
    let newest = newest.max_by_key(|path| path.metadata().unwrap().modified().unwrap()).unwrap();
    let unpacked = gov.beside("unpacked");
    fs::create_dir(&unpacked).unwrap();
    let mut tar = std::process::Command::new("tar");
    assert_eq!(said(tar.arg("-xf").arg(&newest).arg("-C").arg(&unpacked)).code, 0);
    assert_chains_verify(&two, gov, &unpacked, (3, 3));
    assert_chains_verify(&two, party, &party.folder().join("directory"), (3, 3));
}

#[test]
fn what_the_agreement_does_not_let_cross_is_refused_and_nothing_new_crosses_once_one_side_ended_it() {
    let two = Two::running();
    let Two { gov, party, file, .. } = &two;
    // Without an agreement the other tree is not there; with one that only one side signed it does not come.
    let to_nobody =
        |network: &Network, from: &str, to: &str| network.send_with(from, &[to], &["--title", "T"], &[file]);
    assert_refused(&to_nobody(gov, "652301", "p-6523"), "there is no node p-6523");
    two.sign(&two.agreement, gov);
    let (_, half) = two.drafted(&two.agreement, gov, "half");
    let verified = gov.said(&["agreement", "verify", path_text(&two.agreement)]);
    assert_eq!(verified.code, 1, "{verified:?}");
    assert!(
        half.code != 0 && format!("{half:?}").contains("0 of the authorities of party.example"),
        "{half:?}"
    );
    two.join();

    assert_refused(&to_nobody(gov, "652301", "p-65"), "no line of the agreement with it (version 1)");
    assert_refused(
        &to_nobody(gov, "65", "p-6523"),
        "it lets pass from here: xinjiang.example below 65 to p-6523",
    );
    assert_refused(&to_nobody(party, "p-65", "652301"), "no line of the agreement");
    let internal = fs::read_to_string(two.agreement.as_path()).unwrap();
    assert!(!internal.contains("upto"), "nothing classified crosses");
    let group = gov.said(&["group", "children of p-65", "--node", path_text(&gov.node("65"))]);
    assert!(group.code != 0 && format!("{group:?}").contains("is a node of party.example"), "{group:?}");

    // What was handed in before the end comes to its end.
    party.stop("p-6523");
    let before = gov.send("652301", &["p-6523"], "之前", &[file]);
    edited(gov, "ending", &["--end-agreement", PARTY]);
    for node in ["65", "6523", "652301"] {
        until(&format!("{node} knows that it was ended"), || {
            (text(&gov.status(node)?, "/directory_joined/0/standing") == "ended").then_some(())
        });
    }
    party.start("p-6523");
    two.await_joined((3, 2), "ended");
    assert_refused(&to_nobody(gov, "652301", "p-6523"), "xinjiang.example ended it at");
    assert_refused(&to_nobody(party, "p-6523", "652301"), "xinjiang.example ended it at");
    party.await_inbox("p-6523", &before);
    gov.await_stage(&before, "p-6523", "delivered");
    for network in [gov, party] {
        network.await_rest();
        network.stop_all();
    }
    assert_chains_verify(&two, gov, &gov.folder().join("directory"), (1, 1));
}

/// MUST-59: the origin did not know yet that another agreement is in force.
#[test]
fn the_node_with_the_link_ends_what_no_line_lets_cross_any_more_and_its_ledger_says_so() {
    let two = Two::running();
    let Two { gov, party, file, .. } = &two;
    two.join();
    gov.stop("6523");
    let late = gov.send("652301", &["p-6523"], "之后", &[file]);
    let narrower = gov.beside("narrower");
    two.draft(&narrower, "2", &["party.example below p-65 to 652301"]);
    assert!(!two.sign(&narrower, gov) && two.sign(&narrower, party));
    for of in [gov, party] {
        let (draft, said) = two.drafted(&narrower, of, "replacing");
        assert_eq!(said.code, 0, "{said:?}");
        publish(of, &draft);
    }
    until("65 goes by the new agreement", || {
        let status = gov.status("65")?;
        (number(&status, "/directory_version") == 3).then_some(())
    });
    gov.start("6523");
    two.await_joined((3, 3), "in-force");
    // Each attempt of the origin ends there; with the last one the document has failed.
    until("the origin has heard of the end of all attempts", || {
        let track = gov.json(&["track", &late]);
        let ended = list(&track, "/receipts").iter().filter(|receipt| {
            text(receipt, "/kind") == "RelayFailure" && text(receipt, "/note") == "crossing"
        });
        (ended.count() == ATTEMPTS).then_some(())
    });
    assert!(party.inbox_ids("p-6523").is_empty());
    let back = party.send("p-6523", &["652301"], "批复", &[file]);
    gov.await_inbox("652301", &back);
    for network in [gov, party] {
        network.await_rest();
        network.stop_all();
    }
    let rejected = gov.said(&["ledger", "show", path_text(&gov.data("65").join("ledger")), "--json"]);
    assert!(rejected.out.contains("\"crossing\""), "{}", rejected.out);
    assert_chains_verify(&two, gov, &gov.folder().join("directory"), (1, 2));
}
