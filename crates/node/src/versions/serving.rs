//! Sending parts of a kept version to a neighbour that asked, file by file: no part needs the whole version in memory.

use std::sync::Arc;
use yizhan_hierarchy::{Edition, History, HistoryError, KeptFiles};
use yizhan_protocol::{DirectoryPart, DirectoryWanted, DivisionFile, limits};

/// Serves versions; where the files of the one asked for last lie is remembered.
#[derive(Clone, Default)]
pub(super) struct Serving {
    last: Option<(Edition, Arc<KeptFiles>)>,
}

impl Serving {
    /// The part that was asked for, as much as one frame is to hold, unless a single file is longer.
    pub(super) fn part(
        &mut self,
        history: &History,
        wanted: &DirectoryWanted,
    ) -> Result<DirectoryPart, HistoryError> {
        let edition = Edition { version: wanted.version, delegated: wanted.delegated };
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
            part.root = kept.root_piece(wanted.root_from as usize, limits::DIRECTORY_ROOT_PIECE_BYTES_MAX)?;
            part.root_from = wanted.root_from;
            // A root has no more than `ROOT_BYTES_MAX`.
            part.root_bytes = u32::try_from(kept.root_bytes()).unwrap_or(u32::MAX);
            if wanted.root_from == 0 {
                part.ca = kept.ca().to_vec();
            }
            return Ok(part);
        }
        let mut bytes = 0;
        for node in &wanted.divisions {
            bytes += kept.bytes_of(*node).unwrap_or_default();
            if bytes > limits::DIRECTORY_PART_BYTES_AIM && !part.files.is_empty() {
                break;
            }
            if let Some(content) = kept.file(*node)? {
                part.files.push(DivisionFile { node: *node, content });
            }
        }
        Ok(part)
    }
}

/// The answer about a version that is not kept any more.
pub(super) fn nothing(wanted: &DirectoryWanted) -> DirectoryPart {
    let DirectoryWanted { version, delegated, .. } = *wanted;
    let (root, ca, files) = (Vec::new(), Vec::new(), Vec::new());
    DirectoryPart { version, delegated, root, root_from: 0, root_bytes: 0, ca, files }
}
