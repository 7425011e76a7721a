//! Opening a body in one pass: encrypted archive in, verified files out.
//!
//! Every byte of the archive has exactly one form that is taken: header blocks are compared whole with the one that closing
//! writes, and what lies between members must be zero. So links, sparse files, long names and foreign names have no way in,
//! and two readers cannot see two archives.

use crate::limits::{BLOCK_BYTES, CMS_BYTES_MAX};
use crate::stream::{Decryptor, StreamError};
use crate::{FileKey, Header, HeaderMismatch, OfficeSignature, OfficeSignatureError, SignedTree, member};
use std::fmt;
use std::io::{self, Read};
use yizhan_document::limits::{
    CONTENT_BYTES_MAX, MANIFEST_BYTES_MAX, MANIFEST_PATH_BYTES_MAX, MANIFEST_TREE_BYTES_MAX, PARTS_MAX,
};
use yizhan_document::{Digest, Hasher, Manifest, ManifestError};

const PART_PLACE: &str = "the header of a file";
const SIGNATURE_PLACE: &str = "the header of the signature";

/// Takes the files of a document as they are opened. What it got is worth nothing until [`open_body`] has returned `Ok`
/// and the caller has checked the signature: throw it away otherwise.
pub trait PartSink {
    /// File `number`, counted from 1, begins; it has `size` bytes.
    fn begin(&mut self, number: u32, size: u64) -> io::Result<()>;
    /// Its next bytes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// It is complete.
    fn end(&mut self) -> io::Result<()>;
}

/// A sink that keeps nothing, to verify only.
pub struct NullSink;

impl PartSink for NullSink {
    fn begin(&mut self, _number: u32, _size: u64) -> io::Result<()> {
        Ok(())
    }
    fn write(&mut self, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a body held besides the files.
pub struct Opened {
    /// The manifest; files and header agree with it.
    pub manifest: Manifest,
    /// Its canonical text, which the office signed, by itself or in a tree.
    pub manifest_text: String,
    /// The signature. The text it stands over speaks for the manifest; the signature over that text is not yet verified: that is
    /// the caller's, with `identity::verify_cms`.
    pub signature: OfficeSignature,
}

impl fmt::Debug for Opened {
    /// Names the envelope only: titles and offices never come into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("envelope", &self.manifest.envelope).finish_non_exhaustive()
    }
}

/// Why a body cannot be opened. If its pieces match the header, the origin is to blame for everything but `Sink` and
/// `StreamError::Read`: refuse the envelope, and do not try again.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Reading or decrypting failed.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// This machine, or whoever takes the files, is to blame.
    #[error("the opened files cannot be passed on: {0}; see to the disk, then open again")]
    Sink(#[source] io::Error),
    /// The archive is not the one form there is.
    #[error("the archive in the body is not in its form at {place}; its origin must close the document anew")]
    Archive {
        /// Where.
        place: &'static str,
    },
    /// The archive holds more than it may.
    #[error(
        "the body holds more files or bytes than a document may have; its origin must split the document"
    )]
    Limit,
    /// The manifest cannot be read.
    #[error("the manifest in the body is refused: {0}")]
    Manifest(#[from] ManifestError),
    /// A file is not the one that was signed, or the number of files is another.
    #[error("the files in the body are not those that the office signed, at file {number}")]
    OtherPart {
        /// The file, counted from 1.
        number: usize,
    },
    /// What was signed does not speak for the manifest.
    #[error(transparent)]
    Signature(#[from] OfficeSignatureError),
    /// The manifest belongs to another envelope.
    #[error(transparent)]
    OtherHeader(#[from] HeaderMismatch),
}

/// Opens the body of the envelope with this header, file by file, into `sink`. Verified: every chunk, order, names, sizes
/// and digests of the files against the manifest, the manifest against the header, the end. Not verified: the pieces (they
/// were on arrival) and the office's signature. Holds one chunk of 64 KiB, manifest and signature.
pub fn open_body<R: Read>(
    body: R,
    key: &FileKey,
    header: &Header,
    sink: &mut dyn PartSink,
) -> Result<Opened, OpenError> {
    let mut archive = Archive { plain: Decryptor::new(body, key)? };
    let (parts, manifest_size) = archive.read_parts(sink)?;
    let manifest_text = archive.read_text(manifest_size, MANIFEST_BYTES_MAX, "the text of the manifest")?;

    let (mut block, mut size) = archive.read_header_block(SIGNATURE_PLACE)?;
    let mut batch = None;
    if is_member(&block, member::TREE, size) {
        let tree = archive.read_text(size, MANIFEST_TREE_BYTES_MAX, "the tree of manifests")?;
        (block, size) = archive.read_header_block(SIGNATURE_PLACE)?;
        if !is_member(&block, member::PATH, size) {
            return Err(OpenError::Archive { place: SIGNATURE_PLACE });
        }
        let path = archive.read_text(size, MANIFEST_PATH_BYTES_MAX, "the path of the manifest")?;
        batch = Some(SignedTree { tree, path });
        (block, size) = archive.read_header_block(SIGNATURE_PLACE)?;
    }
    if size == 0 || !is_member(&block, member::SIGNATURE, size) {
        return Err(OpenError::Archive { place: SIGNATURE_PLACE });
    }
    let cms = archive.read_member(size, CMS_BYTES_MAX)?;
    archive.read_end()?;

    let manifest = Manifest::from_text(&manifest_text)?;
    let signed = manifest.parts.iter().map(|part| (part.size, part.digest));
    let other = signed.clone().zip(parts.iter().copied()).position(|(signed, found)| signed != found);
    let missing = (signed.len() != parts.len()).then(|| signed.len().min(parts.len()));
    if let Some(index) = other.or(missing) {
        return Err(OpenError::OtherPart { number: index + 1 });
    }
    let signature = OfficeSignature { cms, batch };
    signature.check(&manifest, &manifest_text)?;
    header.check_manifest(&manifest)?;
    Ok(Opened { manifest, manifest_text, signature })
}

/// The decrypted archive, read forwards.
struct Archive<R> {
    plain: Decryptor<R>,
}

impl<R: Read> Archive<R> {
    /// All files: size and digest of each, and the size of the manifest, whose header block ends them.
    fn read_parts(&mut self, sink: &mut dyn PartSink) -> Result<(Vec<(u64, Digest)>, u64), OpenError> {
        let mut parts = Vec::new();
        let mut content = 0u64;
        for number in 1u32.. {
            let (block, size) = self.read_header_block(PART_PLACE)?;
            if !parts.is_empty() && is_member(&block, member::MANIFEST, size) {
                return Ok((parts, size));
            }
            if !is_member(&block, &number.to_string(), size) {
                return Err(OpenError::Archive { place: PART_PLACE });
            }
            content = content.checked_add(size).ok_or(OpenError::Limit)?;
            if content > CONTENT_BYTES_MAX || parts.len() >= PARTS_MAX {
                return Err(OpenError::Limit);
            }
            parts.push((size, self.read_part(number, size, sink)?));
        }
        Err(OpenError::Limit)
    }

    fn read_part(&mut self, number: u32, size: u64, sink: &mut dyn PartSink) -> Result<Digest, OpenError> {
        sink.begin(number, size).map_err(OpenError::Sink)?;
        let mut hasher = Hasher::new();
        self.read(size, |bytes| {
            hasher.update(bytes);
            sink.write(bytes).map_err(OpenError::Sink)
        })?;
        self.read_padding(size)?;
        sink.end().map_err(OpenError::Sink)?;
        Ok(hasher.finish())
    }

    /// A member that is text, of at most `max` bytes.
    fn read_text(&mut self, size: u64, max: usize, place: &'static str) -> Result<String, OpenError> {
        String::from_utf8(self.read_member(size, max)?).map_err(|_| OpenError::Archive { place })
    }

    /// A member that is held in memory, of at most `max` bytes.
    fn read_member(&mut self, size: u64, max: usize) -> Result<Vec<u8>, OpenError> {
        if size > max as u64 {
            return Err(OpenError::Limit);
        }
        let mut content = Vec::new();
        self.read(size, |bytes| {
            content.extend_from_slice(bytes);
            Ok(())
        })?;
        self.read_padding(size)?;
        Ok(content)
    }

    /// A header block and the size it names.
    fn read_header_block(&mut self, place: &'static str) -> Result<([u8; BLOCK_BYTES], u64), OpenError> {
        let mut block = [0; BLOCK_BYTES];
        let mut rest = block.as_mut_slice();
        self.read(BLOCK_BYTES as u64, |bytes| {
            // `read` gives as many bytes as asked for in all, so the rest is never too short.
            let (now, later) = std::mem::take(&mut rest).split_at_mut(bytes.len());
            now.copy_from_slice(bytes);
            rest = later;
            Ok(())
        })?;
        let size = member::size_in(&block).ok_or(OpenError::Archive { place })?;
        Ok((block, size))
    }

    fn read_padding(&mut self, size: u64) -> Result<(), OpenError> {
        self.read_zeros(member::padding(size).len(), "the end of a file")
    }

    fn read_end(&mut self) -> Result<(), OpenError> {
        self.read_zeros(member::END.len(), "its end")?;
        if self.plain.fill()?.is_empty() {
            Ok(())
        } else {
            Err(OpenError::Archive { place: "what follows its end" })
        }
    }

    fn read_zeros(&mut self, count: usize, place: &'static str) -> Result<(), OpenError> {
        self.read(count as u64, |bytes| {
            if bytes.iter().all(|b| *b == 0) { Ok(()) } else { Err(OpenError::Archive { place }) }
        })
    }

    /// Gives exactly `count` bytes to `each`, in portions.
    fn read(
        &mut self,
        count: u64,
        mut each: impl FnMut(&[u8]) -> Result<(), OpenError>,
    ) -> Result<(), OpenError> {
        let mut left = count;
        while left > 0 {
            let bytes = self.plain.fill()?;
            let bytes = bytes.get(..usize::try_from(left).unwrap_or(usize::MAX)).unwrap_or(bytes);
            if bytes.is_empty() {
                return Err(OpenError::Archive { place: "its early end" });
            }
            each(bytes)?;
            let taken = bytes.len();
            left -= taken as u64;
            self.plain.consume(taken);
        }
        Ok(())
    }
}

fn is_member(block: &[u8; BLOCK_BYTES], name: &str, size: u64) -> bool {
    member::header_block(name, size).is_ok_and(|wanted| wanted == *block)
}
