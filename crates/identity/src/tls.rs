//! The TLS key, with which a node shows its neighbours who it is.

use crate::p256::P256Key;
use crate::pkcs8::KeyError;
use crate::subject_key::{Kind, SubjectKey};
use std::fmt;
use zeroize::Zeroizing;

/// The private P-256 key behind the certificate of a node.
pub struct NodeTlsKey(P256Key);

impl NodeTlsKey {
    /// A new key from the system's random source.
    pub fn generate() -> Result<Self, KeyError> {
        P256Key::generate().map(Self)
    }

    /// From a PEM `PRIVATE KEY` (PKCS#8).
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        P256Key::from_text(text).map(Self)
    }

    /// As PEM `PRIVATE KEY`, for a secret file.
    pub fn to_text(&self) -> Zeroizing<String> {
        self.0.to_text()
    }

    /// As PKCS#8 in DER, for rustls (`PrivatePkcs8KeyDer`).
    pub fn pkcs8_der(&self) -> Zeroizing<Vec<u8>> {
        self.0.document().clone()
    }
}

impl From<&NodeTlsKey> for SubjectKey {
    fn from(key: &NodeTlsKey) -> Self {
        Self(Kind::P256(*key.0.point()))
    }
}

impl fmt::Debug for NodeTlsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeTlsKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_text() {
        let key = NodeTlsKey::generate().unwrap();
        let again = NodeTlsKey::from_text(&key.to_text()).unwrap();
        assert_eq!(SubjectKey::from(&key), SubjectKey::from(&again));
        assert_eq!(key.pkcs8_der(), again.pkcs8_der());
    }

    #[test]
    fn debug_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", NodeTlsKey::generate().unwrap()), "NodeTlsKey(..)");
    }
}
