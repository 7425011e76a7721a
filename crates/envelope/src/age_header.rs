//! The age v1 header with exactly one X25519 stanza: written for a recipient, read with its opening key.
//!
//! Source: <https://age-encryption.org/v1>, sections "Header" and "The X25519 recipient type". Reading is stricter than
//! age asks: one stanza, no other kind, 168 bytes.

use crate::FileKey;
use crate::file_key::{RandomError, chacha20_poly1305, derive};
use crate::limits::SLIP_BYTES;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::aead::{Aad, Nonce};
use ring::agreement::{self, EphemeralPrivateKey, UnparsedPublicKey, X25519};
use ring::hmac;
use ring::rand::SystemRandom;
use yizhan_identity::{OpeningKey, OpeningPublicKey};
use zeroize::Zeroizing;

const START: &str = "age-encryption.org/v1\n-> X25519 ";
const MAC_MARK: &str = "--- ";
const WRAP_INFO: &[u8] = b"age-encryption.org/v1/X25519";
/// What the MAC does not cover: a space, 43 base64 digits, a line end.
const AFTER_MAC_MARK: usize = 45;

/// Why no header can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WrapError {
    Random,
    /// The recipient's key is a point of low order, which no honest key is.
    Recipient,
}

/// Why a header cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnwrapError {
    Form,
    /// The wrapped key does not authenticate: meant for another opening key, or damaged.
    NotForThisKey,
    Mac,
}

impl From<RandomError> for WrapError {
    fn from(_: RandomError) -> Self {
        Self::Random
    }
}

/// A complete age header that gives `key` to `recipient`.
pub(crate) fn wrap(key: &FileKey, recipient: &OpeningPublicKey) -> Result<Vec<u8>, WrapError> {
    let ephemeral =
        EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).map_err(|_| WrapError::Random)?;
    let share = ephemeral.compute_public_key().map_err(|_| WrapError::Random)?;
    let theirs = UnparsedPublicKey::new(&X25519, recipient.0);
    let wrap_key = agreement::agree_ephemeral(ephemeral, &theirs, |shared| {
        wrap_key(shared, share.as_ref(), &recipient.0)
    })
    .map_err(|_| WrapError::Recipient)?;

    let mut wrapped = key.as_bytes().to_vec();
    // Each wrap key is used once, so the zero nonce that age prescribes is never repeated. Only lengths near the limit of
    // the cipher (256 GiB) can fail.
    chacha20_poly1305(&wrap_key)
        .seal_in_place_append_tag(zero_nonce(), Aad::empty(), &mut wrapped)
        .map_err(|_| WrapError::Recipient)?;

    let mut header = format!(
        "{START}{}\n{}\n---",
        STANDARD_NO_PAD.encode(share.as_ref()),
        STANDARD_NO_PAD.encode(&wrapped)
    );
    let mac = hmac::sign(&key.mac_key(), header.as_bytes());
    header.push(' ');
    header.push_str(&STANDARD_NO_PAD.encode(mac.as_ref()));
    header.push('\n');
    Ok(header.into_bytes())
}

/// The file key in `header`, opened with `key`; the header's MAC is checked.
pub(crate) fn unwrap(header: &[u8], key: &OpeningKey) -> Result<FileKey, UnwrapError> {
    let (share, mut wrapped, mac) = parse(header).ok_or(UnwrapError::Form)?;
    let shared = key.agree(&share).ok_or(UnwrapError::NotForThisKey)?;
    let wrap_key = wrap_key(shared.as_slice(), &share, &key.public().0);
    let file_key = chacha20_poly1305(&wrap_key)
        .open_in_place(zero_nonce(), Aad::empty(), wrapped.as_mut_slice())
        .map_err(|_| UnwrapError::NotForThisKey)?;
    let file_key = FileKey::from_bytes(file_key).ok_or(UnwrapError::Form)?;
    let covered = header.get(..header.len() - AFTER_MAC_MARK).ok_or(UnwrapError::Form)?;
    hmac::verify(&file_key.mac_key(), covered, &mac).map_err(|_| UnwrapError::Mac)?;
    Ok(file_key)
}

/// Ephemeral share, wrapped file key (which becomes the file key in place) and MAC.
type Fields = ([u8; 32], Zeroizing<[u8; 32]>, [u8; 32]);

fn parse(header: &[u8]) -> Option<Fields> {
    if header.len() != SLIP_BYTES {
        return None;
    }
    let rest = str::from_utf8(header).ok()?.strip_prefix(START)?;
    let (share, rest) = rest.split_once('\n')?;
    let (wrapped, rest) = rest.split_once('\n')?;
    let mac = rest.strip_prefix(MAC_MARK)?.strip_suffix('\n')?;
    Some((decode(share)?, Zeroizing::new(decode(wrapped)?), decode(mac)?))
}

/// 32 bytes from canonical base64 without padding; stray bits at the end are refused.
fn decode(text: &str) -> Option<[u8; 32]> {
    STANDARD_NO_PAD.decode(text).ok()?.try_into().ok()
}

fn wrap_key(shared: &[u8], share: &[u8], recipient: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    derive(&[share, recipient.as_slice()].concat(), shared, WRAP_INFO)
}

fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static RECIPIENT: LazyLock<OpeningKey> = LazyLock::new(|| OpeningKey::generate().unwrap());

    #[test]
    fn the_recipient_and_nobody_else_gets_the_file_key() {
        let key = FileKey::generate().unwrap();
        let header = wrap(&key, &RECIPIENT.public()).unwrap();
        assert_eq!(header.len(), SLIP_BYTES);
        assert_eq!(unwrap(&header, &RECIPIENT).unwrap().as_bytes(), key.as_bytes());
        let other = OpeningKey::generate().unwrap();
        assert_eq!(unwrap(&header, &other).unwrap_err(), UnwrapError::NotForThisKey);
    }

    #[test]
    fn a_recipient_key_of_low_order_is_refused() {
        let key = FileKey::generate().unwrap();
        assert_eq!(wrap(&key, &OpeningPublicKey([0; 32])).unwrap_err(), WrapError::Recipient);
    }

    #[test]
    fn a_header_with_the_mac_of_another_is_refused() {
        let (one, two) = (FileKey::generate().unwrap(), FileKey::generate().unwrap());
        let mut header = wrap(&one, &RECIPIENT.public()).unwrap();
        let other = wrap(&two, &RECIPIENT.public()).unwrap();
        header[SLIP_BYTES - AFTER_MAC_MARK..].copy_from_slice(&other[SLIP_BYTES - AFTER_MAC_MARK..]);
        assert_eq!(unwrap(&header, &RECIPIENT).unwrap_err(), UnwrapError::Mac);
    }

    proptest! {
        #[test]
        fn any_changed_byte_of_a_header_is_refused(at in 0..SLIP_BYTES, flip in 1u8..=255) {
            let mut header = wrap(&FileKey::generate().unwrap(), &RECIPIENT.public()).unwrap();
            header[at] ^= flip;
            prop_assert!(unwrap(&header, &RECIPIENT).is_err());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(unwrap(&bytes, &RECIPIENT).is_err());
        }
    }
}
