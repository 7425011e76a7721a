//! Input that no honest client sends: each gets a clear refusal, nothing reaches the node, and the door stays open.

use super::House;
use super::by_hand::{Form, exchange, raw_exchange, request};
use super::station::{Seen, Station};
use crate::limits::{HEAD_BYTES_MAX, JSON_BYTES_MAX, SUBMISSION_BYTES_MAX, UNPARSED_BYTES_MAX};
use crate::{DoorCode, PROBLEM_MEDIA_TYPE, Problem};

/// Sends `request`, expects a problem, and that the node saw nothing and the door is still open.
async fn refused(request: &[u8]) -> DoorCode {
    let (station, mut sight) = Station::new("");
    let house = House::with(station).await;
    let (status, body) = exchange(&house.socket(), request).await;
    let problem: Problem =
        serde_json::from_str(&body).unwrap_or_else(|_| panic!("no problem: {status} {body}"));
    assert_eq!(problem.status, status);
    assert!((400..500).contains(&status) && !problem.fix.is_empty());
    assert!(!matches!(sight.try_recv(), Ok(Seen::Whole(..))));
    assert!(house.client().await.status().await.is_ok());
    problem.door_code().unwrap()
}

fn get(path: &str) -> Vec<u8> {
    request("GET", path, "text/plain", "", b"")
}

fn post_json(path: &str, body: &[u8]) -> Vec<u8> {
    request("POST", path, "application/json", "", body)
}

#[tokio::test]
async fn a_problem_has_exactly_these_members_and_its_media_type() {
    let house = House::with(Station::new("").0).await;
    let answer = raw_exchange(&house.socket(), &get("/v1/offices/tax-office/inbox")).await;
    assert!(answer.to_lowercase().contains(&format!("content-type: {PROBLEM_MEDIA_TYPE}\r\n")), "{answer}");
    let body: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let wanted = serde_json::json!({
        "type": "urn:yizhan:problem:unknown-office",
        "code": "unknown-office",
        "status": 404,
        "title": "This node serves no such office",
        "title_zh": "本站无此机关",
        "detail": "no office tax-office here",
        "fix": "check the name",
        "retryable": false,
    });
    assert_eq!(body, wanted);
}

#[tokio::test]
async fn an_accepted_document_is_answered_with_202_and_its_location() {
    let house = House::with(Station::new("").0).await;
    let request = Form::new().submission(&[3]).field("file", b"abc").request();
    let answer = raw_exchange(&house.socket(), &request).await.to_lowercase();
    assert!(answer.starts_with("http/1.1 202 "), "{answer}");
    assert!(answer.contains("\r\nlocation: /v1/documents/652301.0.42\r\n"), "{answer}");
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_one() {
    let house = House::with(Station::new("").0).await;
    let answer = raw_exchange(&house.socket(), &get("/v1/documents")).await.to_lowercase();
    assert!(answer.starts_with("http/1.1 405 ") && answer.contains("\r\nallow: post\r\n"), "{answer}");
}

#[tokio::test]
async fn names_and_ids_that_look_like_paths_are_refused() {
    for path in [
        "/v1/offices/..%2F..%2Fetc/inbox",
        "/v1/offices/../inbox",
        "/v1/offices/a%00b/inbox",
        "/v1/offices/%ff/inbox",
        "/v1/offices/GOV/inbox",
        "/v1/documents/..%2f..%2fjournal",
        "/v1/documents/652301.0.042",
        "/v1/documents/652301.0.99999999999999999999/receipts",
        "/v1/route/65%2e%2e%2f",
        "/v1/offices/gov-office/inbox?after=-1",
        "/v1/offices/gov-office/inbox?after=x&limit=99999999999999999999999",
        "/v1/queue?limt=3",
    ] {
        assert_eq!(refused(&get(path)).await, DoorCode::Malformed, "{path}");
    }
    assert_eq!(refused(&get("/etc/passwd")).await, DoorCode::NoSuchPath);
    assert_eq!(refused(&get("/v1/documents")).await, DoorCode::MethodNotAllowed);
    let last = request("GET", "/v1/events", "text/plain", "Last-Event-ID: seven\r\n", b"");
    assert_eq!(refused(&last).await, DoorCode::Malformed);
}

#[tokio::test]
async fn forms_in_the_wrong_order_or_with_parts_missing_are_refused() {
    let forms = [
        Form::new(),
        Form::new().field("file", b"abc").submission(&[3]),
        Form::new().submission(&[3]).field("files", b"abc"),
        Form::new().field("submission", b"{").field("file", b"abc"),
        Form::new().field("submission", b"\xff\xfe").field("file", b"abc"),
        Form::new().field("submission", &[b'['; 100_000]).field("file", b"abc"),
        Form::new().submission(&[]),
        Form::new().submission(&[3]).raw(b"--yizhan-boundary\r\nno header at all\r\n\r\n"),
    ];
    for (number, form) in forms.into_iter().enumerate() {
        assert_eq!(refused(&form.request()).await, DoorCode::Malformed, "form {number}");
    }
    let endless = Form::new().submission(&[3]).field("file", b"abc").request_as_it_is("");
    assert_eq!(refused(&endless).await, DoorCode::Malformed);
    let headless = request("POST", "/v1/documents", "multipart/form-data", "", b"abc");
    assert_eq!(refused(&headless).await, DoorCode::MediaType);
}

#[tokio::test]
async fn what_is_larger_than_a_limit_is_refused() {
    let blank = vec![b' '; SUBMISSION_BYTES_MAX + 1];
    assert_eq!(refused(&Form::new().field("submission", &blank).request()).await, DoorCode::TooLarge);
    assert_eq!(refused(&Form::new().submission(&[u64::MAX, 1]).request()).await, DoorCode::TooLarge);
    let acts = "/v1/offices/gov-office/inbox/652301.0.42/acts";
    assert_eq!(refused(&post_json(acts, &vec![b' '; JSON_BYTES_MAX + 1])).await, DoorCode::TooLarge);
    assert_eq!(refused(&post_json(acts, b"{\"act\":\"burnt\"}")).await, DoorCode::Malformed);
    assert_eq!(refused(&post_json(acts, &[b'['; 5000])).await, DoorCode::Malformed);
    assert_eq!(refused(&request("POST", acts, "text/plain", "", b"{}")).await, DoorCode::MediaType);
}

#[tokio::test]
async fn an_endless_preamble_or_field_header_is_not_taken_in() {
    let preamble =
        Form::new().raw(&vec![b'x'; 4 * UNPARSED_BYTES_MAX]).submission(&[3]).field("file", b"abc");
    assert_eq!(refused(&preamble.request()).await, DoorCode::Malformed);
    let header = vec![b'x'; 4 * UNPARSED_BYTES_MAX];
    let header = Form::new().raw(b"--yizhan-boundary\r\nX-Long: ").raw(&header).raw(b"\r\n\r\n");
    assert_eq!(refused(&header.request()).await, DoorCode::Malformed);
}

#[tokio::test]
async fn contradictory_or_shapeless_idempotency_keys_are_refused() {
    let form = || Form::new().submission(&[3]).field("file", b"abc").raw(b"--yizhan-boundary--\r\n");
    for headers in
        ["Idempotency-Key: a b\r\n", "Idempotency-Key: \r\n", "Idempotency-Key: a\r\nIdempotency-Key: b\r\n"]
    {
        assert_eq!(refused(&form().request_as_it_is(headers)).await, DoorCode::Malformed, "{headers}");
    }
    let json = concat!(
        r#"{"from":"gov-office@652301","to":["gov-office@653101"],"label":{"title":"a"},"#,
        r#""files":[{"name":"a","size":0}],"key":"inside"}"#
    );
    // All else of it is as it should be.
    let whole =
        Form::new().field("submission", json.as_bytes()).field("file", b"").raw(b"--yizhan-boundary--\r\n");
    let differing = whole.request_as_it_is("Idempotency-Key: outside\r\n");
    assert_eq!(refused(&differing).await, DoorCode::Malformed);
}

#[tokio::test]
async fn what_is_hardly_http_closes_its_own_connection_only() {
    let house = House::with(Station::new("").0).await;
    let long =
        request("GET", "/live", "text/plain", &format!("X-Long: {}\r\n", "x".repeat(HEAD_BYTES_MAX)), b"");
    assert!(raw_exchange(&house.socket(), &long).await.starts_with("HTTP/1.1 431 "));
    let many = request("GET", "/live", "text/plain", &"X-Many: x\r\n".repeat(200), b"");
    assert!(raw_exchange(&house.socket(), &many).await.starts_with("HTTP/1.1 431 "));
    let noise = raw_exchange(&house.socket(), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").await;
    assert!(noise.is_empty() || noise.starts_with("HTTP/1.1 400 "), "{noise}");
    assert!(house.client().await.status().await.is_ok());
}
