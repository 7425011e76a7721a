//! The office key, with which an office signs its documents and what it does with those of others.

use crate::cms::{self, SignatureError};
use crate::p256::P256Key;
use crate::pkcs8::KeyError;
use crate::subject_key::{Kind, SubjectKey};
use std::fmt;
use yizhan_document::WallTime;
use zeroize::Zeroizing;

/// The private ECDSA P-256 key of an office. Whether a node holds it for the office (a custodial key) stands in the
/// directory.
pub struct OfficeKey(pub(crate) P256Key);

impl OfficeKey {
    /// A new key from the system's random source.
    pub fn generate() -> Result<Self, KeyError> {
        P256Key::generate().map(Self)
    }

    /// From a PEM `PRIVATE KEY` (PKCS#8), as [`Self::to_text`] or `openssl genpkey` writes it.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        P256Key::from_text(text).map(Self)
    }

    /// As PEM `PRIVATE KEY`, for a secret file; `openssl pkey` reads it.
    pub fn to_text(&self) -> Zeroizing<String> {
        self.0.to_text()
    }

    /// Signs `content`: a detached CMS SignedData (RFC 5652) in DER, of [`crate::limits::CMS_BYTES_MAX`] bytes at most, with
    /// the certificates of office and network inside and the signing time in whole seconds.
    ///
    /// Refuses a certificate of another key and one that is not valid at `at`. That `ca_der` issued it is not checked
    /// again for every document: check it with [`crate::check_issued_by`] when it is loaded.
    pub fn sign_cms(
        &self,
        content: &[u8],
        certificate_der: &[u8],
        ca_der: &[u8],
        at: WallTime,
    ) -> Result<Vec<u8>, SignatureError> {
        cms::sign(&self.0, content, certificate_der, ca_der, at)
    }
}

impl From<&OfficeKey> for SubjectKey {
    fn from(key: &OfficeKey) -> Self {
        Self(Kind::P256(*key.0.point()))
    }
}

impl fmt::Debug for OfficeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OfficeKey(..)")
    }
}
