//! Handing in: a multipart form whose files are read from disk while they are sent.

use super::ClientError;
use crate::{FileDeclaration, Submission};
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use reqwest::Body;
use reqwest::multipart::{Form, Part};
use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use yizhan_document::PartName;

/// How much of a file is read at once, in bytes.
const READ_BYTES: usize = 256 * 1024;
/// How much of a submission is read before it is sent, in bytes: all of it, if it is small.
const READ_AT_ONCE_BYTES: u64 = 1024 * 1024;

/// The form for a submission with these files. All files are opened before anything is sent.
pub(super) async fn form(
    mut submission: Submission,
    files: Vec<(PartName, PathBuf)>,
) -> Result<Form, ClientError> {
    let (mut opened, mut names) = (Vec::new(), Vec::new());
    for (name, path) in files {
        names.push(name);
        opened.push(path);
    }
    // One task for all of them: each hand-over to another thread costs as much as reading a small file.
    let opened = tokio::task::spawn_blocking(move || {
        let mut room = READ_AT_ONCE_BYTES;
        opened.into_iter().map(|path| open(path, &mut room)).collect::<Result<Vec<_>, _>>()
    });
    // A task that was not run to its end has read nothing: the program is ending.
    let gone = |gone| ClientError::File { path: PathBuf::new(), source: io::Error::other(gone) };
    let opened = opened.await.map_err(gone)??;
    let declare = |(name, (_, size)): (PartName, &(Content, u64))| FileDeclaration { name, size: *size };
    submission.files = names.into_iter().zip(&opened).map(declare).collect();
    let json = serde_json::to_vec(&submission).map_err(ClientError::Unreadable)?;
    let mut form = Form::new().part("submission", Part::bytes(json));
    for (content, size) in opened {
        let part = match content {
            Content::Read(bytes) => Part::bytes(bytes),
            Content::Open(file) => {
                Part::stream_with_length(Body::wrap_stream(pieces(File::from_std(file), size)), size)
            }
        };
        form = form.part("file", part);
    }
    Ok(form)
}

/// What is sent of a file.
enum Content {
    /// All of it, read already.
    Read(Vec<u8>),
    /// It is read while it is sent.
    Open(std::fs::File),
}

/// Opens a file and tells its size; a small one is read at once, as long as there is room.
fn open(path: PathBuf, room: &mut u64) -> Result<(Content, u64), ClientError> {
    let mut begun = || {
        let file = std::fs::File::open(&path)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "it is no file"));
        }
        if found.len() > *room {
            return Ok((Content::Open(file), found.len()));
        }
        *room -= found.len();
        let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default());
        // What is added meanwhile is not sent.
        file.take(found.len()).read_to_end(&mut bytes)?;
        let size = bytes.len() as u64;
        Ok((Content::Read(bytes), size))
    };
    begun().map_err(|source| ClientError::File { path, source })
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
