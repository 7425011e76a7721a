//! The public key that a certificate is issued for.

use crate::ed25519::PublicKey;
use crate::limits::KEY_TEXT_BYTES_MAX;
use crate::p256::Point;
use crate::pkcs8::KeyError;
use const_oid::db::rfc5912::{ID_EC_PUBLIC_KEY, SECP_256_R_1};
use const_oid::db::rfc8410::ID_ED_25519;
use der::pem::{self, LineEnding};
use der::{Decode, asn1::ObjectIdentifier};
use spki::SubjectPublicKeyInfoRef;

const LABEL: &str = "PUBLIC KEY";
const WANTED: &str = "a PEM `PUBLIC KEY` on P-256 or of Ed25519, as `openssl pkey -pubout` writes it";

/// A public key as certificates hold it (SubjectPublicKeyInfo, RFC 5280, section 4.1). It comes from a private key held
/// here, or as PEM from an office whose key lives elsewhere, such as in a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubjectKey(pub(crate) Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    P256(Point),
    Ed25519([u8; 32]),
}

impl SubjectKey {
    /// From a PEM `PUBLIC KEY`. That the sender holds the private half is not shown by it: take it over a channel that
    /// shows who sends it.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let wrong = KeyError::Public { wanted: WANTED };
        if text.len() > KEY_TEXT_BYTES_MAX {
            return Err(KeyError::TooLong);
        }
        let (label, document) = pem::decode_vec(text.as_bytes()).map_err(|_| wrong)?;
        if label != LABEL {
            return Err(wrong);
        }
        Self::from_der(&document).ok_or(wrong)
    }

    /// As PEM `PUBLIC KEY`.
    pub fn to_text(&self) -> String {
        // Encoding fails only when the length overflows, which a key's few bytes cannot.
        pem::encode_string(LABEL, LineEnding::LF, &rcgen::PublicKeyData::subject_public_key_info(self))
            .unwrap_or_default()
    }

    pub(crate) fn from_der(document: &[u8]) -> Option<Self> {
        let info = SubjectPublicKeyInfoRef::from_der(document).ok()?;
        let bytes = info.subject_public_key.as_bytes()?;
        match (info.algorithm.oid, info.algorithm.parameters) {
            (ID_EC_PUBLIC_KEY, Some(curve)) if curve.decode_as::<ObjectIdentifier>() == Ok(SECP_256_R_1) => {
                let point: Point = bytes.try_into().ok()?;
                (point.first() == Some(&4)).then_some(Self(Kind::P256(point)))
            }
            (ID_ED_25519, None) => Some(Self(Kind::Ed25519(bytes.try_into().ok()?))),
            _ => None,
        }
    }
}

impl From<PublicKey> for SubjectKey {
    fn from(key: PublicKey) -> Self {
        Self(Kind::Ed25519(key.0))
    }
}

/// So that `rcgen` puts it into certificates.
impl rcgen::PublicKeyData for SubjectKey {
    fn der_bytes(&self) -> &[u8] {
        match &self.0 {
            Kind::P256(point) => point,
            Kind::Ed25519(key) => key,
        }
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        match self.0 {
            Kind::P256(_) => &rcgen::PKCS_ECDSA_P256_SHA256,
            Kind::Ed25519(_) => &rcgen::PKCS_ED25519,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NodeTlsKey, SigningKey};

    #[test]
    fn public_keys_survive_their_text() {
        let p256 = SubjectKey::from(&NodeTlsKey::generate().unwrap());
        let ed25519 = SubjectKey::from(SigningKey::generate().unwrap().public());
        for key in [p256, ed25519] {
            assert_eq!(SubjectKey::from_text(&key.to_text()).unwrap(), key);
        }
    }

    #[test]
    fn other_keys_are_refused() {
        // Another curve (P-384), made by `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384`.
        let mut p384 = hex::decode("3076301006072a8648ce3d020106052b81040022036200").unwrap();
        p384.extend([4; 97]);
        assert!(SubjectKey::from_der(&p384).is_none());
        let pem = SubjectKey::from(PublicKey([7; 32])).to_text();
        assert!(SubjectKey::from_text(&pem.replace("PUBLIC", "PRIVATE")).is_err());
        assert!(SubjectKey::from_text("").is_err());
        assert_eq!(SubjectKey::from_text(&"-".repeat(9000)), Err(KeyError::TooLong));
    }
}
