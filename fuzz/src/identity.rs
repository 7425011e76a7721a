//! Certificates, detached CMS signatures, and the texts that keys are kept in.

use crate::{parts, text};
use yizhan_document::WallTime;
use yizhan_identity::{
    CertificateAuthority, NodeTlsKey, OfficeKey, OpeningKey, OpeningPublicKey, SigningKey, SubjectKey,
    certificate_from_pem, certificate_to_pem, check_issued_by, node_of_certificate, office_of_certificate,
    validity_of_certificate, verify_cms,
};

/// The network that the certificates of the seeds are for.
pub(crate) const NETWORK: &str = "xinjiang.example";

/// First byte: what the rest is. `c`: a certificate and the CA's; `s`: a CMS signature, the CA's certificate, what was
/// signed; anything else: the text of a key or certificate.
pub(crate) fn certificates(data: &[u8]) -> bool {
    match data.split_first() {
        Some((b'c', rest)) => certificate(rest),
        Some((b's', rest)) => signature(rest),
        Some((_, rest)) => text(rest).is_some_and(key),
        None => false,
    }
}

fn certificate(data: &[u8]) -> bool {
    let parts = parts(data);
    let der = parts[0];
    let pem = certificate_to_pem(der);
    if let Ok(again) = certificate_from_pem(&pem) {
        assert_eq!(again, der, "a certificate changes in PEM");
    }
    let span = validity_of_certificate(der);
    let named = node_of_certificate(der, NETWORK).is_ok() | office_of_certificate(der, NETWORK).is_ok();
    let Some(ca) = parts.get(1) else { return false };
    let at = span.as_ref().map_or(WallTime::EPOCH, |(from, _)| from.plus_ms(1000));
    let issued = check_issued_by(der, ca, at);
    let _ = CertificateAuthority::from_pem(&pem, "");
    named && issued.is_ok()
}

fn signature(data: &[u8]) -> bool {
    let parts = parts(data);
    let [cms, ca, content @ ..] = parts.as_slice() else { return false };
    let content = content.first().copied().unwrap_or_default();
    let signed = verify_cms(content, cms, NETWORK, ca);
    if signed.is_ok() {
        let other = [content, b"!"].concat();
        assert!(verify_cms(&other, cms, NETWORK, ca).is_err(), "a signature holds for other content");
    }
    signed.is_ok()
}

fn key(text: &str) -> bool {
    let opening = OpeningKey::from_text(text);
    if let Ok(key) = &opening {
        let again = OpeningKey::from_text(&key.to_text()).expect("a key that was written reads");
        assert_eq!(again.public(), key.public());
    }
    let public = text.parse::<OpeningPublicKey>();
    if let Ok(key) = &public {
        assert_eq!(key.to_string().parse::<OpeningPublicKey>().as_ref(), Ok(key));
    }
    let subject = SubjectKey::from_text(text);
    if let Ok(key) = &subject {
        assert!(SubjectKey::from_text(&key.to_text()).is_ok());
    }
    let signing = SigningKey::from_text(text);
    if let Ok(key) = &signing {
        assert!(SigningKey::from_text(&key.to_text()).is_ok());
    }
    let office = OfficeKey::from_text(text);
    let tls = NodeTlsKey::from_text(text);
    let certificate = certificate_from_pem(text);
    opening.is_ok()
        | public.is_ok()
        | subject.is_ok()
        | signing.is_ok()
        | office.is_ok()
        | tls.is_ok()
        | certificate.is_ok()
}
