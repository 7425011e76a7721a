//! A draft as a folder: `root.txt` to be signed, `ca.pem`, `divisions/<node>.json`; and `root`, which is `root.txt` with the
//! signatures so far. Once there are enough of them, the folder is a directory's folder like any other.
//!
//! Each authority signs at a place of its own: the folder is carried from one to the next.

use crate::division::{Division, DivisionError};
use crate::draft::{Draft, Rendered};
use crate::durable;
use crate::folder::{CA, DIVISIONS, ROOT};
use crate::limits;
use crate::root::{Root, RootError};
use crate::verification::DirectoryError;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use yizhan_document::{Digest, NodeId};
use yizhan_identity::{NoteSigner, SignedNote, certificate_from_pem, certificate_to_pem};

const UNSIGNED: &str = "root.txt";

/// Why a folder holds no draft, or it cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// The disk, or the folder given.
    #[error("{path} cannot be read or written: {source}")]
    Disk {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// More bytes than such a thing may have.
    #[error("{path} is larger than {most} bytes")]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// The most it may have.
        most: usize,
    },
    /// The text that is to be signed is no root.
    #[error("root.txt is no root: {0}; make the draft anew")]
    Root(#[from] RootError),
    /// A division that is none, or cannot be written.
    #[error("division {node}: {reason}")]
    Division {
        /// The division.
        node: NodeId,
        /// What is wrong.
        reason: DivisionError,
    },
    /// `ca.pem` holds no certificate.
    #[error("ca.pem is not one certificate in PEM")]
    Ca,
    /// A file was changed after the draft was made.
    #[error(
        "the file of division {node} is not the one that root.txt names; run `edit` on the draft to take the change in"
    )]
    Changed {
        /// The division.
        node: NodeId,
    },
    /// It does not pass the checks that every reader makes. Whoever drafted it is to blame.
    #[error("the draft is refused: {0}")]
    Refused(#[from] DirectoryError),
}

impl Draft {
    /// Reads a draft with whatever was changed in its files by hand.
    pub fn read(folder: &Path) -> Result<Self, DraftError> {
        let (root, ca, files) = read(folder)?;
        Self::of_parts(root, ca, &files)
    }

    /// A draft from the parts of a directory, unverified: to be looked at.
    pub fn of_parts(root: Root, ca: Vec<u8>, files: &BTreeMap<NodeId, Vec<u8>>) -> Result<Self, DraftError> {
        let division = |(node, bytes): (&NodeId, &Vec<u8>)| {
            let division = Division::from_json(bytes);
            Ok((*node, division.map_err(|reason| DraftError::Division { node: *node, reason })?))
        };
        let divisions = files.iter().map(division).collect::<Result<_, DraftError>>()?;
        let Root { network, version, issued, expires, threshold, revoked, .. } = root;
        let revoked = revoked.into_iter().collect();
        Ok(Self { network, version, issued, expires, threshold, ca, revoked, divisions })
    }

    /// Checks a draft as a whole and writes it into a folder, which has no signatures after that.
    pub fn write(&self, folder: &Path) -> Result<Rendered, DraftError> {
        let first = self.divisions.keys().next().copied();
        let rendered = self.render().map_err(|reason| match first {
            Some(node) => DraftError::Division { node, reason },
            None => DraftError::Root(RootError::Empty),
        })?;
        rendered.check()?;
        let divisions = folder.join(DIVISIONS);
        fs::create_dir_all(&divisions).map_err(disk(&divisions))?;
        for entry in fs::read_dir(&divisions).map_err(disk(&divisions))? {
            let path = entry.map_err(disk(&divisions))?.path();
            let listed = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            if listed.is_some_and(|node: NodeId| !rendered.files.contains_key(&node)) {
                fs::remove_file(&path).map_err(disk(&path))?;
            }
        }
        for (node, bytes) in &rendered.files {
            put(&divisions.join(format!("{node}.json")), bytes)?;
        }
        put(&folder.join(CA), certificate_to_pem(&rendered.ca).as_bytes())?;
        let signed = folder.join(ROOT);
        match fs::remove_file(&signed) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(disk(&signed)(error)),
            _ => {}
        }
        put(&folder.join(UNSIGNED), rendered.root_text.as_bytes())?;
        Ok(rendered)
    }
}

impl Rendered {
    /// Reads a draft exactly as it is to be signed.
    pub fn read(folder: &Path) -> Result<Self, DraftError> {
        let (root, ca, files) = read(folder)?;
        for (node, digest) in &root.divisions {
            if files.get(node).is_none_or(|bytes| Digest::of(bytes) != *digest) {
                return Err(DraftError::Changed { node: *node });
            }
        }
        Ok(Self { root_text: root.to_text(), files, ca })
    }

    /// Checks the draft in a folder as a whole, and adds one signature to it. Gives the root as signed so far.
    pub fn sign(folder: &Path, signer: &NoteSigner) -> Result<SignedNote, DraftError> {
        let rendered = Self::read(folder)?;
        rendered.check()?;
        let path = folder.join(ROOT);
        let before = match durable::read_at_most(&path, limits::ROOT_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(DraftError::Disk { path, source }),
        };
        let before = before.and_then(|bytes| SignedNote::parse(&bytes).ok());
        let before = before.filter(|note| note.text == rendered.root_text);
        let own = SignedNote::parse(rendered.root_note(std::slice::from_ref(signer)).as_bytes());
        let own = own.map_err(DirectoryError::from)?;
        let mut note = before.unwrap_or_else(|| SignedNote { signatures: Vec::new(), ..own.clone() });
        note.signatures.retain(|line| !own.signatures.iter().any(|new| new.key_id == line.key_id));
        note.signatures.extend(own.signatures);
        put(&path, note.to_text().as_bytes())?;
        Ok(note)
    }
}

type Parts = (Root, Vec<u8>, BTreeMap<NodeId, Vec<u8>>);

fn read(folder: &Path) -> Result<Parts, DraftError> {
    let root = get(&folder.join(UNSIGNED), limits::ROOT_BYTES_MAX)?;
    let root = Root::parse(&String::from_utf8_lossy(&root))?;
    let pem = get(&folder.join(CA), limits::CA_PEM_BYTES_MAX)?;
    let ca = certificate_from_pem(&String::from_utf8_lossy(&pem)).map_err(|_| DraftError::Ca)?;
    let file = |(node, _): &(NodeId, Digest)| {
        let path = folder.join(DIVISIONS).join(format!("{node}.json"));
        Ok((*node, get(&path, limits::DIVISION_BYTES_MAX)?))
    };
    let files = root.divisions.iter().map(file).collect::<Result<_, DraftError>>()?;
    Ok((root, ca, files))
}

fn get(path: &Path, most: usize) -> Result<Vec<u8>, DraftError> {
    let bytes = durable::read_at_most(path, most).map_err(disk(path))?;
    bytes.ok_or_else(|| DraftError::TooLarge { path: path.to_owned(), most })
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), DraftError> {
    durable::write_beside(path, bytes).map_err(disk(path))
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> DraftError {
    let path = path.to_owned();
    move |source| DraftError::Disk { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anchor::TrustAnchor;
    use crate::directory::Directory;
    use crate::sample::{authority, demo_draft, issued, node, other_authority};

    #[test]
    fn a_draft_is_signed_by_one_authority_after_the_other_and_is_a_directory_then() {
        let folder = tempfile::tempdir().unwrap();
        let draft = Draft { threshold: 2, ..demo_draft() };
        draft.write(folder.path()).unwrap();
        let (first, second) = (authority(), other_authority("second.example"));
        let anchor = TrustAnchor::new(vec![first.verifier(), second.verifier()], 2).unwrap();
        let load = || Directory::load(folder.path(), &anchor, issued());
        assert!(load().is_err());
        Rendered::sign(folder.path(), &first).unwrap();
        // Twice is once.
        assert_eq!(Rendered::sign(folder.path(), &first).unwrap().signatures.len(), 1);
        assert!(matches!(load(), Err(DirectoryError::Signatures { have: 1, need: 2 })));
        assert_eq!(Rendered::sign(folder.path(), &second).unwrap().signatures.len(), 2);
        assert_eq!(load().unwrap().version, 1);
        // Another edit takes the signatures away.
        Draft::read(folder.path()).unwrap().write(folder.path()).unwrap();
        assert!(load().is_err());
    }

    #[test]
    fn what_was_changed_by_hand_is_taken_in_by_an_edit_and_never_signed_unseen() {
        let folder = tempfile::tempdir().unwrap();
        demo_draft().write(folder.path()).unwrap();
        let path = folder.path().join("divisions/652301.json");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("昌吉市", "昌吉")).unwrap();
        let refused = Rendered::sign(folder.path(), &authority());
        assert!(
            matches!(refused, Err(DraftError::Changed { node: n }) if n == node("652301")),
            "{refused:?}"
        );
        let mut draft = Draft::read(folder.path()).unwrap();
        draft.divisions.remove(&node("653130"));
        draft.write(folder.path()).unwrap();
        Rendered::sign(folder.path(), &authority()).unwrap();
        let read = Directory::load(folder.path(), &crate::sample::anchor(), issued()).unwrap();
        assert_eq!(read.division(node("652301")).unwrap().name("zh"), "昌吉");
        assert!(!folder.path().join("divisions/653130.json").exists());
    }

    #[test]
    fn a_draft_that_no_reader_would_take_is_not_even_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut draft = demo_draft();
        draft.divisions.remove(&node("6523"));
        assert!(matches!(draft.write(folder.path()), Err(DraftError::Refused(DirectoryError::Tree(_)))));
        assert!(!folder.path().join("root.txt").exists());
    }
}
