//! A certified neighbour that breaks the protocol, and what QUIC and TLS grant a caller at all.

use crate::network::{COUNTY, Network, REGION, Station, hello, node, numbered};
use crate::stranger::{Stranger, hear};
use quinn::ConnectionError;
use std::time::Duration;
use yizhan_link::limits::BODIES_AT_ONCE_MAX;
use yizhan_protocol::{Frame, encode};

fn hello_bytes() -> Vec<u8> {
    encode(&Frame::Hello(hello(node(COUNTY)))).unwrap()
}

/// A region with a caller of its neighbour's name that has said hello.
async fn up() -> (Station, Stranger, quinn::Connection, quinn::SendStream, quinn::RecvStream) {
    let network = Network::new();
    let mut region = network.start(REGION, &[(COUNTY, None)]);
    let stranger = Stranger::new(&network, Some(COUNTY));
    let (connection, out, mut into) = stranger.call(&region, &hello_bytes()).await;
    assert_eq!(hear(&mut into).await, Frame::Hello(hello(node(REGION))));
    region.up(COUNTY).await;
    (region, stranger, connection, out, into)
}

/// The words with which the region closed the connection.
async fn told(connection: &quinn::Connection) -> String {
    match connection.closed().await {
        ConnectionError::ApplicationClosed(close) => String::from_utf8(close.reason.to_vec()).unwrap(),
        other => panic!("closed otherwise: {other}"),
    }
}

#[tokio::test]
async fn who_says_nothing_is_sent_away() {
    let network = Network::new();
    let mut config = network.config(REGION, &[(COUNTY, None)]);
    config.timing.handshake = Duration::from_millis(500);
    let mut region = Station::start(config);
    let stranger = Stranger::new(&network, Some(COUNTY));
    let connection = stranger.connect(&region).await.unwrap();
    assert_eq!(region.refused().await, "no hello in time");
    assert_eq!(told(&connection).await, "no hello in time");
}

#[tokio::test]
async fn who_does_not_begin_with_a_hello_is_sent_away() {
    let network = Network::new();
    let mut region = network.start(REGION, &[(COUNTY, None)]);
    let stranger = Stranger::new(&network, Some(COUNTY));
    let frame = encode(&numbered(1)).unwrap();
    for (first, reason) in [
        (&frame[..], "did not begin with a hello"),
        (b"GET / HTTP/1.1\r\n", "wire version 71"),
        (&[1, 1, 0, 0, 0xff, 0xff, 0xff, 0xff], "4294967295 bytes"),
        (&[1, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 9], "malformed Hello"),
    ] {
        let (connection, _out, _into) = stranger.call(&region, first).await;
        let refused = region.refused().await;
        assert!(refused.contains(reason), "{refused}");
        assert!(told(&connection).await.contains(reason));
    }
    assert!(!region.links.is_up(node(COUNTY)));
}

#[tokio::test]
async fn a_malformed_frame_ends_the_connection_and_names_the_neighbour_as_the_one_to_blame() {
    let (mut region, _stranger, connection, mut out, _into) = up().await;
    let mut bytes = encode(&numbered(1)).unwrap();
    out.write_all(&bytes).await.unwrap();
    assert_eq!(region.frame().await.1, numbered(1));
    bytes[11] = 3; // another variant than the head says
    out.write_all(&bytes).await.unwrap();
    let reason = region.down(COUNTY).await;
    assert!(reason.starts_with("the neighbour sent a malformed Wanted frame"), "{reason}");
    assert_eq!(told(&connection).await, reason);
}

#[tokio::test]
async fn a_second_hello_ends_the_connection() {
    let (mut region, _stranger, _connection, mut out, _into) = up().await;
    out.write_all(&hello_bytes()).await.unwrap();
    assert_eq!(region.down(COUNTY).await, "652301 said hello twice");
}

#[tokio::test]
async fn an_ended_control_stream_ends_the_connection() {
    let (mut region, _stranger, _connection, mut out, _into) = up().await;
    out.finish().unwrap();
    assert_eq!(region.down(COUNTY).await, "the neighbour ended the control stream");
}

#[tokio::test]
async fn a_malformed_head_of_a_body_ends_the_connection_and_a_body_broken_off_before_it_does_not() {
    let (mut region, _stranger, connection, mut out, _into) = up().await;
    // quinn grants streams anew only once more than an eighth of them is free.
    for _ in 0..=BODIES_AT_ONCE_MAX / 8 {
        let mut broken = connection.open_uni().await.unwrap();
        broken.write_all(&[1, 0x80, 0]).await.unwrap();
        broken.reset(quinn::VarInt::from_u32(1)).unwrap();
    }
    // So many more streams are granted only when the region has done with the broken ones.
    let mut bodies = Vec::new();
    for _ in 0..BODIES_AT_ONCE_MAX {
        bodies.push(connection.open_uni().await.unwrap());
    }
    out.write_all(&encode(&numbered(1)).unwrap()).await.unwrap();
    assert_eq!(region.frame().await.1, numbered(1));

    let mut body = bodies.pop().unwrap();
    body.write_all(&encode(&numbered(1)).unwrap()).await.unwrap();
    let reason = region.down(COUNTY).await;
    assert!(reason.contains("kind 2"), "{reason}");
}

#[tokio::test]
async fn a_caller_gets_one_control_stream_and_no_more_body_streams_than_the_limit_and_no_datagrams() {
    let (_region, _stranger, connection, _out, _into) = up().await;
    assert_eq!(connection.max_datagram_size(), None);
    let mut bodies = Vec::new();
    for _ in 0..BODIES_AT_ONCE_MAX {
        bodies.push(connection.open_uni().await.unwrap());
    }
    tokio::select! {
        biased;
        _ = connection.open_uni() => panic!("one body stream too many was granted"),
        _ = connection.open_bi() => panic!("a second control stream was granted"),
        () = std::future::ready(()) => {}
    }
}

#[tokio::test]
async fn nothing_can_be_resumed_and_no_early_data_sent() {
    let (mut region, stranger, connection, _out, _into) = up().await;
    connection.close(quinn::VarInt::from_u32(0), b"");
    region.down(COUNTY).await;
    // MUST-02: the caller kept every ticket it got, and would send early data with one.
    let early = stranger.begin(&region).into_0rtt();
    assert!(early.is_err(), "the region gave out a ticket that allows early data");
}
