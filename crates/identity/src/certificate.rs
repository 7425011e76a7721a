//! Reading and checking certificates of the network: whom they name, who issued them, when they are valid.
//!
//! The profiles are in `certs/README.md`. Revocation is not decided here: the directory says what is revoked.

use crate::limits::CERTIFICATE_BYTES_MAX;
use crate::pkcs8::KeyError;
use crate::subject_key::SubjectKey;
use der::pem::{self, LineEnding};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::time::Duration;
use webpki::ring::ECDSA_P256_SHA256;
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::{Oid, asn1_rs::oid};
use x509_parser::prelude::FromDer;
use yizhan_document::{NodeId, OfficeAddress, WallTime};

const LABEL: &str = "CERTIFICATE";
/// id-kp-documentSigning (RFC 9336).
const DOCUMENT_SIGNING: Oid<'static> = oid!(1.3.6.1.5.5.7.3.36);

/// The node that a certificate names, from its URI SAN `yizhan://<network>/node/<id>`. Whether the network issued the
/// certificate is for [`check_issued_by`], or TLS, to find out.
pub fn node_of_certificate(der: &[u8], network: &str) -> Result<NodeId, CertificateError> {
    named(&parse(der)?, network, "node")
}

/// The office that a certificate names, from its URI SAN `yizhan://<network>/office/<office@node>`. Whether the network
/// issued the certificate is for [`check_issued_by`] to find out.
pub fn office_of_certificate(der: &[u8], network: &str) -> Result<OfficeAddress, CertificateError> {
    named(&parse(der)?, network, "office")
}

/// Checks that the authority behind `ca_der` issued `cert_der` directly, and that both are valid at `at` (RFC 5280,
/// section 6.1, with no certificates between). What the certificate may be used for is not asked.
pub fn check_issued_by(cert_der: &[u8], ca_der: &[u8], at: WallTime) -> Result<(), CertificateError> {
    parse(cert_der)?;
    let authority = parse_authority(ca_der)?;
    check_span(span(&authority)?, at)?;
    let (certificate, ca) = (CertificateDer::from(cert_der), CertificateDer::from(ca_der));
    let anchor = anchor_from_trusted_cert(&ca).map_err(|error| not_issued(&error, at))?;
    EndEntityCert::try_from(&certificate)
        .and_then(|end| {
            let time = UnixTime::since_unix_epoch(Duration::from_millis(at.as_ms()));
            end.verify_for_usage(&[ECDSA_P256_SHA256], &[anchor], &[], time, AnyUsage, None, None).map(drop)
        })
        .map_err(|error| not_issued(&error, at))
}

/// From when to when a certificate is valid, both included.
pub fn validity_of_certificate(der: &[u8]) -> Result<(WallTime, WallTime), CertificateError> {
    span(&parse(der)?)
}

/// A certificate as PEM.
pub fn certificate_to_pem(der: &[u8]) -> String {
    // Encoding fails only when the length overflows; the empty text would be refused by every reader.
    pem::encode_string(LABEL, LineEnding::LF, der).unwrap_or_default()
}

/// The certificate in a PEM text that holds just this one.
pub fn certificate_from_pem(text: &str) -> Result<Vec<u8>, CertificateError> {
    let wrong = |reason| CertificateError::Malformed { reason };
    if text.len() > CERTIFICATE_BYTES_MAX * 2 {
        return Err(wrong("it is too long"));
    }
    let (label, der) = pem::decode_vec(text.as_bytes()).map_err(|_| wrong("it is not PEM"))?;
    if label != LABEL {
        return Err(wrong("its PEM label is not CERTIFICATE"));
    }
    parse(&der)?;
    Ok(der)
}

/// Why a certificate was not issued or not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The operator chose a bad name for the network.
    #[error("a network cannot be named so: {reason}; write a DNS name in lower case, such as xj.example")]
    Network {
        /// The rule it breaks.
        reason: &'static str,
    },
    /// The operator asked for a life that is too short or too long.
    #[error("a certificate of this kind lives 1 to {max} {unit}")]
    Span {
        /// The most.
        max: u32,
        /// Years or days.
        unit: &'static str,
    },
    /// The key is of a kind that this certificate cannot have.
    #[error("this certificate needs {wanted}")]
    KeyKind {
        /// The kind it needs.
        wanted: &'static str,
    },
    /// A key could not be made, read or used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificate could not be put together; a defect of this program.
    #[error("the certificate could not be written: {reason}")]
    Encoding {
        /// What the encoder said.
        reason: String,
    },
    /// Whoever sent the certificate is to blame; the same bytes will never do.
    #[error("this is no certificate: {reason}")]
    Malformed {
        /// What is wrong.
        reason: &'static str,
    },
    /// It is valid perhaps, but not the network's own certificate. Check which file was named.
    #[error("this is not the certificate of a network: {reason}")]
    NotAuthority {
        /// The rule it breaks.
        reason: &'static str,
    },
    /// Certificate and private key do not belong together. Check which files were named.
    #[error(
        "the private key does not belong to the certificate; check that both files are from the same issue"
    )]
    WrongKey,
    /// The certificate names somebody else, or nobody, of this network.
    #[error("the certificate names no {wanted} of this network: {reason}")]
    Name {
        /// Node or office.
        wanted: &'static str,
        /// The rule it breaks.
        reason: &'static str,
    },
    /// The certificate is not meant for this.
    #[error("the certificate is not meant for signing documents: {reason}")]
    Usage {
        /// The rule it breaks.
        reason: &'static str,
    },
    /// Another authority issued it, or it was changed.
    #[error("the network did not issue this certificate ({reason}); ask its owner for the right one")]
    NotIssued {
        /// What the check said.
        reason: String,
    },
    /// Too early for it. The clock may be to blame, its owner's or ours.
    #[error("the certificate is not valid before {begins}, and this was at {at}; check the clocks")]
    NotYetValid {
        /// When it begins.
        begins: WallTime,
        /// The moment that counted.
        at: WallTime,
    },
    /// Too late for it. Its owner should have renewed it.
    #[error("the certificate ended at {ended}, and this was at {at}; its owner must have it renewed")]
    Expired {
        /// When it ended.
        ended: WallTime,
        /// The moment that counted.
        at: WallTime,
    },
}

pub(crate) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, CertificateError> {
    let wrong = |reason| CertificateError::Malformed { reason };
    if der.len() > CERTIFICATE_BYTES_MAX {
        return Err(wrong("it is too long"));
    }
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err(wrong("something follows it")),
        Err(_) => Err(wrong("it is not X.509 in DER")),
    }
}

/// A certificate with the marks of an authority. That it is the right one, whoever hands it in must know.
pub(crate) fn parse_authority(der: &[u8]) -> Result<X509Certificate<'_>, CertificateError> {
    let wrong = |reason| CertificateError::NotAuthority { reason };
    let certificate = parse(der)?;
    if !certificate.is_ca() {
        return Err(wrong("it is not marked as an authority's (basic constraints)"));
    }
    match certificate.key_usage() {
        Ok(Some(usage)) if usage.value.key_cert_sign() => Ok(certificate),
        _ => Err(wrong("its key may not sign certificates (key usage)")),
    }
}

/// Checks that a certificate may sign documents: key usage digitalSignature, extended key usage documentSigning.
pub(crate) fn check_signs_documents(certificate: &X509Certificate<'_>) -> Result<(), CertificateError> {
    let wrong = |reason| Err(CertificateError::Usage { reason });
    match certificate.key_usage() {
        Ok(Some(usage)) if usage.value.digital_signature() => {}
        _ => return wrong("key usage digitalSignature is missing"),
    }
    match certificate.extended_key_usage() {
        Ok(Some(usage)) if usage.value.other.contains(&DOCUMENT_SIGNING) => Ok(()),
        _ => wrong("extended key usage documentSigning is missing"),
    }
}

/// The public key of a certificate, if it is of a kind used here.
pub(crate) fn subject_key(certificate: &X509Certificate<'_>) -> Option<SubjectKey> {
    SubjectKey::from_der(certificate.public_key().raw)
}

pub(crate) fn span(certificate: &X509Certificate<'_>) -> Result<(WallTime, WallTime), CertificateError> {
    let moment = |seconds: i64| {
        u64::try_from(seconds)
            .map(|seconds| WallTime::from_ms(seconds.saturating_mul(1000)))
            .map_err(|_| CertificateError::Malformed { reason: "it is from before 1970" })
    };
    let validity = certificate.validity();
    Ok((moment(validity.not_before.timestamp())?, moment(validity.not_after.timestamp())?))
}

pub(crate) fn check_span(span: (WallTime, WallTime), at: WallTime) -> Result<(), CertificateError> {
    let (begins, ended) = span;
    // Certificates count whole seconds: the last one is valid to its end.
    if at.as_seconds() < begins.as_seconds() {
        return Err(CertificateError::NotYetValid { begins, at });
    }
    if at.as_seconds() > ended.as_seconds() {
        return Err(CertificateError::Expired { ended, at });
    }
    Ok(())
}

/// The one URI of a certificate's alternative names, which must be `yizhan://<network>/<kind>/<name>`.
pub(crate) fn named<T: std::str::FromStr>(
    certificate: &X509Certificate<'_>,
    network: &str,
    kind: &'static str,
) -> Result<T, CertificateError> {
    let wrong = |reason| CertificateError::Name { wanted: kind, reason };
    let names = match certificate.subject_alternative_name() {
        Ok(Some(names)) => &names.value.general_names,
        Ok(None) => return Err(wrong("it has no alternative name")),
        Err(_) => return Err(wrong("its alternative names are damaged")),
    };
    let mut uris = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    let (Some(uri), None) = (uris.next(), uris.next()) else {
        return Err(wrong("it has not exactly one URI"));
    };
    uri.strip_prefix("yizhan://")
        .and_then(|rest| rest.strip_prefix(network))
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|rest| rest.strip_prefix(kind))
        .and_then(|rest| rest.strip_prefix('/'))
        .ok_or(wrong("its URI is of another network or kind"))?
        .parse()
        .map_err(|_| wrong("the name in its URI is malformed"))
}

/// Extended key usage is left to the caller: the same check serves nodes and offices.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, usages: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        usages.into_iter().try_for_each(|usage| usage.map(drop))
    }
}

fn not_issued(error: &webpki::Error, at: WallTime) -> CertificateError {
    let wall = |time: &UnixTime| WallTime::from_ms(time.as_secs().saturating_mul(1000));
    match error {
        webpki::Error::CertNotValidYet { not_before, .. } => {
            CertificateError::NotYetValid { begins: wall(not_before), at }
        }
        webpki::Error::CertExpired { not_after, .. } => {
            CertificateError::Expired { ended: wall(not_after), at }
        }
        other => CertificateError::NotIssued { reason: other.to_string() },
    }
}
