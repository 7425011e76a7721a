//! What counts as the statement of a new epoch, and what does not.

use super::*;
use alloc::vec;
use yizhan_document::WallTime;
use yizhan_ledger::{EntryRef, Head};

const NETWORK: &str = "xinjiang.example";

fn ledger(text: &str) -> LedgerId {
    text.parse().unwrap()
}

fn head(of: &str) -> Head {
    Head { ledger: ledger(of), size: 7, root: Digest::of(b"root") }
}

/// The statement with which a ledger of 6523 begins, at `index` of `at`.
fn opened(network: &str, begun: &str, previous: &[&str], (at, index): (&str, u64)) -> HeardEntry {
    let event = LedgerEvent::EpochOpened {
        network: network.into(),
        ledger: ledger(begun),
        reason: "restored".into(),
        previous: previous.iter().map(|of| head(of)).collect(),
    };
    let at = EntryRef { ledger: ledger(at), index, leaf: Digest::of(b"leaf") };
    HeardEntry { at, time: WallTime::EPOCH, event }
}

#[test]
fn only_the_first_entry_of_a_later_ledger_that_names_earlier_ones_opens_an_epoch() {
    let proves = |of: &str, entry: HeardEntry| proves_epoch(NETWORK, ledger(of), &[entry]);
    let first = ("6523.2", 0);
    assert!(proves("6523.2", opened(NETWORK, "6523.2", &["6523.1", "6523.0"], first)));
    assert!(proves("6523.2", opened(NETWORK, "6523.2", &[], first)), "nobody remembered anything");
    assert!(!proves("6523.2", opened("other.example", "6523.2", &["6523.1"], first)));
    assert!(!proves("6523.2", opened(NETWORK, "6523.3", &["6523.1"], first)), "another ledger");
    assert!(!proves("6523.2", opened(NETWORK, "6523.2", &["6523.2"], first)), "it names itself");
    assert!(!proves("6523.2", opened(NETWORK, "6523.2", &["65.1"], first)), "another node");
    assert!(!proves("6523.2", opened(NETWORK, "6523.2", &["6523.1"], ("6523.2", 1))));
    assert!(!proves("6523.2", opened(NETWORK, "6523.2", &["6523.1"], ("6523.1", 0))));
    assert!(
        !proves("6523.0", opened(NETWORK, "6523.0", &[], ("6523.0", 0))),
        "the first epoch begins without"
    );
    let beyond = alloc::format!("6523.{}", u64::from(EPOCH_MAX) + 1);
    assert!(!proves(&beyond, opened(NETWORK, &beyond, &[], (&beyond, 0))));
}

#[test]
fn one_entry_and_no_other_is_the_statement() {
    let entry = opened(NETWORK, "6523.1", &["6523.0"], ("6523.1", 0));
    assert!(!proves_epoch(NETWORK, ledger("6523.1"), &[]));
    assert!(!proves_epoch(NETWORK, ledger("6523.1"), &[entry.clone(), entry.clone()]));
    let other =
        LedgerEvent::CustodyPassed { to: ledger("65.0"), size: 1, root: Digest::of(b"r"), passed: vec![] };
    assert!(!proves_epoch(NETWORK, ledger("6523.1"), &[HeardEntry { event: other, ..entry }]));
}

#[test]
fn the_newest_epoch_of_each_node_is_the_one_it_is_in() {
    let mut state = State::new(ledger("65.2"));
    let of = |state: &State, node: &str| state.ledger_of(node.parse().unwrap()).epoch;
    assert_eq!((of(&state, "65"), of(&state, "6523")), (2, 0));
    for (epoch, known) in [("6523.1", 1), ("6523.3", 3)] {
        let (checkpoint, entry, path) = (vec![1], vec![2], vec![]);
        let opened = EpochStatement { ledger: ledger(epoch), checkpoint, entry, path };
        state.apply(&Fact::EpochOpened(Box::new(opened)), 0);
        assert_eq!((of(&state, "65"), of(&state, "6523"), of(&state, "6531")), (2, known, 0));
    }
}
