//! Hellos and frames between nodes that may talk to each other.

use crate::network::{COUNTY, Network, OTHER_COUNTY, REGION, Station, hello, node, now, numbered};
use std::sync::Arc;
use yizhan_link::SendError;
use yizhan_protocol::limits::{ATTACHMENT_BYTES_MAX, PROOF_ENTRIES_MAX};
use yizhan_protocol::{Frame, ProofBundle, ProvenEntry, ReceiptsHome};

/// Receipts with so many attachments of full length.
fn receipts(number: u64, attachments: usize) -> Frame {
    let attachment = vec![0xaa; ATTACHMENT_BYTES_MAX];
    let entry = ProvenEntry { index: number, entry: b"{}".to_vec(), path: Vec::new(), attachment };
    let proof = ProofBundle {
        ledger: "65.0".parse().unwrap(),
        checkpoint: Vec::new(),
        entries: vec![entry; attachments],
    };
    Frame::ReceiptsHome(Box::new(ReceiptsHome { origin: node(REGION), hops_left: 1, proof }))
}

#[tokio::test]
async fn both_are_up_after_their_hellos_and_frames_arrive_in_order_both_ways() {
    let network = Network::new();
    let mut region = network.start(REGION, &[(COUNTY, None)]);
    let mut county = network.start(COUNTY, &[(REGION, Some(&region))]);
    assert_eq!(region.up(COUNTY).await, hello(node(COUNTY)));
    assert_eq!(county.up(REGION).await, hello(node(REGION)));
    assert!(region.links.is_up(node(COUNTY)) && county.links.is_up(node(REGION)));

    for number in 0..500 {
        region.links.send(node(COUNTY), numbered(number)).unwrap();
        county.links.send(node(REGION), receipts(number, (number % 3) as usize)).unwrap();
    }
    for number in 0..500 {
        assert_eq!(county.frame().await, (node(REGION), numbered(number)));
        assert_eq!(region.frame().await, (node(COUNTY), receipts(number, (number % 3) as usize)));
    }
}

#[tokio::test]
async fn a_region_talks_to_two_counties_each_by_its_own_name() {
    let network = Network::new();
    let mut region = network.start(REGION, &[(COUNTY, None), (OTHER_COUNTY, None)]);
    let mut one = network.start(COUNTY, &[(REGION, Some(&region))]);
    region.up(COUNTY).await;
    let mut other = network.start(OTHER_COUNTY, &[(REGION, Some(&region))]);
    region.up(OTHER_COUNTY).await;
    one.up(REGION).await;
    other.up(REGION).await;

    region.links.send(node(COUNTY), numbered(1)).unwrap();
    region.links.send(node(OTHER_COUNTY), numbered(2)).unwrap();
    assert_eq!(one.frame().await, (node(REGION), numbered(1)));
    assert_eq!(other.frame().await, (node(REGION), numbered(2)));
    other.links.send(node(REGION), numbered(3)).unwrap();
    assert_eq!(region.frame().await, (node(OTHER_COUNTY), numbered(3)));
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_at_once() {
    let network = Network::new();
    let (region, _county) = network.pair().await;
    assert_eq!(region.links.send(node("1"), numbered(1)), Err(SendError::NotUp(node("1"))));
    let hello = Frame::Hello(hello(node(REGION)));
    assert_eq!(region.links.send(node(COUNTY), hello), Err(SendError::Hello));
    let too_large = region.links.send(node(COUNTY), receipts(0, PROOF_ENTRIES_MAX));
    assert!(matches!(too_large, Err(SendError::TooLarge(_))), "{too_large:?}");
}

#[tokio::test]
async fn a_hello_is_made_when_it_is_needed_and_for_whom() {
    let network = Network::new();
    let config = network.config(REGION, &[(COUNTY, None)]);
    let for_whom = Arc::new(|neighbour| {
        let mut hello = hello(node(REGION));
        hello.checkpoint = format!("for {neighbour}").into_bytes();
        hello.clock_ms = now().as_ms() + 1;
        hello
    });
    let region = Station::start_with(config, for_whom, 16);
    let mut county = network.start(COUNTY, &[(REGION, Some(&region))]);
    assert_eq!(county.up(REGION).await.checkpoint, b"for 652301");
}

#[tokio::test]
async fn a_frozen_neighbour_fills_its_own_queue_and_holds_up_nobody_else() {
    let network = Network::new();
    let mut region = network.start(REGION, &[(COUNTY, None), (OTHER_COUNTY, None)]);
    // The frozen one has room for a single event and takes none.
    let frozen = network.config(COUNTY, &[(REGION, Some(&region))]);
    let mut frozen = Station::start_with(frozen, Arc::new(|_| hello(node(COUNTY))), 1);
    region.up(COUNTY).await;
    let mut other = network.start(OTHER_COUNTY, &[(REGION, Some(&region))]);
    region.up(OTHER_COUNTY).await;
    other.up(REGION).await;

    let mut taken = 0;
    let refused = loop {
        match region.links.send(node(COUNTY), receipts(taken, 15)) {
            Ok(()) => taken += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, SendError::Full(node(COUNTY)));
    region.links.send(node(OTHER_COUNTY), numbered(7)).unwrap();
    assert_eq!(other.frame().await, (node(REGION), numbered(7)));

    // When it thaws, it gets everything that was taken for it, in order.
    frozen.up(REGION).await;
    for number in 0..taken {
        let (_, frame) = frozen.frame().await;
        let Frame::ReceiptsHome(receipts) = frame else { panic!("another frame came") };
        assert_eq!(receipts.proof.entries[0].index, number);
    }
}
