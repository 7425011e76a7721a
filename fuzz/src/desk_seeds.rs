//! The hand-made seeds of the desk and of the configuration.

use crate::BETWEEN;
use crate::seeds::Add;

/// A configuration with everything in it.
const CONFIG: &str = "node = \"652301\"\nnetwork = \"xinjiang.example\"\nlisten = \"127.0.0.1:7000\"\ndata = \"data\"\n\
max_classification = \"internal\"\n[directory]\nfolder = \"../directory\"\nauthorities = [\"xinjiang.example/authority+1b6e1cd0+AQID\"]\n\
threshold = 1\n[keys]\nfolder = \"keys\"\ncertificate = \"node.pem\"\n[link]\nbackoff_ms_min = 50\nbackoff_ms_max = 5000\n[disk]\n\
reserve_bytes = 1000\n[quota]\nneighbour_documents = 10\nneighbour_bytes = 1000\n[journal]\nreclaim_bytes = 1000\n";
const SUBMISSION: &str = r#"{"from":"gov-office@652301","to":["gov-office@653101"],"label":{"title":"通知"},"files":[{"name":"a.pdf","size":0}]}"#;
const SUBMISSION_OF_ALL: &str = r#"{"from":"gov-office@652301","to":[],"cc":["gov-office@65"],"groups":{"to":["counties of 65"]},"label":{"title":"通知","urgency":"urgent"},"deadline":"2026-11-20T08:00:00.000Z","files":[{"name":"a.pdf","size":0},{"name":"附件.pdf","size":0}],"key":"k-1"}"#;

/// Requests of each kind, whole and as the client goes away after them, and two configurations.
pub(crate) fn make(add: Add<'_>) {
    let mut desk = |name: &str, head: &str, parts: &[&[u8]]| {
        add("desk", name, [head.as_bytes(), &parts.join(BETWEEN)].concat());
    };
    let json = "HTTP/1.1\r\nHost: desk\r\nContent-Type: application/json";
    let recall = format!("POST /v1/documents/652301.0.42/recall {json}");
    desk(
        "recall",
        "b\x02",
        &[recall.as_bytes(), r#"{"from":"gov-office@652301","reason":"发错了"}"#.as_bytes()],
    );
    let act = format!("POST /v1/offices/gov-office/inbox/652301.0.42/acts {json}");
    desk(
        "act",
        "b\x02",
        &[act.as_bytes(), r#"{"act":"returned","person":"王","reason":"缺附件"}"#.as_bytes()],
    );
    let publish = "POST /v1/directory HTTP/1.1\r\nHost: desk\r\nContent-Type: application/x-tar";
    desk("publish", "b\x01", &[publish.as_bytes(), &[b'r'; 600]]);
    desk("document", "m\x01", &[b"Idempotency-Key: \"k-1\"", SUBMISSION.as_bytes(), b"abc"]);
    desk(
        "two-files-in-small-pieces",
        "m\x00",
        &[b"Connection: close", SUBMISSION_OF_ALL.as_bytes(), b"", b"second"],
    );
    let batch = format!(
        "[{},{}]",
        SUBMISSION.replace("\"files\"", "\"key\":\"a\",\"files\""),
        SUBMISSION.replace("\"files\"", "\"key\":\"b\",\"files\"")
    );
    desk("batch", "M\x02", &[b"Connection: close", batch.as_bytes(), b"first", b"second"]);
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: desk\r\n\r\n");
    let reads = [
        "/live",
        "/v1/offices/gov-office/inbox?after=7&limit=20",
        "/v1/route/653101",
        "/v1/groups/counties%20of%2065",
        "/v1/documents/652301.0.42/receipts",
        "/v1/queue?limit=3",
    ];
    desk("reads-on-one-connection", "r\x02", &[reads.map(get).concat().as_bytes()]);
    desk("events", "r\x02", &[b"GET /v1/events?after=3 HTTP/1.1\r\nHost: desk\r\nLast-Event-ID: 7\r\n\r\n"]);
    let take = "POST /v1/offices/gov-office/inbox/652301.0.42/take HTTP/1.1\r\nHost: desk\r\n\r\n";
    desk("take", "r\x02", &[take.as_bytes()]);
    add("config", "all", CONFIG.into());
    let least = "node = \"65\"\nnetwork = \"x.example\"\nlisten = \"[::1]:1\"\n[directory]\nfolder = \"d\"\nauthorities = []\n";
    add("config", "least", least.into());
}
