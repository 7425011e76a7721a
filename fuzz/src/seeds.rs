//! The hand-made seeds: at least one valid input of each form for each target. `fuzz/run seeds` writes them again after a
//! format has changed; keys are drawn anew each time, so the files change even where the formats do not.

use crate::{BETWEEN, TARGETS, desk_seeds, envelope, identity};
use std::io::Read;
use yizhan_document::{
    Act, Classification, Digest, Label, LedgerId, Manifest, NodeId, Part, Statement, Urgency, WallTime,
};
use yizhan_envelope::{
    Body, BodyCloser, Destination, FileKey, Header, OfficeSignature, close_attachment, close_slips,
    open_archive,
};
use yizhan_exchange::Fact;
use yizhan_hierarchy::{Delegation, Draft, Edit, NetworkPlan, PolicyEdit, SkipRule};
use yizhan_identity::{
    CertificateAuthority, Cosigner, NodeTlsKey, NoteSigner, OfficeKey, SigningKey, SubjectKey,
    certificate_to_pem, suite,
};
use yizhan_journal::{Record, StoredAttachment, StoredBody, StoredEnvelope};
use yizhan_ledger::tiles::MemoryTiles;
use yizhan_ledger::{Entry, EntryRef, Event, Log, Receipt, Target, sign_checkpoint, verifier_keys_text};
use yizhan_protocol::{
    Acknowledgement, BodyHead, BodyPlace, Cosign, Custody, DirectoryHeld, DirectoryPart, DirectoryWanted,
    DivisionFile, Frame, Hello, Kept, ListHeld, Offer, OfferedSlip, ProofBundle, ProvenEntry, Recall,
    ReceiptsHome, Rejection, Wanted, encode, encode_body_head,
};
use yizhan_simulator::directory_of;

type Any = Box<dyn std::error::Error>;
/// Target, name of the file, bytes.
pub type Seed = (&'static str, String, Vec<u8>);

/// Where the networks of the seeds are.
const PLAN: &str = "[network]\nname = \"xinjiang.example\"\nbase_port = 7000\n\n[[node]]\nid = \"65\"\nnames = { zh = \"新疆\", en = \
                    \"Xinjiang\" }\noffices = [{ office = \"gov-office\" }]\n\n[[node]]\nid = \"6523\"\nparent = \"65\"\nnames = { zh = \
                    \"昌吉\" }\n\n[[node]]\nid = \"652301\"\nparent = \"6523\"\nnames = { zh = \"昌吉市\" }\ndirect_links = [\"65\"]\n";

/// All seeds.
///
/// # Errors
/// A format refuses its own example; none does while its tests pass.
pub fn make() -> Result<Vec<Seed>, Any> {
    let mut seeds = Vec::new();
    let mut add = |target, name: &str, bytes: Vec<u8>| seeds.push((target, name.to_owned(), bytes));
    frames(&mut add)?;
    envelopes(&mut add)?;
    directories(&mut add)?;
    ledgers(&mut add)?;
    certificates(&mut add)?;
    records(&mut add)?;
    texts(&mut add)?;
    desk_seeds::make(&mut add);
    drawn(&mut add);
    Ok(seeds)
}

pub(crate) type Add<'a> = &'a mut dyn FnMut(&'static str, &str, Vec<u8>);

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.join(BETWEEN)
}

fn marked(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&[kind], bytes].concat()
}

fn time() -> WallTime {
    WallTime::from_ms(1_795_161_600_000)
}

fn bundle() -> Result<ProofBundle, Any> {
    let entry = ProvenEntry {
        index: 7,
        entry: b"{}".to_vec(),
        path: vec![Digest::of(b"sibling")],
        attachment: b"closed".to_vec(),
    };
    Ok(ProofBundle { ledger: "652301.0".parse()?, checkpoint: b"checkpoint".to_vec(), entries: vec![entry] })
}

fn slip() -> OfferedSlip {
    OfferedSlip { index: 0, attempt: 0, header: vec![b's'; 168], path: vec![Digest::of(b"s")] }
}

fn frames(add: Add<'_>) -> Result<(), Any> {
    let node: NodeId = "652301".parse()?;
    let ledger: LedgerId = "652301.0".parse()?;
    let envelope = Digest::of(b"header");
    let all = [
        Frame::Hello(Hello {
            versions: vec![1],
            node,
            ledger,
            checkpoint: b"checkpoint".to_vec(),
            witnessed: 3,
            directory: 1,
            clock_ms: time().as_ms(),
            remembered: b"an earlier checkpoint".to_vec(),
        }),
        Frame::Offer(Box::new(Offer {
            link: 1,
            header: b"{\"header\":1}".to_vec(),
            slips: vec![slip()],
            origin: bundle()?,
            custody: bundle()?,
            path: vec![node],
            body: BodyPlace::Inline(vec![1, 2, 3]),
        })),
        Frame::Wanted(Wanted { link: 1, envelope, from_piece: 2 }),
        Frame::Custody(Box::new(Custody {
            proof: bundle()?,
            acknowledged: vec![Acknowledgement { link: 1, index: 7 }],
            consistent_from: 3,
            consistency: vec![Digest::of(b"c")],
        })),
        Frame::Rejection(Box::new(Rejection {
            link: 1,
            envelope,
            reason: "full".into(),
            retry: true,
            proof: Some(bundle()?),
        })),
        Frame::ReceiptsHome(Box::new(ReceiptsHome { origin: node, hops_left: 9, proof: bundle()? })),
        Frame::Kept(Kept { maker: node, origin: node, hops_left: 9, ledger, indexes: vec![1, 7] }),
        Frame::Cosign(Cosign { ledger, size: 9, root: envelope, line: "— w AAAA".into(), again: false }),
        Frame::Recall(Box::new(Recall { destination: node, hops_left: 9, proof: bundle()? })),
        Frame::DirectoryHeld(DirectoryHeld {
            version: 2,
            root: envelope,
            delegated: vec![ListHeld { node, version: 3, digest: envelope }],
        }),
        Frame::DirectoryWanted(DirectoryWanted {
            version: 2,
            delegated: 3,
            divisions: vec![node],
            root_from: 0,
        }),
        Frame::DirectoryPart(Box::new(DirectoryPart {
            version: 2,
            delegated: 3,
            root: b"yizhan directory v1\n".to_vec(),
            root_from: 0,
            root_bytes: 20,
            ca: vec![0x30, 0],
            files: vec![DivisionFile { node, content: b"{}".to_vec() }],
        })),
    ];
    let payload = |bytes: Vec<u8>| marked(bytes[1], &bytes[8..]);
    for (number, frame) in all.iter().enumerate() {
        add("frames", &format!("frame-{number}"), payload(encode(frame)?));
    }
    let head = BodyHead { link: 1, envelope, from_piece: 0, pieces: vec![Digest::of(b"p")] };
    add("frames", "body-head", payload(encode_body_head(&head)?));
    Ok(())
}

fn envelopes(add: Add<'_>) -> Result<(), Any> {
    let key = FileKey::generate()?;
    let file = b"content of the file";
    let mut closer = BodyCloser::new(Vec::new(), &key)?;
    closer.begin_part(file.len() as u64)?;
    closer.write_part(file)?;
    let (size, digest) = closer.end_part()?;
    let manifest = manifest(size, digest)?;
    let closed = closer.finish(&manifest.to_text()?, &OfficeSignature::alone(b"0\x82 detached".to_vec()))?;
    let slips = close_slips(&key, &[envelope::opening_key().public()])?;
    let header = Header {
        version: Header::VERSION,
        suite: suite::ENVELOPE.into(),
        id: manifest.envelope,
        created: time(),
        deadline: time().plus_ms(3_600_000),
        urgency: manifest.label.urgency,
        classification: manifest.label.classification,
        directory: 1,
        to: vec![Destination { node: "653101".parse()?, number: 0 }],
        body: Body { size: closed.size, pieces: closed.root() },
        slips: slips.root(),
        key: key.commitment(),
    }
    .to_bytes()?;
    add("envelope_header", "alone", header.clone());
    add("envelope_header", "with-slip", joined(&[&header, slips.header(0).unwrap_or_default()]));
    let mut plain = Vec::new();
    open_archive(closed.out.as_slice(), &key)?.read_to_end(&mut plain)?;
    add("body", "one-file", joined(&[&header, &plain]));
    add("attachment", "short", close_attachment(b"statement", &envelope::opening_key().public())?);
    add("attachment", "empty", close_attachment(b"", &envelope::opening_key().public())?);
    Ok(())
}

fn manifest(size: u64, digest: Digest) -> Result<Manifest, Any> {
    Ok(Manifest {
        suite: suite::SIGNATURE.into(),
        envelope: "652301.0.42".parse()?,
        time: time(),
        directory: 1,
        salt: Digest::of(b"salt"),
        from: "gov-office@652301".parse()?,
        to: vec!["gov-office@653101".parse()?],
        cc: Vec::new(),
        groups: yizhan_document::Groups::default(),
        parts: vec![Part { name: "附件 1.pdf".parse()?, size, digest }],
        label: label(),
    })
}

fn label() -> Label {
    Label { title: "关于防汛工作的通知".into(), urgency: Urgency::ALL[1], ..Label::default() }
}

fn directories(add: Add<'_>) -> Result<(), Any> {
    add("plan", "three-levels", PLAN.as_bytes().to_vec());
    let directory = directory_of(&NetworkPlan::from_toml(PLAN)?)?;
    let rendered = Draft::following(&directory, time(), time().plus_ms(365 * 86_400_000)).render()?;
    let mut parts = vec![rendered.root_text.as_bytes(), rendered.ca.as_slice()];
    parts.extend(rendered.files.values().map(Vec::as_slice));
    add("directory", "three-levels", joined(&parts));
    let signer = NoteSigner::new("xinjiang.example/authority", SigningKey::generate()?)?;
    let edits = [
        PolicyEdit::AddToList("防汛".parse()?, vec!["652301".parse()?, "gov-office@65".parse()?]),
        PolicyEdit::SkipLevelUp(SkipRule::Refuse),
        PolicyEdit::SkipLevelDown(SkipRule::Notify),
        PolicyEdit::Grant("652301 to above with notice".parse()?),
        PolicyEdit::Senders("gov-office@65".parse()?, vec!["below 65".parse()?]),
        PolicyEdit::Link("65/6523".parse()?, Some(Classification::Internal)),
    ];
    let edits = edits.into_iter().map(Edit::Policy);
    let laid_down = directory.edited(edits, time(), time().plus_ms(365 * 86_400_000))?.render()?;
    let policy = laid_down.policy.clone().unwrap_or_default();
    let mut parts = vec![laid_down.root_text.as_bytes(), laid_down.ca.as_slice(), policy.as_slice()];
    parts.extend(laid_down.files.values().map(Vec::as_slice));
    add("directory", "with-policy", joined(&parts));
    add("directory", "policy", policy.clone());
    add("directory_archive", "with-policy", laid_down.signed(std::slice::from_ref(&signer)).to_tar()?);
    add("directory_archive", "three-levels", rendered.signed(std::slice::from_ref(&signer)).to_tar()?);
    let node: NodeId = "6523".parse()?;
    let (codes, delegates) = (vec![node], vec![signer.verifier()]);
    let expires = time().plus_ms(365 * 86_400_000);
    let delegation = Delegation { node, threshold: 1, from: 1, expires, codes, delegates };
    let mut draft = Draft::following(&directory, time(), expires);
    // What stands below a delegated division is linked to nobody outside.
    draft.apply(Edit::DirectLinks("652301".parse()?, Vec::new()))?;
    draft.apply(Edit::Delegate(Box::new(delegation)))?;
    let rendered = draft.render()?;
    let delegated = rendered.signed_by(std::slice::from_ref(&signer), &[(node, signer.clone())]);
    add("directory_archive", "delegated", delegated.to_tar()?);
    add("directory", "delegated-list", rendered.list_texts.into_values().collect::<String>().into_bytes());
    Ok(())
}

fn entries() -> Result<Vec<Vec<u8>>, Any> {
    let ledger: LedgerId = "652301.0".parse()?;
    let id = "652301.0.42".parse()?;
    let envelope = Digest::of(b"header");
    let units = vec![Target { node: "653101".parse()?, attempt: 0 }];
    let rests_on = EntryRef::to(ledger, 0, b"{}");
    let events = [
        Event::EpochOpened {
            network: identity::NETWORK.into(),
            ledger,
            reason: "created".into(),
            previous: Vec::new(),
        },
        Event::RelayAcceptance { id, envelope, units: units.clone(), from: "65".parse()?, link: 1, rests_on },
        Event::RelayFailure { id, envelope, units, reason: "damaged".into() },
    ];
    let bytes = |event| Entry { time: time(), event }.to_bytes();
    Ok(events.into_iter().map(bytes).collect::<Result<_, _>>()?)
}

fn ledgers(add: Add<'_>) -> Result<(), Any> {
    let entries = entries()?;
    let (mut log, _) = Log::open(MemoryTiles::new())?;
    for (number, entry) in entries.iter().enumerate() {
        log.append(entry)?;
        add("entry", &format!("entry-{number}"), entry.clone());
    }
    let signer = NoteSigner::new("xinjiang.example/652301.0", SigningKey::generate()?)?;
    let witness = Cosigner::new("xinjiang.example/65", SigningKey::generate()?)?;
    let signed = sign_checkpoint(&signer, log.size(), log.root());
    let line = witness.cosign(signed.signed_text(), 1_795_161_600);
    let note = signed.to_text();
    let entry = entries.last().cloned().unwrap_or_default();
    let receipt = Receipt { entry, index: 2, path: log.inclusion(2, log.size())?, checkpoint: note.clone() };
    add("proof", "receipt", marked(b'p', &joined(&[receipt.to_proof().as_bytes(), &receipt.entry])));
    add("proof", "checkpoint", marked(b'c', &joined(&[note.as_bytes(), line.as_bytes()])));
    let keys = verifier_keys_text(&[signer.verifier(), witness.verifier()]);
    add("proof", "keys", marked(b'k', keys.as_bytes()));
    add("proof", "consistency", marked(b'a', b"\x05\x02\x00abcdefghijklmnopqrstuvwxyz0123456789"));
    let width = [u8::try_from(entries.len())?];
    let mut parts: Vec<&[u8]> = vec![&width, b""];
    parts.extend(entries.iter().map(Vec::as_slice));
    parts.push(b"");
    add("ledger_folder", "three-entries", joined(&parts));
    Ok(())
}

fn certificates(add: Add<'_>) -> Result<(), Any> {
    let ca = CertificateAuthority::create(identity::NETWORK, time(), 10)?;
    let office = OfficeKey::generate()?;
    let tls = NodeTlsKey::generate()?;
    let certificate = ca.issue_office(&"gov-office@652301".parse()?, &office, time(), 365)?;
    let node = ca.issue_node("652301".parse()?, &tls, time(), 365)?;
    let cms = office.sign_cms(b"manifest", &certificate, ca.certificate_der(), time().plus_ms(1000))?;
    add("certificates", "office", marked(b'c', &joined(&[&certificate, ca.certificate_der()])));
    add("certificates", "node", marked(b'c', &joined(&[&node, ca.certificate_der()])));
    add("certificates", "signature", marked(b's', &joined(&[&cms, ca.certificate_der(), b"manifest"])));
    let opening = envelope::opening_key();
    let texts = [
        ("age-public", opening.public().to_string()),
        ("subject", SubjectKey::from(&office).to_text()),
        ("pem", certificate_to_pem(&node)),
    ];
    for (name, text) in texts {
        add("certificates", name, marked(b'k', text.as_bytes()));
    }
    Ok(())
}

fn records(add: Add<'_>) -> Result<(), Any> {
    let envelope = StoredEnvelope {
        holding: 7,
        header: b"{}".to_vec(),
        slips: vec![slip()],
        origin: Some(bundle()?),
        body: StoredBody::File { pieces: vec![Digest::of(b"p")] },
        card: b"closed".to_vec(),
    };
    let facts = vec![
        Fact::Passed { hop: "65".parse()?, link: 3 },
        Fact::Heard { ledger: "65.0".parse()?, indexes: vec![1, 2] },
    ];
    let all = [
        ("facts", Record::Facts(facts)),
        ("envelope", Record::Envelope(Box::new(envelope))),
        ("receipts", Record::Receipts(Box::new(bundle()?))),
        ("attachment", Record::Attachment(StoredAttachment { index: 7, bytes: b"closed".to_vec() })),
    ];
    for (name, record) in all {
        let (kind, payload) = record.encode()?;
        add("journal_record", name, marked(kind, &payload));
    }
    Ok(())
}

fn texts(add: Add<'_>) -> Result<(), Any> {
    add("texts", "label", marked(b'l', label().to_json()?.as_bytes()));
    add("texts", "manifest", marked(b'm', manifest(3, Digest::of(b"abc"))?.to_text()?.as_bytes()));
    let statement = Statement {
        act: Act::Returned,
        unit: "652301.0.42/653101/0".parse()?,
        manifest: Digest::of(b"manifest"),
        office: "gov-office@653101".parse()?,
        person: "王".into(),
        time: time(),
        reason: "缺附件".into(),
    };
    add("texts", "statement", marked(b's', statement.to_text()?.as_bytes()));
    let short =
        ["652301", "gov-office@652301", "652301.0", "652301.0.42", "652301.0.42/653101/0", "127.0.0.1:7000"];
    for (number, text) in short.iter().enumerate() {
        add("texts", &format!("short-{number}"), marked(b'x', text.as_bytes()));
    }
    add("texts", "time", marked(b'x', b"2026-11-20T08:00:00.000Z"));
    add("texts", "digest", marked(b'x', Digest::of(b"").to_string().as_bytes()));
    Ok(())
}

/// Where any bytes mean something: what a simple generator draws, kept if it leads anywhere.
fn drawn(add: Add<'_>) {
    for (name, target) in TARGETS.iter().filter(|(name, _)| ["journal_folder", "rules"].contains(name)) {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut found = 0;
        while found < 8 {
            let mut draw = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_be_bytes()[0]
            };
            let len = 40 + 4 * usize::from(draw());
            let bytes: Vec<u8> = (0..len).map(|_| draw()).collect();
            if target(&bytes) {
                add(name, &format!("drawn-{found}"), bytes);
                found += 1;
            }
        }
    }
}
