//! Ed25519 keys (RFC 8032), which sign ledgers, checkpoints and the directory.

use crate::pkcs8::{self, KeyError};
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

const WANTED: &str = "an Ed25519 private key";

/// A private Ed25519 key. A clone shares the same secret.
///
/// The PKCS#8 document is wiped when the last clone goes; the expanded key inside `ring` is not, which `ring` 0.17 offers
/// no way to do.
#[derive(Clone)]
pub struct SigningKey(Arc<Secret>);

struct Secret {
    pair: Ed25519KeyPair,
    document: Zeroizing<Vec<u8>>,
    public: PublicKey,
}

impl SigningKey {
    /// A new key from the system's random source.
    pub fn generate() -> Result<Self, KeyError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| KeyError::Random)?;
        // The bytes inside `document` are not wiped: ring's type does not offer it.
        Self::from_document(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// From a PEM `PRIVATE KEY` (PKCS#8 version 1, as `openssl genpkey` writes it, or version 2, as [`Self::to_text`]
    /// does).
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        Self::from_document(pkcs8::from_pem(text)?)
    }

    /// As PEM `PRIVATE KEY`, for a secret file.
    pub fn to_text(&self) -> Zeroizing<String> {
        pkcs8::to_pem(&self.0.document)
    }

    /// Signs `message`; the same message gives the same signature.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        // An Ed25519 signature always has 64 bytes (RFC 8032, section 5.1.6).
        bytes.iter_mut().zip(self.0.pair.sign(message).as_ref()).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        self.0.public
    }

    fn from_document(document: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        let rejected = KeyError::Rejected { wanted: WANTED };
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&document).map_err(|_| rejected)?;
        let public = pair.public_key().as_ref().try_into().map(PublicKey).map_err(|_| rejected)?;
        Ok(Self(Arc::new(Secret { pair, document, public })))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?})", self.0.public)
    }
}

/// A public Ed25519 key: the 32 bytes of RFC 8032, section 5.1.5.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Whether `signature` is this key's over `message`. Anything malformed is simply not a signature.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_text() {
        let key = SigningKey::generate().unwrap();
        let again = SigningKey::from_text(&key.to_text()).unwrap();
        assert_eq!(key.public(), again.public());
        assert_eq!(key.sign(b"word"), again.sign(b"word"));
        assert!(again.public().verify(b"word", &key.sign(b"word")));
    }

    #[test]
    fn the_first_vector_of_rfc_8032_holds() {
        let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let mut document = hex::decode("302e020100300506032b657004220420").unwrap();
        document.extend(seed);
        let key = SigningKey::from_text(&pkcs8::to_pem(&document)).unwrap();
        assert_eq!(
            format!("{:?}", key.public()),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
        assert_eq!(
            hex::encode(key.sign(b"")),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        );
    }

    #[test]
    fn a_flipped_bit_is_refused() {
        let key = SigningKey::generate().unwrap();
        let signature = key.sign(b"word");
        for at in 0..signature.len() {
            let mut changed = signature;
            changed[at] ^= 1;
            assert!(!key.public().verify(b"word", &changed), "byte {at}");
        }
        assert!(!key.public().verify(b"ward", &signature));
        assert!(!key.public().verify(b"word", &signature[..63]));
    }

    #[test]
    fn other_keys_and_damaged_texts_are_refused() {
        let text = SigningKey::generate().unwrap().to_text();
        let renamed = text.replace("PRIVATE KEY", "PUBLIC KEY");
        assert_eq!(SigningKey::from_text(&renamed).unwrap_err(), KeyError::Pem);
        assert_eq!(SigningKey::from_text("").unwrap_err(), KeyError::Pem);
        assert_eq!(SigningKey::from_text(&"x".repeat(9000)).unwrap_err(), KeyError::TooLong);
        let garbage = pkcs8::to_pem(&[0x30, 3, 2, 1, 0]);
        assert_eq!(SigningKey::from_text(&garbage).unwrap_err(), KeyError::Rejected { wanted: WANTED });
    }

    #[test]
    fn debug_shows_the_public_half_only() {
        let key = SigningKey::generate().unwrap();
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("SigningKey({})", hex::encode(key.public().0)));
    }
}
