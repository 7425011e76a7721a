//! Signatures of offices: detached CMS SignedData (RFC 5652), ECDSA P-256 with SHA-256 (RFC 5753, RFC 5754).
//!
//! `openssl cms -verify` checks them. There is one form: DER without anything to spare, one signer, the signed attributes
//! content-type, message-digest, signing-time and signing-certificate-v2 (RFC 5035). What other tools sign is accepted
//! when it keeps to it; further signed attributes are passed over, and signing-certificate-v2 may be missing.

use crate::attributes;
use crate::certificate::{
    CertificateError, check_issued_by, check_signs_documents, check_span, named, parse, span, subject_key,
};
use crate::limits::{CMS_BYTES_MAX, CMS_CERTIFICATES_MAX};
use crate::p256::P256Key;
use crate::pkcs8::KeyError;
use crate::subject_key::{Kind, SubjectKey};
use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use const_oid::db::rfc5911::{ID_DATA, ID_SIGNED_DATA};
use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ID_SHA_256};
use der::asn1::{ObjectIdentifier, OctetString, SetOfVec};
use der::{Any, Decode, Encode};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use yizhan_document::{Digest, OfficeAddress, WallTime};
use yizhan_planted::{Bug, on};

/// Who signed, with which certificate, and when by the signer's own clock (in whole seconds).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The office that signed.
    pub office: OfficeAddress,
    /// Its certificate, DER. Whether it was revoked at `at` is for the directory to say.
    pub certificate: Vec<u8>,
    /// The signing time that the signer states. Only a ledger proves that it was not later.
    pub at: WallTime,
}

/// Checks a detached signature over `content`: form, message digest, signature, the certificate's issue by `ca_der`, its
/// validity at the signing time, its name in `network` and its usage. Exactly one signer is accepted.
pub fn verify_cms(
    content: &[u8],
    cms_der: &[u8],
    network: &str,
    ca_der: &[u8],
) -> Result<Signed, SignatureError> {
    verify_with(content, cms_der, network, ca_der, &|certificate, at| {
        check_issued_by(certificate, ca_der, at)
    })
}

/// Whether a certificate was issued by the authority and is valid at that time.
pub(crate) type CheckIssued<'a> = dyn Fn(&[u8], WallTime) -> Result<(), CertificateError> + 'a;

/// [`verify_cms`] with the issue of the certificate checked by the caller.
pub(crate) fn verify_with(
    content: &[u8],
    cms_der: &[u8],
    network: &str,
    ca_der: &[u8],
    issued: &CheckIssued<'_>,
) -> Result<Signed, SignatureError> {
    let data = decode(cms_der)?;
    let signer = only_signer(&data)?;
    let certificate = certificate_of(signer, &data, ca_der)?;
    let signed = signer.signed_attrs.as_ref().ok_or(form("it has no signed attributes"))?;
    let statement = attributes::read(signed)?;
    if statement.digest != Digest::of(content) && !on(Bug::ContentUnsigned) {
        return Err(SignatureError::Content);
    }
    if statement.certificate.is_some_and(|digest| digest != Digest::of(&certificate)) {
        return Err(SignatureError::Attribute { reason: "signing-certificate-v2 names another certificate" });
    }
    let parsed = parse(&certificate)?;
    let Some(SubjectKey(Kind::P256(point))) = subject_key(&parsed) else {
        return Err(CertificateError::KeyKind { wanted: "an ECDSA P-256 key" }.into());
    };
    // What is signed is the SET OF with its own tag 0x31, not the implicit [0] under which it is stored (RFC 5652, 5.4).
    let message = signed.to_der().map_err(|_| form("its signed attributes are damaged"))?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
        .verify(&message, signer.signature.as_bytes())
        .or_else(|bad| if on(Bug::SignatureUnverified) { Ok(()) } else { Err(bad) })
        .map_err(|_| SignatureError::Signature)?;
    issued(&certificate, statement.at)?;
    check_signs_documents(&parsed)?;
    let office = named(&parsed, network, "office")?;
    Ok(Signed { office, certificate, at: statement.at })
}

/// Why a document was not signed, or a signature not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not a signature in the form that is accepted. Whoever sent it is to blame; the same bytes will never do.
    #[error("this is no CMS signature as it is used here: {reason}")]
    Form {
        /// The rule it breaks.
        reason: &'static str,
    },
    /// A signed attribute is missing, double or wrong. Whoever made the signature is to blame.
    #[error("the signature's attributes are wrong: {reason}")]
    Attribute {
        /// The rule they break.
        reason: &'static str,
    },
    /// The signature is of another content: one of the two was changed or mixed up.
    #[error("the signature is of another content than this")]
    Content,
    /// The signature is not by the key of its certificate: it was changed or forged.
    #[error("the signature is not by the key of its certificate")]
    Signature,
    /// The certificate is not good for it.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Signing failed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The signature could not be put together; a defect of this program, or certificates larger than ours ever are.
    #[error("the signature could not be written")]
    Encoding,
}

pub(crate) fn sign(
    key: &P256Key,
    content: &[u8],
    certificate_der: &[u8],
    ca_der: &[u8],
    at: WallTime,
) -> Result<Vec<u8>, SignatureError> {
    let parsed = parse(certificate_der)?;
    check_span(span(&parsed)?, at)?;
    if subject_key(&parsed) != Some(SubjectKey(Kind::P256(*key.point()))) {
        return Err(CertificateError::WrongKey.into());
    }
    let statement = attributes::Statement {
        digest: Digest::of(content),
        at,
        certificate: Some(Digest::of(certificate_der)),
    };
    let signed = attributes::write(&statement).map_err(|_| SignatureError::Encoding)?;
    let signature = key.sign(&signed.to_der().map_err(|_| SignatureError::Encoding)?)?;
    let cms = encode(signed, signature, certificate_der, ca_der).map_err(|_| SignatureError::Encoding)?;
    if cms.len() > CMS_BYTES_MAX {
        return Err(SignatureError::Encoding);
    }
    Ok(cms)
}

fn encode(
    signed: SetOfVec<x509_cert::attr::Attribute>,
    signature: Vec<u8>,
    certificate_der: &[u8],
    ca_der: &[u8],
) -> der::Result<Vec<u8>> {
    let certificate = Certificate::from_der(certificate_der)?;
    let sid = IssuerAndSerialNumber {
        issuer: certificate.tbs_certificate.issuer.clone(),
        serial_number: certificate.tbs_certificate.serial_number.clone(),
    };
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(sid),
        digest_alg: algorithm(ID_SHA_256),
        signed_attrs: Some(signed),
        signature_algorithm: algorithm(ECDSA_WITH_SHA_256),
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    };
    let certificates = vec![
        CertificateChoices::Certificate(certificate),
        CertificateChoices::Certificate(Certificate::from_der(ca_der)?),
    ];
    let data = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![algorithm(ID_SHA_256)])?,
        encap_content_info: EncapsulatedContentInfo { econtent_type: ID_DATA, econtent: None },
        certificates: Some(CertificateSet::try_from(certificates)?),
        crls: None,
        signer_infos: SignerInfos::try_from(vec![signer])?,
    };
    ContentInfo { content_type: ID_SIGNED_DATA, content: Any::encode_from(&data)? }.to_der()
}

fn algorithm(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid, parameters: None }
}

/// Decodes, and demands that the bytes are the only ones that decode so: nothing trails, no set is out of order.
fn decode(cms_der: &[u8]) -> Result<SignedData, SignatureError> {
    if cms_der.len() > CMS_BYTES_MAX {
        return Err(form("it is too long"));
    }
    let info = ContentInfo::from_der(cms_der).map_err(|_| form("it is not DER"))?;
    if info.content_type != ID_SIGNED_DATA {
        return Err(form("its content type is not signed-data"));
    }
    let data: SignedData = info.content.decode_as().map_err(|_| form("its signed-data is damaged"))?;
    let again = Any::encode_from(&data)
        .and_then(|content| ContentInfo { content_type: info.content_type, content }.to_der())
        .map_err(|_| form("its signed-data is damaged"))?;
    if again != cms_der {
        return Err(form("it is not in canonical order and form (DER)"));
    }
    Ok(data)
}

/// The single signer, with everything about it in the form that is accepted.
fn only_signer(data: &SignedData) -> Result<&SignerInfo, SignatureError> {
    let ([signer], [digest]) = (data.signer_infos.0.as_slice(), data.digest_algorithms.as_slice()) else {
        return Err(form("it has not exactly one signer"));
    };
    if data.version != CmsVersion::V1 || signer.version != CmsVersion::V1 {
        return Err(form("its version is not 1"));
    }
    if data.encap_content_info.econtent_type != ID_DATA || data.encap_content_info.econtent.is_some() {
        return Err(form("it is not detached, or not over plain data"));
    }
    if data.crls.is_some() || signer.unsigned_attrs.is_some() {
        return Err(form("it carries what is not signed: revocation lists or unsigned attributes"));
    }
    if !is_sha256(digest) || !is_sha256(&signer.digest_alg) {
        return Err(form("its digest algorithm is not SHA-256"));
    }
    if signer.signature_algorithm != algorithm(ECDSA_WITH_SHA_256) {
        return Err(form("its signature algorithm is not ECDSA with SHA-256"));
    }
    Ok(signer)
}

/// RFC 5754, section 2: parameters should be absent, and NULL must be understood.
fn is_sha256(algorithm: &AlgorithmIdentifierOwned) -> bool {
    algorithm.oid == ID_SHA_256
        && algorithm.parameters.as_ref().is_none_or(|parameters| *parameters == Any::null())
}

/// The signer's certificate, DER. Beside it only the network's may be there.
fn certificate_of(signer: &SignerInfo, data: &SignedData, ca_der: &[u8]) -> Result<Vec<u8>, SignatureError> {
    let SignerIdentifier::IssuerAndSerialNumber(sid) = &signer.sid else {
        return Err(form("its signer is not named by issuer and serial number"));
    };
    let certificates = data.certificates.as_ref().map_or(&[][..], |set| set.0.as_slice());
    if certificates.len() > CMS_CERTIFICATES_MAX {
        return Err(form("it has too many certificates"));
    }
    let mut found = None;
    for choice in certificates {
        let der = choice.to_der().map_err(|_| form("a certificate in it is damaged"))?;
        if der == ca_der {
            continue;
        }
        let CertificateChoices::Certificate(certificate) = choice else {
            return Err(form("a certificate in it is not X.509"));
        };
        let tbs = &certificate.tbs_certificate;
        if tbs.issuer != sid.issuer || tbs.serial_number != sid.serial_number || found.is_some() {
            return Err(form("a certificate in it is neither the signer's nor the network's"));
        }
        found = Some(der);
    }
    found.ok_or(form("the signer's certificate is not in it"))
}

fn form(reason: &'static str) -> SignatureError {
    SignatureError::Form { reason }
}

#[cfg(test)]
#[path = "cms_tests.rs"]
mod tests;
