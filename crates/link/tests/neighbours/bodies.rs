//! Bodies on streams of their own: whole, overtaken, broken off, too long, and never left without an answer.

use crate::network::{COUNTY, Network, REGION, Station, node, numbered};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use yizhan_document::{Digest, Hasher};
use yizhan_link::limits::{BODIES_AT_ONCE_MAX, PRIORITY_MAX, STREAM_RECEIVE_WINDOW};
use yizhan_link::{BodyStream, LinkEvent, SendError};
use yizhan_protocol::limits::{PIECE_BYTES, PIECES_MAX};
use yizhan_protocol::{BodyHead, Frame, ProofBundle, ProvenEntry, ReceiptsHome};

const MIB: u64 = 1024 * 1024;

fn head(link: u64, pieces: u64) -> BodyHead {
    BodyHead {
        link,
        envelope: Digest([3; 32]),
        from_piece: 0,
        pieces: (0..pieces).map(|piece| Digest::of(&piece.to_be_bytes())).collect(),
    }
}

/// Bytes that differ from place to place, and then the end or an error.
struct Source {
    at: u64,
    end: u64,
    fails: bool,
}

fn source(bytes: u64) -> Box<Source> {
    Box::new(Source { at: 0, end: bytes, fails: false })
}

fn byte_at(place: u64) -> u8 {
    (place % 251) as u8
}

impl AsyncRead for Source {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.at == self.end && self.fails {
            return Poll::Ready(Err(io::Error::other("the disk is gone")));
        }
        let count = (into.remaining() as u64).min(self.end - self.at).min(50_000);
        let bytes: Vec<u8> = (self.at..self.at + count).map(byte_at).collect();
        into.put_slice(&bytes);
        self.at += count;
        Poll::Ready(Ok(()))
    }
}

/// Never a byte, never an end.
struct Stuck;

impl AsyncRead for Stuck {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

async fn body(station: &mut Station) -> (BodyHead, BodyStream) {
    match station.next().await {
        LinkEvent::Body { head, stream, .. } => (head, stream),
        other => panic!("no body: {other:?}"),
    }
}

async fn body_sent(station: &mut Station) -> (u64, bool) {
    match station.next().await {
        LinkEvent::BodySent { link, ok, .. } => (link, ok),
        other => panic!("no word of a body: {other:?}"),
    }
}

async fn read_whole(mut stream: BodyStream) -> io::Result<(u64, Digest)> {
    let (mut hasher, mut count, mut buffer) = (Hasher::new(), 0, vec![0; 64 * 1024]);
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok((count, hasher.finish())),
            read => {
                hasher.update(&buffer[..read]);
                count += read as u64;
            }
        }
    }
}

fn digest_of_source(bytes: u64) -> Digest {
    let mut hasher = Hasher::new();
    let whole: Vec<u8> = (0..bytes).map(byte_at).collect();
    hasher.update(&whole);
    hasher.finish()
}

#[tokio::test]
async fn a_body_of_20_mb_streams_while_frames_overtake_it() {
    let (mut region, mut county) = Network::new().pair().await;
    let bytes = 20_000_000;
    assert!(bytes > u64::from(STREAM_RECEIVE_WINDOW), "the body must not fit into the window");
    let sent = head(5, bytes.div_ceil(PIECE_BYTES));
    region.links.send_body(node(COUNTY), &sent, source(bytes), 0).unwrap();
    let (came, stream) = body(&mut county).await;
    assert_eq!(came, sent);

    // The body is under way and cannot end before it is read; frames pass it.
    for number in 0..100 {
        region.links.send(node(COUNTY), numbered(number)).unwrap();
        assert_eq!(county.frame().await, (node(REGION), numbered(number)));
    }
    assert_eq!(read_whole(stream).await.unwrap(), (bytes, digest_of_source(bytes)));
    assert_eq!(body_sent(&mut region).await, (5, true));
}

#[tokio::test]
async fn a_body_can_begin_at_a_later_piece() {
    let (mut region, mut county) = Network::new().pair().await;
    let sent = BodyHead { from_piece: 3, ..head(6, 5) };
    region.links.send_body(node(COUNTY), &sent, source(2 * MIB), 0).unwrap();
    let (came, stream) = body(&mut county).await;
    assert_eq!(came, sent);
    assert_eq!(read_whole(stream).await.unwrap().0, 2 * MIB);
    assert_eq!(body_sent(&mut region).await, (6, true));
}

#[tokio::test]
async fn bodies_that_nobody_reads_do_not_stop_the_frames() {
    let (region, mut county) = Network::new().pair().await;
    let bytes = 3 * u64::from(STREAM_RECEIVE_WINDOW);
    let mut unread = Vec::new();
    for link in 0..BODIES_AT_ONCE_MAX as u64 {
        region
            .links
            .send_body(node(COUNTY), &head(link, bytes / PIECE_BYTES), source(bytes), PRIORITY_MAX)
            .unwrap();
        unread.push(body(&mut county).await);
    }
    // More frames than all windows hold, so that the bodies fill theirs meanwhile.
    let entry =
        ProvenEntry { index: 0, entry: vec![1; 60_000], path: Vec::new(), attachment: vec![2; 60_000] };
    for number in 0..600 {
        let entries = vec![ProvenEntry { index: number, ..entry.clone() }];
        let proof = ProofBundle { ledger: "65.0".parse().unwrap(), checkpoint: Vec::new(), entries };
        let frame = Frame::ReceiptsHome(Box::new(ReceiptsHome { origin: node(REGION), hops_left: 1, proof }));
        region.links.send(node(COUNTY), frame.clone()).unwrap();
        assert_eq!(county.frame().await.1, frame);
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_to_its_end_is_broken_off_and_the_link_stays_up() {
    let (mut region, mut county) = Network::new().pair().await;
    let broken = Box::new(Source { at: 0, end: 5 * MIB, fails: true });
    region.links.send_body(node(COUNTY), &head(1, 9), broken, 0).unwrap();
    let (_, stream) = body(&mut county).await;
    assert!(read_whole(stream).await.is_err(), "a part was taken for the whole");
    assert_eq!(body_sent(&mut region).await, (1, false));
    region.links.send(node(COUNTY), numbered(1)).unwrap();
    assert_eq!(county.frame().await, (node(REGION), numbered(1)));
}

#[tokio::test]
async fn a_body_longer_than_its_pieces_is_refused_and_the_link_stays_up() {
    let (mut region, mut county) = Network::new().pair().await;
    region.links.send_body(node(COUNTY), &head(1, 2), source(2 * MIB), 0).unwrap();
    let (_, stream) = body(&mut county).await;
    assert_eq!(read_whole(stream).await.unwrap().0, 2 * MIB);
    assert_eq!(body_sent(&mut region).await, (1, true));

    region.links.send_body(node(COUNTY), &head(2, 2), source(30 * MIB), 0).unwrap();
    let (_, stream) = body(&mut county).await;
    assert_eq!(read_whole(stream).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
    assert_eq!(body_sent(&mut region).await, (2, false));
    region.links.send(node(COUNTY), numbered(1)).unwrap();
    assert_eq!(county.frame().await, (node(REGION), numbered(1)));
}

#[tokio::test]
async fn a_body_that_is_not_wanted_any_more_is_stopped() {
    let (mut region, mut county) = Network::new().pair().await;
    region.links.send_body(node(COUNTY), &head(1, 30), source(30 * MIB), 0).unwrap();
    drop(body(&mut county).await);
    assert_eq!(body_sent(&mut region).await, (1, false));
}

#[tokio::test]
async fn an_urgent_body_begins_before_the_ordinary_ones_that_wait() {
    let (region, mut county) = Network::new().pair().await;
    for link in 0..20 {
        region.links.send_body(node(COUNTY), &head(link, 1), Box::new(Stuck), 0).unwrap();
    }
    let mut stuck = Vec::new();
    for _ in 0..BODIES_AT_ONCE_MAX - PRIORITY_MAX as usize {
        stuck.push(body(&mut county).await);
        assert!(stuck.last().is_some_and(|(head, _)| head.link < 20));
    }
    // Each finds a place that neither the ordinary ones nor those less urgent than itself could take.
    for priority in 1..=PRIORITY_MAX {
        let link = 100 + priority as u64;
        region.links.send_body(node(COUNTY), &head(link, 1), Box::new(Stuck), priority).unwrap();
        stuck.push(body(&mut county).await);
        assert_eq!(stuck.last().map(|(head, _)| head.link), Some(link));
    }
}

/// Reads so many bytes of a body, or to its end; tells how many.
async fn read_up_to(stream: &mut BodyStream, most: u64) -> u64 {
    let mut buffer = vec![0; 256 * 1024];
    let mut count = 0;
    while count < most {
        match stream.read(&mut buffer).await.unwrap() {
            0 => break,
            read => count += read as u64,
        }
    }
    count
}

#[tokio::test]
async fn an_urgent_body_overtakes_inside_ordinary_ones_which_go_on_all_the_same() {
    let (region, mut county) = Network::new().pair().await;
    let (urgent_bytes, window) = (256 * MIB, u64::from(STREAM_RECEIVE_WINDOW));
    let mut ordinary = Vec::new();
    for link in 0..2 {
        region.links.send_body(node(COUNTY), &head(link, 600), source(600 * MIB), 0).unwrap();
        let (_, mut stream) = body(&mut county).await;
        // It is in full swing.
        read_up_to(&mut stream, 2 * window).await;
        ordinary.push(stream);
    }
    region.links.send_body(node(COUNTY), &head(9, 256), source(urgent_bytes), 4).unwrap();
    let (urgent, mut stream) = body(&mut county).await;
    assert_eq!(urgent.link, 9);
    let (over, urgent_is_over) = tokio::sync::watch::channel(false);
    let mut meanwhile = tokio::task::JoinSet::new();
    for mut stream in ordinary {
        let mut urgent_is_over = urgent_is_over.clone();
        meanwhile.spawn(async move {
            let mut count = 0;
            while !*urgent_is_over.borrow_and_update() {
                tokio::select! {
                    read = read_up_to(&mut stream, 1) => count += read,
                    _ = urgent_is_over.changed() => {}
                }
            }
            count
        });
    }
    assert_eq!(read_up_to(&mut stream, u64::MAX).await, urgent_bytes);
    over.send(true).unwrap();
    let counts = meanwhile.join_all().await;
    let all: u64 = counts.iter().sum();
    // Two equals would have had twice as much; and more than what lay in the windows went on.
    assert!(all < urgent_bytes / 2, "{counts:?} of the ordinary ones, {urgent_bytes} of the urgent one");
    assert!(counts.iter().all(|count| *count > window + 2 * MIB), "{counts:?}");
}

#[tokio::test]
async fn every_body_taken_is_answered_before_the_neighbour_is_down() {
    let (mut region, county) = Network::new().pair().await;
    for link in 0..20 {
        region.links.send_body(node(COUNTY), &head(link, 1), Box::new(Stuck), 0).unwrap();
    }
    county.links.close().await;
    let mut answered = Vec::new();
    for _ in 0..20 {
        let (link, ok) = body_sent(&mut region).await;
        assert!(!ok, "a body without bytes arrived");
        answered.push(link);
    }
    answered.sort_unstable();
    assert_eq!(answered, (0..20).collect::<Vec<u64>>());
    region.down(COUNTY).await;
    let refused = region.links.send_body(node(COUNTY), &head(1, 1), source(1), 0);
    assert_eq!(refused, Err(SendError::NotUp(node(COUNTY))));
}

#[tokio::test]
async fn more_bodies_than_may_wait_and_larger_ones_than_may_be_are_not_taken() {
    let (region, _county) = Network::new().pair().await;
    let mut taken = 0;
    let refused = loop {
        match region.links.send_body(node(COUNTY), &head(taken, 1), Box::new(Stuck), 0) {
            Ok(()) => taken += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, SendError::Full(node(COUNTY)));
    let too_large = region.links.send_body(node(COUNTY), &head(1, PIECES_MAX as u64 + 1), source(1), 0);
    assert!(matches!(too_large, Err(SendError::TooLarge(_))), "{too_large:?}");
}
