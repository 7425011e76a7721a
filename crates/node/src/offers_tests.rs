//! Offers as a lying neighbour may make them: each part that does not fit the others is refused, and what fits is taken.

use super::*;
use crate::closing::{ClosedSubmission, Closer, Reserved};
use crate::config::Config;
use crate::keeper::LedgerKeeper;
use crate::keys::Keys;
use crate::network::create_network;
use crate::opening::{DeliveryError, Opener};
use bytes::Bytes;
use std::sync::Arc;
use tempfile::TempDir;
use yizhan_desk::{FileDeclaration, Submission};
use yizhan_document::{EnvelopeId, Label, LedgerId, WallTime};
use yizhan_hierarchy::limits::GRACE_MS;
use yizhan_hierarchy::{Delegation, Directory, Draft, Edit, NetworkPlan, TrustAnchor};
use yizhan_identity::{Cosigner, NoteSigner, SigningKey};
use yizhan_ledger::tiles::FolderTiles;
use yizhan_ledger::{Entry, Event, Log, origin_of};
use yizhan_protocol::{OfferedSlip, ProofBundle};
use yizhan_spool::BodyStore;

const COUNTY: &str = "652301";
const PREFECTURE: &str = "6523";
const NETWORK: &str = "xinjiang.example";

fn now() -> WallTime {
    "2026-11-20T08:00:00Z".parse().unwrap()
}

/// A network on disk, and one document closed at the county for the prefecture.
struct Made {
    folder: TempDir,
    directory: Arc<Directory>,
}

impl Made {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plan = NetworkPlan { base_port: 0, ..NetworkPlan::demo() };
        create_network(&plan, &folder.path().join("net"), now()).unwrap();
        let config = config(&folder, COUNTY);
        let directory = Arc::new(Directory::load(&config.directory.folder, &anchor(&folder), now()).unwrap());
        Self { folder, directory }
    }

    /// The next version of its directory, in which the prefecture signs for the county; with something changed in it.
    fn delegated(&self, change: impl FnOnce(&mut Draft)) -> Arc<Directory> {
        let node = PREFECTURE.parse().unwrap();
        let key = SigningKey::generate().unwrap();
        let delegate = NoteSigner::new(format!("{NETWORK}/{PREFECTURE}/delegate"), key).unwrap();
        let (expires, delegates) = (now().plus_ms(365 * 86_400_000), vec![delegate.verifier()]);
        let delegation = Delegation { node, threshold: 1, from: 1, expires, codes: vec![node], delegates };
        let edit = Edit::Delegate(Box::new(delegation));
        let mut draft = self.directory.edited([edit], now(), expires).unwrap();
        change(&mut draft);
        let pem = std::fs::read_to_string(self.folder.path().join("net/authority/authority.pem")).unwrap();
        let authority = SigningKey::from_text(&pem).unwrap();
        let authority = NoteSigner::new(format!("{NETWORK}/authority"), authority).unwrap();
        let parcel = draft.render().unwrap().signed_by(&[authority], &[(node, delegate)]);
        Arc::new(parcel.verify(&anchor(&self.folder), &[], now(), 0).unwrap())
    }

    fn keys(&self, node: &str) -> Keys {
        Keys::load(&config(&self.folder, node)).unwrap()
    }

    /// What closes documents at a node.
    fn closer(&self, node: &str) -> Closer {
        let offices = Arc::new(self.keys(node).offices);
        let bodies = Arc::new(BodyStore::open(&self.folder.path().join("bodies")).unwrap());
        let (me, directory) = (node.parse().unwrap(), Arc::clone(&self.directory));
        Closer { me, directory, offices, bodies, keys: Arc::default() }
    }

    /// Closes a document of the county's government office.
    fn close(&self, counter: u64) -> ClosedSubmission {
        self.close_at(counter, now())
    }

    fn close_at(&self, counter: u64, at: WallTime) -> ClosedSubmission {
        let (closer, me) = (self.closer(COUNTY), COUNTY.parse().unwrap());
        let submission = submission(COUNTY, PREFECTURE);
        let content = std::iter::once(Ok(Bytes::from_static(b"text")));
        let to = [PREFECTURE.parse().unwrap()];
        let reserve = |_| {
            let id = EnvelopeId { origin: me, epoch: 0, counter };
            Ok(Reserved { id, numbers: vec![counter] })
        };
        closer.close((&submission, None), content, &to, at, reserve).unwrap()
    }

    /// The proof that the county accepted an envelope, under a checkpoint of its ledger.
    fn proof(&self, of: &ClosedSubmission) -> ProofBundle {
        let keys = self.keys(COUNTY);
        let ledger = county();
        let log = Log::open_at(FolderTiles::new(self.folder.path().join("tiles")), 0).unwrap();
        let signer = NoteSigner::new(origin_of(NETWORK, ledger), keys.ledger.clone()).unwrap();
        let cosigner = Cosigner::new(format!("{NETWORK}/{COUNTY}/witness"), keys.witness.clone()).unwrap();
        let mut keeper = LedgerKeeper::new(NETWORK, ledger, log, signer, cosigner);
        let opened = Event::EpochOpened {
            network: NETWORK.to_owned(),
            ledger,
            reason: "created".to_owned(),
            previous: Vec::new(),
        };
        let accepted = Event::SubmissionAcceptance {
            id: of.closed.id,
            envelope: of.closed.header,
            manifest: of.closed.manifest,
            to: vec![PREFECTURE.parse().unwrap()],
            urgency: of.closed.urgency,
            deadline: of.closed.deadline,
            size: of.closed.size,
            directory: of.closed.directory,
        };
        for (index, event) in (0..).zip([opened, accepted]) {
            keeper.append(index, &Entry { time: now(), event }.to_bytes().unwrap()).unwrap();
        }
        keeper.seal().unwrap();
        keeper.bundle(&[1]).unwrap()
    }

    fn offer(&self, closed: &ClosedSubmission) -> Offer {
        let StoredBody::Inline(body) = closed.stored.body.clone() else { panic!("the body is small") };
        Offer {
            link: 0,
            header: closed.stored.header.clone(),
            slips: closed.stored.slips.clone(),
            origin: self.proof(closed),
            custody: self.proof(closed),
            path: vec![COUNTY.parse().unwrap()],
            body: BodyPlace::Inline(body),
        }
    }

    /// What the prefecture answers to an offer of the county: nothing, or the code of a refusal.
    fn refusal(&self, offer: Offer) -> Option<&'static str> {
        let proofs = ProofChecker::new(Arc::clone(&self.directory));
        check_offer(&proofs, COUNTY.parse().unwrap(), offer).err().map(|error| error.code())
    }
}

fn submission(from: &str, to: &str) -> Submission {
    Submission {
        from: format!("gov-office@{from}").parse().unwrap(),
        to: vec![format!("gov-office@{to}").parse().unwrap()],
        cc: Vec::new(),
        groups: yizhan_document::Groups::default(),
        label: Label { title: "关于做好防汛工作的通知".into(), ..Label::default() },
        deadline: None,
        files: vec![FileDeclaration { name: "notice.txt".parse().unwrap(), size: 4 }],
        key: None,
    }
}

fn anchor(folder: &TempDir) -> TrustAnchor {
    let config = config(folder, COUNTY);
    let vkeys = config.directory.authorities.iter().map(String::as_str);
    TrustAnchor::from_vkeys(vkeys, config.directory.threshold).unwrap()
}

fn county() -> LedgerId {
    LedgerId { node: COUNTY.parse().unwrap(), epoch: 0 }
}

fn config(folder: &TempDir, node: &str) -> Config {
    Config::load(&folder.path().join(format!("net/nodes/{node}/node.toml"))).unwrap()
}

fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bytes
}

#[test]
fn an_offer_is_taken_only_if_every_part_of_it_belongs_to_the_others() {
    let made = Made::new();
    let (closed, other) = (made.close(0), made.close(1));
    let good = made.offer(&closed);
    assert_eq!(made.refusal(good.clone()), None);

    let StoredBody::Inline(body) = &closed.stored.body else { panic!("the body is small") };
    let changed = Offer { body: BodyPlace::Inline(flipped(body)), ..good.clone() };
    assert_eq!(made.refusal(changed), Some("body"), "another body than the header commits to");

    let slips: Vec<OfferedSlip> = other.stored.slips.clone();
    assert_eq!(
        made.refusal(Offer { slips, ..good.clone() }),
        Some("malformed"),
        "a slip of another envelope"
    );

    let origin = made.proof(&other);
    let foreign = Offer { origin: origin.clone(), custody: origin, ..good.clone() };
    assert_eq!(made.refusal(foreign), Some("proof-of-origin"), "the acceptance of another envelope");

    let path = vec![PREFECTURE.parse().unwrap()];
    assert_eq!(made.refusal(Offer { path, ..good }), Some("path"));
}

#[test]
fn the_acceptance_of_another_header_under_the_same_id_is_no_proof_of_origin() {
    let made = Made::new();
    // Two documents under one id: a node that lies about what its origin accepted.
    let (accepted, offered) = (made.close(0), made.close(0));
    assert_ne!(accepted.closed.header, offered.closed.header);
    let mut offer = made.offer(&offered);
    offer.origin = made.proof(&accepted);
    assert_eq!(made.refusal(offer), Some("proof-of-origin"));
}

#[test]
fn entries_that_the_ledger_does_not_hold_and_checkpoints_that_nobody_signed_are_not_believed() {
    let made = Made::new();
    let closed = made.close(0);
    let good = made.offer(&closed);
    let mut unproven = good.clone();
    // The entry is what it says, but the path leads to another root.
    unproven.origin.entries[0].path.iter_mut().for_each(|digest| digest.0[0] ^= 1);
    assert_eq!(made.refusal(unproven), Some("proof-of-origin"));
    let mut unsigned = good;
    let text = String::from_utf8(unsigned.origin.checkpoint.clone()).unwrap();
    // Another root under the signature of the real one.
    let (head, signatures) = text.split_once("\n\n").unwrap();
    let root = head.lines().nth(2).unwrap();
    let invented = head.replacen(root, &swapped(root), 1);
    unsigned.origin.checkpoint = format!("{invented}\n\n{signatures}").into_bytes();
    let error = ProofChecker::new(Arc::clone(&made.directory)).head(&unsigned.origin).unwrap_err();
    assert!(matches!(error, ProofError::Checkpoint { .. }), "{error}");
}

/// The same base64 with another first letter.
fn swapped(text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    letters[0] = if letters[0] == 'A' { 'B' } else { 'A' };
    letters.into_iter().collect()
}

#[test]
fn a_document_is_delivered_only_if_the_office_that_it_names_signed_it() {
    let (made, impostors) = (Made::new(), Made::new());
    let opener = |keys: &Made| {
        let key = Arc::new(keys.keys(PREFECTURE).opening);
        Opener::new(PREFECTURE.parse().unwrap(), Arc::clone(&made.directory), key).unwrap()
    };
    assert_eq!(opener(&made).open(&made.close(0).stored, None).unwrap().offices.len(), 1);
    // Offices of the same names under another authority: all is well but who signed.
    let error = opener(&impostors).open(&impostors.close(0).stored, None).err().unwrap();
    assert!(matches!(error, DeliveryError::Signature(_)), "{error}");
}

#[test]
fn an_office_that_a_later_list_of_its_delegates_may_bring_is_waited_for_and_no_other() {
    let made = Made::new();
    let county = COUNTY.parse().unwrap();
    let without = made.delegated(|draft| draft.divisions.get_mut(&county).unwrap().offices.clear());
    let directory = made.delegated(|_| {});
    let made = Made { directory, ..made };
    let key = Arc::new(made.keys(PREFECTURE).opening);
    let opener = Opener::new(PREFECTURE.parse().unwrap(), without, key).unwrap();
    let error = |closed: &ClosedSubmission| opener.open(&closed.stored, None).err().unwrap();
    let later = error(&made.close_at(0, now().plus_ms(1000)));
    assert!(matches!(later, DeliveryError::Behind { .. }), "{later}");
    // A list as old as the document would have it.
    let same = error(&made.close(1));
    assert!(matches!(same, DeliveryError::Signature(_)), "{same}");
}

#[test]
fn offices_below_a_delegation_hand_nothing_in_once_its_list_and_its_grace_have_ended() {
    let made = Made::new();
    let prefecture = PREFECTURE.parse().unwrap();
    let end = now().plus_ms(1000);
    let directory = made.delegated(|draft| draft.delegations.get_mut(&prefecture).unwrap().expires = end);
    let made = Made { directory, ..made };
    let at = |from, to, time| made.closer(from).destinations(&submission(from, to), time).is_ok();
    let last = end.plus_ms(GRACE_MS);
    assert!(at(COUNTY, PREFECTURE, WallTime::from_ms(last.as_ms() - 1)));
    assert!(!at(COUNTY, PREFECTURE, last));
    // Others go on, and reach them.
    assert!(at(PREFECTURE, COUNTY, last));
}
