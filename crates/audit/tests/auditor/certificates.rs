//! Delivery certificates: what they prove, and that whoever changes, adds or leaves out anything is refused.

use crate::world::{NETWORK, World, at, header, node, unit};
use std::path::Path;
use std::process::Command;
use yizhan_audit::{CertificateFinding, CertificateRefused, verify_certificate};
use yizhan_document::{EnvelopeId, LedgerId, merkle};
use yizhan_identity::NoteSigner;
use yizhan_ledger::{
    CertifiedReceipt, DeliveryCertificate, Event, PlacedEntry, Receipt, Stating, sign_checkpoint,
};

const COUNTIES: [&str; 3] = ["652301", "652324", "653101"];

/// A circular of the region: signed for at one county, with the prefecture for another, with the region for the third.
fn story() -> (World, EnvelopeId) {
    let mut world = World::new();
    let (id, submitted) = world.submit("65", 10, 7, &COUNTIES);
    let taken = world.pass(id, ("65", "6523"), 20, 0, submitted, &[unit("652301", 0), unit("652324", 0)]);
    let last = world.pass(id, ("6523", "652301"), 30, 0, taken, &[unit("652301", 0)]);
    let consigned = world.consign(id, "652301", 40, 0, last);
    world.sign_for(id, "652301", 50, consigned);
    world.scribes.get_mut(&node("652301")).unwrap().witnesses = vec![node("6523")];
    (world, id)
}

fn signer(world: &World, of: &str) -> NoteSigner {
    world.scribes[&node(of)].signer.clone()
}

/// Receipts for everything that stands in any ledger about a document.
fn receipts(world: &World, id: EnvelopeId) -> Vec<(LedgerId, Receipt)> {
    let mut all = Vec::new();
    for scribe in world.scribes.values() {
        let leaves: Vec<_> = scribe.entries.iter().map(|entry| merkle::leaf_hash(entry)).collect();
        let mut checkpoint = sign_checkpoint(&scribe.signer, leaves.len() as u64, merkle::root(&leaves));
        for witness in &scribe.witnesses {
            let cosigner = &world.scribes[witness].cosigner;
            let line = cosigner.cosign(checkpoint.signed_text(), at(200).as_seconds());
            checkpoint.add_cosignature(&line, &[cosigner.verifier()]).unwrap();
        }
        for (index, entry) in (0..).zip(&scribe.entries) {
            let about = PlacedEntry::read(scribe.ledger, index, entry).unwrap().entry.event.envelope_id();
            if about == Some(id) {
                let path = merkle::inclusion_path(&leaves, usize::try_from(index).unwrap()).unwrap();
                let receipt = Receipt { entry: entry.clone(), index, path, checkpoint: checkpoint.to_text() };
                all.push((scribe.ledger, receipt));
            }
        }
    }
    all
}

fn certify(
    world: &World,
    id: EnvelopeId,
    receipts: &[(LedgerId, Receipt)],
    by: &NoteSigner,
) -> DeliveryCertificate {
    let stating = Stating { network: NETWORK.into(), ledger: "65.0".parse().unwrap(), time: at(300) };
    assert_eq!(world.directory.network, NETWORK);
    DeliveryCertificate::certify(&stating, id, receipts, |text| by.sign(text)).unwrap()
}

fn checked(
    world: &World,
    certificate: &DeliveryCertificate,
) -> Result<CertificateFinding, CertificateRefused> {
    verify_certificate(&world.directory, &certificate.to_json().unwrap())
}

/// The same with a statement that was written anew by whoever has the key of the origin.
fn restated(world: &World, certificate: &DeliveryCertificate, good: &str, bad: &str) -> DeliveryCertificate {
    let (note, _) = certificate.unverified().unwrap();
    assert!(note.text.contains(good), "{good} is not in {}", note.text);
    let text = note.text.replace(good, bad);
    let certificate_text = format!("{text}\n{}", signer(world, "65").sign(&text));
    DeliveryCertificate { certificate: certificate_text, ..certificate.clone() }
}

#[test]
fn it_proves_who_has_it_who_signed_and_names_who_does_not_with_the_holder() {
    let (world, id) = story();
    let certificate = certify(&world, id, &receipts(&world, id), &signer(&world, "65"));
    let finding = checked(&world, &certificate).unwrap();
    assert_eq!((finding.delivered, finding.destinations, finding.signed_for), (1, 3, 1));
    let missing: Vec<_> =
        finding.missing.iter().map(|of| (of.node, of.standing.as_str(), of.holder, of.since)).collect();
    assert_eq!(
        missing,
        [(node("652324"), "at-node", node("6523"), at(20)), (node("653101"), "accepted", node("65"), at(10))]
    );
    // The acceptance, the prefecture's, the consignment and the signature; a county's own custody and the handover prove nothing here.
    assert_eq!((finding.receipts, finding.unwitnessed), (4, 2));
}

#[test]
fn a_statement_that_its_receipts_do_not_bear_out_is_refused_even_under_the_right_key() {
    let (world, id) = story();
    let certificate = certify(&world, id, &receipts(&world, id), &signer(&world, "65"));
    for (good, bad) in [
        ("652324 at-node 6523", "652324 at-node 65"),
        ("653101 accepted 65", "653101 at-node 65"),
        ("652301 signed-for", "652301 refused"),
        ("time 2026-11-20T08:05:00.000Z\nreceipts 4", "time 2026-11-20T08:05:00.000Z\nreceipts 3"),
    ] {
        let other = restated(&world, &certificate, good, bad);
        assert!(checked(&world, &other).is_err(), "{bad} was taken");
    }
    let boast = restated(&world, &certificate, "653101 accepted", "653101 delivered");
    assert!(
        matches!(checked(&world, &boast), Err(CertificateRefused::Certificate(_))),
        "its counts are not its lines'"
    );
    let counted = restated_of(&world, &boast, "delivered 1 of 3", "delivered 2 of 3");
    assert!(matches!(checked(&world, &counted), Err(CertificateRefused::NotBorneOut { .. })));
}

#[test]
fn a_destination_that_is_not_among_the_recipients_or_left_out_of_them_is_refused() {
    let (world, id) = story();
    let certificate = certify(&world, id, &receipts(&world, id), &signer(&world, "65"));
    let (note, _) = certificate.unverified().unwrap();
    let line = note.text.lines().last().unwrap();
    let fewer = restated(&world, &certificate, &format!("{line}\n"), "");
    let fewer = restated_of(&world, &fewer, "of 3", "of 2");
    assert!(checked(&world, &fewer).is_err());
    let more = restated_of(
        &world,
        &certificate,
        &format!("{line}\n"),
        &format!("{line}\n{}\n", line.replace("653101", "653130")),
    );
    let more = restated_of(&world, &more, "of 3", "of 4");
    assert!(matches!(checked(&world, &more), Err(CertificateRefused::NotBorneOut { .. })));
}

/// As [`restated`], of a text that need not be a statement meanwhile.
fn restated_of(
    world: &World,
    certificate: &DeliveryCertificate,
    good: &str,
    bad: &str,
) -> DeliveryCertificate {
    let (text, _) = certificate.certificate.rsplit_once("\n\n").unwrap();
    let text = format!("{text}\n");
    assert!(text.contains(good), "{good} is not in {text}");
    let text = text.replace(good, bad);
    let certificate_text = format!("{text}\n{}", signer(world, "65").sign(&text));
    DeliveryCertificate { certificate: certificate_text, ..certificate.clone() }
}

#[test]
fn another_signer_another_network_and_another_origin_are_refused() {
    let (mut world, id) = story();
    let all = receipts(&world, id);
    let other = certify(&world, id, &all, &signer(&world, "6523"));
    assert!(matches!(checked(&world, &other), Err(CertificateRefused::Unsigned { .. })));
    let certificate = certify(&world, id, &all, &signer(&world, "65"));
    let elsewhere = restated(&world, &certificate, NETWORK, "ningxia.example");
    assert!(matches!(checked(&world, &elsewhere), Err(CertificateRefused::OtherNetwork { .. })));
    let of_a_relay = restated(&world, &certificate, "ledger 65.0", "ledger 6523.0");
    assert!(checked(&world, &of_a_relay).is_err());
    let nobody = restated(&world, &certificate, "ledger 65.0", "ledger 99.0");
    assert!(matches!(checked(&world, &nobody), Err(CertificateRefused::UnknownNode { .. })));
    // A document of another origin, whose receipts are all good.
    let stranger = world.deliver(1);
    let theirs = receipts(&world, stranger);
    let stating = Stating { network: NETWORK.into(), ledger: "65.0".parse().unwrap(), time: at(300) };
    let by = signer(&world, "65");
    assert!(DeliveryCertificate::certify(&stating, stranger, &theirs, |text| by.sign(text)).is_err());
}

#[test]
fn a_receipt_that_is_changed_left_out_added_or_given_twice_is_refused() {
    let (mut world, id) = story();
    let stranger = world.deliver(1);
    let certificate = certify(&world, id, &receipts(&world, id), &signer(&world, "65"));
    assert!(checked(&world, &certificate).is_ok());
    for number in 0..certificate.receipts.len() {
        let mut fewer = certificate.clone();
        fewer.receipts.remove(number);
        assert!(checked(&world, &fewer).is_err(), "without receipt {number}");
        let mut changed = certificate.clone();
        changed.receipts[number].entry =
            changed.receipts[number].entry.replace("\"time\":\"2026", "\"time\":\"2025");
        assert!(
            matches!(checked(&world, &changed), Err(CertificateRefused::Receipt { .. })),
            "receipt {number}"
        );
        let mut twice = certificate.clone();
        twice.receipts.push(certificate.receipts[number].clone());
        assert!(
            matches!(checked(&world, &twice), Err(CertificateRefused::Superfluous { .. })),
            "receipt {number}"
        );
    }
    let (_, foreign) = receipts(&world, stranger).remove(0);
    let mut more = certificate;
    let entry = String::from_utf8(foreign.entry.clone()).unwrap();
    more.receipts.push(CertifiedReceipt { entry, proof: foreign.to_proof() });
    assert!(matches!(checked(&world, &more), Err(CertificateRefused::Superfluous { .. })));
}

#[test]
fn a_consignment_in_the_ledger_of_somebody_else_delivers_nothing() {
    let (mut world, id) = story();
    let lie = Event::ContentConsignment {
        id,
        envelope: header(id),
        attempt: 0,
        offices: vec![],
        rests_on: world.submit("6531", 60, 9, &["653101"]).1,
    };
    world.enter("6531", 61, lie);
    let certificate = certify(&world, id, &receipts(&world, id), &signer(&world, "65"));
    assert_eq!(checked(&world, &certificate).unwrap().delivered, 1);
}

#[test]
fn no_flipped_byte_makes_it_say_anything_else() {
    let (world, id) = story();
    let certificate = certify(&world, id, &receipts(&world, id), &signer(&world, "65"));
    let good = checked(&world, &certificate).unwrap();
    let file = certificate.to_json().unwrap();
    for place in (0..file.len()).step_by(7) {
        let mut bytes = file.clone();
        bytes[place] ^= 1 << (place % 7);
        if let Ok(finding) = verify_certificate(&world.directory, &bytes) {
            // Spaces between members, a cosignature that is then nobody's: worth less, and nothing else.
            assert_eq!(
                (finding.document, finding.delivered, finding.signed_for),
                (id, good.delivered, good.signed_for)
            );
            assert_eq!(finding.missing, good.missing, "byte {place}");
        }
    }
}

fn audit(world: &World, file: &Path) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yizhan-audit"));
    command.args(["certificate", "--json", "--directory"]).arg(world.folder.path().join("directory"));
    let output =
        command.arg("--authority").arg(world.authority.verifier().to_string()).arg(file).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_command_tells_good_and_whole_good_and_not_whole_and_bad_apart() {
    let (mut world, id) = story();
    let file = world.folder.path().join("certificate.json");
    let write = |world: &World, change: &dyn Fn(&mut Vec<u8>)| {
        let certificate = certify(world, id, &receipts(world, id), &signer(world, "65"));
        let mut bytes = certificate.to_json().unwrap();
        change(&mut bytes);
        std::fs::write(&file, bytes).unwrap();
    };
    write(&world, &|_| {});
    let (code, said) = audit(&world, &file);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("\"delivered\":1") && said.contains("\"holder\":\"6523\""), "{said}");
    write(&world, &|bytes| bytes.truncate(100));
    let (code, said) = audit(&world, &file);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("refused"), "{said}");
    for county in ["652324", "653101"] {
        let acceptance =
            yizhan_ledger::EntryRef::to("65.0".parse().unwrap(), 1, &world.scribes[&node("65")].entries[1]);
        world.consign(id, county, 100, 0, acceptance);
    }
    write(&world, &|_| {});
    let (code, said) = audit(&world, &file);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("\"delivered\":3") && said.contains("\"missing\":[]"), "{said}");
}
