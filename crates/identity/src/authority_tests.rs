//! Tests of the authority and of what it issues, against openssl where it is installed.

use super::*;
use crate::{
    NodeTlsKey, OfficeKey, SigningKey, check_issued_by, node_of_certificate, office_of_certificate,
    validity_of_certificate,
};
use proptest::prelude::*;
use std::process::Command;

const NETWORK: &str = "xj.example";

fn now() -> WallTime {
    "2026-11-20T08:00:00Z".parse().unwrap()
}

fn authority() -> CertificateAuthority {
    CertificateAuthority::create(NETWORK, now(), 10).unwrap()
}

fn node() -> NodeId {
    "652301".parse().unwrap()
}

fn office() -> OfficeAddress {
    "gov-office@652301".parse().unwrap()
}

fn node_certificate(authority: &CertificateAuthority) -> Vec<u8> {
    authority.issue_node(node(), &NodeTlsKey::generate().unwrap(), now(), 30).unwrap()
}

fn office_certificate(authority: &CertificateAuthority) -> Vec<u8> {
    authority.issue_office(&office(), &OfficeKey::generate().unwrap(), now(), 365).unwrap()
}

#[test]
fn certificates_name_whom_they_are_for() {
    let authority = authority();
    let (a, b) = (node_certificate(&authority), office_certificate(&authority));
    assert_eq!(node_of_certificate(&a, NETWORK).unwrap(), node());
    assert_eq!(office_of_certificate(&b, NETWORK).unwrap(), office());
}

#[test]
fn certificates_of_another_network_or_kind_are_refused() {
    let authority = authority();
    let (a, b) = (node_certificate(&authority), office_certificate(&authority));
    for network in ["j.example", "xj.exampl", "xj.example/node", "", "XJ.example"] {
        assert!(matches!(node_of_certificate(&a, network), Err(CertificateError::Name { .. })), "{network}");
    }
    assert!(matches!(node_of_certificate(&b, NETWORK), Err(CertificateError::Name { .. })));
    assert!(matches!(office_of_certificate(&a, NETWORK), Err(CertificateError::Name { .. })));
    assert!(node_of_certificate(authority.certificate_der(), NETWORK).is_err());
}

#[test]
fn a_certificate_with_two_names_of_the_network_is_refused() {
    let authority = authority();
    let mut params = authority.leaf_params("x", "yizhan://xj.example/node/65", now(), 1).unwrap();
    params.subject_alt_names.push(SanType::URI("yizhan://xj.example/node/652301".try_into().unwrap()));
    let key = SubjectKey::from(&NodeTlsKey::generate().unwrap());
    let certificate = authority.issue(&params, &key).unwrap();
    assert!(matches!(node_of_certificate(&certificate, NETWORK), Err(CertificateError::Name { .. })));
}

#[test]
fn what_the_authority_issued_passes_and_nothing_else() {
    let (ours, other) = (authority(), authority());
    for certificate in [node_certificate(&ours), office_certificate(&ours)] {
        check_issued_by(&certificate, ours.certificate_der(), now()).unwrap();
        let refused = check_issued_by(&certificate, other.certificate_der(), now());
        assert!(matches!(refused, Err(CertificateError::NotIssued { .. })), "{refused:?}");
        // A leaf is no authority, and the authority no leaf.
        let refused = check_issued_by(&certificate, &certificate, now());
        assert!(matches!(refused, Err(CertificateError::NotAuthority { .. })), "{refused:?}");
    }
    assert!(check_issued_by(ours.certificate_der(), ours.certificate_der(), now()).is_err());
}

#[test]
fn a_flipped_byte_is_refused() {
    let authority = authority();
    let certificate = office_certificate(&authority);
    for at in 0..certificate.len() {
        let mut changed = certificate.clone();
        changed[at] ^= 1;
        assert!(check_issued_by(&changed, authority.certificate_der(), now()).is_err(), "byte {at}");
    }
    let mut longer = certificate;
    longer.push(0);
    assert!(check_issued_by(&longer, authority.certificate_der(), now()).is_err());
}

#[test]
fn certificates_begin_an_hour_early_and_end_with_their_days() {
    let authority = authority();
    let certificate = node_certificate(&authority);
    let (begins, ends) = validity_of_certificate(&certificate).unwrap();
    assert_eq!(now().ms_since(begins), BEGINS_BEFORE_ISSUE_MS);
    assert_eq!(ends.ms_since(now()), 30 * DAY_MS);
    let check = |at| check_issued_by(&certificate, authority.certificate_der(), at);
    check(begins).unwrap();
    check(ends).unwrap();
    let early = WallTime::from_ms(begins.as_ms() - 1000);
    let refused = check(early).unwrap_err();
    // Authority and node begin at one moment here, and the authority is looked at first.
    assert_eq!(refused, CertificateError::NotYetValid { begins, at: early });
    let late = ends.plus_ms(1000);
    assert_eq!(check(late).unwrap_err(), CertificateError::Expired { ended: ends, at: late });
}

#[test]
fn no_certificate_outlives_its_authority() {
    let authority = CertificateAuthority::create(NETWORK, now(), 1).unwrap();
    let (_, authority_ends) = validity_of_certificate(authority.certificate_der()).unwrap();
    let key = NodeTlsKey::generate().unwrap();
    let later = now().plus_ms(300 * DAY_MS);
    let certificate = authority.issue_node(node(), &key, later, 365).unwrap();
    assert_eq!(validity_of_certificate(&certificate).unwrap().1, authority_ends);
    let after = authority_ends.plus_ms(1000);
    assert!(matches!(authority.issue_node(node(), &key, after, 1), Err(CertificateError::Expired { .. })));
    assert!(matches!(
        check_issued_by(&certificate, authority.certificate_der(), after),
        Err(CertificateError::Expired { .. })
    ));
}

#[test]
fn what_an_ended_authority_issued_is_refused_even_if_it_lasts_longer() {
    let mut careless = CertificateAuthority::create(NETWORK, now(), 1).unwrap();
    let (_, ended) = validity_of_certificate(careless.certificate_der()).unwrap();
    careless.ends = ended.plus_ms(YEAR_MS);
    let certificate =
        careless.issue_node(node(), &NodeTlsKey::generate().unwrap(), now(), LEAF_DAYS_MAX).unwrap();
    assert!(validity_of_certificate(&certificate).unwrap().1 > ended, "it outlives its authority");
    check_issued_by(&certificate, careless.certificate_der(), ended).unwrap();
    let at = ended.plus_ms(1000);
    let refused = check_issued_by(&certificate, careless.certificate_der(), at);
    assert_eq!(refused, Err(CertificateError::Expired { ended, at }));
}

#[test]
fn an_authority_survives_its_files() {
    let first = authority();
    let again = CertificateAuthority::from_pem(&first.certificate_pem(), &first.key_pem()).unwrap();
    assert_eq!(again.network(), NETWORK);
    assert_eq!(again.certificate_der(), first.certificate_der());
    let certificate = node_certificate(&again);
    check_issued_by(&certificate, first.certificate_der(), now()).unwrap();
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let (first, other) = (authority(), authority());
    let from = CertificateAuthority::from_pem;
    let error = from(&first.certificate_pem(), &other.key_pem()).unwrap_err();
    assert_eq!(error, CertificateError::WrongKey);
    let leaf = certificate_to_pem(&node_certificate(&first));
    assert!(matches!(from(&leaf, &first.key_pem()), Err(CertificateError::NotAuthority { .. })));
    assert!(matches!(from(&first.key_pem(), &first.key_pem()), Err(CertificateError::Malformed { .. })));
    let error = from(&first.certificate_pem(), &first.certificate_pem()).unwrap_err();
    assert_eq!(error, CertificateError::Key(KeyError::Pem));
}

#[test]
fn bad_names_lives_and_keys_are_refused() {
    for network in ["", "Xj", "a..b", "-a", "a-", "a.65", "65", "a b", "驿站", "a/b", &"a".repeat(65)] {
        let error = CertificateAuthority::create(network, now(), 1).unwrap_err();
        assert!(matches!(error, CertificateError::Network { .. }), "{network}");
    }
    for years in [0, AUTHORITY_YEARS_MAX + 1, u32::MAX] {
        assert!(matches!(
            CertificateAuthority::create(NETWORK, now(), years),
            Err(CertificateError::Span { .. })
        ));
    }
    let authority = authority();
    let key = OfficeKey::generate().unwrap();
    for days in [0, LEAF_DAYS_MAX + 1, u32::MAX] {
        let refused = authority.issue_office(&office(), &key, now(), days);
        assert!(matches!(refused, Err(CertificateError::Span { .. })));
    }
    let ed25519 = SigningKey::generate().unwrap().public();
    let refused = authority.issue_office(&office(), ed25519, now(), 1);
    assert!(matches!(refused, Err(CertificateError::KeyKind { .. })));
    assert!(authority.issue_node(node(), ed25519, now(), 1).is_ok());
}

#[test]
fn serial_numbers_are_random_and_positive() {
    let authority = authority();
    let key = NodeTlsKey::generate().unwrap();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..16 {
        let certificate = authority.issue_node(node(), &key, now(), 1).unwrap();
        let serial = crate::certificate::parse(&certificate).unwrap().raw_serial().to_vec();
        assert_eq!(serial.len(), 16);
        assert_eq!(serial[0] & 0xc0, 0x40);
        assert!(seen.insert(serial), "a renewed certificate has a serial number of its own");
    }
}

#[test]
fn openssl_finds_the_profiles_of_authority_node_and_office() {
    let authority = authority();
    let ca = ["CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign", "CN = xj.example"];
    let node = [
        "CA:FALSE",
        "URI:yizhan://xj.example/node/652301",
        "DNS:652301.xj.example",
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "X509v3 Authority Key Identifier",
    ];
    let office = [
        "CA:FALSE",
        "URI:yizhan://xj.example/office/gov-office@652301",
        "Digital Signature, Non Repudiation",
        "1.3.6.1.5.5.7.3.36, E-mail Protection",
    ];
    let cases: [(&[u8], &[&str]); 3] = [
        (authority.certificate_der(), &ca),
        (&node_certificate(&authority), &node),
        (&office_certificate(&authority), &office),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (der, expected) in cases {
        let path = folder.path().join("certificate.pem");
        std::fs::write(&path, certificate_to_pem(der)).unwrap();
        let arguments = ["x509", "-noout", "-text", "-in"];
        let Ok(output) = Command::new("openssl").args(arguments).arg(&path).output() else {
            assert!(std::env::var_os("CI").is_none(), "a tool is missing, and CI must not skip");
            eprintln!("skipped: openssl is not installed");
            return;
        };
        let text = String::from_utf8_lossy(&output.stdout).replace("Document Signing", "1.3.6.1.5.5.7.3.36");
        let text = text.replace("CN=", "CN = ");
        for field in expected {
            assert!(text.contains(field), "{field} is not in\n{text}");
        }
    }
}

#[test]
fn openssl_accepts_the_chain_of_a_node_for_both_sides_of_tls_and_refuses_an_office() {
    let authority = authority();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, der: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, certificate_to_pem(der)).unwrap();
        path
    };
    let ca = file("ca.pem", authority.certificate_der());
    let node = file("node.pem", &node_certificate(&authority));
    let office = file("office.pem", &office_certificate(&authority));
    let at = now().as_seconds().to_string();
    for (certificate, purpose, accepted) in [
        (&node, "sslserver", true),
        (&node, "sslclient", true),
        (&node, "smimesign", false),
        (&office, "smimesign", true),
        (&office, "sslclient", false),
        (&office, "sslserver", false),
    ] {
        let output = Command::new("openssl")
            .args(["verify", "-x509_strict", "-attime", &at, "-purpose", purpose, "-CAfile"])
            .args([&ca, certificate])
            .output();
        let Ok(output) = output else {
            assert!(std::env::var_os("CI").is_none(), "a tool is missing, and CI must not skip");
            eprintln!("skipped: openssl is not installed");
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), accepted, "{} {purpose}: {said}", certificate.display());
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, text: String) {
        let ca = CertificateAuthority::create("a", now(), 1).unwrap();
        prop_assert!(node_of_certificate(&bytes, NETWORK).is_err());
        prop_assert!(check_issued_by(&bytes, ca.certificate_der(), now()).is_err());
        prop_assert!(check_issued_by(ca.certificate_der(), &bytes, now()).is_err());
        prop_assert!(certificate_from_pem(&text).is_err());
    }
}
