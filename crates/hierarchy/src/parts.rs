//! A directory put together from its parts: texts, CA certificate and the file of each division, digests and expiry looked at.

use crate::anchor::TrustAnchor;
use crate::directory::Directory;
use crate::division::Division;
use crate::head::Head;
use crate::joined::{Joined, join};
use crate::joined_error::JoinedError;
use crate::joined_head::JoinedHead;
use crate::limits::JOINED_FILES_BYTES_MAX;
use crate::outline::{Outline, Places};
use crate::part::division_of;
use crate::verification::{DirectoryError, check_whole};
use std::collections::BTreeMap;
use yizhan_document::{Digest, NodeId, WallTime};
use yizhan_identity::NoteVerifier;

impl Directory {
    /// Checks a directory that did not come from a folder: the bytes of its root, the bytes of each division's file, the
    /// CA certificate in DER.
    pub fn from_parts(
        root_note: &[u8],
        files: impl Fn(NodeId) -> Option<Vec<u8>>,
        ca: &[u8],
        anchor: &TrustAnchor,
        now: WallTime,
    ) -> Result<Self, DirectoryError> {
        let file = |node, _: &Digest| files(node).ok_or(DirectoryError::MissingDivision { node });
        let (outline, certificates) = (&Outline::default(), Certificates::Now);
        let parts = Parts { root_note, ca: |_: &Digest| Ok(ca.to_vec()), file, outline, certificates };
        parts.verify(anchor, &[], now, 0)
    }
}

/// What a directory is put together from. `ca` and `file` are told the digest that is wanted, since a folder may hold the
/// file of the next version beside that of the present one; what they bring is checked here.
pub(crate) struct Parts<'a, C, F> {
    pub(crate) root_note: &'a [u8],
    pub(crate) ca: C,
    pub(crate) file: F,
    /// What is known of divisions whose files are not to be had, if they are of the digests that are wanted.
    pub(crate) outline: &'a Outline,
    pub(crate) certificates: Certificates,
}

/// When the certificates of offices are checked against the CA.
///
/// It takes two thirds of the time that the directory of the country takes. What was signed by the authorities stays as it
/// is; so a version is checked as it is published or handed over, and need not be at each start: whoever uses the
/// certificate of an office checks it then (`verify_cms`), and a node those of its own offices as it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certificates {
    /// All of them now.
    Now,
    /// Each when it is used.
    WhenUsed,
}

impl<C, F> Parts<'_, C, F>
where
    C: Fn(&Digest) -> Result<Vec<u8>, DirectoryError>,
    F: Fn(NodeId, &Digest) -> Result<Vec<u8>, DirectoryError>,
{
    pub(crate) fn verify(
        &self,
        anchor: &TrustAnchor,
        revoked: &[NoteVerifier],
        now: WallTime,
        grace_ms: u64,
    ) -> Result<Directory, DirectoryError> {
        let head = Head::believed(self.root_note, anchor, revoked)?;
        // A joined network that is late stops nobody else: nothing is handed in for it then.
        if now >= head.root.expires.plus_ms(grace_ms) {
            return Err(DirectoryError::Expired { at: head.root.expires });
        }
        let ca = (self.ca)(&head.root.ca)?;
        self.directory(head, ca)
    }

    /// The directory of one network, and beside it those of the networks that are joined with it, each checked as it is by itself
    /// (MUST-57).
    pub(crate) fn directory(&self, head: Head, ca: Vec<u8>) -> Result<Directory, DirectoryError> {
        if Digest::of(&ca) != head.root.ca {
            return Err(DirectoryError::CaMismatch);
        }
        let (mut divisions, mut absent) = (BTreeMap::new(), Outline::default());
        let sketched = |node, digest: &Digest| self.outline.of_file(node, digest);
        for (node, digest) in head.own_listed() {
            match (self.division(*node, digest), sketched(*node, digest)) {
                (Err(DirectoryError::MissingDivision { .. }), Some(sketch)) => {
                    absent.insert(*node, sketch.clone());
                }
                (division, _) => {
                    divisions.insert(*node, division?);
                }
            }
        }
        let places = Places { held: &divisions, absent: &absent };
        let tree = check_whole(&head, &ca, places, self.certificates)?;
        let mut joined = Vec::new();
        for part in head.joined.clone() {
            self.check_files(&part)?;
            let theirs = self.directory(part.head.clone(), part.ca.clone());
            let refused = |reason: DirectoryError| JoinedError::Refused {
                network: part.network.clone(),
                reason: Box::new(reason.into()),
            };
            joined.push(Joined::new(theirs.map_err(refused)?, part));
        }
        let tree = if joined.is_empty() { tree } else { join(&head.root.network, places, &joined)? };
        Ok(Directory::checked(head, ca, (divisions, absent), (joined, tree)))
    }

    /// Their files are no more than leave room for the own ones.
    fn check_files(&self, part: &JoinedHead) -> Result<(), DirectoryError> {
        let mut bytes = 0;
        for (node, digest) in part.head.listed() {
            bytes += (self.file)(*node, digest)?.len();
            if bytes > JOINED_FILES_BYTES_MAX {
                let (network, what) = (part.network.clone(), "bytes of files");
                return Err(JoinedError::Counts { network, what }.into());
            }
        }
        Ok(())
    }

    fn division(&self, node: NodeId, digest: &Digest) -> Result<Division, DirectoryError> {
        let bytes = (self.file)(node, digest)?;
        if Digest::of(&bytes) != *digest {
            return Err(DirectoryError::DigestMismatch { node });
        }
        division_of(node, &bytes)
    }
}
