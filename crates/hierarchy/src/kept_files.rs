//! One kept version, file by file: a neighbour asks for parts of it, and no part needs the whole archive in memory.

use crate::history::HistoryError;
use crate::joined_head::own_texts;
use crate::limits;
use crate::parcel::{Member, ParcelError};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use yizhan_document::NodeId;
use yizhan_identity::certificate_from_pem;

/// Where the files of a kept version lie in its archive. What is read is unverified: whoever is sent it checks it.
///
/// The archive stays open, so that it can be read from even when it is no longer among those that are kept.
#[derive(Debug)]
pub struct KeptFiles {
    path: PathBuf,
    archive: File,
    root: Extent,
    ca: Vec<u8>,
    files: BTreeMap<NodeId, Extent>,
}

#[derive(Clone, Copy, Debug)]
struct Extent {
    at: u64,
    bytes: usize,
}

impl KeptFiles {
    /// Looks at the heads of an archive's files only.
    pub(crate) fn open(path: &Path) -> Result<Self, HistoryError> {
        let disk = |source| HistoryError::Disk { path: path.to_owned(), source };
        let archive = File::open(path).map_err(disk)?;
        Self::scan(archive, path).map_err(|error| match error {
            Unreadable::Disk(source) => disk(source),
            Unreadable::Damaged(reason) => HistoryError::Damaged { path: path.to_owned(), reason },
        })
    }

    fn scan(archive: File, path: &Path) -> Result<Self, Unreadable> {
        let (mut root, mut pem, mut files) = (None, None, BTreeMap::new());
        let mut entries = tar::Archive::new(&archive);
        for entry in entries.entries_with_seek().map_err(Unreadable::Disk)? {
            let entry = entry.map_err(|source| Unreadable::Damaged(ParcelError::Archive(source)))?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let Some(member) = Member::named(&name) else { continue };
            let most = member.bytes_max();
            let fits = usize::try_from(entry.size()).ok().filter(|bytes| *bytes <= most);
            let Some(bytes) = fits.filter(|_| files.len() < limits::DIVISIONS_MAX) else {
                return Err(Unreadable::Damaged(ParcelError::TooLarge { what: member.what(), most }));
            };
            let extent = Extent { at: entry.raw_file_position(), bytes };
            match member {
                Member::Root => root = Some(extent),
                Member::Ca => pem = Some(extent),
                Member::Division(node) => {
                    files.insert(node, extent);
                }
                // Nobody is sent what this node made of files.
                Member::Outline => {}
            }
        }
        let missing = |what| Unreadable::Damaged(ParcelError::Missing { what });
        let (root, pem) = (root.ok_or(missing("root"))?, pem.ok_or(missing("ca.pem"))?);
        let pem = read(&archive, pem.at, pem.bytes).map_err(Unreadable::Disk)?;
        let ca = certificate_from_pem(&String::from_utf8_lossy(&pem)).map_err(|_| missing("ca.pem"))?;
        Ok(Self { path: path.to_owned(), archive, root, ca, files })
    }

    /// How many bytes the signed root has.
    pub fn root_bytes(&self) -> usize {
        self.root.bytes
    }

    /// How many of them are the texts of its own network; those of joined networks follow.
    pub fn own_root_bytes(&self) -> Result<usize, HistoryError> {
        let root = self.read(self.root.at, self.root.bytes)?;
        Ok(own_texts(&root).len())
    }

    /// The CA certificate, in DER.
    pub fn ca(&self) -> &[u8] {
        &self.ca
    }

    /// At the most `most` bytes of the signed root, from byte `from` on.
    pub fn root_piece(&self, from: usize, most: usize) -> Result<Vec<u8>, HistoryError> {
        let bytes = self.root.bytes.saturating_sub(from).min(most);
        self.read(self.root.at + from as u64, bytes)
    }

    /// How many bytes the file of a division has; none if it is not in this version.
    pub fn bytes_of(&self, node: NodeId) -> Option<usize> {
        self.files.get(&node).map(|extent| extent.bytes)
    }

    /// The file of a division; none if it is not in this version.
    pub fn file(&self, node: NodeId) -> Result<Option<Vec<u8>>, HistoryError> {
        self.files.get(&node).map(|extent| self.read(extent.at, extent.bytes)).transpose()
    }

    fn read(&self, at: u64, bytes: usize) -> Result<Vec<u8>, HistoryError> {
        read(&self.archive, at, bytes)
            .map_err(|source| HistoryError::Disk { path: self.path.clone(), source })
    }
}

enum Unreadable {
    Disk(io::Error),
    Damaged(ParcelError),
}

/// `bytes` are bounded by what the kind of file may have.
fn read(archive: &File, at: u64, bytes: usize) -> io::Result<Vec<u8>> {
    let mut read = vec![0; bytes];
    archive.read_exact_at(&mut read, at)?;
    Ok(read)
}

#[cfg(test)]
mod tests {
    use crate::edition::Edition;
    use crate::history::{History, HistoryError};
    use crate::sample::{authority, demo_draft, node};
    use std::fs;

    const FIRST: Edition = Edition { version: 1, delegated: 0 };

    #[test]
    fn parts_of_a_kept_version_are_those_of_the_whole() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::in_folder(folder.path());
        let parcel = demo_draft().render().unwrap().signed(&[authority()]);
        history.keep(FIRST, &parcel).unwrap();
        let kept = history.files(FIRST).unwrap();
        assert_eq!(kept.ca(), parcel.ca);
        assert_eq!(kept.root_bytes(), parcel.root.len());
        let mut root = Vec::new();
        while root.len() < kept.root_bytes() {
            root.extend(kept.root_piece(root.len(), 100).unwrap());
        }
        assert_eq!(root, parcel.root);
        assert_eq!(kept.root_piece(root.len() + 7, 100).unwrap(), b"");
        for (node, file) in &parcel.files {
            assert_eq!(kept.bytes_of(*node), Some(file.len()));
            assert_eq!(kept.file(*node).unwrap().as_ref(), Some(file));
        }
        assert_eq!(kept.file(node("659999")).unwrap(), None);
    }

    #[test]
    fn a_harmed_archive_is_named_and_one_cut_short_gives_no_file_that_is_not_whole() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::in_folder(folder.path());
        let parcel = demo_draft().render().unwrap().signed(&[authority()]);
        history.keep(FIRST, &parcel).unwrap();
        let path = folder.path().join("1.tar");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, b"harmed").unwrap();
        assert!(matches!(
            history.files(FIRST),
            Err(HistoryError::Damaged { .. } | HistoryError::Disk { .. })
        ));
        for cut in [600, 2000, whole.len() / 2, whole.len() - 2000] {
            fs::write(&path, &whole[..cut]).unwrap();
            let Ok(kept) = history.files(FIRST) else { continue };
            for (node, file) in &parcel.files {
                assert!(kept.file(*node).map_or(true, |read| read.is_none_or(|read| read == *file)));
            }
        }
    }
}
