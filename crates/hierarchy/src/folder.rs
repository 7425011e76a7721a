//! The directory as a folder: `root`, `ca.pem`, `divisions/<node>.json`; reading it, and publishing into it.
//!
//! A new version is written beside the present one (`*.next`), then `root` is renamed into place, which is the one moment
//! that counts, then the rest is. A reader takes of `x` and `x.next` the one whose digest the root names. So whenever the
//! power goes, the folder holds exactly one whole version. Files that the root does not list are no part of the directory.

use crate::anchor::TrustAnchor;
use crate::directory::Directory;
use crate::division::DivisionError;
use crate::draft::Draft;
use crate::durable;
use crate::edition::Edition;
use crate::head::Head;
use crate::limits;
use crate::outline::Outline;
use crate::parcel::Parcel;
use crate::parts::{Certificates, Parts};
use crate::verification::DirectoryError;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use yizhan_document::{Digest, NodeId, WallTime};
use yizhan_identity::{NoteSigner, certificate_from_pem, certificate_to_pem};

pub(crate) const ROOT: &str = "root";
pub(crate) const CA: &str = "ca.pem";
pub(crate) const DIVISIONS: &str = "divisions";

impl Directory {
    /// Reads a directory from its folder and checks it; one that has expired is refused. The certificates of offices were
    /// checked when it was published, and are again by whoever uses one ([`Directory::check_offices`]).
    pub fn load(folder: &Path, anchor: &TrustAnchor, now: WallTime) -> Result<Self, DirectoryError> {
        Self::load_with_grace(folder, anchor, now, 0)
    }

    /// As [`Directory::load`], but believes it for another `grace_ms` milliseconds after it expired, so that a network
    /// whose authority is late does not stand still. [`Directory::is_expired`] tells whether it was needed.
    pub fn load_with_grace(
        folder: &Path,
        anchor: &TrustAnchor,
        now: WallTime,
        grace_ms: u64,
    ) -> Result<Self, DirectoryError> {
        let root_note = read(&folder.join(ROOT), limits::ROOT_BYTES_MAX)?;
        let ca = |wanted: &Digest| ca_in(folder, wanted);
        let file = |node: NodeId, wanted: &Digest| division_in(folder, node, wanted);
        let (outline, certificates) = (&Outline::default(), Certificates::WhenUsed);
        Parts { root_note: &root_note, ca, file, outline, certificates }.verify(anchor, &[], now, grace_ms)
    }

    /// Checks a draft as every reader will, signs it, and makes it the folder's directory. What was there stays the
    /// directory until the new one is wholly and durably in its place.
    ///
    /// `signers` are at least as many different keys as the draft's threshold. One publisher at a time: two at once in the
    /// same folder could leave a root beside the other's files, which readers would refuse.
    pub fn publish(folder: &Path, draft: &Draft, signers: &[NoteSigner]) -> Result<Self, PublishError> {
        let parcel = draft.render().map_err(PublishError::Encode)?.signed(signers);
        let keys = signers.iter().map(NoteSigner::verifier).collect();
        let anchor = TrustAnchor { authorities: keys, threshold: draft.threshold };
        let directory = parcel.verify(&anchor, &[], draft.issued, 0)?;
        parcel.publish(folder)?;
        Ok(directory)
    }
}

impl Head {
    /// The signed texts of a folder, unverified: what the folder claims to hold.
    pub fn in_folder(folder: &Path) -> Result<Self, DirectoryError> {
        Self::claimed(&read(&folder.join(ROOT), limits::ROOT_BYTES_MAX)?)
    }
}

impl Parcel {
    /// The file of one division in a folder, if it is there and the one of this digest.
    pub fn file_in(folder: &Path, node: NodeId, wanted: &Digest) -> Option<Vec<u8>> {
        division_in(folder, node, wanted).ok().filter(|bytes| Digest::of(bytes) == *wanted)
    }

    /// The directory of a folder as bytes, unverified: the files that its root names.
    pub fn read(folder: &Path) -> Result<Self, DirectoryError> {
        let root = read(&folder.join(ROOT), limits::ROOT_BYTES_MAX)?;
        let claimed = Head::claimed(&root)?;
        let file = |(node, wanted): &(NodeId, Digest)| Ok((*node, division_in(folder, *node, wanted)?));
        let files = claimed.listed().iter().map(file).collect::<Result<_, DirectoryError>>()?;
        let (ca, outline) = (ca_in(folder, &claimed.root.ca)?, Outline::default());
        Ok(Self { root, ca, files, outline, is_part: false })
    }

    /// Makes it the folder's directory, as [`Directory::publish`] does. It has to have been verified.
    pub fn publish(&self, folder: &Path) -> Result<(), PublishError> {
        let after = self.claimed_head()?;
        let before = prepare(folder, self, &after)?;
        commit(folder)?;
        settle(folder, &after)?;
        remove_unlisted(folder, before.as_ref(), &after)
    }
}

/// Why a draft was not published. Unless it says otherwise, the folder holds the directory it held before.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// It does not pass the checks that every reader makes. Whoever drafted it is to blame; nothing was written.
    #[error("the draft is refused: {0}")]
    Refused(#[from] DirectoryError),
    /// A division that cannot be written as JSON.
    #[error("the draft cannot be written: {0}")]
    Encode(#[source] DivisionError),
    /// The folder is another network's.
    #[error("the folder holds the directory of {present}; choose another folder")]
    OtherNetwork {
        /// The network of the folder.
        present: String,
    },
    /// The folder has this version, or a later one.
    #[error(
        "the folder holds version {present}, so version {draft} comes too late; draft from the present one"
    )]
    NotNewer {
        /// The version in the folder.
        present: Edition,
        /// The version of the draft.
        draft: Edition,
    },
    /// The root in the folder cannot be read, so it is not known what would be overwritten.
    #[error("the root in {folder} is not a directory's; move it away first")]
    Unreadable {
        /// The folder.
        folder: PathBuf,
    },
    /// The disk. Publish the same draft again once it is well: the folder holds the version before or, if the failure came
    /// late, this one; then `NotNewer` says so.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

fn division_path(folder: &Path, node: NodeId) -> PathBuf {
    // A node id has only letters, digits and inner hyphens: it cannot leave the folder.
    folder.join(DIVISIONS).join(format!("{node}.json"))
}

fn next(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".next");
    PathBuf::from(name)
}

fn read(path: &Path, most: usize) -> Result<Vec<u8>, DirectoryError> {
    match durable::read_at_most(path, most) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(DirectoryError::TooLarge { what: format!("file {}", path.display()), most }),
        Err(source) => Err(DirectoryError::Read { path: path.to_owned(), source }),
    }
}

fn ca_in(folder: &Path, wanted: &Digest) -> Result<Vec<u8>, DirectoryError> {
    let pem = |path: &Path| read(path, limits::CA_PEM_BYTES_MAX).and_then(|bytes| certificate(&bytes));
    present_or_next(&folder.join(CA), wanted, pem)
}

fn division_in(folder: &Path, node: NodeId, wanted: &Digest) -> Result<Vec<u8>, DirectoryError> {
    let bytes = |path: &Path| read(path, limits::DIVISION_BYTES_MAX);
    present_or_next(&division_path(folder, node), wanted, bytes).map_err(|error| match error {
        DirectoryError::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            DirectoryError::MissingDivision { node }
        }
        other => other,
    })
}

fn certificate(pem: &[u8]) -> Result<Vec<u8>, DirectoryError> {
    let text = std::str::from_utf8(pem).map_err(|_| DirectoryError::CaPem)?;
    certificate_from_pem(text).map_err(|_| DirectoryError::CaPem)
}

/// What `path` holds if that is what is wanted, else what waits beside it if that is; else what `path` holds.
fn present_or_next(
    path: &Path,
    wanted: &Digest,
    read: impl Fn(&Path) -> Result<Vec<u8>, DirectoryError>,
) -> Result<Vec<u8>, DirectoryError> {
    let present = read(path);
    if present.as_ref().is_ok_and(|bytes| Digest::of(bytes) == *wanted) {
        return present;
    }
    match read(&next(path)) {
        Ok(bytes) if Digest::of(&bytes) == *wanted => Ok(bytes),
        _ => present,
    }
}

/// The root that the folder holds, unverified: it only says what would be overwritten.
fn present_head(folder: &Path) -> Result<Option<Head>, PublishError> {
    let bytes = match read(&folder.join(ROOT), limits::ROOT_BYTES_MAX) {
        Err(DirectoryError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(None);
        }
        other => other?,
    };
    let unreadable = |_| PublishError::Unreadable { folder: folder.to_owned() };
    Head::claimed(&bytes).map(Some).map_err(unreadable)
}

/// Does all that may be done before the moment that counts; returns the root that will be replaced.
fn prepare(folder: &Path, parcel: &Parcel, after: &Head) -> Result<Option<Head>, PublishError> {
    let before = present_head(folder)?;
    if let Some(before) = &before {
        if before.root.network != after.root.network {
            return Err(PublishError::OtherNetwork { present: before.root.network.clone() });
        }
        let (present, draft) = (before.edition(), after.edition());
        let two_roots = present.version == draft.version && before.root != after.root;
        if present >= draft || two_roots {
            return Err(PublishError::NotNewer { present, draft });
        }
        // If its publishing was cut short, files of it still wait for their names, under those that staging overwrites.
        settle(folder, before)?;
    }
    stage(folder, parcel)?;
    Ok(before)
}

/// Writes the new version beside the present one.
fn stage(folder: &Path, parcel: &Parcel) -> Result<(), PublishError> {
    let divisions = folder.join(DIVISIONS);
    fs::create_dir_all(&divisions).map_err(write_error(&divisions))?;
    if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
        durable::sync_folder(above).map_err(write_error(above))?;
    }
    let pem = certificate_to_pem(&parcel.ca);
    let files = parcel.files.iter().map(|(node, bytes)| (division_path(folder, *node), bytes.as_slice()));
    let others = [(folder.join(CA), pem.as_bytes()), (folder.join(ROOT), parcel.root.as_slice())];
    // What is already there in these very bytes need not be written again; most of a new version is.
    let changed = files.chain(others).filter(|(path, bytes)| {
        !durable::read_at_most(path, bytes.len()).is_ok_and(|there| there.as_deref() == Some(bytes))
    });
    let changed: Vec<_> = changed.map(|(path, bytes)| (next(&path), bytes)).collect();
    durable::write_all_beside(&changed)
        .map_err(|(path, source)| PublishError::Write { path: path.to_owned(), source })?;
    durable::sync_folder(&divisions).map_err(write_error(&divisions))?;
    durable::sync_folder(folder).map_err(write_error(folder))
}

/// The moment that counts: from here on the folder holds the new version.
fn commit(folder: &Path) -> Result<(), PublishError> {
    let root = folder.join(ROOT);
    durable::put_in_place(&next(&root), &root).map_err(write_error(&root))?;
    durable::sync_folder(folder).map_err(write_error(folder))
}

/// Gives the files that wait beside, and that `root` names, their names. Left-overs of a version that never came to be
/// stay where they are until the next one overwrites them.
fn settle(folder: &Path, head: &Head) -> Result<(), PublishError> {
    let ca = folder.join(CA);
    let pem = |path: &Path| read(path, limits::CA_PEM_BYTES_MAX).and_then(|bytes| certificate(&bytes));
    put_if_waiting(&ca, &head.root.ca, pem)?;
    for (node, digest) in head.listed() {
        let bytes = |path: &Path| read(path, limits::DIVISION_BYTES_MAX);
        put_if_waiting(&division_path(folder, *node), digest, bytes)?;
    }
    let divisions = folder.join(DIVISIONS);
    durable::sync_folder(&divisions).map_err(write_error(&divisions))?;
    durable::sync_folder(folder).map_err(write_error(folder))
}

fn put_if_waiting(
    path: &Path,
    wanted: &Digest,
    read: impl Fn(&Path) -> Result<Vec<u8>, DirectoryError>,
) -> Result<(), PublishError> {
    let waits = next(path);
    match read(&waits) {
        Ok(bytes) if Digest::of(&bytes) == *wanted => {
            durable::put_in_place(&waits, path).map_err(write_error(path))
        }
        // A disk that cannot say what waits there: staging would overwrite what may be the only copy.
        Err(DirectoryError::Read { path, source }) if source.kind() != io::ErrorKind::NotFound => {
            Err(DirectoryError::Read { path, source }.into())
        }
        _ => Ok(()),
    }
}

/// Removes the files of divisions that the version before listed and this one does not. Files nobody ever listed stay.
fn remove_unlisted(folder: &Path, before: Option<&Head>, after: &Head) -> Result<(), PublishError> {
    let gone = |(node, _): &&(NodeId, Digest)| after.digest_of(*node).is_none();
    for (node, _) in before.iter().flat_map(|head| head.listed()).filter(gone) {
        let path = division_path(folder, *node);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(write_error(&path)(error)),
            _ => {}
        }
    }
    Ok(())
}

fn write_error(path: &Path) -> impl FnOnce(io::Error) -> PublishError {
    move |source| PublishError::Write { path: path.to_owned(), source }
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
