//! Witnessing: what may be cosigned, and what convicts a ledger.

use super::*;
use crate::fixture::{ledger, published, signer};
use crate::sign_checkpoint;

fn head(log: &crate::Log, size: u64) -> Head {
    Head { ledger: ledger(), size, root: log.root_at(size).unwrap() }
}

fn unproven(known: u64, offered: u64) -> Result<(), WitnessError> {
    Err(WitnessError::Unproven { ledger: ledger(), known, offered })
}

#[test]
fn a_ledger_advances_by_consistency_proofs_from_nothing_on() {
    let (log, _) = published(&[300], &signer());
    let mut known = head(&log, 0);
    for size in [0, 1, 1, 255, 256, 300] {
        let new = head(&log, size);
        let path = log.consistency(known.size, size).unwrap();
        check_advance(&known, &new, &path).unwrap();
        if known.size > 0 && size > known.size {
            assert_eq!(check_advance(&known, &new, &path[1..]), unproven(known.size, size));
        }
        known = new;
    }
}

#[test]
fn heads_of_one_connection_each_continue_the_one_before_without_waiting_for_cosignatures() {
    let (log, _) = published(&[40], &signer());
    let path = |from, to| log.consistency(from, to).unwrap();
    let mut following = Following::default();
    following.advance(head(&log, 3), 0, &[], None).unwrap();
    following.advance(head(&log, 7), 3, &path(3, 7), None).unwrap();
    following.advance(head(&log, 7), 3, &path(3, 7), None).unwrap();
    following.advance(head(&log, 20), 7, &path(7, 20), Some(head(&log, 3))).unwrap();
    // From one that was cosigned, but is not the newest: that it continues the newest is not shown.
    let cosigned = Some(head(&log, 7));
    assert_eq!(following.advance(head(&log, 30), 7, &path(7, 30), cosigned), unproven(20, 30));
    // A new connection begins from what was cosigned last.
    following.begin_anew();
    following.advance(head(&log, 30), 7, &path(7, 30), cosigned).unwrap();
    following.advance(head(&log, 40), 30, &path(30, 40), cosigned).unwrap();
    let behind = following.advance(head(&log, 30), 20, &path(20, 30), cosigned);
    assert!(matches!(behind, Err(WitnessError::Behind { .. })));
}

#[test]
fn a_second_history_is_not_believed_whatever_it_claims_to_begin_from() {
    let (log, _) = published(&[40], &signer());
    let root = Digest::of(b"another history");
    let other = |size| Head { ledger: ledger(), size, root };
    let cosigned = Some(head(&log, 10));
    for from in [0, 5, 10, 20, 30] {
        let mut following = Following::default();
        assert!(following.advance(other(30), from, &[], cosigned).is_err(), "first, from {from}");
        following.begin_anew();
        following.advance(head(&log, 20), 10, &log.consistency(10, 20).unwrap(), cosigned).unwrap();
        assert!(following.advance(other(30), from, &[], cosigned).is_err(), "later, from {from}");
        assert!(matches!(following.advance(other(20), from, &[], cosigned), Err(WitnessError::Fork { .. })));
    }
}

#[test]
fn forks_and_steps_back_and_other_ledgers_are_told_apart() {
    let signer = signer();
    let (log, _) = published(&[20], &signer);
    let at = |size| sign_checkpoint(&signer, size, log.root_at(size).unwrap());
    let known = head(&log, 10);
    let back = check_advance(&known, &head(&log, 9), &log.consistency(9, 10).unwrap());
    assert_eq!(back, Err(WitnessError::Behind { ledger: ledger(), known: 10, offered: 9 }));

    let forked = sign_checkpoint(&signer, 10, Digest::of(b"another history"));
    let offered = forked.checkpoint().root;
    let fork = check_advance(&known, &Head { root: offered, ..known }, &[]);
    assert_eq!(fork, Err(WitnessError::Fork { ledger: ledger(), size: 10, known: known.root, offered }));

    let proof = ForkProof { first: at(10).to_text(), second: forked.to_text() };
    assert_eq!(proof.verify(&signer.verifier()).unwrap(), Some((10, known.root, offered)));
    let innocent = ForkProof { first: at(10).to_text(), second: at(11).to_text() };
    assert_eq!(innocent.verify(&signer.verifier()).unwrap(), None);
    let slander = sign_checkpoint(&crate::fixture::signer(), 10, offered).to_text();
    assert!(ForkProof { first: at(10).to_text(), second: slander }.verify(&signer.verifier()).is_err());

    let other = Head { ledger: "652301.1".parse().unwrap(), ..known };
    assert!(matches!(check_advance(&other, &head(&log, 11), &[]), Err(WitnessError::OtherLedger { .. })));
}

#[test]
fn a_neighbour_is_asked_once_a_second_however_often_it_proves_nothing() {
    let ledger: LedgerId = "6523.0".parse().unwrap();
    let mut asking = Asking::default();
    assert_eq!(asking.due(0), None);
    let mut asked = Vec::new();
    for now in 0..3_000 {
        asking.unproven(ledger);
        asked.extend(asking.due(now).map(|_| now));
    }
    assert_eq!(asked, [0, 1_000, 2_000]);
    assert_eq!(asking.due(3_000), Some(ledger), "what was put off is not forgotten");
    asking.unproven(ledger);
    asking.proven();
    assert_eq!(asking.due(9_000), None, "nor asked once it is answered");
}
