//! What an office's signature stands over: its manifest alone, or the tree over a batch of manifests with the path to this one.

use crate::limits::CMS_BYTES_MAX;
use yizhan_document::{Manifest, ManifestError, ManifestPath, ManifestTree};

/// An office's detached CMS signature, as it lies in a body beside the manifest. Whether the signature is good is not known here:
/// check `cms` over [`Self::signed_text`] with `identity::verify_cms`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficeSignature {
    /// The signature (RFC 5652, DER).
    pub cms: Vec<u8>,
    /// Where many documents were signed at once: what was signed instead of the manifest.
    pub batch: Option<SignedTree>,
}

/// The signed tree over the manifests of a batch, and the path from one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTree {
    /// The canonical text of the [`ManifestTree`], which the office signed.
    pub tree: String,
    /// The canonical text of the [`ManifestPath`] of this manifest.
    pub path: String,
}

/// Why a signature does not belong to a manifest. The origin is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfficeSignatureError {
    /// There is no signature, or a longer one than any is.
    #[error("a signature has 1 to {CMS_BYTES_MAX} bytes; leave certificates out that nobody needs")]
    Length,
    /// The tree or the path does not read.
    #[error("the tree over the manifests or the path in it is refused: {0}")]
    Text(#[from] ManifestError),
    /// The manifest is not at that place of the tree, or of another office or suite than the tree.
    #[error("the manifest is not in the tree of manifests that the office signed")]
    NotInTree,
}

impl OfficeSignature {
    /// A signature over one manifest.
    pub fn alone(cms: Vec<u8>) -> Self {
        Self { cms, batch: None }
    }

    /// The text that the office signed for the document with this manifest.
    pub fn signed_text<'a>(&'a self, manifest: &'a str) -> &'a str {
        self.batch.as_ref().map_or(manifest, |batch| &batch.tree)
    }

    /// Checks that the signed text speaks for this manifest, whose text is `text`.
    pub(crate) fn check(&self, manifest: &Manifest, text: &str) -> Result<(), OfficeSignatureError> {
        if self.cms.is_empty() || self.cms.len() > CMS_BYTES_MAX {
            return Err(OfficeSignatureError::Length);
        }
        let Some(batch) = &self.batch else { return Ok(()) };
        let (tree, path) = (ManifestTree::from_text(&batch.tree)?, ManifestPath::from_text(&batch.path)?);
        let same = tree.from == manifest.from && tree.suite == manifest.suite;
        if same && tree.holds(text, &path) { Ok(()) } else { Err(OfficeSignatureError::NotInTree) }
    }
}
