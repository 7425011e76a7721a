//! Tests of the offices' signatures: byte by byte, and out of form.

use super::*;
use crate::attributes::Statement;
use crate::{CertificateAuthority, NodeTlsKey, OfficeKey};
use x509_cert::attr::Attribute;

#[path = "cms_openssl_tests.rs"]
mod openssl;

const NETWORK: &str = "xj.example";
const CONTENT: &[u8] = b"yizhan-manifest 1\nsuite cms-p256-sha256\n";

struct World {
    authority: CertificateAuthority,
    key: OfficeKey,
    certificate: Vec<u8>,
}

impl World {
    fn new() -> Self {
        let authority = CertificateAuthority::create(NETWORK, now(), 30).unwrap();
        let key = OfficeKey::generate().unwrap();
        let certificate = authority.issue_office(&office(), &key, now(), 365).unwrap();
        Self { authority, key, certificate }
    }

    fn sign(&self) -> Vec<u8> {
        self.key.sign_cms(CONTENT, &self.certificate, self.authority.certificate_der(), now()).unwrap()
    }

    fn verify(&self, cms: &[u8]) -> Result<Signed, SignatureError> {
        verify_cms(CONTENT, cms, NETWORK, self.authority.certificate_der())
    }

    /// The signature, taken apart, changed and put together again.
    fn changed(&self, change: impl FnOnce(&mut SignedData)) -> Vec<u8> {
        let mut data = decode(&self.sign()).unwrap();
        change(&mut data);
        ContentInfo { content_type: ID_SIGNED_DATA, content: Any::encode_from(&data).unwrap() }
            .to_der()
            .unwrap()
    }

    /// A signature that is right, over attributes that may not be.
    fn signed_over(&self, attributes: Vec<Attribute>) -> Vec<u8> {
        let attributes = SetOfVec::try_from(attributes).unwrap();
        let signature = self.key.0.sign(&attributes.to_der().unwrap()).unwrap();
        encode(attributes, signature, &self.certificate, self.authority.certificate_der()).unwrap()
    }

    fn attributes(&self) -> Vec<Attribute> {
        let certificate = Some(Digest::of(&self.certificate));
        attributes::write(&Statement { digest: Digest::of(CONTENT), at: now(), certificate })
            .unwrap()
            .into_vec()
    }
}

fn now() -> WallTime {
    "2026-11-20T08:00:00Z".parse().unwrap()
}

fn office() -> OfficeAddress {
    "gov-office@652301".parse().unwrap()
}

fn form_error(result: &Result<Signed, SignatureError>) -> bool {
    matches!(result, Err(SignatureError::Form { .. }))
}

fn attribute_error(result: &Result<Signed, SignatureError>) -> bool {
    matches!(result, Err(SignatureError::Attribute { .. }))
}

#[test]
fn a_signature_says_who_signed_and_when() {
    let world = World::new();
    let cms = world.sign();
    let signed = world.verify(&cms).unwrap();
    assert_eq!(signed, Signed { office: office(), certificate: world.certificate.clone(), at: now() });
    assert!(cms.len() < 2048, "{} bytes", cms.len());
}

#[test]
fn the_signing_time_is_cut_to_seconds_and_reaches_beyond_2050() {
    let mut world = World::new();
    let sign = |world: &World, at| {
        let cms =
            world.key.sign_cms(CONTENT, &world.certificate, world.authority.certificate_der(), at).unwrap();
        world.verify(&cms).unwrap().at
    };
    assert_eq!(sign(&world, now().plus_ms(1999)), now().plus_ms(1000));
    let at: WallTime = "2050-01-01T00:00:00Z".parse().unwrap();
    world.certificate = world.authority.issue_office(&office(), &world.key, at, 1).unwrap();
    assert_eq!(sign(&world, at), at);
    let before = WallTime::from_ms(at.as_ms() - 1000);
    assert_eq!(sign(&world, before), before);
}

#[test]
fn another_content_is_refused() {
    let world = World::new();
    let cms = world.sign();
    for content in [&b""[..], &CONTENT[1..], b"yizhan-manifest 1\nsuite cms-p256-sha256\n\n"] {
        let refused = verify_cms(content, &cms, NETWORK, world.authority.certificate_der());
        assert_eq!(refused, Err(SignatureError::Content));
    }
}

#[test]
fn another_network_or_authority_is_refused() {
    let (world, other) = (World::new(), World::new());
    let cms = world.sign();
    let refused = verify_cms(CONTENT, &cms, "gs.example", world.authority.certificate_der());
    assert!(
        matches!(refused, Err(SignatureError::Certificate(CertificateError::Name { .. }))),
        "{refused:?}"
    );
    assert!(form_error(&other.verify(&cms)), "the other network's certificate in it is a stranger");
    let alone = world.changed(|data| keep_certificates(data, |der| der == world.certificate));
    assert!(world.verify(&alone).is_ok(), "the network's certificate need not be in it");
    let refused = other.verify(&alone);
    assert!(
        matches!(refused, Err(SignatureError::Certificate(CertificateError::NotIssued { .. }))),
        "{refused:?}"
    );
}

fn keep_certificates(data: &mut SignedData, keep: impl Fn(Vec<u8>) -> bool) {
    let set = data.certificates.take().unwrap().0.into_vec();
    let kept: Vec<_> = set.into_iter().filter(|choice| keep(choice.to_der().unwrap())).collect();
    data.certificates = Some(CertificateSet::try_from(kept).unwrap());
}

#[test]
fn every_flipped_byte_fails_or_says_the_same() {
    let world = World::new();
    let cms = world.sign();
    let expected = world.verify(&cms).unwrap();
    for at in 0..cms.len() {
        for bit in [0x01, 0x20, 0x80, 0xff] {
            let mut changed = cms.clone();
            changed[at] ^= bit;
            if let Ok(signed) = world.verify(&changed) {
                assert_eq!(signed, expected, "byte {at} ^ {bit:#x}");
            }
        }
    }
}

#[test]
fn shortened_and_lengthened_signatures_are_refused() {
    let world = World::new();
    let mut cms = world.sign();
    for length in 0..cms.len() {
        assert!(form_error(&world.verify(&cms[..length])), "{length} bytes");
    }
    cms.push(0);
    assert!(form_error(&world.verify(&cms)));
    cms.resize(CMS_BYTES_MAX + 1, 0);
    assert!(form_error(&world.verify(&cms)));
}

#[test]
fn a_set_out_of_order_is_refused() {
    let world = World::new();
    let cms = world.sign();
    let (ours, ca) = (world.certificate.as_slice(), world.authority.certificate_der());
    let at =
        |certificate: &[u8]| cms.windows(certificate.len()).position(|bytes| bytes == certificate).unwrap();
    let (first, second) = if at(ours) < at(ca) { (ours, ca) } else { (ca, ours) };
    let mut changed = cms[..at(first)].to_vec();
    changed.extend([second, first].concat());
    changed.extend(&cms[changed.len()..]);
    assert_ne!(changed, cms);
    assert!(form_error(&world.verify(&changed)), "its certificates stand in the wrong order");
}

#[test]
fn only_the_one_form_is_accepted() {
    let world = World::new();
    let sha384 = algorithm(ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2"));
    let ecdsa_sha384 = algorithm(ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3"));
    fn signer(data: &mut SignedData, change: impl FnOnce(&mut SignerInfo)) {
        let mut signer = data.signer_infos.0.as_slice()[0].clone();
        change(&mut signer);
        data.signer_infos = SignerInfos::try_from(vec![signer]).unwrap();
    }
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("no signer", world.changed(|data| data.signer_infos = SignerInfos::try_from(vec![]).unwrap())),
        (
            "two signers",
            world.changed(|data| {
                let first = data.signer_infos.0.as_slice()[0].clone();
                let second = SignerInfo { signature: OctetString::new(vec![1]).unwrap(), ..first.clone() };
                data.signer_infos = SignerInfos::try_from(vec![first, second]).unwrap();
            }),
        ),
        ("version 3", world.changed(|data| data.version = CmsVersion::V3)),
        ("signer version 3", world.changed(|data| signer(data, |s| s.version = CmsVersion::V3))),
        (
            "content inside",
            world.changed(|data| {
                let inside = OctetString::new(CONTENT).unwrap();
                data.encap_content_info.econtent = Some(Any::encode_from(&inside).unwrap());
            }),
        ),
        ("other content type", world.changed(|data| data.encap_content_info.econtent_type = ID_SIGNED_DATA)),
        (
            "sha-384 in the list",
            world.changed(|data| {
                data.digest_algorithms = SetOfVec::try_from(vec![sha384.clone()]).unwrap();
            }),
        ),
        ("sha-384 of the signer", world.changed(|data| signer(data, |s| s.digest_alg = sha384.clone()))),
        ("ecdsa with sha-384", world.changed(|data| signer(data, |s| s.signature_algorithm = ecdsa_sha384))),
        ("no attributes", world.changed(|data| signer(data, |s| s.signed_attrs = None))),
        (
            "unsigned attributes",
            world.changed(|data| {
                signer(data, |s| s.unsigned_attrs = s.signed_attrs.clone());
            }),
        ),
        (
            "revocation lists",
            world.changed(|data| {
                data.crls = Some(cms::revocation::RevocationInfoChoices(SetOfVec::default()));
            }),
        ),
        ("no certificate", world.changed(|data| data.certificates = None)),
        (
            "only the network's certificate",
            world.changed(|data| {
                keep_certificates(data, |der| der != world.certificate);
            }),
        ),
    ];
    for (what, cms) in cases {
        let result = world.verify(&cms);
        assert!(form_error(&result), "{what}: {result:?}");
    }
    // What the changes start from is accepted, so it is the change that is refused.
    assert!(world.verify(&world.changed(|_| {})).is_ok());
}

#[test]
fn missing_double_and_wrong_attributes_are_refused() {
    let world = World::new();
    let good = world.attributes();
    assert!(world.verify(&world.signed_over(good.clone())).is_ok());
    for (at, attribute) in good.iter().enumerate() {
        let mut missing = good.clone();
        missing.remove(at);
        let optional = attribute.oid == const_oid::db::rfc5911::ID_AA_SIGNING_CERTIFICATE_V_2;
        let result = world.verify(&world.signed_over(missing));
        assert_eq!(result.is_ok(), optional, "without {}: {result:?}", attribute.oid);
        assert!(optional || attribute_error(&result), "{result:?}");

        let mut empty = good.clone();
        empty[at].values = SetOfVec::default();
        assert!(attribute_error(&world.verify(&world.signed_over(empty))), "{} without value", attribute.oid);

        let mut twice = good.clone();
        twice[at].values.insert(Any::null()).unwrap();
        assert!(attribute_error(&world.verify(&world.signed_over(twice))), "{} with two", attribute.oid);

        let mut again = good.clone();
        let values = SetOfVec::try_from(vec![Any::null()]).unwrap();
        again.push(Attribute { oid: attribute.oid, values });
        assert!(attribute_error(&world.verify(&world.signed_over(again))), "{} again", attribute.oid);

        let mut wrong = good.clone();
        wrong[at].values = SetOfVec::try_from(vec![Any::null()]).unwrap();
        assert!(attribute_error(&world.verify(&world.signed_over(wrong))), "{} wrong", attribute.oid);
    }
}

#[test]
fn an_attribute_that_names_another_certificate_is_refused() {
    let world = World::new();
    let certificate = Some(Digest::of(b"another"));
    let other = Statement { digest: Digest::of(CONTENT), at: now(), certificate };
    let other = attributes::write(&other).unwrap().into_vec();
    assert!(attribute_error(&world.verify(&world.signed_over(other))));
}

#[test]
fn another_key_is_refused_by_signer_and_verifier() {
    let (mut world, other) = (World::new(), World::new());
    let ca = world.authority.certificate_der();
    let refused = other.key.sign_cms(CONTENT, &world.certificate, ca, now());
    assert_eq!(refused, Err(CertificateError::WrongKey.into()));
    world.key = other.key;
    let forged = world.signed_over(world.attributes());
    assert_eq!(world.verify(&forged), Err(SignatureError::Signature));
}

#[test]
fn a_certificate_out_of_its_time_is_refused_by_signer_and_verifier() {
    let world = World::new();
    let ca = world.authority.certificate_der();
    let late = now().plus_ms(366 * 24 * 3600 * 1000);
    let refused = world.key.sign_cms(CONTENT, &world.certificate, ca, late);
    assert!(matches!(refused, Err(SignatureError::Certificate(CertificateError::Expired { .. }))));
    let statement = Statement { digest: Digest::of(CONTENT), at: late, certificate: None };
    let attributes = attributes::write(&statement).unwrap().into_vec();
    let refused = world.verify(&world.signed_over(attributes));
    assert!(
        matches!(refused, Err(SignatureError::Certificate(CertificateError::Expired { .. }))),
        "{refused:?}"
    );
}

#[test]
fn the_certificate_of_a_node_signs_no_documents() {
    let mut world = World::new();
    let key = NodeTlsKey::from_text(&world.key.to_text()).unwrap();
    world.certificate = world.authority.issue_node("652301".parse().unwrap(), &key, now(), 30).unwrap();
    let refused = world.verify(&world.sign());
    assert!(
        matches!(refused, Err(SignatureError::Certificate(CertificateError::Usage { .. }))),
        "{refused:?}"
    );
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let refused = verify_cms(CONTENT, &bytes, NETWORK, &bytes);
        proptest::prop_assert!(refused.is_err());
    }
}
