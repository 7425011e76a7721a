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
