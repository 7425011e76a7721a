//! Attachments: small complete age files for what travels back with receipts, such as a reason that only the origin reads.

use crate::age_header::{self, UnwrapError, WrapError};
use crate::limits::{ATTACHMENT_BYTES_MAX, ATTACHMENT_CONTENT_BYTES_MAX, SLIP_BYTES};
use crate::stream::{Decryptor, Encryptor};
use crate::{FileKey, RandomError};
use yizhan_identity::{OpeningKey, OpeningPublicKey};
use zeroize::Zeroizing;

/// Why an attachment cannot be closed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachmentError {
    /// Too many bytes. Whoever wrote it is to blame.
    #[error(
        "an attachment holds at most {ATTACHMENT_CONTENT_BYTES_MAX} bytes, {ATTACHMENT_BYTES_MAX} closed; shorten it"
    )]
    TooLarge,
    /// The directory gives the node a key that is none.
    #[error("the opening key of the receiving node is not a usable X25519 key; correct the directory")]
    Recipient,
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// Closed for another opening key: an old one of this node, or another node's.
    #[error("the attachment is for another opening key; open it with an earlier key")]
    NotForThisKey,
    /// Not an attachment, or not as it was closed. Its sender or the way it came is to blame.
    #[error("the attachment is damaged or none; have it sent again")]
    Damaged,
}

/// A complete age file with `plaintext` for one recipient; `age -d` opens it. At most [`ATTACHMENT_BYTES_MAX`] bytes.
pub fn close_attachment(plaintext: &[u8], to: &OpeningPublicKey) -> Result<Vec<u8>, AttachmentError> {
    if plaintext.len() > ATTACHMENT_CONTENT_BYTES_MAX {
        return Err(AttachmentError::TooLarge);
    }
    let key = FileKey::generate()?;
    let file = age_header::wrap(&key, to).map_err(|error| match error {
        WrapError::Random => AttachmentError::Random(RandomError),
        WrapError::Recipient => AttachmentError::Recipient,
    })?;
    // A Vec takes everything, so only the random nonce can fail.
    let encrypt = |file| {
        let mut encryptor = Encryptor::new(file, &key)?;
        encryptor.write_all(plaintext)?;
        encryptor.finish()
    };
    encrypt(file).map_err(|_: std::io::Error| AttachmentError::Random(RandomError))
}

/// The content of an attachment that was closed for `key`.
pub fn open_attachment(file: &[u8], key: &OpeningKey) -> Result<Zeroizing<Vec<u8>>, AttachmentError> {
    if file.len() > ATTACHMENT_BYTES_MAX {
        return Err(AttachmentError::TooLarge);
    }
    let (header, payload) = file.split_at_checked(SLIP_BYTES).ok_or(AttachmentError::Damaged)?;
    let file_key = age_header::unwrap(header, key).map_err(|error| match error {
        UnwrapError::NotForThisKey => AttachmentError::NotForThisKey,
        UnwrapError::Form | UnwrapError::Mac => AttachmentError::Damaged,
    })?;
    let decryptor = Decryptor::new(payload, &file_key).map_err(|_| AttachmentError::Damaged)?;
    decryptor.only_chunk().map(Zeroizing::new).map_err(|_| AttachmentError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static KEY: LazyLock<OpeningKey> = LazyLock::new(|| OpeningKey::generate().unwrap());

    #[test]
    fn an_attachment_reads_back_for_its_recipient_only() {
        for size in [0, 1, 2000, ATTACHMENT_CONTENT_BYTES_MAX] {
            let content = vec![3; size];
            let file = close_attachment(&content, &KEY.public()).unwrap();
            assert!(file.len() <= ATTACHMENT_BYTES_MAX);
            assert_eq!(*open_attachment(&file, &KEY).unwrap(), content);
            let other = OpeningKey::generate().unwrap();
            assert_eq!(open_attachment(&file, &other), Err(AttachmentError::NotForThisKey));
        }
    }

    #[test]
    fn what_is_too_large_is_refused_both_ways() {
        let content = vec![0; ATTACHMENT_CONTENT_BYTES_MAX + 1];
        assert_eq!(close_attachment(&content, &KEY.public()), Err(AttachmentError::TooLarge));
        assert_eq!(open_attachment(&vec![0; ATTACHMENT_BYTES_MAX + 1], &KEY), Err(AttachmentError::TooLarge));
        assert_eq!(close_attachment(b"", &OpeningPublicKey([0; 32])), Err(AttachmentError::Recipient));
    }

    proptest! {
        #[test]
        fn any_changed_or_missing_byte_is_refused(at in any::<proptest::sample::Index>(), flip in 1u8..=255) {
            let mut file = close_attachment("附件缺页".as_bytes(), &KEY.public()).unwrap();
            let at = at.index(file.len());
            prop_assert!(open_attachment(&file[..at], &KEY).is_err());
            file[at] ^= flip;
            prop_assert!(open_attachment(&file, &KEY).is_err());
        }
    }
}
