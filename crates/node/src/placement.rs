//! The mark of place: whether a data folder lies where this node left it, or was put there, as from a backup.
//!
//! A folder that was put there may be older than what the node has said since: who goes on from it tells a second history. The
//! mark names the machine (machine-id(5)) and the inode and birth time of the journal's folder; a copy has others. Numbers of
//! devices are left out, since a reboot may give new ones. What keeps all of these, such as a machine set back to a snapshot, is
//! found out at first contact ([`crate::confirmation`]).

use crate::fault::NodeError;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::UNIX_EPOCH;
use yizhan_spool::write_atomically;

/// The file in the data folder.
const NAME: &str = "placement";
/// Where the machine's id stands, if it has one.
const MACHINE: &str = "/etc/machine-id";
/// What stands in it before the first start.
const NEW: &str = "new\n";

/// What the mark of a data folder says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// No node ever ran on it.
    New,
    /// It lies where the node left it.
    Known,
    /// It was moved, copied or restored, or the mark is gone.
    Unknown,
}

/// Writes the mark of a folder that no node has run on.
pub(crate) fn mark_as_new(data: &Path) -> std::io::Result<()> {
    std::fs::write(data.join(NAME), NEW)
}

/// What the mark of a data folder says; its journal's folder is there.
pub(crate) fn look(data: &Path) -> Result<Place, NodeError> {
    let is_empty = std::fs::read_dir(data.join("journal")).map(|mut names| names.next().is_none());
    let at = |source| NodeError::Folder { path: data.join("journal"), source };
    let is_empty = is_empty.map_err(at)?;
    // A mark that does not read says nothing.
    let found = std::fs::read_to_string(data.join(NAME)).unwrap_or_default();
    Ok(match found {
        found if found == NEW && is_empty => Place::New,
        found if found == present(data)? => Place::Known,
        _ => Place::Unknown,
    })
}

/// Marks the folder as lying where it lies now.
pub(crate) fn settle(data: &Path) -> Result<(), NodeError> {
    Ok(write_atomically(&data.join(NAME), present(data)?.as_bytes())?)
}

/// The mark for the place where the folder lies now.
fn present(data: &Path) -> Result<String, NodeError> {
    let path = data.join("journal");
    let metadata = std::fs::metadata(&path).map_err(|source| NodeError::Folder { path, source })?;
    let machine = match std::fs::read_to_string(MACHINE) {
        Ok(machine) => machine,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        // Not to know is no other place: the disk is to be asked again.
        Err(source) => return Err(NodeError::Folder { path: MACHINE.into(), source }),
    };
    let born = metadata.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    let born = born.map_or_else(|| "unknown".to_owned(), |born| born.as_nanos().to_string());
    Ok(format!("machine {}\ninode {}\nborn {born}\n", machine.trim(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_folder_is_known_where_the_node_left_it_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir_all(data.join("journal")).unwrap();
        assert_eq!(look(&data).unwrap(), Place::Unknown, "no mark at all");
        mark_as_new(&data).unwrap();
        assert_eq!(look(&data).unwrap(), Place::New);
        std::fs::write(data.join("journal").join("000000000001.seg"), "").unwrap();
        assert_eq!(look(&data).unwrap(), Place::Unknown, "a node has run on it since");
        settle(&data).unwrap();
        assert_eq!(look(&data).unwrap(), Place::Known);
        let moved = folder.path().join("moved");
        std::fs::rename(&data, &moved).unwrap();
        assert_eq!(look(&moved).unwrap(), Place::Known, "the same folder under another name");
        std::fs::create_dir_all(data.join("journal")).unwrap();
        std::fs::copy(moved.join(NAME), data.join(NAME)).unwrap();
        assert_eq!(look(&data).unwrap(), Place::Unknown, "a copy");
    }
}
