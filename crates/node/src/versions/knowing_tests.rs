//! What is asked for and of whom: files that were listed and nothing else, by bounds, and nobody waits for what does not come.

use super::*;
use crate::network::create_network;
use std::path::PathBuf;
use yizhan_hierarchy::{NetworkPlan, Parcel, TrustAnchor};

/// A network's directory with all its files, and the part of it that 652301 needs.
struct Made {
    _folder: tempfile::TempDir,
    files: BTreeMap<NodeId, Vec<u8>>,
    part: Directory,
}

fn node(text: &str) -> NodeId {
    text.parse().unwrap()
}

fn made() -> Made {
    let folder = tempfile::tempdir().unwrap();
    let now = "2026-11-20T08:00:00Z".parse().unwrap();
    let plan = NetworkPlan { base_port: 0, ..NetworkPlan::demo() };
    let network: PathBuf = folder.path().join("net");
    create_network(&plan, &network, now).unwrap();
    let config = crate::Config::load(&network.join("nodes/652301/node.toml")).unwrap();
    let authorities = config.directory.authorities.iter().map(String::as_str);
    let anchor = TrustAnchor::from_vkeys(authorities, config.directory.threshold).unwrap();
    let whole = Directory::load(&config.directory.folder, &anchor, now).unwrap();
    let part = whole.reduced_to(&whole.needed_by(config.node));
    Made { files: Parcel::read(&config.directory.folder).unwrap().files, part, _folder: folder }
}

impl Made {
    fn files(&self, nodes: &[&str]) -> Vec<DivisionFile> {
        nodes
            .iter()
            .map(|name| DivisionFile { node: node(name), content: self.files[&node(name)].clone() })
            .collect()
    }

    fn part(&self) -> DirectoryPart {
        let Edition { version, delegated } = self.part.edition();
        DirectoryPart {
            version,
            delegated,
            root: vec![],
            root_from: 0,
            root_bytes: 0,
            ca: vec![],
            files: vec![],
        }
    }

    /// Somebody who asks for these nodes, of 6523.
    fn asking(&self, nodes: &[&str]) -> (Knowing, DirectoryWanted) {
        let mut knowing = Knowing::default();
        let nodes: Vec<NodeId> = nodes.iter().map(|name| node(name)).collect();
        assert!(knowing.want(&nodes, true, 0));
        let (from, wanted) = knowing.next(&[node("6523")], self.part.edition(), 0).unwrap();
        assert_eq!(from, node("6523"));
        (knowing, wanted)
    }
}

#[test]
fn needs_that_arrive_together_are_one_ask_and_whoever_waits_is_told_once_all_is_known() {
    let made = made();
    let (mut knowing, wanted) = made.asking(&["653101", "653130"]);
    assert_eq!(wanted.divisions, [node("653101"), node("653130")]);
    let (reply, mut told) = oneshot::channel();
    knowing.wait(&[node("653101"), node("6531")], reply);
    assert!(knowing.want(&[node("6531")], false, 0));
    assert_eq!(knowing.unasked(&[node("653101"), node("6531"), node("652324")]), 1);
    assert!(knowing.next(&[node("6523")], made.part.edition(), 1).is_none(), "one ask at a time");
    assert!(knowing.waits_for(node("6523"), &made.part()));
    assert!(!knowing.waits_for(node("65"), &made.part()), "another neighbour");
    let later = DirectoryPart { version: 9, ..made.part() };
    assert!(!knowing.waits_for(node("6523"), &later), "another version");
    let Come::More(wanted) = knowing.take(made.files(&["653130"]), &made.part, 1).unwrap() else { panic!() };
    assert_eq!(wanted.divisions, [node("653101")]);
    let Come::All(files) = knowing.take(made.files(&["653101"]), &made.part, 2).unwrap() else { panic!() };
    let read: BTreeMap<NodeId, Vec<u8>> =
        files.into_iter().map(|(node, (own, file))| (node, (own, file).1)).collect();
    let (held, refused) = made.part.with_files(&read);
    assert!(refused.is_empty());
    knowing.known(&held);
    assert!(told.try_recv().is_err(), "6531 is not known yet");
    let (_, wanted) = knowing.next(&[node("6523")], made.part.edition(), 3).unwrap();
    assert_eq!(wanted.divisions, [node("6531")]);
    let Come::All(files) = knowing.take(made.files(&["6531"]), &held, 3).unwrap() else { panic!() };
    assert!(!files[&node("6531")].0, "only to be passed on");
    let (held, _) = held.with_files(&BTreeMap::from([(node("6531"), made.files[&node("6531")].clone())]));
    knowing.known(&held);
    assert_eq!(told.try_recv(), Ok(()));
}

#[test]
fn a_forged_file_and_one_that_was_not_asked_for_bring_nothing_and_somebody_else_is_asked() {
    let made = made();
    let forged = |content: &[u8]| vec![DivisionFile { node: node("653101"), content: content.to_vec() }];
    for (files, code) in [
        (forged(b"{}"), "tampered-division"),
        (forged(&made.files[&node("653130")]), "tampered-division"),
        (made.files(&["653130"]), "not-sent"),
        (vec![], "not-sent"),
    ] {
        let (mut knowing, _) = made.asking(&["653101"]);
        assert_eq!(knowing.take(files, &made.part, 0).unwrap_err().code(), code);
        assert!(knowing.failed(node("6523"), 0).is_empty());
        let both = [node("6523"), node("65")];
        let (from, wanted) = knowing.next(&both, made.part.edition(), 1).unwrap();
        assert_eq!((from, wanted.divisions), (node("65"), vec![node("653101")]));
        // Whoever says nothing is left alone for a while, and so is everybody in the end.
        assert_eq!(knowing.silent(PATIENCE_MS), None);
        assert_eq!(knowing.silent(1 + PATIENCE_MS), Some(node("65")));
        knowing.failed(node("65"), 1);
        assert!(knowing.next(&both, made.part.edition(), 2).is_none());
        assert!(knowing.next(&both, made.part.edition(), SHUNNED_MS).is_some());
    }
}

#[test]
fn a_file_that_is_signed_and_wrong_is_not_asked_for_again_at_once_and_keeps_nobody_waiting() {
    let made = made();
    let (mut knowing, _) = made.asking(&["653101"]);
    knowing.take(made.files(&["653101"]), &made.part, 0).unwrap();
    let (reply, mut told) = oneshot::channel();
    knowing.wait(&[node("653101")], reply);
    knowing.refuse(node("653101"), 0);
    assert_eq!(told.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    assert!(!knowing.want(&[node("653101"), node("653130")], true, 1));
    let (_, wanted) = knowing.next(&[node("6523")], made.part.edition(), 1).unwrap();
    assert_eq!(wanted.divisions, [node("653130")], "the others are asked for");
    assert!(knowing.want(&[node("653101")], true, REFUSED_MS));
}

#[test]
fn a_neighbour_makes_this_node_fetch_no_more_than_its_share_in_a_minute() {
    let mut knowing = Knowing::default();
    let (one, other) = (node("6523"), node("65"));
    assert!(knowing.may_spend(one, KNOWN_FOR_A_NEIGHBOUR_MAX, For::Knowing, 0));
    assert!(!knowing.may_spend(one, 1, For::Knowing, SPAN_MS - 1));
    assert!(
        knowing.may_spend(one, PASSED_ON_MAX, For::Passing, 1) && !knowing.may_spend(one, 1, For::Passing, 1)
    );
    assert!(knowing.may_spend(other, 1, For::Knowing, 1));
    assert!(knowing.may_spend(one, 1, For::Knowing, SPAN_MS));
}

#[test]
fn what_was_fetched_first_is_let_go_of_first_and_never_what_is_needed_always() {
    let made = made();
    let (all, _) = made.part.with_files(&made.files);
    let all = all.reduced_to(&["65", "6523", "652301", "653101"].map(node).into());
    let mut knowing = Knowing::beginning(&all, node("652301"), Hold::Part);
    assert_eq!(knowing.fetched, [node("653101")]);
    let more = |from: usize, count: usize| {
        (from..from + count).map(|at| node(&format!("x-{at}"))).collect::<Vec<_>>()
    };
    let mut let_go = |nodes: Vec<NodeId>| {
        let (fetched, let_go) = knowing.with_fetched(nodes.into_iter());
        knowing.note_fetched(fetched);
        let_go
    };
    assert!(let_go(more(0, FETCHED_MAX - 1)).is_empty());
    assert_eq!(let_go(more(FETCHED_MAX, 2)), [node("653101"), node("x-0")]);
    // Whoever grows back to the whole would never come to an end.
    let growing = Knowing::beginning(&all, node("652301"), Hold::Whole);
    assert!(growing.with_fetched(more(0, FETCHED_MAX + 1).into_iter()).1.is_empty());
    // Another version: what it does not list is forgotten, and what is under way is asked for anew.
    knowing.want(&[node("653130")], true, 0);
    knowing.next(&[node("6523")], made.part.edition(), 0).unwrap();
    knowing.begin_anew(&all, node("652301"));
    assert!(knowing.fetched.is_empty());
    let (_, wanted) = knowing.next(&[node("6523")], made.part.edition(), 0).unwrap();
    assert_eq!(wanted.divisions, [node("653130")]);
}

#[test]
fn files_are_passed_on_for_a_while_and_only_of_the_version_that_is_held() {
    let made = made();
    let mut passing = super::super::passing::Passing::default();
    let (_, wanted) = made.asking(&["653101", "653130"]);
    let other = DirectoryWanted { version: 9, ..wanted.clone() };
    assert_eq!(passing.wait(node("652301"), &other, &made.part), []);
    assert_eq!(passing.wait(node("652301"), &wanted, &made.part), [node("653101"), node("653130")]);
    assert!(passing.found(&made.part, &wanted).is_empty());
    passing.look_at(&made.files(&["653101", "6523"]));
    let found = passing.found(&made.part, &wanted);
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), [node("653101")]);
    assert_eq!(passing.waiting_for(&[node("653101")]), [(node("652301"), wanted.clone())]);
    assert!(passing.waiting_for(&[node("653101")]).is_empty(), "each is answered once");
    // What is remembered is bounded, however much is looked at.
    for at in 0..40 {
        passing.remember(&vec![at; 1024 * 1024]);
    }
    assert!(passing.found(&made.part, &wanted).is_empty());
}
