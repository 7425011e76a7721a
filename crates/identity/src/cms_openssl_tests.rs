//! Tests of the offices' signatures against openssl, in both directions.

use super::*;
use crate::certificate_to_pem;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

impl World {
    /// Everything as files, for openssl.
    fn files(&self) -> (tempfile::TempDir, impl Fn(&str) -> PathBuf + use<>) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let path = move |name: &str| root.join(name);
        std::fs::write(path("ca.pem"), self.authority.certificate_pem()).unwrap();
        std::fs::write(path("office.pem"), certificate_to_pem(&self.certificate)).unwrap();
        std::fs::write(path("office.key"), self.key.to_text().as_bytes()).unwrap();
        std::fs::write(path("doc"), CONTENT).unwrap();
        (folder, path)
    }
}

/// Runs openssl in a folder; `None` if it is not installed.
fn openssl(folder: &Path, arguments: &str) -> Option<Output> {
    let output = Command::new("openssl").current_dir(folder).args(arguments.split(' ')).output();
    if output.is_err() {
        assert!(std::env::var_os("CI").is_none(), "a tool is missing, and CI must not skip");
        eprintln!("skipped: openssl is not installed");
    }
    output.ok()
}

#[test]
fn openssl_verifies_what_is_signed_here_and_refuses_a_changed_byte() {
    let world = World::new();
    let (folder, path) = world.files();
    std::fs::write(path("doc.p7s"), world.sign()).unwrap();
    let at = now().as_seconds();
    let verify = format!(
        "cms -verify -binary -content doc -inform DER -in doc.p7s -CAfile ca.pem -attime {at} -out out"
    );
    for options in [" -purpose any", "", " -cades"] {
        let Some(output) = openssl(folder.path(), &format!("{verify}{options}")) else { return };
        assert!(output.status.success(), "{options}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut changed = CONTENT.to_vec();
    changed[0] ^= 1;
    std::fs::write(path("doc"), changed).unwrap();
    let Some(output) = openssl(folder.path(), &format!("{verify} -purpose any")) else { return };
    assert!(!output.status.success());
}

#[test]
fn what_openssl_signs_is_verified_here() {
    let world = World::new();
    let (folder, path) = world.files();
    let sign =
        "cms -sign -binary -in doc -signer office.pem -inkey office.key -md sha256 -outform DER -out doc.p7s";
    // openssl reads the machine's clock: a first signature tells it, and certificates that fit it are made then.
    for options in ["", " -cades", " -certfile ca.pem", " -nosmimecap"] {
        let Some(output) = openssl(folder.path(), &format!("{sign}{options}")) else { return };
        assert!(output.status.success(), "{options}: {}", String::from_utf8_lossy(&output.stderr));
        let cms = std::fs::read(path("doc.p7s")).unwrap();
        let signer = decode(&cms).unwrap().signer_infos.0.as_slice()[0].clone();
        let at = attributes::read(signer.signed_attrs.as_ref().unwrap()).unwrap().at;
        let authority = CertificateAuthority::create(NETWORK, at, 1).unwrap();
        let certificate = authority.issue_office(&office(), &world.key, at, 1).unwrap();
        let fitting =
            World { authority, key: OfficeKey::from_text(&world.key.to_text()).unwrap(), certificate };
        let (folder, path) = fitting.files();
        let Some(output) = openssl(folder.path(), &format!("{sign}{options}")) else { return };
        assert!(output.status.success(), "{options}: {}", String::from_utf8_lossy(&output.stderr));
        let signed = fitting.verify(&std::fs::read(path("doc.p7s")).unwrap()).unwrap();
        assert_eq!(signed.office, office());
        assert!(signed.at >= at, "{options}");
    }
}

#[test]
fn a_key_made_by_openssl_signs_and_openssl_reads_ours() {
    let world = World::new();
    let (folder, path) = world.files();
    let generate = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out theirs.key";
    let Some(output) = openssl(folder.path(), generate) else { return };
    assert!(output.status.success());
    let key = OfficeKey::from_text(&std::fs::read_to_string(path("theirs.key")).unwrap()).unwrap();
    let Some(output) = openssl(folder.path(), "pkey -in theirs.key -pubout") else { return };
    let public = SubjectKey::from_text(&String::from_utf8(output.stdout).unwrap()).unwrap();
    assert_eq!(public, SubjectKey::from(&key));
    let certificate = world.authority.issue_office(&office(), public, now(), 1).unwrap();
    let theirs = World { authority: world.authority, key, certificate };
    assert_eq!(theirs.verify(&theirs.sign()).unwrap().office, office());

    let Some(output) = openssl(folder.path(), "pkey -in office.key -pubout") else { return };
    let ours = SubjectKey::from(&world.key).to_text();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), ours);
}
