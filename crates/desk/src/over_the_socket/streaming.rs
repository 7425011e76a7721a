//! Large bodies in and out, uploads that break off or differ from what they declare.

use super::by_hand::{Form, exchange};
use super::station::{Seen, Station, envelope};
use super::{House, pattern, submission};
use crate::{ClientError, ContentError, DoorCode, Problem};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use yizhan_document::Digest;

const LARGE: usize = 20 * 1024 * 1024;

#[tokio::test]
async fn twenty_megabytes_stream_in_unchanged() {
    let (station, mut sight) = Station::new("");
    let house = House::with(station).await;
    let content = pattern(LARGE);
    let files = vec![("正文.bin".parse().unwrap(), house.file("a", &content))];
    house.client().await.send(submission(), files).await.unwrap();
    assert_eq!(sight.recv().await, Some(Seen::Begun));
    let Some(Seen::Whole(_, size, digest)) = sight.recv().await else { panic!("not whole") };
    assert_eq!((size, digest), (LARGE as u64, Digest::of(&content)));
}

#[tokio::test]
async fn twenty_megabytes_stream_out_unchanged() {
    let archive = pattern(LARGE);
    let house = House::with(Station::new(archive.clone()).0).await;
    let mut sink = Vec::new();
    let office = "gov-office".parse().unwrap();
    let size = house.client().await.take(&office, envelope(), &mut sink).await.unwrap();
    assert_eq!((size, Digest::of(&sink)), (LARGE as u64, Digest::of(&archive)));
}

#[tokio::test]
async fn an_archive_that_breaks_off_is_an_error_not_a_shorter_document() {
    let house = House::with(Station::that_breaks(pattern(1_000_000))).await;
    let client = house.client().await;
    let office = "gov-office".parse().unwrap();
    let taken = client.take(&office, envelope(), &mut Vec::new()).await;
    assert!(matches!(taken, Err(ClientError::Transport(_))), "{taken:?}");
    let unknown = "652301.0.43".parse().unwrap();
    let taken = client.take(&office, unknown, &mut Vec::new()).await.unwrap_err();
    assert_eq!(taken.problem().unwrap().door_code(), Some(DoorCode::UnknownDocument));
}

#[tokio::test]
async fn files_that_differ_from_what_is_declared_are_refused_and_the_node_knows() {
    let content = pattern(200_000);
    for (declared, sent) in [
        (vec![200_001], vec![&content[..]]),
        (vec![199_999], vec![&content[..]]),
        (vec![200_000, 1], vec![&content[..]]),
        (vec![200_000], vec![&content[..], b"more"]),
        (vec![200_000, 0], vec![&content[..], b"more"]),
    ] {
        let (station, mut sight) = Station::new("");
        let house = House::with(station).await;
        let mut form = Form::new().submission(&declared);
        for file in sent {
            form = form.field("file", file);
        }
        let (status, body) = exchange(&house.socket(), &form.request()).await;
        let problem: Problem = serde_json::from_str(&body).unwrap();
        assert_eq!((status, problem.door_code()), (422, Some(DoorCode::ContentMismatch)), "{declared:?}");
        let mut last = sight.recv().await;
        if last == Some(Seen::Begun) {
            last = sight.recv().await;
        }
        assert_eq!(last, Some(Seen::Broken(ContentError::Refused)), "{declared:?}");
    }
}

#[tokio::test]
async fn a_client_that_vanishes_in_mid_upload_breaks_the_content_off() {
    let (station, mut sight) = Station::new("");
    let house = House::with(station).await;
    let content = pattern(1_000_000);
    let request = Form::new().submission(&[1_000_000]).field("file", &content).request();
    let mut stream = UnixStream::connect(house.socket()).await.unwrap();
    stream.write_all(&request[..request.len() / 2]).await.unwrap();
    assert_eq!(sight.recv().await, Some(Seen::Begun));
    drop(stream);
    assert_eq!(sight.recv().await, Some(Seen::Broken(ContentError::BrokenOff)));
    assert!(house.client().await.status().await.is_ok());
}

#[tokio::test]
async fn an_early_refusal_reaches_a_client_that_is_still_sending() {
    let house = House::with(Station::new("").0).await;
    let client = house.client().await;
    let nowhere = crate::Submission { to: vec!["gov-office@999999".parse().unwrap()], ..submission() };
    let files = vec![("a".parse().unwrap(), house.file("a", &pattern(LARGE)))];
    let refused = client.send(nowhere, files).await.unwrap_err();
    assert_eq!(refused.problem().unwrap().door_code(), Some(DoorCode::UnknownRecipient));
}
