//! The signed attributes of a CMS signature (RFC 5652, section 11; RFC 5035, section 3).

use crate::cms::SignatureError;
use const_oid::db::rfc5911::{
    ID_AA_SIGNING_CERTIFICATE_V_2, ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNING_TIME,
};
use const_oid::db::rfc5912::ID_SHA_256;
use der::asn1::{GeneralizedTime, ObjectIdentifier, OctetString, SetOfVec, UtcTime};
use der::{Any, Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;
use std::time::Duration;
use x509_cert::attr::Attribute;
use x509_cert::time::Time;
use yizhan_document::{Digest, WallTime};

/// 2050-01-01T00:00:00Z. From then on a time is a GeneralizedTime, before it a UTCTime (RFC 5652, section 11.3).
const YEAR_2050_SECONDS: u64 = 2_524_608_000;

/// What the attributes say.
pub(crate) struct Statement {
    /// SHA-256 of the content.
    pub(crate) digest: Digest,
    /// The signing time, in whole seconds once read back.
    pub(crate) at: WallTime,
    /// SHA-256 of the signer's certificate, so that none can be put in its place.
    pub(crate) certificate: Option<Digest>,
}

pub(crate) fn write(statement: &Statement) -> der::Result<SetOfVec<Attribute>> {
    let mut attributes = vec![
        attribute(ID_CONTENT_TYPE, Any::encode_from(&ID_DATA)?)?,
        attribute(ID_SIGNING_TIME, Any::encode_from(&time(statement.at)?)?)?,
        attribute(ID_MESSAGE_DIGEST, Any::encode_from(&octets(&statement.digest)?)?)?,
    ];
    if let Some(digest) = &statement.certificate {
        let id = EssCertIdV2 { hash_algorithm: None, hash: octets(digest)?, issuer_serial: None };
        let value = SigningCertificateV2 { certificates: vec![id], policies: None };
        attributes.push(attribute(ID_AA_SIGNING_CERTIFICATE_V_2, Any::encode_from(&value)?)?);
    }
    SetOfVec::try_from(attributes)
}

pub(crate) fn read(attributes: &SetOfVec<Attribute>) -> Result<Statement, SignatureError> {
    let content_type = one(attributes, ID_CONTENT_TYPE)?.ok_or(wrong("content-type is missing"))?;
    if content_type.decode_as::<ObjectIdentifier>() != Ok(ID_DATA) {
        return Err(wrong("content-type is not that of the content"));
    }
    let digest = one(attributes, ID_MESSAGE_DIGEST)?.ok_or(wrong("message-digest is missing"))?;
    let digest: OctetString = digest.decode_as().map_err(|_| wrong("message-digest is damaged"))?;
    let at = one(attributes, ID_SIGNING_TIME)?.ok_or(wrong("signing-time is missing"))?;
    let at =
        at.to_der().and_then(|der| Time::from_der(&der)).map_err(|_| wrong("signing-time is damaged"))?;
    let ms = at.to_unix_duration().as_secs().saturating_mul(1000);
    let certificate = match one(attributes, ID_AA_SIGNING_CERTIFICATE_V_2)? {
        Some(value) => Some(certificate_digest(value)?),
        None => None,
    };
    Ok(Statement {
        digest: sha256(&digest).ok_or(wrong("message-digest has not 32 bytes"))?,
        at: WallTime::from_ms(ms),
        certificate,
    })
}

/// RFC 5035, section 3.
#[derive(Sequence)]
struct SigningCertificateV2 {
    certificates: Vec<EssCertIdV2>,
    #[asn1(optional = "true")]
    policies: Option<Any>,
}

/// RFC 5035, section 4. An absent algorithm means SHA-256.
#[derive(Sequence)]
struct EssCertIdV2 {
    #[asn1(optional = "true")]
    hash_algorithm: Option<AlgorithmIdentifierOwned>,
    hash: OctetString,
    #[asn1(optional = "true")]
    issuer_serial: Option<Any>,
}

fn certificate_digest(value: &Any) -> Result<Digest, SignatureError> {
    let value: SigningCertificateV2 =
        value.decode_as().map_err(|_| wrong("signing-certificate-v2 is damaged"))?;
    // The first one is the signer's (RFC 5035, section 3); further ones may be of its chain.
    let first = value.certificates.first().ok_or(wrong("signing-certificate-v2 is empty"))?;
    if first.hash_algorithm.as_ref().is_some_and(|algorithm| algorithm.oid != ID_SHA_256) {
        return Err(wrong("signing-certificate-v2 does not use SHA-256"));
    }
    sha256(&first.hash).ok_or(wrong("signing-certificate-v2 has not 32 bytes"))
}

fn octets(digest: &Digest) -> der::Result<OctetString> {
    OctetString::new(digest.as_bytes().as_slice())
}

fn sha256(bytes: &OctetString) -> Option<Digest> {
    bytes.as_bytes().try_into().ok().map(Digest)
}

fn time(at: WallTime) -> der::Result<Time> {
    let since = Duration::from_secs(at.as_seconds());
    if at.as_seconds() < YEAR_2050_SECONDS {
        UtcTime::from_unix_duration(since).map(Time::UtcTime)
    } else {
        GeneralizedTime::from_unix_duration(since).map(Time::GeneralTime)
    }
}

fn attribute(oid: ObjectIdentifier, value: Any) -> der::Result<Attribute> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![value])? })
}

/// The value of an attribute that may be there once, with one value (RFC 5652, section 11).
fn one(attributes: &SetOfVec<Attribute>, oid: ObjectIdentifier) -> Result<Option<&Any>, SignatureError> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
    let (first, second) = (found.next(), found.next());
    let Some(attribute) = first else { return Ok(None) };
    match (attribute.values.as_slice(), second) {
        ([value], None) => Ok(Some(value)),
        _ => Err(wrong("an attribute stands there twice, or has not one value")),
    }
}

fn wrong(reason: &'static str) -> SignatureError {
    SignatureError::Attribute { reason }
}
