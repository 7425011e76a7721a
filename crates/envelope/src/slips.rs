//! Slips: what each destination needs to open the body, committed to by the header under one root.

use crate::age_header::{self, UnwrapError, WrapError};
use crate::limits::{SLIP_BYTES, SLIP_PATH_MAX};
use crate::{FileKey, Header, RandomError};
use serde::{Deserialize, Serialize};
use yizhan_document::limits::DESTINATIONS_MAX;
use yizhan_document::{Digest, NodeId, merkle};
use yizhan_identity::{OpeningKey, OpeningPublicKey};
use yizhan_planted::{Bug, on};

/// The slips of one envelope, as its origin makes them, and the RFC 6962 tree over them.
pub struct Slips {
    headers: Vec<Vec<u8>>,
    tree: merkle::Tree,
}

/// What one destination node needs to open the body, and the proof that the header commits to it. Travels by itself, so
/// that no destination sees another's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slip {
    /// Which destination of the header it is for, counted from 0.
    pub index: u32,
    /// A complete age v1 header with one X25519 stanza, 168 bytes.
    pub header: Vec<u8>,
    /// Its inclusion path in the tree of slips, from the leaf up.
    pub path: Vec<Digest>,
}

/// Why slips cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlipsError {
    /// None, or too many.
    #[error("an envelope has 1 to {DESTINATIONS_MAX} destinations; split the submission")]
    Count,
    /// The directory gives a node a key that is none. Its authority is to blame.
    #[error("the opening key of destination {index} is not a usable X25519 key; correct the directory")]
    Recipient {
        /// The destination, counted from 0.
        index: usize,
    },
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// Why a slip is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlipError {
    /// The header does not commit to it. Whoever sent it is to blame: refuse it, and ask for the right one.
    #[error("the slip is not one of those that the header commits to; ask for it again")]
    NotCommitted,
    /// Not an age header with one X25519 stanza. The origin is to blame.
    #[error(
        "the slip is no age header with one X25519 stanza of {SLIP_BYTES} bytes; the origin must close anew"
    )]
    Form,
    /// Wrapped for another opening key: an old one of this node, or another node's.
    #[error(
        "the slip is for another opening key; open it with an earlier key, or have the origin close anew for this one"
    )]
    NotForThisKey,
    /// The age header's own MAC is wrong. The origin is to blame.
    #[error("the authentication code in the slip is wrong; the origin must close the envelope anew")]
    Mac,
    /// The slip holds another file key than the header says: destinations would see different contents.
    #[error("the slip holds another file key than the header commits to; the origin is cheating or broken")]
    OtherFileKey,
}

/// Makes the slips that give `key` to `recipients`, in the order of the header's destinations.
pub fn close_slips(key: &FileKey, recipients: &[OpeningPublicKey]) -> Result<Slips, SlipsError> {
    if !(1..=DESTINATIONS_MAX).contains(&recipients.len()) {
        return Err(SlipsError::Count);
    }
    let wrap = |(index, recipient)| match age_header::wrap(key, recipient) {
        Ok(header) => Ok(header),
        Err(WrapError::Random) => Err(SlipsError::Random(RandomError)),
        Err(WrapError::Recipient) => Err(SlipsError::Recipient { index }),
    };
    let headers: Vec<_> = recipients.iter().enumerate().map(wrap).collect::<Result<_, _>>()?;
    let tree = merkle::Tree::new(headers.iter().map(|header| merkle::leaf_hash(header)).collect());
    Ok(Slips { headers, tree })
}

impl Slips {
    /// The root over all slips, for `slips` of the header.
    pub fn root(&self) -> Digest {
        self.tree.root()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.headers.len()
    }

    /// The age header of slip `index`.
    pub fn header(&self, index: usize) -> Option<&[u8]> {
        self.headers.get(index).map(Vec::as_slice)
    }

    /// The inclusion path of slip `index`, from the leaf up.
    pub fn path(&self, index: usize) -> Option<Vec<Digest>> {
        self.tree.inclusion_path(index)
    }

    /// All slips as they travel, in the order of the header's destinations.
    pub fn to_slips(&self) -> Vec<Slip> {
        let whole = (0u32..).zip(&self.headers).zip(0..);
        let slip = |((index, header), place): ((u32, &Vec<u8>), usize)| Slip {
            index,
            header: header.clone(),
            path: self.path(place).unwrap_or_default(),
        };
        whole.map(slip).collect()
    }
}

impl Slip {
    /// Checks without any key that `header` commits to this slip; the destination it is for.
    pub fn check(&self, header: &Header) -> Result<NodeId, SlipError> {
        if self.header.len() != SLIP_BYTES || self.path.len() > SLIP_PATH_MAX {
            return Err(SlipError::Form);
        }
        let destination = usize::try_from(self.index).ok().and_then(|index| header.to.get(index));
        let destination = destination.ok_or(SlipError::NotCommitted)?;
        let leaf = merkle::leaf_hash(&self.header);
        let size = header.to.len() as u64;
        let committed =
            merkle::verify_inclusion(&header.slips, size, u64::from(self.index), &leaf, &self.path);
        if !committed && !on(Bug::SlipUncommitted) {
            return Err(SlipError::NotCommitted);
        }
        Ok(destination.node)
    }

    /// The file key, opened with the destination's key; the commitments in `header` to slip and file key are checked.
    pub fn open(&self, header: &Header, key: &OpeningKey) -> Result<FileKey, SlipError> {
        self.check(header)?;
        let file_key = age_header::unwrap(&self.header, key).map_err(|error| match error {
            UnwrapError::Form => SlipError::Form,
            UnwrapError::NotForThisKey => SlipError::NotForThisKey,
            UnwrapError::Mac => SlipError::Mac,
        })?;
        if file_key.commitment() != header.key {
            return Err(SlipError::OtherFileKey);
        }
        Ok(file_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_recipient_too_many_and_a_key_that_is_none_are_refused() {
        let key = FileKey::generate().unwrap();
        assert_eq!(close_slips(&key, &[]).err(), Some(SlipsError::Count));
        let zero = OpeningPublicKey([0; 32]);
        assert_eq!(close_slips(&key, &vec![zero; DESTINATIONS_MAX + 1]).err(), Some(SlipsError::Count));
        let good = OpeningKey::generate().unwrap().public();
        assert_eq!(close_slips(&key, &[good, zero]).err(), Some(SlipsError::Recipient { index: 1 }));
    }
}
