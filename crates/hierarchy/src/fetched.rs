//! Files of divisions that a node which holds a part has fetched since it kept its version: one file each, beside the archives, so that
//! what is fetched now and then writes no archive anew.

use crate::durable;
use crate::history::{HistoryError, disk};
use crate::limits;
use crate::parcel::Parcel;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use yizhan_document::{Digest, NodeId};

/// The folder that they lie in.
#[derive(Clone, Debug)]
pub struct Fetched {
    folder: PathBuf,
}

impl Fetched {
    pub(crate) fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Keeps files; they are durable when this returns. Their digests have been looked at.
    pub fn keep(&self, files: &BTreeMap<NodeId, Vec<u8>>) -> Result<(), HistoryError> {
        let new = !self.folder.exists();
        fs::create_dir_all(&self.folder).map_err(disk(&self.folder))?;
        if let Some(above) = self.folder.parent().filter(|_| new) {
            durable::sync_folder(above).map_err(disk(above))?;
        }
        let beside: Vec<(PathBuf, &[u8])> = files
            .iter()
            .map(|(node, bytes)| (self.folder.join(format!("{node}.next")), bytes.as_slice()))
            .collect();
        durable::write_all_beside(&beside).map_err(|(path, error)| disk(path)(error))?;
        for (node, (beside, _)) in files.keys().zip(&beside) {
            let path = self.path(*node);
            durable::put_in_place(beside, &path).map_err(disk(&path))?;
        }
        durable::sync_folder(&self.folder).map_err(disk(&self.folder))
    }

    /// The file of a node, if it was fetched and is the one of this digest.
    pub fn file(&self, node: NodeId, digest: &Digest) -> Option<Vec<u8>> {
        let bytes = durable::read_at_most(&self.path(node), limits::DIVISION_BYTES_MAX).ok()??;
        (Digest::of(&bytes) == *digest).then_some(bytes)
    }

    /// Lets go of the files of these nodes.
    pub fn forget(&self, nodes: impl IntoIterator<Item = NodeId>) -> Result<(), HistoryError> {
        for path in nodes.into_iter().map(|node| self.path(node)) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(disk(&path)(error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Puts in what was fetched of what a kept part has not.
    pub(crate) fn complete(&self, parcel: &mut Parcel) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let nodes = names.filter_map(|name| name.strip_suffix(".json")?.parse().ok());
        let file = |node| self.file(node, &parcel.outline.get(node)?.digest).map(|file| (node, file));
        let found: Vec<(NodeId, Vec<u8>)> = nodes.filter_map(file).collect();
        for (node, file) in found {
            parcel.outline.remove(node);
            parcel.files.insert(node, file);
        }
    }

    /// Lets go of all of them: the archive that was just kept has them, or its version lists them no more.
    pub(crate) fn clear(&self) -> Result<(), HistoryError> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk(&self.folder)(error)),
            _ => Ok(()),
        }
    }

    fn path(&self, node: NodeId) -> PathBuf {
        // A node id has only letters, digits and inner hyphens: it cannot leave the folder.
        self.folder.join(format!("{node}.json"))
    }
}
