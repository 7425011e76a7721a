//! Asks of neighbours for files that this node does not hold: it fetches them from above and passes them on, and keeps none of them
//! but for a while in memory (MUST-66).

use std::collections::{BTreeMap, VecDeque};
use yizhan_document::{Digest, NodeId};
use yizhan_hierarchy::{Directory, Edition};
use yizhan_protocol::{DirectoryWanted, DivisionFile, limits::DIRECTORY_PART_BYTES_AIM};

/// Bytes of files that are remembered for those who ask next, at the most; those remembered first go first.
const REMEMBERED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Files fetched for one ask of a neighbour, at the most; it asks for the rest once it has these.
const FETCHED_AT_ONCE_MAX: usize = 128;

/// What neighbours wait for, and files on their way to them.
#[derive(Default)]
pub(super) struct Passing {
    /// The last ask of each neighbour that was not answered.
    asks: BTreeMap<NodeId, DirectoryWanted>,
    files: BTreeMap<Digest, Vec<u8>>,
    order: VecDeque<Digest>,
    bytes: usize,
}

impl Passing {
    /// Remembers files, by what they are: whether anybody lists them is looked at when they are asked for.
    pub(super) fn look_at(&mut self, files: &[DivisionFile]) {
        files.iter().for_each(|file| self.remember(&file.content));
    }

    pub(super) fn remember(&mut self, content: &[u8]) {
        let digest = Digest::of(content);
        if self.files.contains_key(&digest) {
            return;
        }
        self.bytes += content.len();
        self.files.insert(digest, content.to_vec());
        self.order.push_back(digest);
        while self.bytes > REMEMBERED_BYTES_MAX
            && let Some(first) = self.order.pop_front()
        {
            self.bytes -= self.files.remove(&first).map_or(0, |content| content.len());
        }
    }

    /// Files that are remembered of those asked for, no more than an answer holds.
    pub(super) fn found(&self, held: &Directory, wanted: &DirectoryWanted) -> BTreeMap<NodeId, Vec<u8>> {
        let mut bytes = 0;
        let absent = wanted.divisions.iter().filter(|node| held.is_absent(**node));
        absent
            .filter_map(|node| Some((*node, self.files.get(&held.digest_of(*node)?)?.clone())))
            .take_while(|(_, content)| {
                let fits = bytes <= DIRECTORY_PART_BYTES_AIM;
                bytes += content.len();
                fits
            })
            .collect()
    }

    /// A neighbour waits; gives the nodes whose files are to be fetched for it, none if this version is not the one held.
    pub(super) fn wait(
        &mut self,
        neighbour: NodeId,
        wanted: &DirectoryWanted,
        held: &Directory,
    ) -> Vec<NodeId> {
        if held.edition() != (Edition { version: wanted.version, delegated: wanted.delegated }) {
            return Vec::new();
        }
        let absent = wanted.divisions.iter().copied().filter(|node| held.is_absent(*node));
        let absent: Vec<NodeId> = absent.take(FETCHED_AT_ONCE_MAX).collect();
        if !absent.is_empty() {
            self.asks.insert(neighbour, wanted.clone());
        }
        absent
    }

    /// Those who wait for one of these nodes; they are answered now.
    pub(super) fn waiting_for(&mut self, nodes: &[NodeId]) -> Vec<(NodeId, DirectoryWanted)> {
        let waits = |wanted: &DirectoryWanted| wanted.divisions.iter().any(|node| nodes.contains(node));
        let asking = self.asks.iter().filter(|(_, wanted)| waits(wanted));
        let asking: Vec<NodeId> = asking.map(|(neighbour, _)| *neighbour).collect();
        asking.into_iter().filter_map(|neighbour| Some((neighbour, self.asks.remove(&neighbour)?))).collect()
    }

    /// A neighbour is gone, or another version is held: whoever waits asks again.
    pub(super) fn forget(&mut self, neighbour: Option<NodeId>) {
        match neighbour {
            Some(neighbour) => {
                self.asks.remove(&neighbour);
            }
            None => self.asks.clear(),
        }
    }
}
