//! Receipts are kept: what was handed out before a fault is given again after it, and stands in the ledger where it said.

use super::Clerks;
use crate::book::{Book, Promise};
use crate::failure::{Doing, Failure};
use crate::network::Network;
use std::path::Path;
use yizhan_desk::ExportedReceipt;
use yizhan_document::Digest;
use yizhan_document::merkle::{RightEdge, leaf_hash};
use yizhan_ledger::Checkpoint;
use yizhan_ledger::limits::{HASH_BYTES, TILE_WIDTH};
use yizhan_ledger::tiles::{CHECKPOINT_PATH, FolderTiles, TileStore, tile_path};

const PROMISE: &str = "receipts are kept";
/// How many of the promises are asked for again: the last ones, and as many spread over all.
const ASKED_AGAIN: usize = 40;

/// Hands papers in again under their keys; each answer must be the one that was given before.
pub async fn ask_again(clerks: &Clerks, book: &Book) -> Result<(), Failure> {
    let promises = book.open().promises.clone();
    let step = (promises.len() / ASKED_AGAIN).max(1);
    let last = promises.iter().rev().take(ASKED_AGAIN);
    for promise in promises.iter().step_by(step).chain(last) {
        if let Some(clerk) = clerks.get(&promise.paper.from) {
            clerk.hand_in(book, &promise.paper).await?;
        }
    }
    Ok(())
}

/// A second answer for a key is the first one, entry for entry.
pub fn same_answer(before: &Promise, after: &Promise) -> Result<(), Failure> {
    let place = |promise: &Promise| (promise.id, promise.receipt.ledger, promise.receipt.index);
    if place(before) == place(after) && before.receipt.entry == after.receipt.entry {
        return Ok(());
    }
    let (before, after) = (&before.receipt, &after.receipt);
    Err(Failure::broken(PROMISE, format!("one key, two answers: {before:?} and then {after:?}")))
}

/// Every receipt that was handed out stands in the published ledger at its index, and every checkpoint that was shown is a
/// head that this ledger had.
pub fn check_ledgers(network: &Network, book: &Book) -> Result<(), Failure> {
    let pages = book.open();
    for node in network.ids() {
        let leaves = leaves(&network.data(node).join("ledger"))?;
        let promised = pages.promises.iter().map(|promise| &promise.receipt);
        for receipt in promised.chain(&pages.receipts).filter(|receipt| receipt.ledger.node.as_str() == node)
        {
            holds(node, &leaves, receipt)?;
        }
        let heads = pages.heads.get(node).into_iter().flatten();
        let mut edge = RightEdge::new();
        let mut left = leaves.iter();
        for (size, root) in heads {
            while edge.size() < *size {
                let Some(leaf) = left.next() else {
                    let what =
                        format!("{node} showed a checkpoint over {size} entries and has {}", leaves.len());
                    return Err(Failure::broken(PROMISE, what));
                };
                edge.push(*leaf);
            }
            if *root != edge.root() {
                let what = format!("at {size} entries {node} showed another root than its ledger has now");
                return Err(Failure::broken("ledgers never fork", what));
            }
        }
    }
    Ok(())
}

fn holds(node: &str, leaves: &[Digest], receipt: &ExportedReceipt) -> Result<(), Failure> {
    let there = usize::try_from(receipt.index).ok().and_then(|index| leaves.get(index));
    if there == Some(&leaf_hash(receipt.entry.as_bytes())) {
        return Ok(());
    }
    let what =
        format!("the ledger of {node} does not hold at {} what it gave: {}", receipt.index, receipt.entry);
    Err(Failure::broken(PROMISE, what))
}

/// The leaf hashes in a published ledger, up to its checkpoint.
pub fn leaves(ledger: &Path) -> Result<Vec<Digest>, Failure> {
    let tiles = FolderTiles::new(ledger);
    let read = |path: &str| tiles.read(path).doing(format_args!("reading {path} in {}", ledger.display()));
    let Some(note) = read(CHECKPOINT_PATH)? else { return Ok(Vec::new()) };
    let head = Checkpoint::from_unverified_note(&note).doing("reading a checkpoint")?;
    let size = usize::try_from(head.size).unwrap_or(usize::MAX);
    let mut leaves: Vec<Digest> = Vec::new();
    while leaves.len() < size {
        let width = size.saturating_sub(leaves.len()).min(TILE_WIDTH);
        let partial = (width < TILE_WIDTH).then_some(width);
        let path = tile_path(Some(0), (leaves.len() / TILE_WIDTH) as u64, partial);
        let bytes = read(&path)?.unwrap_or_default();
        let (hashes, _) = bytes.as_chunks::<HASH_BYTES>();
        if hashes.len() != width {
            let what = format!("{path} in {} has {} hashes, not {width}", ledger.display(), hashes.len());
            return Err(Failure::broken(PROMISE, what));
        }
        leaves.extend(hashes.iter().copied().map(Digest));
    }
    Ok(leaves)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::sample::promise;

    #[test]
    fn a_second_answer_with_another_id_place_or_entry_is_no_answer() {
        let before = promise(1);
        assert!(same_answer(&before, &before.clone()).is_ok());
        assert!(same_answer(&before, &promise(2)).unwrap_err().is_broken());
        let mut after = before.clone();
        after.receipt.index = 7;
        assert!(same_answer(&before, &after).is_err());
        let mut after = before.clone();
        after.receipt.entry.push(' ');
        assert!(same_answer(&before, &after).is_err());
        // A proof grows with the ledger, and a cosignature may have come.
        let mut after = before.clone();
        after.receipt.witnessed = true;
        assert!(same_answer(&before, &after).is_ok());
    }

    #[test]
    fn a_receipt_holds_at_its_index_alone() {
        let receipt = promise(1).receipt;
        let leaf = leaf_hash(receipt.entry.as_bytes());
        let other = leaf_hash(b"other");
        assert!(holds("652301", &[other, leaf], &receipt).is_ok());
        for leaves in [vec![leaf, other], vec![other], vec![other, other]] {
            assert!(holds("652301", &leaves, &receipt).is_err());
        }
    }

    #[test]
    fn a_ledger_without_a_tile_that_its_checkpoint_needs_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(leaves(folder.path()).unwrap(), []);
        let root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        let name = "xinjiang.example/652301.0";
        let note = format!(
            "{name}\n3\n{root}\n\n\u{2014} {name} TDeMhSRK8BQPdBXHW4Q7YEmZWKwvjjdv6MSW5sNHMWt3f+xfskNmgSbiU7bxU7HOIMvU9mXal6mRWv1f2Jmypwk/3gw=\n"
        );
        std::fs::write(folder.path().join(CHECKPOINT_PATH), note).unwrap();
        assert!(leaves(folder.path()).unwrap_err().is_broken());
    }
}
