//! Witnessing: what may be cosigned, and what convicts a ledger.

use super::*;
use crate::fixture::{ledger, published, signer};
use crate::sign_checkpoint;

#[test]
fn a_ledger_advances_by_consistency_proofs_from_nothing_on() {
    let signer = signer();
    let (log, _) = published(&[300], &signer);
    let mut known = Witnessed::nothing(ledger());
    for size in [0, 1, 1, 255, 256, 300] {
        let checkpoint = sign_checkpoint(&signer, size, log.root_at(size).unwrap()).checkpoint().clone();
        let path = log.consistency(known.size, size).unwrap();
        check_advance(&known, &checkpoint, &path).unwrap();
        if known.size > 0 && size > known.size {
            let unproven = check_advance(&known, &checkpoint, &path[1..]);
            assert_eq!(
                unproven,
                Err(WitnessError::Unproven { ledger: ledger(), known: known.size, offered: size })
            );
        }
        known = Witnessed::at(&checkpoint).unwrap();
    }
}

#[test]
fn forks_and_steps_back_and_other_ledgers_are_told_apart() {
    let signer = signer();
    let (log, _) = published(&[20], &signer);
    let at = |size| sign_checkpoint(&signer, size, log.root_at(size).unwrap());
    let known = Witnessed::at(at(10).checkpoint()).unwrap();
    let back = check_advance(&known, at(9).checkpoint(), &log.consistency(9, 10).unwrap());
    assert_eq!(back, Err(WitnessError::Behind { ledger: ledger(), known: 10, offered: 9 }));

    let forked = sign_checkpoint(&signer, 10, Digest::of(b"another history"));
    let offered = forked.checkpoint().root;
    let fork = check_advance(&known, forked.checkpoint(), &[]);
    assert_eq!(fork, Err(WitnessError::Fork { ledger: ledger(), size: 10, known: known.root, offered }));

    let proof = ForkProof { first: at(10).to_text(), second: forked.to_text() };
    assert_eq!(proof.verify(&signer.verifier()).unwrap(), Some((10, known.root, offered)));
    let innocent = ForkProof { first: at(10).to_text(), second: at(11).to_text() };
    assert_eq!(innocent.verify(&signer.verifier()).unwrap(), None);
    let slander = sign_checkpoint(&crate::fixture::signer(), 10, offered).to_text();
    assert!(ForkProof { first: at(10).to_text(), second: slander }.verify(&signer.verifier()).is_err());

    let other = Witnessed { ledger: "652301.1".parse().unwrap(), ..known };
    assert!(matches!(check_advance(&other, at(11).checkpoint(), &[]), Err(WitnessError::OtherLedger { .. })));
}
