//! Closing a body in one pass: files in, encrypted archive and piece digests out.

use crate::stream::Encryptor;
use crate::{FileKey, OfficeSignature, OfficeSignatureError, PieceHasher, member, pieces_root};
use std::io::{self, Write};
use yizhan_document::limits::{CONTENT_BYTES_MAX, PARTS_MAX};
use yizhan_document::{Digest, Hasher, Manifest, ManifestError};

/// Writes the body of one envelope to `W`: for each file `begin_part`, `write_part` as often as needed, `end_part`; then
/// `finish` with manifest and signature. Holds one chunk of 64 KiB, and 32 bytes for each MiB that went through.
///
/// An error leaves an unfinished body behind, which nobody can open: throw it away and close anew.
pub struct BodyCloser<W: Write> {
    archive: Encryptor<PieceWriter<W>>,
    parts: Vec<(u64, Digest)>,
    content: u64,
    part: Option<OpenPart>,
}

/// A body that is complete, but not yet durable.
pub struct ClosedBody<W> {
    /// Where it was written to, flushed.
    pub out: W,
    /// Its size in bytes.
    pub size: u64,
    /// The leaf hashes of its pieces, in order.
    pub pieces: Vec<Digest>,
}

impl<W> ClosedBody<W> {
    /// The root over the pieces, for `body.pieces` of the header.
    pub fn root(&self) -> Digest {
        pieces_root(&self.pieces)
    }
}

/// Why a body cannot be closed.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// This machine is to blame.
    #[error("the closed body cannot be written: {0}; see to the disk, then submit the document again")]
    Write(#[from] io::Error),
    /// The client sent more or fewer bytes than it had declared.
    #[error("file {number} was declared with {declared} bytes and has {}; declare its size as it is", if *.more { "more" } else { "fewer" })]
    PartSize {
        /// The file, counted from 1.
        number: usize,
        /// The declared size.
        declared: u64,
        /// Whether there are more bytes, or fewer.
        more: bool,
    },
    /// The client sent too much.
    #[error("a document has at most {PARTS_MAX} files of at most {CONTENT_BYTES_MAX} bytes in all; split it")]
    Limit,
    /// This program is to blame: the calls came in another order than the documented one.
    #[error("a file was begun, written or ended out of turn; this is a fault of the program, report it")]
    OutOfTurn,
    /// This program is to blame.
    #[error("the manifest is refused: {0}; report it")]
    Manifest(#[from] ManifestError),
    /// The manifest was made for other files. Whoever made it is to blame: the node, or office software that signs itself.
    #[error(
        "the manifest names other sizes or digests than the files have; make it from the files as they are"
    )]
    OtherParts,
    /// Whoever signed is to blame.
    #[error(transparent)]
    Signature(#[from] OfficeSignatureError),
}

impl<W: Write> BodyCloser<W> {
    /// Begins a body: writes a fresh payload nonce.
    pub fn new(out: W, key: &FileKey) -> Result<Self, CloseError> {
        let out = PieceWriter { out, pieces: PieceHasher::new() };
        Ok(Self { archive: Encryptor::new(out, key)?, parts: Vec::new(), content: 0, part: None })
    }

    /// Begins the next file, of exactly `size` bytes.
    pub fn begin_part(&mut self, size: u64) -> Result<(), CloseError> {
        if self.part.is_some() {
            return Err(CloseError::OutOfTurn);
        }
        let content = self.content.checked_add(size).filter(|content| *content <= CONTENT_BYTES_MAX);
        self.content = content.ok_or(CloseError::Limit)?;
        if self.parts.len() >= PARTS_MAX {
            return Err(CloseError::Limit);
        }
        let name = (self.parts.len() + 1).to_string();
        self.archive.write_all(&member::header_block(&name, size)?)?;
        self.part = Some(OpenPart { declared: size, left: size, hasher: Hasher::new() });
        Ok(())
    }

    /// The next bytes of the file.
    pub fn write_part(&mut self, bytes: &[u8]) -> Result<(), CloseError> {
        let number = self.parts.len() + 1;
        let part = self.part.as_mut().ok_or(CloseError::OutOfTurn)?;
        let left = part.left.checked_sub(bytes.len() as u64);
        part.left = left.ok_or(CloseError::PartSize { number, declared: part.declared, more: true })?;
        part.hasher.update(bytes);
        Ok(self.archive.write_all(bytes)?)
    }

    /// Ends the file: its size and the SHA-256 of its content, for the manifest.
    pub fn end_part(&mut self) -> Result<(u64, Digest), CloseError> {
        let number = self.parts.len() + 1;
        let part = self.part.take().ok_or(CloseError::OutOfTurn)?;
        if part.left > 0 {
            let declared = part.declared;
            self.part = Some(part);
            return Err(CloseError::PartSize { number, declared, more: false });
        }
        self.archive.write_all(member::padding(part.declared))?;
        let ended = (part.declared, part.hasher.finish());
        self.parts.push(ended);
        Ok(ended)
    }

    /// Ends the body with the manifest's canonical text and the office's signature over it, or over a tree that it is in. The
    /// manifest is checked against the files and the tree, the signature itself is not.
    pub fn finish(self, manifest: &str, signature: &OfficeSignature) -> Result<ClosedBody<W>, CloseError> {
        if self.part.is_some() {
            return Err(CloseError::OutOfTurn);
        }
        let named = Manifest::from_text(manifest)?;
        signature.check(&named, manifest)?;
        self.finish_made(&named, manifest, signature)
    }

    /// [`Self::finish`] for who has just made the manifest, its text and, where there is one, the tree that it is in: only its parts
    /// are checked, against the files.
    pub fn finish_made(
        mut self,
        made: &Manifest,
        manifest: &str,
        signature: &OfficeSignature,
    ) -> Result<ClosedBody<W>, CloseError> {
        if self.part.is_some() {
            return Err(CloseError::OutOfTurn);
        }
        if !made.parts.iter().map(|part| (part.size, part.digest)).eq(self.parts.iter().copied()) {
            return Err(CloseError::OtherParts);
        }
        self.write_member(member::MANIFEST, manifest.as_bytes())?;
        if let Some(batch) = &signature.batch {
            self.write_member(member::TREE, batch.tree.as_bytes())?;
            self.write_member(member::PATH, batch.path.as_bytes())?;
        }
        self.write_member(member::SIGNATURE, &signature.cms)?;
        self.archive.write_all(&member::END)?;
        let PieceWriter { mut out, pieces } = self.archive.finish()?;
        out.flush()?;
        Ok(ClosedBody { out, size: pieces.size(), pieces: pieces.finish() })
    }

    fn write_member(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let size = content.len() as u64;
        self.archive.write_all(&member::header_block(name, size)?)?;
        self.archive.write_all(content)?;
        self.archive.write_all(member::padding(size))
    }
}

/// A file that was begun and not yet ended.
struct OpenPart {
    declared: u64,
    left: u64,
    hasher: Hasher,
}

/// Hashes the pieces of what it passes on.
struct PieceWriter<W> {
    out: W,
    pieces: PieceHasher,
}

impl<W: Write> Write for PieceWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.pieces.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closer() -> BodyCloser<Vec<u8>> {
        BodyCloser::new(Vec::new(), &FileKey::generate().unwrap()).unwrap()
    }

    #[test]
    fn a_file_of_another_size_than_declared_is_refused() {
        let mut closer = closer();
        closer.begin_part(3).unwrap();
        closer.write_part(b"ab").unwrap();
        let fewer = closer.end_part().unwrap_err();
        assert_eq!(
            fewer.to_string(),
            "file 1 was declared with 3 bytes and has fewer; declare its size as it is"
        );
        assert!(matches!(closer.write_part(b"cd"), Err(CloseError::PartSize { more: true, .. })));
        closer.write_part(b"c").unwrap();
        assert_eq!(closer.end_part().unwrap(), (3, Digest::of(b"abc")));
    }

    #[test]
    fn calls_out_of_turn_are_refused() {
        let mut closer = closer();
        assert!(matches!(closer.write_part(b"a"), Err(CloseError::OutOfTurn)));
        assert!(matches!(closer.end_part(), Err(CloseError::OutOfTurn)));
        closer.begin_part(1).unwrap();
        assert!(matches!(closer.begin_part(1), Err(CloseError::OutOfTurn)));
        assert!(matches!(
            closer.finish("", &OfficeSignature::alone(b"cms".to_vec())),
            Err(CloseError::OutOfTurn)
        ));
    }

    #[test]
    fn too_many_files_and_too_much_content_are_refused() {
        assert!(matches!(closer().begin_part(CONTENT_BYTES_MAX + 1), Err(CloseError::Limit)));
        let mut closer = closer();
        for _ in 0..PARTS_MAX {
            closer.begin_part(0).unwrap();
            closer.end_part().unwrap();
        }
        assert!(matches!(closer.begin_part(0), Err(CloseError::Limit)));
    }
}
