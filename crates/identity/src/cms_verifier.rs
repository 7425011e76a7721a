//! Verifies signatures of offices and does not verify again what cannot have changed: that a certificate was issued, and a
//! signature over the same text.

use crate::certificate::{check_issued_by, validity_of_certificate};
use crate::cms::{SignatureError, Signed, verify_with};
use crate::{CertificateError, verify_cms};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use yizhan_document::{Digest, WallTime};

/// Certificates and signatures remembered, at the most of each; then all are forgotten and verified again when they come.
const REMEMBERED_MAX: usize = 4096;

/// Verifies for one network and its authority. Shared between threads. Remembers only what is good, by a digest over all that
/// was verified; whether an office or a certificate still counts is asked of the directory by the caller each time.
pub struct CmsVerifier {
    network: String,
    ca: Vec<u8>,
    /// Certificates that the authority issued, and from when to when both are valid.
    issued: Mutex<HashMap<Digest, (WallTime, WallTime)>>,
    signed: Mutex<HashMap<Digest, Signed>>,
}

impl CmsVerifier {
    /// For the network of this name, whose authority has this certificate (DER).
    pub fn new(network: &str, ca: &[u8]) -> Self {
        Self {
            network: network.to_owned(),
            ca: ca.to_vec(),
            issued: Mutex::default(),
            signed: Mutex::default(),
        }
    }

    /// What [`verify_cms`] says of a signature that comes once.
    pub fn verify(&self, content: &[u8], cms: &[u8]) -> Result<Signed, SignatureError> {
        verify_with(content, cms, &self.network, &self.ca, &|certificate, at| {
            self.check_issued(certificate, at)
        })
    }

    /// The same for a signature that comes again and again, such as that over a batch.
    pub fn verify_recurring(&self, content: &[u8], cms: &[u8]) -> Result<Signed, SignatureError> {
        // The length keeps content and signature apart.
        let name = Digest::of_all(&[&(content.len() as u64).to_be_bytes(), content, cms]);
        if let Some(signed) = known(&self.signed, &name) {
            return Ok(signed);
        }
        let signed = verify_cms(content, cms, &self.network, &self.ca)?;
        remember(&self.signed, name, signed.clone());
        Ok(signed)
    }

    fn check_issued(&self, certificate: &[u8], at: WallTime) -> Result<(), CertificateError> {
        let name = Digest::of(certificate);
        match known(&self.issued, &name) {
            Some((from, to)) if from <= at && at <= to => Ok(()),
            // Out of its time: the whole check says how.
            Some(_) => check_issued_by(certificate, &self.ca, at),
            None => {
                check_issued_by(certificate, &self.ca, at)?;
                let (own, above) =
                    (validity_of_certificate(certificate)?, validity_of_certificate(&self.ca)?);
                remember(&self.issued, name, (own.0.max(above.0), own.1.min(above.1)));
                Ok(())
            }
        }
    }
}

fn known<K: Eq + Hash, V: Clone>(cache: &Mutex<HashMap<K, V>>, name: &K) -> Option<V> {
    // A thread that panicked while it held the lock left a cache at the worst.
    cache.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
}

fn remember<K: Eq + Hash, V>(cache: &Mutex<HashMap<K, V>>, name: K, value: V) {
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    if cache.len() >= REMEMBERED_MAX {
        cache.clear();
    }
    cache.insert(name, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CertificateAuthority, OfficeKey};

    #[test]
    fn what_is_remembered_says_the_same_as_the_first_time_and_nothing_of_anything_else() {
        let (now, late) = ("2026-11-20T08:00:00Z".parse::<WallTime>().unwrap(), 400 * 24 * 3600 * 1000);
        let authority = CertificateAuthority::create("xj.example", now, 30).unwrap();
        let key = OfficeKey::generate().unwrap();
        let office = "gov-office@652301".parse().unwrap();
        let certificate = authority.issue_office(&office, &key, now, 365).unwrap();
        let ca = authority.certificate_der();
        let cms = key.sign_cms(b"tree", &certificate, ca, now).unwrap();
        let verifier = CmsVerifier::new("xj.example", ca);
        for _ in 0..3 {
            assert_eq!(verifier.verify(b"tree", &cms), verify_cms(b"tree", &cms, "xj.example", ca));
            assert_eq!(verifier.verify_recurring(b"tree", &cms).unwrap().office, office);
            assert_eq!(verifier.verify_recurring(b"other", &cms), Err(SignatureError::Content));
            assert_eq!(verifier.verify(b"other", &cms), Err(SignatureError::Content));
        }
        assert!(verifier.check_issued(&certificate, now).is_ok());
        let expired = check_issued_by(&certificate, ca, now.plus_ms(late));
        assert!(expired.is_err());
        assert_eq!(verifier.check_issued(&certificate, now.plus_ms(late)), expired);
        let other = CmsVerifier::new(
            "xj.example",
            CertificateAuthority::create("xj.example", now, 30).unwrap().certificate_der(),
        );
        assert!(other.verify(b"tree", &cms).is_err());
    }
}
