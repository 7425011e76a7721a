//! What becomes of frames of whose makers this node knows nothing yet.

use super::*;
use crate::county::{COUNTY, County, node};
use crate::keeper::LedgerKeeper;
use std::pin::pin;
use std::task::{Context, Waker};
use yizhan_document::{EnvelopeId, LedgerId, Urgency};
use yizhan_identity::{Cosigner, NoteSigner};
use yizhan_ledger::tiles::FolderTiles;
use yizhan_ledger::{Entry, Event, Log, origin_of};
use yizhan_protocol::{Cosign, ReceiptsHome};

const PARENT: &str = "6523";
/// A county under another prefecture, and that prefecture.
const FAR: &str = "653101";
const ABOVE_FAR: &str = "6531";

fn ledger(of: &str) -> LedgerId {
    LedgerId { node: node(of), epoch: 0 }
}

/// An offer whose origin is the far county, with a body that takes a worker; nothing else in it is good.
fn offer() -> Offer {
    let proof = |of: &str| ProofBundle { ledger: ledger(of), checkpoint: Vec::new(), entries: Vec::new() };
    Offer {
        link: 7,
        header: b"no header".to_vec(),
        slips: Vec::new(),
        origin: proof(FAR),
        custody: proof(PARENT),
        path: vec![node(FAR), node(PARENT)],
        body: BodyPlace::Inline(vec![0; LIGHT_BYTES + 1]),
    }
}

#[tokio::test]
async fn an_offer_of_an_unknown_origin_for_which_there_is_no_place_stops_the_reading() {
    let mut county = County::that_met(&[]);
    let shared = Arc::clone(&county.shared);
    let places: Vec<_> = std::iter::from_fn(|| shared.waiting.place(node(PARENT), 0)).collect();
    assert!(!places.is_empty());
    let checks = Arc::new(Semaphore::new(0));
    let mut reading = pin!(check_offers(&shared, &checks, vec![(node(PARENT), offer())]));
    let returned = reading.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
    assert!(!returned, "what was read is kept by nobody who counts it");
    checks.add_permits(CHECKS_MAX);
    reading.await;
    let Some(Input::Many(checked)) = county.inputs.recv().await else { panic!("it is checked") };
    assert!(matches!(checked.as_slice(), [Input::Offer { link: 7, checked: Err(_), .. }]));
}

/// A receipt of the far county, whose checkpoint the prefecture above it cosigned.
fn cosigned_receipt(county: &County) -> ProofBundle {
    let network = county.shared.config.network.as_str();
    let keeper = |of: &str| {
        let (keys, ledger) = (county.keys_of(of), ledger(of));
        let tiles = FolderTiles::new(county.folder.path().join("tiles").join(of));
        let signer = NoteSigner::new(origin_of(network, ledger), keys.ledger).unwrap();
        let cosigner = Cosigner::new(format!("{network}/{of}/witness"), keys.witness).unwrap();
        LedgerKeeper::new(network, ledger, Log::open_at(tiles, 0).unwrap(), signer, cosigner)
    };
    let mut far = keeper(FAR);
    let accepted = Event::SubmissionAcceptance {
        id: EnvelopeId { origin: node(COUNTY), epoch: 0, counter: 0 },
        envelope: Digest::of(b"header"),
        manifest: Digest::of(b"manifest"),
        to: vec![node(FAR)],
        urgency: Urgency::default(),
        deadline: county.shared.clock.wall(),
        size: 1,
        directory: 1,
    };
    let entry = Entry { time: county.shared.clock.wall(), event: accepted };
    far.append(0, &entry.to_bytes().unwrap()).unwrap();
    far.seal().unwrap();
    let head = far.head();
    let line = keeper(ABOVE_FAR).cosign(network, head, county.shared.clock.wall());
    let cosign = Cosign { ledger: head.ledger, size: head.size, root: head.root, line, again: false };
    let (above, _) = county.shared.directory().with_files(&county.files);
    far.add_cosignature(&cosign, &above.division(node(ABOVE_FAR)).unwrap().witness).unwrap();
    far.witnessed_bundle(&[0]).unwrap().unwrap()
}

#[tokio::test]
async fn a_receipt_that_an_unknown_neighbour_of_its_maker_cosigned_is_stored_as_a_cosigned_one() {
    let mut county = County::that_met(&[FAR]);
    let shared = Arc::clone(&county.shared);
    let proof = cosigned_receipt(&county);
    let bare = ProofBundle {
        checkpoint: {
            let text = String::from_utf8(proof.checkpoint.clone()).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            (lines[..lines.len() - 1].join("\n") + "\n").into_bytes()
        },
        ..proof.clone()
    };
    let checks = Arc::new(Semaphore::new(CHECKS_MAX));
    for (proof, cosigned) in [(bare, false), (proof, true)] {
        let frame = ReceiptsHome { origin: node(COUNTY), hops_left: 1, proof };
        let frame = Frame::ReceiptsHome(Box::new(frame));
        take_frame(&shared, &checks, &mut Lanes::default(), node(PARENT), frame).await;
        // No more is fetched for this neighbour now: whoever waits is dropped.
        if cosigned {
            assert_eq!(county.need().await.0, [node(ABOVE_FAR)]);
        }
        let Some(Input::Receipts { witnessed, entries, .. }) = county.inputs.recv().await else {
            panic!("receipts are believed")
        };
        assert_eq!((witnessed, entries.len()), (cosigned, 1));
    }
}
