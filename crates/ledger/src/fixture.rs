//! For tests: a ledger with real entries, its key, and published folders in memory.

use crate::checkpoint::{SignedCheckpoint, origin_of, sign_checkpoint};
use crate::tiles::MemoryTiles;
use crate::{Entry, Event, Log, Target};
use yizhan_document::{Digest, EnvelopeId, LedgerId, WallTime};
use yizhan_identity::{Cosigner, NoteSigner, SigningKey};

pub(crate) const NETWORK: &str = "xinjiang.example";

pub(crate) fn ledger() -> LedgerId {
    "652301.0".parse().unwrap()
}

pub(crate) fn signer() -> NoteSigner {
    NoteSigner::new(origin_of(NETWORK, ledger()), SigningKey::generate().unwrap()).unwrap()
}

pub(crate) fn cosigner(name: &str) -> Cosigner {
    Cosigner::new(format!("{NETWORK}/{name}"), SigningKey::generate().unwrap()).unwrap()
}

/// The entry at `index`; the first one opens the epoch.
pub(crate) fn entry(index: u64) -> Vec<u8> {
    let event = if index == 0 {
        Event::EpochOpened {
            network: NETWORK.to_owned(),
            ledger: ledger(),
            reason: "created".to_owned(),
            previous: Vec::new(),
        }
    } else {
        Event::RelayFailure {
            id: EnvelopeId { origin: ledger().node, epoch: 0, counter: index },
            envelope: Digest::of(&index.to_be_bytes()),
            units: vec![Target { node: "653101".parse().unwrap(), attempt: 0 }],
            reason: "damaged".to_owned(),
        }
    };
    Entry { time: WallTime::from_ms(1_795_161_600_000 + index), event }.to_bytes().unwrap()
}

pub(crate) fn entries(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(entry).collect()
}

pub(crate) fn checkpoint_of(log: &Log, signer: &NoteSigner) -> SignedCheckpoint {
    sign_checkpoint(signer, log.size(), log.root())
}

/// A ledger published at each of these sizes in turn.
pub(crate) fn published(sizes: &[u64], signer: &NoteSigner) -> (Log, MemoryTiles) {
    let tiles = MemoryTiles::new();
    let (mut log, _) = Log::open(tiles.clone()).unwrap();
    log.write_verifier_keys(&[signer.verifier()]).unwrap();
    for size in sizes {
        for index in log.size()..*size {
            log.append(&entry(index)).unwrap();
        }
        let note = checkpoint_of(&log, signer).to_text();
        log.publish(&note).unwrap();
    }
    (log, tiles)
}
