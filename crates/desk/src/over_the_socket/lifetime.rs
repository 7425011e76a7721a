//! Beginning and end: no node, somebody else's node, and an orderly stop with readers still there.

use super::House;
use super::station::{Station, event};
use crate::limits::CONNECTIONS_MAX;
use crate::{ClientError, DeskClient, bind};
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

#[tokio::test]
async fn where_no_node_runs_the_client_says_how_to_start_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("desk.sock");
    let absent = DeskClient::connect(&path).await.unwrap_err();
    assert!(matches!(absent, ClientError::NotRunning { .. }), "{absent:?}");
    assert!(absent.to_string().contains("yizhan node run"));
    drop(bind(&path).await.unwrap());
    let dead = DeskClient::connect(&path).await.unwrap_err();
    assert!(matches!(dead, ClientError::NotRunning { .. }), "{dead:?}");
}

#[tokio::test]
async fn a_stop_ends_event_streams_and_the_server() {
    let house = House::with(Station::new("").0).await;
    let client = house.client().await;
    let mut events = client.events(2).await.unwrap();
    assert_eq!(events.next().await.unwrap().unwrap(), event(3));
    house.stop.send(()).unwrap();
    assert!(events.next().await.is_none());
    house.served.await.unwrap().unwrap();
    let gone = client.status().await.unwrap_err();
    assert!(matches!(gone, ClientError::NotRunning { .. }), "{gone:?}");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let house = House::with(Station::new("").0).await;
    let mut places = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        places.push(UnixStream::connect(house.socket()).await.unwrap());
    }
    let socket = house.socket();
    let waiting = tokio::spawn(async move { DeskClient::connect(&socket).await });
    // Whoever has a place is served, all of them, while the one beyond the limit is not.
    for stream in &mut places {
        stream.write_all(b"GET /live HTTP/1.1\r\nHost: desk\r\n\r\n").await.unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
    }
    assert!(!waiting.is_finished());
    drop(places);
    assert!(waiting.await.unwrap().is_ok());
}
