//! Every path of the API through the real client: what the node says arrives, and what it refuses is a problem.

use super::station::{
    PANICKER, Seen, Station, USED_KEY, certificate, envelope, event, inbox_item, node, receipt,
};
use super::{House, submission};
use crate::{ActRequest, ClientError, DoorCode, RecallRequest, RecallState, Stage};
use futures_util::{StreamExt, TryStreamExt};
use yizhan_document::{Act, Digest, EnvelopeId, Group, OfficeName};

fn office(name: &str) -> OfficeName {
    name.parse().unwrap()
}

fn act(act: Act, person: &str, reason: &str) -> ActRequest {
    ActRequest { act, person: person.into(), reason: reason.into() }
}

fn code<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> Option<DoorCode> {
    answer.unwrap_err().problem().unwrap().door_code()
}

#[tokio::test]
async fn a_document_of_two_files_arrives_as_declared() {
    let (station, mut sight) = Station::new("");
    let house = House::with(station).await;
    let files = vec![
        ("通知.pdf".parse().unwrap(), house.file("a", b"first ")),
        ("空.txt".parse().unwrap(), house.file("b", b"")),
        ("附件.bin".parse().unwrap(), house.file("c", b"second\r\n--")),
    ];
    let submitted = house.client().await.send(submission(), files).await.unwrap();
    assert_eq!((submitted.id, submitted.url.as_str()), (envelope(), "/v1/documents/652301.0.42"));
    assert_eq!((submitted.duplicate, submitted.receipt), (false, receipt("SubmissionAcceptance")));
    assert_eq!(sight.recv().await, Some(Seen::Begun));
    let Some(Seen::Whole(seen, size, digest)) = sight.recv().await else { panic!("not whole") };
    assert_eq!((size, digest), (16, Digest::of(b"first second\r\n--")));
    let declared: Vec<_> = seen.files.iter().map(|file| (file.name.as_str(), file.size)).collect();
    assert_eq!(declared, [("通知.pdf", 6), ("空.txt", 0), ("附件.bin", 10)]);
    assert_eq!((seen.label, seen.to), (submission().label, submission().to));
}

#[tokio::test]
async fn a_known_key_gets_the_stored_answer_and_a_refusal_its_reason() {
    let house = House::with(Station::new("").0).await;
    let client = house.client().await;
    let files = || vec![("a".parse().unwrap(), house.file("a", &[1; 300_000]))];
    let again = crate::Submission { key: Some(USED_KEY.into()), ..submission() };
    assert!(client.send(again, files()).await.unwrap().duplicate);
    let nowhere = crate::Submission { to: vec!["gov-office@999999".parse().unwrap()], ..submission() };
    assert_eq!(code(client.send(nowhere, files()).await), Some(DoorCode::UnknownRecipient));
    let missing = vec![("a".parse().unwrap(), house.folder.path().join("missing"))];
    assert!(matches!(client.send(submission(), missing).await, Err(ClientError::File { .. })));
}

#[tokio::test]
async fn track_and_receipts_come_back_whole() {
    let house = House::with(Station::new("").0).await;
    let client = house.client().await;
    let track = client.track(envelope()).await.unwrap();
    assert_eq!((track.destinations[0].state, track.destinations[0].where_now), (Stage::AtNode, node("6523")));
    assert_eq!((track.receipts[0].index, track.receipts[0].witnessed), (9, true));
    let receipts = client.receipts(envelope()).await.unwrap();
    assert_eq!(receipts, [receipt("SubmissionAcceptance"), receipt("RelayAcceptance")]);
    assert_eq!(client.certificate(envelope()).await.unwrap(), certificate());
    let unknown: EnvelopeId = "652301.0.43".parse().unwrap();
    assert_eq!(code(client.certificate(unknown).await), Some(DoorCode::UnknownDocument));
    assert_eq!(code(client.track(unknown).await), Some(DoorCode::UnknownDocument));
    assert_eq!(code(client.receipts(unknown).await), Some(DoorCode::UnknownDocument));
}

#[tokio::test]
async fn an_inbox_is_read_in_pages() {
    let house = House::with(Station::new("").0).await;
    let client = house.client().await;
    let page = client.inbox(&office("gov-office"), 5, 2).await.unwrap();
    assert_eq!(page, [inbox_item(6), inbox_item(7)]);
    assert_eq!(client.inbox(&office("gov-office"), 18, usize::MAX).await.unwrap().len(), 2);
    assert_eq!(code(client.inbox(&office("other"), 0, 1).await), Some(DoorCode::UnknownOffice));
}

#[tokio::test]
async fn acts_are_entered_once_and_contradictions_refused() {
    let house = House::with(Station::new("").0).await;
    let (client, here) = (house.client().await, office("gov-office"));
    let signed = act(Act::SignedFor, "阿依古丽·买买提", "");
    let done = client.act(&here, envelope(), &signed).await.unwrap();
    assert_eq!((done.receipt.kind.as_str(), done.duplicate), ("SignedFor", false));
    assert_eq!(done.receipt.cms, Some(vec![0x30, 0, 0xff]));
    assert!(client.act(&here, envelope(), &signed).await.unwrap().duplicate);
    let returned = act(Act::Returned, "x", "附件缺页");
    assert_eq!(code(client.act(&here, envelope(), &returned).await), Some(DoorCode::WrongState));
    let reasonless = act(Act::Refused, "x", "");
    assert_eq!(code(client.act(&here, envelope(), &reasonless).await), Some(DoorCode::Malformed));
    assert_eq!(code(client.act(&office("other"), envelope(), &signed).await), Some(DoorCode::UnknownOffice));
}

#[tokio::test]
async fn a_recall_names_its_office_and_reason_and_tells_how_each_destination_fares() {
    let house = House::with(Station::new("").0).await;
    let client = house.client().await;
    let request =
        |from: &str, reason: &str| RecallRequest { from: from.parse().unwrap(), reason: reason.into() };
    let recall = request("gov-office@652301", "日期有误");
    let done = client.recall(envelope(), &recall).await.unwrap();
    assert_eq!((done.receipt.kind.as_str(), done.duplicate), ("RecallRequested", false));
    assert_eq!(done.destinations[0].recall, Some(RecallState::Requested));
    assert_eq!(
        code(client.recall(envelope(), &request("gov-office@652301", " ")).await),
        Some(DoorCode::Malformed)
    );
    assert_eq!(
        code(client.recall(envelope(), &request("other@652301", "x")).await),
        Some(DoorCode::UnknownOffice)
    );
    let unknown: EnvelopeId = "652301.0.43".parse().unwrap();
    assert_eq!(code(client.recall(unknown, &recall).await), Some(DoorCode::UnknownDocument));
}

#[tokio::test]
async fn a_fault_of_the_node_is_a_problem_too_and_the_door_stays_open() {
    let house = House::with(Station::new("").0).await;
    let client = house.client().await;
    let answer = client.act(&office("gov-office"), envelope(), &act(Act::SignedFor, PANICKER, "")).await;
    assert!(answer.as_ref().unwrap_err().retryable());
    assert_eq!(code(answer), Some(DoorCode::Internal));
    assert!(client.status().await.is_ok());
}

#[tokio::test]
async fn route_status_queue_and_directory_come_back_whole() {
    let house = House::with(Station::new("").0).await;
    let client = house.client().await;
    let hops: Vec<_> =
        client.route(node("653101")).await.unwrap().into_iter().map(|step| step.node).collect();
    assert_eq!(hops, [node("652301"), node("6523"), node("653101")]);
    assert_eq!(code(client.route(node("999999")).await), Some(DoorCode::UnknownNode));
    let group: Group = "counties of 65 office archive except 652301 gov-office@652302".parse().unwrap();
    let view = client.group(&group).await.unwrap();
    assert_eq!((view.group, view.offices.len(), view.left_out.len()), (group, 1, 1));
    let status = client.status().await.unwrap();
    assert_eq!((status.ledger_size, status.neighbours[0].waiting, status.held), (43, 3, 3));
    let queue = client.queue(2).await.unwrap();
    assert_eq!((queue.len(), queue[1].unit.attempt, queue[1].next_try), (2, 1, None));
    let directory = client.directory().await.unwrap();
    assert_eq!(directory.nodes[0].offices[0].name, "昌吉市人民政府办公室");
}

#[tokio::test]
async fn events_are_replayed_from_where_the_reader_left_off() {
    let house = House::with(Station::new("").0).await;
    let client = house.client().await;
    let all: Vec<_> = client.events(0).await.unwrap().take(3).try_collect().await.unwrap();
    assert_eq!(all, [event(1), event(2), event(3)]);
    let rest: Vec<_> = client.events(2).await.unwrap().take(1).try_collect().await.unwrap();
    assert_eq!(rest, [event(3)]);
}

#[tokio::test]
async fn a_version_of_the_directory_arrives_byte_for_byte_and_is_refused_with_its_reason() {
    let house = House::with(Station::new("").0).await;
    let client = house.client().await;
    let archive = vec![7; 300_000];
    let published = client.publish(archive.clone()).await.unwrap();
    assert_eq!((published.version, published.root), (2, Digest::of(&archive)));
    let refused = client.publish(b"old".to_vec()).await.unwrap_err();
    let problem = refused.problem().unwrap();
    assert_eq!(problem.door_code(), Some(DoorCode::DirectoryRefused));
    assert!(problem.detail.starts_with("rollback: "), "{problem:?}");
}
