//! Requests written byte by byte, for what the client library would never send.

use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const BOUNDARY: &str = "yizhan-boundary";

/// A multipart form.
pub(super) struct Form(Vec<u8>);

impl Form {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds the field `submission` that declares files of these sizes.
    pub(super) fn submission(self, sizes: &[u64]) -> Self {
        let files: Vec<_> = sizes.iter().map(|size| format!(r#"{{"name":"a.pdf","size":{size}}}"#)).collect();
        let json = format!(
            r#"{{"from":"gov-office@652301","to":["gov-office@653101"],"label":{{"title":"通知"}},"files":[{}]}}"#,
            files.join(",")
        );
        self.field("submission", json.as_bytes())
    }

    /// Adds a field.
    pub(super) fn field(self, name: &str, content: &[u8]) -> Self {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        self.raw(head.as_bytes()).raw(content).raw(b"\r\n")
    }

    /// Adds bytes as they are.
    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The body as it is.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The request, with its end.
    pub(super) fn request(self) -> Vec<u8> {
        self.raw(format!("--{BOUNDARY}--\r\n").as_bytes()).request_as_it_is("")
    }

    /// The request, without an end, with further headers.
    pub(super) fn request_as_it_is(self, headers: &str) -> Vec<u8> {
        let media = format!("multipart/form-data; boundary={BOUNDARY}");
        request("POST", "/v1/documents", &media, headers, &self.0)
    }
}

/// A request; the connection ends after it.
pub(super) fn request(method: &str, path: &str, media: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "{method} {path} HTTP/1.1\r\nHost: desk\r\nConnection: close\r\nContent-Type: {media}\r\n\
         Content-Length: {}\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Sends a request and gives status and body of the answer. Sending may fail where the answer comes first.
pub(super) async fn exchange(socket: &Path, request: &[u8]) -> (u16, String) {
    let answer = raw_exchange(socket, request).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// Sends a request and gives the answer as it came.
pub(super) async fn raw_exchange(socket: &Path, request: &[u8]) -> String {
    let (mut reading, mut writing) = UnixStream::connect(socket).await.unwrap().into_split();
    let sending = async { drop(writing.write_all(request).await) };
    let mut answer = Vec::new();
    // A reset after the answer is how the system says that not all was read.
    let receiving = async { drop(reading.read_to_end(&mut answer).await) };
    tokio::join!(sending, receiving);
    String::from_utf8(answer).unwrap()
}
