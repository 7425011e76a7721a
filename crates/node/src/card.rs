//! The card of a delivered document: what an inbox lists without opening the body again. Stored closed to the node.

use serde::{Deserialize, Serialize};
use yizhan_document::{Digest, Manifest, OfficeAddress, Urgency};

/// A title on a card, in characters, at the most; the whole one is in the manifest.
const TITLE_CHARS_MAX: usize = 300;
/// Files listed on a card, at the most.
const PARTS_MAX: usize = 64;

/// What an inbox shows of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Card {
    /// The sending office.
    pub(crate) from: OfficeAddress,
    /// The title.
    pub(crate) title: String,
    /// Urgency.
    pub(crate) urgency: Urgency,
    /// Digest of the manifest's text.
    pub(crate) manifest: Digest,
    /// The files.
    pub(crate) parts: Vec<CardPart>,
}

/// A file on a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CardPart {
    /// Its name.
    pub(crate) name: String,
    /// Its size, in bytes.
    pub(crate) size: u64,
    /// SHA-256 of its content.
    pub(crate) digest: Digest,
}

impl Card {
    /// The card of a document.
    pub(crate) fn of(manifest: &Manifest, digest: Digest) -> Self {
        let part = |part: &yizhan_document::Part| CardPart {
            name: part.name.as_str().to_owned(),
            size: part.size,
            digest: part.digest,
        };
        Self {
            from: manifest.from.clone(),
            title: manifest.label.title.chars().take(TITLE_CHARS_MAX).collect(),
            urgency: manifest.label.urgency,
            manifest: digest,
            parts: manifest.parts.iter().take(PARTS_MAX).map(part).collect(),
        }
    }

    /// As bytes, to be closed.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // A card is plain data: text, numbers and lists always have a JSON form.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what [`Card::to_bytes`] wrote.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}
