//! Many documents in one request: each has its own outcome, and a batch that is none is refused whole.

use super::by_hand::{Form, exchange, request};
use super::station::{Seen, Station};
use super::{House, submission};
use crate::limits::BATCH_DOCUMENTS_MAX;
use crate::{BatchOutcome, DoorCode, FileDeclaration, Problem, Submission};
use bytes::Bytes;
use yizhan_document::{Digest, Label};

fn document(contents: &[&'static [u8]]) -> (Submission, Vec<Bytes>) {
    let file = |_: &&[u8]| FileDeclaration { name: "a.pdf".parse().unwrap(), size: 0 };
    let files = contents.iter().map(file).collect();
    (
        Submission { files, ..submission() },
        contents.iter().map(|content| Bytes::from_static(content)).collect(),
    )
}

#[tokio::test]
async fn each_document_of_a_batch_gets_its_own_outcome_in_its_place() {
    let (station, mut sight) = Station::new("");
    let house = House::with(station).await;
    let (mut nowhere, files) = document(&[b"lost"]);
    nowhere.to = vec!["gov-office@999999".parse().unwrap()];
    let (mut untitled, none) = document(&[b"x"]);
    untitled.label = Label::default();
    let batch =
        vec![document(&[b"one", b"", b"more"]), (nowhere, files), (untitled, none), document(&[b"last"])];
    let outcomes = house.client().await.send_batch(batch).await.unwrap();
    let code = |outcome: &BatchOutcome| match outcome {
        BatchOutcome::Submitted(_) => None,
        BatchOutcome::Problem(problem) => problem.door_code(),
    };
    assert_eq!(
        outcomes.iter().map(code).collect::<Vec<_>>(),
        [None, Some(DoorCode::UnknownRecipient), Some(DoorCode::Malformed), None]
    );
    for content in [&b"onemore"[..], b"last"] {
        assert_eq!(sight.recv().await, Some(Seen::Begun));
        let Some(Seen::Whole(_, size, digest)) = sight.recv().await else { panic!("not whole") };
        assert_eq!((size, digest), (content.len() as u64, Digest::of(content)));
    }
}

/// What the door says to a batch with these fields.
async fn refused(fields: &[(&str, &[u8])], headers: &str) -> DoorCode {
    let (station, mut sight) = Station::new("");
    let house = House::with(station).await;
    let form = fields.iter().fold(Form::new(), |form, (name, content)| form.field(name, content));
    let body = form.raw(b"--yizhan-boundary--\r\n").into_bytes();
    let media = "multipart/form-data; boundary=yizhan-boundary";
    let request = request("POST", "/v1/documents/batch", media, headers, &body);
    let (status, body) = exchange(&house.socket(), &request).await;
    let problem: Problem = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{status} {body}"));
    assert!(sight.try_recv().is_err(), "something reached the node");
    problem.door_code().unwrap()
}

#[tokio::test]
async fn a_batch_that_is_none_is_refused_whole() {
    let (mut one, _) = document(&[b"abc"]);
    one.files[0].size = 3;
    let other = Submission { from: "archives@652301".parse().unwrap(), ..one.clone() };
    let json = |submissions: &[&Submission]| serde_json::to_vec(submissions).unwrap();
    let (two, mixed) = (json(&[&one, &one]), json(&[&one, &other]));
    let many = json(&vec![&one; BATCH_DOCUMENTS_MAX + 1]);
    for (submissions, content, wanted) in [
        (&two, &b"abcab"[..], DoorCode::ContentMismatch),
        (&two, b"abcabcd", DoorCode::ContentMismatch),
        (&mixed, b"abcabc", DoorCode::Malformed),
        (&many, b"", DoorCode::Malformed),
        (&b"[]".to_vec(), b"", DoorCode::Malformed),
        (&b"[{}]".to_vec(), b"", DoorCode::Malformed),
    ] {
        let fields = [("submissions", submissions.as_slice()), ("content", content)];
        assert_eq!(refused(&fields, "").await, wanted);
    }
    let whole = [("submissions", two.as_slice()), ("content", b"abcabc")];
    assert_eq!(refused(&whole, "Idempotency-Key: a-1\r\n").await, DoorCode::Malformed);
    assert_eq!(refused(&whole[..1], "").await, DoorCode::Malformed);
    let more = [whole[0], whole[1], ("content", b"abc")];
    assert_eq!(refused(&more, "").await, DoorCode::Malformed);
}
