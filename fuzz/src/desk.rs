//! The desk: requests as a client's program sends them, over the real server and its limits. Time is made up, so that whoever stands
//! still is given up at once.

use crate::behind_the_desk::Behind;
use crate::{BETWEEN, parts};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use yizhan_desk::{PROBLEM_MEDIA_TYPE, Problem, fuzzing};

/// What the pipe between client and door holds, in bytes, as a socket does.
const PIPE_BYTES: usize = 64 * 1024;
/// The longest that an answer to one input takes, in made-up time: each of its requests may stand still for a minute.
const ANSWERED_WITHIN: Duration = Duration::from_secs(24 * 3600);
/// After that what is thrown away of an upload is thrown away.
const DISCARDED_WITHIN: Duration = Duration::from_secs(30);
const BOUNDARY: &str = "yizhan-boundary";

/// First byte: `b` a head and a body, whose length is put right; `m` further headers, a submission and its files, `M` the same as a batch:
/// form, length and sizes are put right; anything else the bytes of a connection as they come. Second byte: in which pieces they are
/// sent, and whether the client goes away after the last.
pub(crate) fn desk(data: &[u8]) -> bool {
    let [form, manner, rest @ ..] = data else { return false };
    let request = match form {
        b'b' => with_length(rest),
        b'm' | b'M' => form_of(rest, *form == b'M'),
        _ => rest.to_vec(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without a reactor");
    let answered = runtime.block_on(async {
        let behind = Arc::new(Behind::default());
        let (ours, theirs) = duplex(PIPE_BYTES);
        let talk = async {
            tokio::join!(fuzzing::serve_one(theirs, behind.clone()), send(ours, &request, *manner)).1
        };
        let answered = tokio::time::timeout(ANSWERED_WITHIN, talk).await.expect("the door hangs");
        tokio::time::sleep(DISCARDED_WITHIN).await;
        assert!(behind.is_done(), "the node was stopped half-way");
        answered
    });
    check(&answered)
}

/// Sends a request and gives all that comes back until the door closes the connection.
async fn send(stream: tokio::io::DuplexStream, request: &[u8], manner: u8) -> Vec<u8> {
    let (mut reading, mut writing) = tokio::io::split(stream);
    let piece = match manner % 4 {
        0 => 13,
        1 => 1000,
        _ => PIPE_BYTES,
    };
    let sending = async {
        for piece in request.chunks(piece) {
            // The door may have answered and closed.
            if writing.write_all(piece).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        if manner & 4 != 0 {
            drop(writing.shutdown().await);
        }
    };
    let mut answered = Vec::new();
    let receiving = async { drop(reading.read_to_end(&mut answered).await) };
    tokio::join!(sending, receiving);
    answered
}

fn with_length(input: &[u8]) -> Vec<u8> {
    let [head, body @ ..] = &parts(input)[..] else { return Vec::new() };
    let body = body.join(BETWEEN);
    [head, format!("\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat()
}

fn form_of(input: &[u8], batch: bool) -> Vec<u8> {
    let parts = parts(input);
    let (headers, submission) = (parts[0], parts.get(1).copied().unwrap_or_default());
    let files = parts.get(2..).unwrap_or_default();
    let submission = with_sizes(submission, files);
    let mut body = Vec::new();
    let mut field = |name: &str, content: &[u8]| {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(&[head.as_bytes(), content, b"\r\n"].concat());
    };
    field(if batch { "submissions" } else { "submission" }, &submission);
    match batch {
        true => field("content", &files.concat()),
        false => files.iter().for_each(|file| field("file", file)),
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    let path = if batch { "/v1/documents/batch" } else { "/v1/documents" };
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: desk\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {}\r\n",
        body.len()
    );
    [head.as_bytes(), headers, b"\r\n\r\n", &body].concat()
}

/// The submission, or the list of them, with the sizes that its files have; as it is where it is no JSON.
fn with_sizes(submission: &[u8], files: &[&[u8]]) -> Vec<u8> {
    let Ok(mut json) = serde_json::from_slice::<serde_json::Value>(submission) else {
        return submission.to_vec();
    };
    let mut sizes = files.iter().map(|file| file.len());
    let all = match &mut json {
        serde_json::Value::Array(all) => all.as_mut_slice(),
        one => std::slice::from_mut(one),
    };
    let declared = all.iter_mut().filter_map(|one| one.get_mut("files")?.as_array_mut()).flatten();
    for file in declared.filter_map(serde_json::Value::as_object_mut) {
        if let Some(size) = sizes.next() {
            file.insert("size".into(), size.into());
        }
    }
    json.to_string().into_bytes()
}

/// Looks at the answers: none blames the node, and a problem says what to do. Whether one of them is no refusal.
fn check(mut answers: &[u8]) -> bool {
    let mut taken = false;
    while let Some(end) = answers.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
        let head = std::str::from_utf8(&answers[..end]).expect("a head is text");
        let status: u16 =
            head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
        assert!(status < 500, "a client's bytes are called a fault of the node: {head}");
        taken |= (200..300).contains(&status);
        let rest = &answers[end + 4..];
        let header = |name: &str| {
            head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
        };
        // Of an answer in chunks, or one to `HEAD`, nobody knows here where the next one begins.
        let Some(length) = header("content-length").and_then(|length| length.parse::<usize>().ok()) else {
            return taken;
        };
        let Some(body) = rest.get(..length) else { return taken };
        if header("content-type") == Some(PROBLEM_MEDIA_TYPE) {
            let problem: Problem = serde_json::from_slice(body).expect("a problem");
            assert!(problem.status == status && !problem.fix.is_empty() && problem.door_code().is_some());
            assert!(!problem.detail.contains(char::is_control), "{problem:?}");
        }
        answers = &rest[length..];
    }
    taken
}
