//! Handing in: a multipart form whose files are read from disk while they are sent.

use super::ClientError;
use crate::{FileDeclaration, Submission};
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use reqwest::Body;
use reqwest::multipart::{Form, Part};
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use yizhan_document::PartName;

/// How much of a file is read at once, in bytes.
const READ_BYTES: usize = 256 * 1024;

/// The form for a submission with these files. All files are opened before anything is sent.
pub(super) async fn form(
    mut submission: Submission,
    files: Vec<(PartName, PathBuf)>,
) -> Result<Form, ClientError> {
    let mut contents = Vec::new();
    submission.files.clear();
    for (name, path) in files {
        let unreadable = |source| ClientError::File { path: path.clone(), source };
        let file = File::open(&path).await.map_err(unreadable)?;
        let found = file.metadata().await.map_err(unreadable)?;
        if !found.is_file() {
            return Err(unreadable(io::Error::new(ErrorKind::InvalidInput, "it is no file")));
        }
        submission.files.push(FileDeclaration { name, size: found.len() });
        contents.push((file, found.len()));
    }
    let json = serde_json::to_vec(&submission).map_err(ClientError::Unreadable)?;
    let mut form = Form::new().part("submission", Part::bytes(json));
    for (file, size) in contents {
        form = form.part("file", Part::stream_with_length(Body::wrap_stream(pieces(file, size)), size));
    }
    Ok(form)
}

/// The form for a batch: all submissions, then all files one after the other, none of them copied.
pub(super) fn batch(documents: Vec<(Submission, Vec<Bytes>)>) -> Result<Form, ClientError> {
    let mut submissions = Vec::with_capacity(documents.len());
    let mut contents = Vec::new();
    for (mut submission, files) in documents {
        for (declared, file) in submission.files.iter_mut().zip(&files) {
            declared.size = file.len() as u64;
        }
        contents.extend(files.into_iter().take(submission.files.len()));
        submissions.push(submission);
    }
    let json = serde_json::to_vec(&submissions).map_err(ClientError::Unreadable)?;
    let size = contents.iter().map(|content| content.len() as u64).sum();
    let stream = futures_util::stream::iter(contents.into_iter().map(Ok::<_, io::Error>));
    let content = Part::stream_with_length(Body::wrap_stream(stream), size);
    Ok(Form::new().part("submissions", Part::bytes(json)).part("content", content))
}

/// Exactly `size` bytes of a file. One that became shorter since it was declared breaks the upload off; what was added is not
/// sent.
fn pieces(file: File, size: u64) -> impl Stream<Item = io::Result<Bytes>> {
    futures_util::stream::try_unfold((file, size), |(mut file, missing)| async move {
        if missing == 0 {
            return Ok(None);
        }
        let wanted = usize::try_from(missing).map_or(READ_BYTES, |missing| missing.min(READ_BYTES));
        let mut bytes = BytesMut::with_capacity(wanted);
        (&mut file).take(wanted as u64).read_buf(&mut bytes).await?;
        if bytes.is_empty() {
            return Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                "the file became shorter while it was sent",
            ));
        }
        let missing = missing.saturating_sub(bytes.len() as u64);
        Ok(Some((bytes.freeze(), (file, missing))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;

    #[tokio::test]
    async fn exactly_the_declared_bytes_are_sent_or_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, vec![3; 700_000]).unwrap();
        for (declared, whole) in [(0, true), (699_999, true), (700_000, true), (700_001, false)] {
            let mut stream = Box::pin(pieces(File::open(&path).await.unwrap(), declared));
            let (mut sent, mut ended_well) = (0, true);
            while let Some(piece) = stream.next().await {
                match piece {
                    Ok(bytes) => sent += bytes.len() as u64,
                    Err(_) => ended_well = false,
                }
            }
            assert_eq!((sent, ended_well), (declared.min(700_000), whole));
        }
    }
}
