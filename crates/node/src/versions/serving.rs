//! Sending parts of a kept version to a neighbour that asked, file by file: no part needs the whole version in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use yizhan_document::NodeId;
use yizhan_hierarchy::{Directory, Edition, History, HistoryError, KeptFiles};
use yizhan_protocol::{DirectoryPart, DirectoryWanted, DivisionFile, limits};

/// What a neighbour is served: all of its own network's directory. One of another network gets what is of this node's own network, and
/// of that the version that is held: what is joined with third networks is no matter of its (MUST-61).
pub(super) struct Limits {
    foreign: Option<Foreign>,
}

struct Foreign {
    /// The version that is held, as the other network counts it, and as it is kept here.
    own: Edition,
    kept: Edition,
    /// The divisions of the own network.
    divisions: BTreeSet<NodeId>,
}

impl Limits {
    pub(super) fn of(held: &Directory, neighbour: NodeId) -> Self {
        let foreign = held.joined_with(neighbour).map(|_| Foreign {
            own: held.own_edition(),
            kept: held.edition(),
            divisions: held.own_nodes().collect(),
        });
        Self { foreign }
    }

    /// The version as it is kept; none if it is none of theirs.
    fn kept(&self, wanted: Edition) -> Option<Edition> {
        match &self.foreign {
            None => Some(wanted),
            Some(foreign) => (foreign.own == wanted).then_some(foreign.kept),
        }
    }

    fn lets(&self, node: NodeId) -> bool {
        self.foreign.as_ref().is_none_or(|foreign| foreign.divisions.contains(&node))
    }

    fn root_bytes(&self, kept: &KeptFiles) -> Result<usize, HistoryError> {
        if self.foreign.is_some() { kept.own_root_bytes() } else { Ok(kept.root_bytes()) }
    }
}

/// Serves versions; where the files of the one asked for last lie is remembered.
#[derive(Clone, Default)]
pub(super) struct Serving {
    last: Option<(Edition, Arc<KeptFiles>)>,
}

impl Serving {
    /// The part that was asked for, as much as one frame is to hold, unless a single file is longer. Of a part that is held some files lie
    /// beside the archive: fetched since, or `beside`, passed on.
    pub(super) fn part(
        &mut self,
        (history, held): (&History, &Directory),
        wanted: &DirectoryWanted,
        limits_of: &Limits,
        mut beside: BTreeMap<NodeId, Vec<u8>>,
    ) -> Result<DirectoryPart, HistoryError> {
        let edition = Edition { version: wanted.version, delegated: wanted.delegated };
        let Some(edition) = limits_of.kept(edition) else { return Ok(nothing(wanted)) };
        let kept = match &self.last {
            Some((last, kept)) if *last == edition => Arc::clone(kept),
            _ => {
                let kept = Arc::new(history.files(edition)?);
                self.last = Some((edition, Arc::clone(&kept)));
                kept
            }
        };
        let mut part = nothing(wanted);
        if wanted.divisions.is_empty() {
            let (from, whole) = (wanted.root_from as usize, limits_of.root_bytes(&kept)?);
            let most = whole.saturating_sub(from).min(limits::DIRECTORY_ROOT_PIECE_BYTES_MAX);
            part.root = kept.root_piece(from, most)?;
            part.root_from = wanted.root_from;
            // A root has no more than `ROOT_BYTES_MAX`.
            part.root_bytes = u32::try_from(whole).unwrap_or(u32::MAX);
            if wanted.root_from == 0 {
                part.ca = kept.ca().to_vec();
            }
            return Ok(part);
        }
        let mut bytes = 0;
        for node in wanted.divisions.iter().filter(|node| limits_of.lets(**node)) {
            let fetched = || history.fetched().file(*node, &held.digest_of(*node)?);
            let other = match kept.bytes_of(*node) {
                Some(_) => None,
                None if edition != held.edition() => None,
                None => beside.remove(node).or_else(fetched),
            };
            bytes += kept.bytes_of(*node).or(other.as_ref().map(Vec::len)).unwrap_or_default();
            if bytes > limits::DIRECTORY_PART_BYTES_AIM && !part.files.is_empty() {
                break;
            }
            if let Some(content) = other.map_or_else(|| kept.file(*node), |found| Ok(Some(found)))? {
                part.files.push(DivisionFile { node: *node, content });
            }
        }
        Ok(part)
    }
}

/// Whether there is nothing in a part.
pub(super) fn is_nothing(part: &DirectoryPart) -> bool {
    part.root.is_empty() && part.files.is_empty()
}

/// The answer about a version that is not kept any more.
pub(super) fn nothing(wanted: &DirectoryWanted) -> DirectoryPart {
    let DirectoryWanted { version, delegated, .. } = *wanted;
    let (root, ca, files) = (Vec::new(), Vec::new(), Vec::new());
    DirectoryPart { version, delegated, root, root_from: 0, root_bytes: 0, ca, files }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::county::{County, node};
    use crate::versions::begin::history;

    #[tokio::test]
    async fn whoever_has_fetched_the_last_file_still_serves_what_it_fetched() {
        let county = County::that_met(&[]);
        let history = history(&county.shared.config);
        history.fetched().keep(&county.files_of(&["652324", "6531", "653101", "653130"])).unwrap();
        let (held, refused) = county.shared.current.held().with_files(&county.files);
        assert!(held.holds_all() && refused.is_empty());
        let (Edition { version, delegated }, far) = (held.edition(), node("653101"));
        let wanted = DirectoryWanted { version, delegated, divisions: vec![far], root_from: 0 };
        let limits = Limits::of(&held, node("6523"));
        let part = Serving::default().part((&history, &held), &wanted, &limits, BTreeMap::new()).unwrap();
        assert!(part.files == [DivisionFile { node: far, content: county.files[&far].clone() }]);
    }
}
