//! The network's own certificate authority: issues the certificates of nodes and offices.

use crate::certificate::{
    CertificateError, certificate_from_pem, certificate_to_pem, parse_authority, span, subject_key,
};
use crate::limits::{AUTHORITY_YEARS_MAX, BEGINS_BEFORE_ISSUE_MS, LEAF_DAYS_MAX, NETWORK_NAME_BYTES_MAX};
use crate::p256::P256Key;
use crate::pkcs8::KeyError;
use crate::subject_key::{Kind, SubjectKey};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyUsagePurpose, SanType, SerialNumber,
};
use ring::rand::{SecureRandom, SystemRandom};
use rustls_pki_types::CertificateDer;
use std::fmt;
use time::OffsetDateTime;
use yizhan_document::{NodeId, OfficeAddress, WallTime};
use zeroize::Zeroizing;

const DAY_MS: u64 = 24 * 3600 * 1000;
/// A year of 365.25 days.
const YEAR_MS: u64 = 31_557_600_000;

/// The authority of a network: one self-signed P-256 certificate, whose common name is the network's, and its key.
pub struct CertificateAuthority {
    network: String,
    certificate: Vec<u8>,
    ends: WallTime,
    key: P256Key,
}

impl CertificateAuthority {
    /// A new authority for `network`, a DNS name in lower case, for `years` years of 365.25 days.
    pub fn create(network: &str, now: WallTime, years: u32) -> Result<Self, CertificateError> {
        check_network(network)?;
        if years == 0 || years > AUTHORITY_YEARS_MAX {
            return Err(CertificateError::Span { max: AUTHORITY_YEARS_MAX, unit: "years" });
        }
        let key = P256Key::generate()?;
        let ends = now.plus_ms(u64::from(years) * YEAR_MS);
        let mut params = params(network, now, ends)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.use_authority_key_identifier_extension = false;
        let certificate = params.self_signed(&key).map_err(encoding)?.der().to_vec();
        Ok(Self { network: network.to_owned(), certificate, ends, key })
    }

    /// From the certificate and the key of [`Self::certificate_pem`] and [`Self::key_pem`]. Certificates that another tool
    /// made do as well, if they keep to the profile in `certs/README.md`.
    pub fn from_pem(cert_pem: &str, key_pem: &str) -> Result<Self, CertificateError> {
        let wrong = |reason| CertificateError::NotAuthority { reason };
        let certificate = certificate_from_pem(cert_pem)?;
        let key = P256Key::from_text(key_pem)?;
        let parsed = parse_authority(&certificate)?;
        if subject_key(&parsed) != Some(SubjectKey(Kind::P256(*key.point()))) {
            return Err(CertificateError::WrongKey);
        }
        if parsed.subject().as_raw() != parsed.issuer().as_raw() || parsed.verify_signature(None).is_err() {
            return Err(wrong("it is not signed by its own key"));
        }
        let names: Vec<_> = parsed.subject().iter_common_name().collect();
        let [name] = names.as_slice() else {
            return Err(wrong("its subject has not exactly one common name"));
        };
        let network = name.as_str().map_err(|_| wrong("its common name is not text"))?.to_owned();
        check_network(&network)?;
        let (_, ends) = span(&parsed)?;
        Ok(Self { network, certificate, ends, key })
    }

    /// The name of the network.
    pub fn network(&self) -> &str {
        &self.network
    }

    /// The authority's own certificate, DER.
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    /// The authority's own certificate, PEM.
    pub fn certificate_pem(&self) -> String {
        certificate_to_pem(&self.certificate)
    }

    /// The authority's private key as PEM `PRIVATE KEY`, for a secret file.
    pub fn key_pem(&self) -> Zeroizing<String> {
        self.key.to_text()
    }

    /// A certificate (DER) for a node, with which it is both client and server of TLS. It names the node twice: as
    /// `yizhan://<network>/node/<id>`, which is checked, and as DNS name `<id>.<network>`, which is dialled. The key is a
    /// [`crate::NodeTlsKey`], an Ed25519 [`crate::PublicKey`], or a [`SubjectKey`] from elsewhere. It begins one hour
    /// before `now` and never outlives the authority.
    pub fn issue_node(
        &self,
        node: NodeId,
        key: impl Into<SubjectKey>,
        now: WallTime,
        days: u32,
    ) -> Result<Vec<u8>, CertificateError> {
        let uri = format!("yizhan://{}/node/{node}", self.network);
        let mut params = self.leaf_params(node.as_str(), &uri, now, days)?;
        let dns = format!("{node}.{}", self.network);
        params.subject_alt_names.push(SanType::DnsName(dns.try_into().map_err(encoding)?));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(&params, &key.into())
    }

    /// A certificate (DER) for an office, with which it signs documents: `yizhan://<network>/office/<office@node>`, key
    /// usage digitalSignature and nonRepudiation, extended key usage documentSigning (RFC 9336) and, for mail-minded tools
    /// such as `openssl cms`, emailProtection; so TLS does not accept it. The key is an [`crate::OfficeKey`], or a P-256
    /// [`SubjectKey`] where the office keeps its key itself. It begins one hour before `now` and never outlives the
    /// authority.
    pub fn issue_office(
        &self,
        office: &OfficeAddress,
        key: impl Into<SubjectKey>,
        now: WallTime,
        days: u32,
    ) -> Result<Vec<u8>, CertificateError> {
        let key = key.into();
        if !matches!(key.0, Kind::P256(_)) {
            return Err(CertificateError::KeyKind { wanted: "an ECDSA P-256 key" });
        }
        let uri = format!("yizhan://{}/office/{office}", self.network);
        let mut params = self.leaf_params(&office.to_string(), &uri, now, days)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 36]),
            ExtendedKeyUsagePurpose::EmailProtection,
        ];
        self.issue(&params, &key)
    }

    fn leaf_params(
        &self,
        name: &str,
        uri: &str,
        now: WallTime,
        days: u32,
    ) -> Result<CertificateParams, CertificateError> {
        if days == 0 || days > LEAF_DAYS_MAX {
            return Err(CertificateError::Span { max: LEAF_DAYS_MAX, unit: "days" });
        }
        if now > self.ends {
            return Err(CertificateError::Expired { ended: self.ends, at: now });
        }
        let ends = now.plus_ms(u64::from(days) * DAY_MS).min(self.ends);
        let mut params = params(name, now, ends)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.subject_alt_names.push(SanType::URI(uri.try_into().map_err(encoding)?));
        Ok(params)
    }

    fn issue(&self, params: &CertificateParams, key: &SubjectKey) -> Result<Vec<u8>, CertificateError> {
        let authority = CertificateDer::from(self.certificate.as_slice());
        let issuer = Issuer::from_ca_cert_der(&authority, &self.key).map_err(encoding)?;
        Ok(params.signed_by(key, &issuer).map_err(encoding)?.der().to_vec())
    }
}

impl fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateAuthority({})", self.network)
    }
}

fn params(name: &str, now: WallTime, ends: WallTime) -> Result<CertificateParams, CertificateError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(random_serial()?);
    params.not_before = moment(WallTime::from_ms(now.as_ms().saturating_sub(BEGINS_BEFORE_ISSUE_MS)))?;
    params.not_after = moment(ends)?;
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// 16 bytes, 126 bits of them random; positive and not zero (RFC 5280, section 4.1.2.2).
fn random_serial() -> Result<SerialNumber, CertificateError> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| KeyError::Random)?;
    // The first byte between 0x40 and 0x7f: neither negative nor shortened by a leading zero.
    bytes[0] = bytes[0] & 0x3f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn moment(at: WallTime) -> Result<OffsetDateTime, CertificateError> {
    i64::try_from(at.as_seconds())
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or(CertificateError::Encoding { reason: "the moment is out of range".to_owned() })
}

fn encoding(error: rcgen::Error) -> CertificateError {
    CertificateError::Encoding { reason: error.to_string() }
}

/// A DNS name (RFC 1123, section 2.1) in lower case whose last label is not a number, so that nothing takes
/// `<id>.<network>` for an IP address.
fn check_network(name: &str) -> Result<(), CertificateError> {
    let wrong = |reason| Err(CertificateError::Network { reason });
    if name.is_empty() || name.len() > NETWORK_NAME_BYTES_MAX {
        return wrong("it has not 1 to 64 characters");
    }
    if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.') {
        return wrong("only a-z, 0-9, - and . may stand in it");
    }
    let bad =
        |label: &str| label.is_empty() || label.len() > 63 || label.starts_with('-') || label.ends_with('-');
    if name.split('.').any(bad) {
        return wrong("between its dots stand 1 to 63 characters, without a hyphen at either end");
    }
    if name.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit())) {
        return wrong("its last part is a number");
    }
    Ok(())
}

#[cfg(test)]
#[path = "authority_tests.rs"]
mod tests;
