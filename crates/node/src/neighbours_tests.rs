//! What becomes of frames of whose makers this node knows nothing yet.

use super::*;
use crate::county::{County, node};
use std::pin::pin;
use std::task::{Context, Waker};
use yizhan_document::LedgerId;

const PARENT: &str = "6523";
/// A county under another prefecture.
const FAR: &str = "653101";

fn ledger(of: &str) -> LedgerId {
    LedgerId { node: node(of), epoch: 0 }
}

/// An offer whose origin is the far county; nothing else in it is good.
fn offer() -> Offer {
    let proof = |of: &str| ProofBundle { ledger: ledger(of), checkpoint: Vec::new(), entries: Vec::new() };
    Offer {
        link: 7,
        header: b"no header".to_vec(),
        slips: Vec::new(),
        origin: proof(FAR),
        custody: proof(PARENT),
        path: vec![node(FAR), node(PARENT)],
        body: BodyPlace::Stream,
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
