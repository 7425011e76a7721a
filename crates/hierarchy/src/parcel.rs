//! A directory as it is handed over and kept: the signed root, the CA certificate and every division's file, byte for byte.
//!
//! As one file it is a tar archive of what stands in the directory's folder: `root`, `ca.pem`, `divisions/<node>.json`. So a
//! version that a node keeps can be unpacked with `tar`, read by people and verified by every tool that reads a folder. A node that keeps
//! a part has the outline of the rest beside it, which nobody takes from anybody else.

use crate::anchor::TrustAnchor;
use crate::directory::Directory;
use crate::folder::{CA, DIVISIONS, ROOT};
use crate::head::Head;
use crate::limits;
use crate::outline::Outline;
use crate::parts::{Certificates, Parts};
use crate::root::Root;
use crate::verification::DirectoryError;
use std::collections::BTreeMap;
use std::io::{self, Read};
use yizhan_document::{Digest, NodeId, WallTime};
use yizhan_identity::{NoteVerifier, certificate_from_pem, certificate_to_pem};

/// The bytes of one version of a directory. Nothing in it is believed before it was verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parcel {
    /// The signed root, a note, and the signed lists of delegated subtrees; see [`Head`].
    pub root: Vec<u8>,
    /// The CA certificate, in DER.
    pub ca: Vec<u8>,
    /// The file of each division.
    pub files: BTreeMap<NodeId, Vec<u8>>,
    /// What this node knows of divisions of the own network whose files are not among these.
    pub outline: Outline,
    /// Whether a node keeps it that holds a part, even if it has fetched every file by now.
    pub is_part: bool,
}

impl Parcel {
    /// The parcel as a tar archive; the same parcel gives the same bytes.
    pub fn to_tar(&self) -> io::Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        let mut put = |name: &str, bytes: &[u8]| {
            let mut header = tar::Header::new_ustar();
            header.set_mode(0o644);
            header.set_size(bytes.len() as u64);
            archive.append_data(&mut header, name, bytes)
        };
        put(ROOT, &self.root)?;
        put(CA, certificate_to_pem(&self.ca).as_bytes())?;
        for (node, bytes) in &self.files {
            put(&format!("{DIVISIONS}/{node}.json"), bytes)?;
        }
        if self.is_part || !self.outline.is_empty() {
            put(OUTLINE, self.outline.to_text().as_bytes())?;
        }
        archive.into_inner()
    }

    /// Reads a tar archive. Sizes are looked at before anything is read, and names decide nothing but what a file is. An outline is
    /// nothing that anybody hands over: it has no place in it.
    pub fn from_tar(bytes: &[u8]) -> Result<Self, ParcelError> {
        Self::read_tar(bytes, false)
    }

    /// Reads an archive that this node kept, which may be a part with its outline.
    pub(crate) fn from_kept_tar(bytes: &[u8]) -> Result<Self, ParcelError> {
        Self::read_tar(bytes, true)
    }

    fn read_tar(bytes: &[u8], kept: bool) -> Result<Self, ParcelError> {
        if bytes.len() > limits::DIRECTORY_BYTES_MAX {
            return Err(ParcelError::TooLarge { what: "archive", most: limits::DIRECTORY_BYTES_MAX });
        }
        let (mut root, mut ca, mut files, mut outline) = (None, None, BTreeMap::new(), None);
        for entry in tar::Archive::new(bytes).entries().map_err(ParcelError::Archive)? {
            let mut entry = entry.map_err(ParcelError::Archive)?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            // `tar -c` of a folder brings the folders along.
            if entry.header().entry_type().is_dir() {
                continue;
            }
            let unexpected = || ParcelError::Unexpected { name: name.chars().take(80).collect() };
            if !entry.header().entry_type().is_file() {
                return Err(unexpected());
            }
            let member = Member::named(&name).filter(|member| kept || *member != Member::Outline);
            let member = member.ok_or_else(unexpected)?;
            if files.len() == limits::DIVISIONS_MAX && matches!(member, Member::Division(_)) {
                return Err(ParcelError::TooLarge { what: "number of divisions", most: files.len() });
            }
            let file = read(&mut entry, member.what(), member.bytes_max())?;
            let new = match member {
                Member::Root => root.replace(file).is_none(),
                Member::Ca => ca.replace(file).is_none(),
                Member::Division(node) => files.insert(node, file).is_none(),
                Member::Outline => outline.replace(file).is_none(),
            };
            if !new {
                return Err(unexpected());
            }
        }
        let missing = |what| ParcelError::Missing { what };
        let pem = ca.and_then(|pem| certificate_from_pem(std::str::from_utf8(&pem).ok()?).ok());
        let outline = outline.map(|text| Outline::from_text(&text).ok_or(missing(OUTLINE))).transpose()?;
        let (is_part, outline) = (outline.is_some(), outline.unwrap_or_default());
        Ok(Self { root: root.ok_or(missing(ROOT))?, ca: pem.ok_or(missing(CA))?, files, outline, is_part })
    }

    /// The root as it is written, whoever signed it: to know what this claims to be.
    pub fn claimed(&self) -> Result<Root, DirectoryError> {
        Ok(self.claimed_head()?.root)
    }

    /// The same of all signed texts.
    pub fn claimed_head(&self) -> Result<Head, DirectoryError> {
        Head::claimed(&self.root)
    }

    /// Checks all of it, the certificates of all offices among it. `revoked` are the keys that the version before had revoked.
    pub fn verify(
        &self,
        anchor: &TrustAnchor,
        revoked: &[NoteVerifier],
        now: WallTime,
        grace_ms: u64,
    ) -> Result<Directory, DirectoryError> {
        self.believed(anchor, revoked, now, grace_ms, Certificates::Now)
    }

    /// Checks a version that was verified before it was kept, as [`Directory::load_with_grace`] checks a folder.
    pub fn verify_kept(
        &self,
        anchor: &TrustAnchor,
        now: WallTime,
        grace_ms: u64,
    ) -> Result<Directory, DirectoryError> {
        self.believed(anchor, &[], now, grace_ms, Certificates::WhenUsed)
    }

    fn believed(
        &self,
        anchor: &TrustAnchor,
        revoked: &[NoteVerifier],
        now: WallTime,
        grace_ms: u64,
        certificates: Certificates,
    ) -> Result<Directory, DirectoryError> {
        let file =
            |node, _: &Digest| self.files.get(&node).cloned().ok_or(DirectoryError::MissingDivision { node });
        let ca = |_: &Digest| Ok(self.ca.clone());
        let outline = &self.outline;
        Parts { root_note: &self.root, ca, file, outline, certificates }
            .verify(anchor, revoked, now, grace_ms)
    }
}

/// The name of the outline in a kept archive.
const OUTLINE: &str = "outline";

/// What a file of an archive is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    Root,
    Ca,
    Division(NodeId),
    /// What a node that keeps a part knows of the rest.
    Outline,
}

impl Member {
    /// None for a name that has no place in a directory.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name.strip_prefix("./").unwrap_or(name) {
            ROOT => Some(Self::Root),
            CA => Some(Self::Ca),
            OUTLINE => Some(Self::Outline),
            other => {
                let file = other.strip_prefix(DIVISIONS)?.strip_prefix('/')?;
                file.strip_suffix(".json")?.parse().ok().map(Self::Division)
            }
        }
    }

    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Root => ROOT,
            Self::Ca => CA,
            Self::Division(_) => "file of a division",
            Self::Outline => OUTLINE,
        }
    }

    pub(crate) fn bytes_max(self) -> usize {
        match self {
            Self::Root => limits::ROOT_BYTES_MAX,
            Self::Ca => limits::CA_PEM_BYTES_MAX,
            Self::Division(_) => limits::DIVISION_BYTES_MAX,
            // A line of it is shorter than the file that it was taken from.
            Self::Outline => limits::DIRECTORY_BYTES_MAX,
        }
    }
}

fn read(entry: &mut impl Read, what: &'static str, most: usize) -> Result<Vec<u8>, ParcelError> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    entry.take(limit).read_to_end(&mut bytes).map_err(ParcelError::Archive)?;
    if bytes.len() > most { Err(ParcelError::TooLarge { what, most }) } else { Ok(bytes) }
}

/// Why bytes are no parcel. Whoever packed it is to blame.
#[derive(Debug, thiserror::Error)]
pub enum ParcelError {
    /// Not a tar archive, or one that ends too early.
    #[error("it is no tar archive of a directory: {0}; pack the folder anew")]
    Archive(#[source] io::Error),
    /// More than such a thing may have.
    #[error("the {what} is more than {most}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How much there may be.
        most: usize,
    },
    /// A file that has no place in a directory, or stands in it twice, or is none.
    #[error("`{name}` has no place in it, or stands in it twice; pack root, ca.pem and divisions/ alone")]
    Unexpected {
        /// Its name.
        name: String,
    },
    /// A file that has to be there.
    #[error("`{what}` is not in it, or is not what its name says; pack the folder anew")]
    Missing {
        /// Its name.
        what: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{anchor, authority, demo_draft, issued, node};
    use proptest::prelude::*;

    fn parcel() -> Parcel {
        demo_draft().render().unwrap().signed(&[authority()])
    }

    #[test]
    fn a_parcel_reads_back_from_its_archive_and_is_believed() {
        let archive = parcel().to_tar().unwrap();
        assert_eq!(archive, parcel().to_tar().unwrap());
        let read = Parcel::from_tar(&archive).unwrap();
        assert_eq!(read, parcel());
        let directory = read.verify(&anchor(), &[], issued(), 0).unwrap();
        assert_eq!((directory.version, read.claimed().unwrap().version), (1, 1));
        assert_eq!(directory.digest_of(node("65")), Some(Digest::of(&read.files[&node("65")])));
    }

    #[test]
    fn an_archive_with_something_else_something_twice_or_something_missing_is_refused() {
        let archive = |files: &[(&str, &[u8])]| {
            let mut archive = tar::Builder::new(Vec::new());
            for (name, bytes) in files {
                let mut header = tar::Header::new_ustar();
                header.set_size(bytes.len() as u64);
                header.set_mode(0o644);
                archive.append_data(&mut header, name, *bytes).unwrap();
            }
            archive.into_inner().unwrap()
        };
        let pem = certificate_to_pem(&parcel().ca);
        let (root, ca) = (("root", b"r".as_slice()), ("ca.pem", pem.as_bytes()));
        assert!(Parcel::from_tar(&archive(&[root, ca])).is_ok());
        for files in [[root, ca, root], [root, ca, ("divisions/x/65.json", b"")], [root, ca, ("notes", b"")]]
        {
            assert!(matches!(Parcel::from_tar(&archive(&files)), Err(ParcelError::Unexpected { .. })));
        }
        assert!(matches!(Parcel::from_tar(&archive(&[ca])), Err(ParcelError::Missing { what: "root" })));
        let no_certificate = archive(&[root, ("ca.pem", b"x")]);
        assert!(matches!(Parcel::from_tar(&no_certificate), Err(ParcelError::Missing { what: "ca.pem" })));
        let large = vec![0; limits::CA_PEM_BYTES_MAX + 1];
        let large = archive(&[root, ("ca.pem", &large)]);
        assert!(matches!(Parcel::from_tar(&large), Err(ParcelError::TooLarge { what: "ca.pem", .. })));
        assert!(matches!(
            Parcel::from_tar(b"no archive"),
            Err(ParcelError::Archive(_) | ParcelError::Missing { .. })
        ));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_fall(at in 0usize..4096, by in 1u8.., cut in 0usize..4096) {
            let mut bytes = parcel().to_tar().unwrap();
            bytes[at] ^= by;
            bytes.truncate(bytes.len() - cut);
            if let Ok(read) = Parcel::from_tar(&bytes) {
                prop_assert!(read.to_tar().is_ok());
            }
        }
    }
}
