//! Private ECDSA P-256 keys, which stand behind office, TLS and authority keys.

use crate::pkcs8::{self, KeyError};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use zeroize::Zeroizing;

const WANTED: &str = "an ECDSA P-256 private key";

/// An uncompressed point: 0x04, x, y (SEC 1, section 2.3.3).
pub(crate) type Point = [u8; 65];

/// A private key. The document is wiped when dropped; the copy inside `ring` is not, which `ring` 0.17 offers no way to do.
pub(crate) struct P256Key {
    pair: EcdsaKeyPair,
    document: Zeroizing<Vec<u8>>,
    point: Point,
}

impl P256Key {
    pub(crate) fn generate() -> Result<Self, KeyError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
            .map_err(|_| KeyError::Random)?;
        Self::from_document(Zeroizing::new(document.as_ref().to_vec()))
    }

    pub(crate) fn from_text(text: &str) -> Result<Self, KeyError> {
        Self::from_document(pkcs8::from_pem(text)?)
    }

    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        pkcs8::to_pem(&self.document)
    }

    pub(crate) fn document(&self) -> &Zeroizing<Vec<u8>> {
        &self.document
    }

    pub(crate) fn point(&self) -> &Point {
        &self.point
    }

    /// The signature in DER (RFC 3279, section 2.2.3). Two signatures of one message differ.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Random)?;
        Ok(signature.as_ref().to_vec())
    }

    fn from_document(document: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        let rejected = KeyError::Rejected { wanted: WANTED };
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &document, &SystemRandom::new())
            .map_err(|_| rejected)?;
        let point = pair.public_key().as_ref().try_into().map_err(|_| rejected)?;
        Ok(Self { pair, document, point })
    }
}

/// So that `rcgen` signs certificates with it.
impl rcgen::PublicKeyData for P256Key {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for P256Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        P256Key::sign(self, message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}
