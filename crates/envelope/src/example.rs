//! Envelopes for the tests of this crate: closed with the public functions only.

use crate::{Body, BodyCloser, Destination, FileKey, Header, PartSink, Slip, close_slips};
use std::io;
use yizhan_document::{Digest, Label, Manifest, NodeId, Part, WallTime};
use yizhan_identity::{OpeningKey, suite};

/// A closed envelope with everything that made it.
pub(crate) struct Example {
    pub(crate) key: FileKey,
    pub(crate) manifest_text: String,
    pub(crate) header: Header,
    pub(crate) slips: Vec<Slip>,
    pub(crate) body: Vec<u8>,
    pub(crate) pieces: Vec<Digest>,
    /// The opening keys of the destinations, in their order.
    pub(crate) openers: Vec<OpeningKey>,
}

/// The bytes in the place of the office's signature, which this crate does not look into.
pub(crate) const CMS: &[u8] = b"0\x82 detached";

/// An envelope with these files for `destinations` nodes.
pub(crate) fn close(files: &[Vec<u8>], destinations: usize) -> Example {
    let key = FileKey::generate().unwrap();
    let mut closer = BodyCloser::new(Vec::new(), &key).unwrap();
    let mut parts = Vec::new();
    for file in files {
        closer.begin_part(file.len() as u64).unwrap();
        file.chunks(10_007).for_each(|some| closer.write_part(some).unwrap());
        parts.push(closer.end_part().unwrap());
    }
    let manifest_text = manifest(&parts, destinations).to_text().unwrap();
    let closed = closer.finish(&manifest_text, &signature()).unwrap();

    let openers: Vec<_> = (0..destinations).map(|_| OpeningKey::generate().unwrap()).collect();
    let recipients: Vec<_> = openers.iter().map(OpeningKey::public).collect();
    let slips = close_slips(&key, &recipients).unwrap();
    let body = Body { size: closed.size, pieces: closed.root() };
    let header = header(body, slips.root(), key.commitment(), destinations);
    Example {
        key,
        manifest_text,
        header,
        slips: slips.to_slips(),
        body: closed.out,
        pieces: closed.pieces,
        openers,
    }
}

/// A manifest for files of these sizes and digests.
pub(crate) fn manifest(parts: &[(u64, Digest)], destinations: usize) -> Manifest {
    let part = |(number, (size, digest)): (usize, &(u64, Digest))| Part {
        name: format!("附件 {number}.pdf").parse().unwrap(),
        size: *size,
        digest: *digest,
    };
    Manifest {
        suite: suite::SIGNATURE.into(),
        envelope: "652301.0.42".parse().unwrap(),
        time: WallTime::from_ms(1_795_161_600_000),
        directory: 1,
        salt: Digest::of(b"salt"),
        from: "gov-office@652301".parse().unwrap(),
        to: (0..destinations).map(|i| format!("gov-office@{}", node(i)).parse().unwrap()).collect(),
        cc: vec!["archives@653101".parse().unwrap()],
        parts: parts.iter().enumerate().map(part).collect(),
        label: Label { title: "关于防汛工作的通知".into(), ..Label::default() },
    }
}

/// A header that fits `manifest`.
pub(crate) fn header(body: Body, slips: Digest, key: Digest, destinations: usize) -> Header {
    Header {
        version: Header::VERSION,
        suite: suite::ENVELOPE.into(),
        id: "652301.0.42".parse().unwrap(),
        created: WallTime::from_ms(1_795_161_600_000),
        deadline: WallTime::from_ms(1_795_161_600_000).plus_ms(3_600_000),
        urgency: Label::default().urgency,
        classification: Label::default().classification,
        directory: 1,
        to: (0..destinations).map(|i| Destination { node: node(i), number: i as u64 }).collect(),
        body,
        slips,
        key,
    }
}

fn node(index: usize) -> NodeId {
    (653_101 + index).to_string().parse().unwrap()
}

/// Keeps every file.
#[derive(Default)]
pub(crate) struct Files(pub(crate) Vec<Vec<u8>>);

impl PartSink for Files {
    fn begin(&mut self, number: u32, _size: u64) -> io::Result<()> {
        self.0.push(Vec::new());
        assert_eq!(number as usize, self.0.len());
        Ok(())
    }
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.last_mut().unwrap().extend_from_slice(bytes);
        Ok(())
    }
    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A signature over one manifest that nobody checks here.
pub(crate) fn signature() -> crate::OfficeSignature {
    crate::OfficeSignature::alone(CMS.to_vec())
}
