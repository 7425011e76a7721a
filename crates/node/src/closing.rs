//! Closes a submission into an envelope, in one pass: content streams through once, the manifest comes last.

use crate::carriage::{check_crossing, check_way};
use crate::dispatching::{Addressed, check_dispatch};
use crate::file_keys::{FileKeys, SharedKey};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::Arc;
use yizhan_desk::{ContentError, DoorCode, DoorError, Submission};
use yizhan_document::{
    Classification, Digest, EnvelopeId, Manifest, NodeId, OfficeAddress, OfficeName, Part, WallTime, limits,
};
use yizhan_envelope::{Body, BodyCloser, CloseError, Destination, Header, OfficeSignature};
use yizhan_exchange::{Closed, SubmissionKey};
use yizhan_hierarchy::{Directory, RecipientError, limits::GRACE_MS};
use yizhan_identity::{OfficeKey, suite};
use yizhan_journal::{StoredBody, StoredEnvelope};
use yizhan_protocol::{OfferedSlip, limits::INLINE_BODY_BYTES_MAX};
use yizhan_spool::{BodyStore, Closing};

/// What closing needs.
#[derive(Clone)]
pub(crate) struct Closer {
    /// This node.
    pub(crate) me: NodeId,
    /// The directory.
    pub(crate) directory: Arc<Directory>,
    /// Keys held for offices.
    pub(crate) offices: Arc<BTreeMap<OfficeName, OfficeKey>>,
    /// Where large bodies go.
    pub(crate) bodies: Arc<BodyStore>,
    /// File keys that serve more than one envelope.
    pub(crate) keys: Arc<FileKeys>,
}

/// A reserved id with the number for each destination.
pub(crate) struct Reserved {
    /// The id.
    pub(crate) id: EnvelopeId,
    /// The numbers, in the order of the destinations.
    pub(crate) numbers: Vec<u64>,
}

/// A document whose files are in the body, and nothing else yet.
pub(crate) struct Begun<'a> {
    key: Arc<SharedKey>,
    body: BodyCloser<BodySink<'a>>,
    parts: Vec<Part>,
}

/// A closed envelope and its content.
pub(crate) struct ClosedSubmission {
    /// What the rules need to know.
    pub(crate) closed: Closed,
    /// The content.
    pub(crate) stored: StoredEnvelope,
}

impl ClosedSubmission {
    /// The same, handed in under an idempotency key.
    pub(crate) fn under(mut self, key: Option<SubmissionKey>) -> Self {
        self.closed.key = key;
        self
    }
}

impl Closer {
    /// Where a submission goes, if the sender is an office of this node with a key here, every recipient can receive, and the
    /// directory lets it go there.
    pub(crate) fn destinations(
        &self,
        submission: &Submission,
        now: WallTime,
    ) -> Result<Addressed, DoorError> {
        if now >= self.directory.expires.plus_ms(GRACE_MS) {
            let detail = format!("the directory expired at {} and so did its grace", self.directory.expires);
            let fix = "nothing was accepted; ask the operator to publish a new version of the directory";
            return Err(DoorError::new(DoorCode::Forbidden, detail, fix));
        }
        if let Some(at) = self.directory.list_ends(self.me).filter(|at| now >= at.plus_ms(GRACE_MS)) {
            let detail = format!("the delegated list of this node expired at {at} and so did its grace");
            let fix =
                "nothing was accepted; its delegates have to sign a new one, or the authorities for them";
            return Err(DoorError::new(DoorCode::Forbidden, detail, fix));
        }
        let from = &submission.from;
        if from.node != self.me || self.directory.office(from).is_err() {
            let fix = "send from an office of this node; `yizhan directory show` lists them";
            return Err(DoorError::new(
                DoorCode::UnknownOffice,
                format!("{from} is no active office of this node"),
                fix,
            ));
        }
        if !self.offices.contains_key(&from.office) {
            let fix = "put the office's key into the node's keys/offices folder and start the node again";
            return Err(DoorError::new(
                DoorCode::Forbidden,
                format!("this node holds no key of {from}"),
                fix,
            ));
        }
        for office in submission.recipients() {
            self.directory.office(office).map_err(|e| match e {
                RecipientError::Absent { .. } => {
                    let fix = "nothing was accepted; the parent of this node has to be up";
                    DoorError::new(DoorCode::NotHeldYet, e.to_string(), fix)
                }
                _ => {
                    let fix = "correct the recipient, or ask its node's operator";
                    DoorError::new(DoorCode::UnknownRecipient, e.to_string(), fix)
                }
            })?;
        }
        let deadline = deadline(submission, now);
        if deadline <= now || deadline.ms_since(now) > limits::DEADLINE_AHEAD_MS_MAX {
            let detail = format!("the deadline {deadline} has passed or is more than 366 days ahead");
            return Err(DoorError::new(
                DoorCode::Deadline,
                detail,
                "give a later or an earlier deadline, or none",
            ));
        }
        let nodes: BTreeSet<NodeId> = submission.recipients().map(|office| office.node).collect();
        check_crossing(&self.directory, submission, now)?;
        check_way(&self.directory, self.me, &nodes, submission.label.classification)?;
        let passed_over = check_dispatch(&self.directory, submission)?;
        Ok(Addressed { to: nodes.into_iter().collect(), passed_over })
    }

    /// Closes the envelope. `key` is that of the submission as it was handed in, before its groups were resolved. Runs on a worker
    /// thread; `reserve` is called once all content has come in.
    pub(crate) fn close(
        &self,
        (submission, key): (&Submission, Option<SubmissionKey>),
        content: impl Iterator<Item = Result<Bytes, ContentError>>,
        to: &[NodeId],
        now: WallTime,
        reserve: impl FnOnce(Classification) -> Result<Reserved, DoorError>,
    ) -> Result<ClosedSubmission, DoorError> {
        let begun = self.begin(submission, content, to, now, false)?;
        let reserved = reserve(submission.label.classification)?;
        let manifest = self.manifest(submission, &begun, reserved.id, now)?;
        let text = manifest.to_text().map_err(|e| internal(&e))?;
        let signature = OfficeSignature::alone(self.sign(&submission.from, text.as_bytes(), now)?);
        let closed = self.complete(submission, begun, reserved, to, (&manifest, &text), &signature, now)?;
        Ok(closed.under(key))
    }

    /// The first half: the files, as they come in, into a body. `many`: more documents of this office are closed together with it.
    pub(crate) fn begin(
        &self,
        submission: &Submission,
        content: impl Iterator<Item = Result<Bytes, ContentError>>,
        to: &[NodeId],
        now: WallTime,
        many: bool,
    ) -> Result<Begun<'_>, DoorError> {
        let key = self
            .keys
            .for_body(&self.directory, &submission.from.office, to, now, many)
            .map_err(|e| internal(&e))?;
        let sink = BodySink {
            bodies: &self.bodies,
            place: Place::Memory(Vec::with_capacity(memory_bytes(submission))),
        };
        let mut body = BodyCloser::new(sink, &key.key).map_err(|e| closing(&e))?;
        let parts = write_parts(submission, content, &mut body)?;
        Ok(Begun { key, body, parts })
    }

    /// The second half: manifest and signature into the body, slips and header around it. Under no idempotency key yet.
    #[expect(clippy::too_many_arguments, reason = "the two halves of one act, which meet here only")]
    pub(crate) fn complete(
        &self,
        submission: &Submission,
        begun: Begun<'_>,
        reserved: Reserved,
        to: &[NodeId],
        (manifest, text): (&Manifest, &str),
        signature: &OfficeSignature,
        now: WallTime,
    ) -> Result<ClosedSubmission, DoorError> {
        let Begun { key, body, .. } = begun;
        let closed = body.finish_made(manifest, text, signature).map_err(|e| closing(&e))?;
        let (size, root, pieces) = (closed.size, closed.root(), closed.pieces);
        let destinations = to.iter().zip(&reserved.numbers);
        let header = Header {
            version: Header::VERSION,
            suite: suite::ENVELOPE.to_owned(),
            id: reserved.id,
            created: now,
            deadline: deadline(submission, now),
            urgency: submission.label.urgency,
            classification: submission.label.classification,
            directory: self.directory.version,
            to: destinations.map(|(node, number)| Destination { node: *node, number: *number }).collect(),
            body: Body { size, pieces: root },
            slips: key.slips.root(),
            key: key.key.commitment(),
        };
        header.check_manifest(manifest).map_err(|e| internal(&e))?;
        let bytes = header.to_bytes().map_err(|e| internal(&e))?;
        let digest = Digest::of(&bytes);
        let (body, inline) = match closed.out.place {
            Place::Memory(bytes) => (StoredBody::Inline(bytes), true),
            Place::File(file) => {
                file.finish_as(digest).map_err(|e| disk(&e))?;
                (StoredBody::File { pieces }, false)
            }
        };
        let slips = key.slips.to_slips().into_iter();
        let slips = slips
            .map(|slip| OfferedSlip { index: slip.index, attempt: 0, header: slip.header, path: slip.path })
            .collect();
        let closed = Closed {
            id: reserved.id,
            header: digest,
            manifest: Digest::of(text.as_bytes()),
            urgency: header.urgency,
            deadline: header.deadline,
            size,
            inline,
            directory: header.directory,
            key: None,
        };
        let stored =
            StoredEnvelope { holding: 0, header: bytes, slips, origin: None, body, card: Vec::new() };
        Ok(ClosedSubmission { closed, stored })
    }

    /// Signs for an office whose key is held here.
    pub(crate) fn sign(
        &self,
        office: &OfficeAddress,
        content: &[u8],
        now: WallTime,
    ) -> Result<Vec<u8>, DoorError> {
        let key = self.offices.get(&office.office);
        let key = key.ok_or_else(|| {
            let fix = "put the office's key into the node's keys/offices folder and start the node again";
            DoorError::new(DoorCode::Forbidden, format!("this node holds no key of {office}"), fix)
        })?;
        let record = self.directory.office(office).map_err(|e| internal(&e))?;
        key.sign_cms(content, &record.certificate, &self.directory.ca, now).map_err(|e| internal(&e))
    }

    /// What the office signs, by itself or in a tree.
    pub(crate) fn manifest(
        &self,
        submission: &Submission,
        begun: &Begun<'_>,
        id: EnvelopeId,
        now: WallTime,
    ) -> Result<Manifest, DoorError> {
        Ok(Manifest {
            suite: suite::SIGNATURE.to_owned(),
            envelope: id,
            time: now,
            directory: self.directory.version,
            salt: random_salt()?,
            from: submission.from.clone(),
            to: submission.to.clone(),
            cc: submission.cc.clone(),
            groups: submission.groups.clone(),
            parts: begun.parts.clone(),
            label: submission.label.clone(),
        })
    }
}

/// Writes the files as they come in. The stream must end as a whole one: only then did the client send all it declared.
fn write_parts(
    submission: &Submission,
    mut content: impl Iterator<Item = Result<Bytes, ContentError>>,
    body: &mut BodyCloser<BodySink<'_>>,
) -> Result<Vec<Part>, DoorError> {
    let mut parts = Vec::with_capacity(submission.files.len());
    for file in &submission.files {
        body.begin_part(file.size).map_err(|e| closing(&e))?;
        let mut left = file.size;
        while left > 0 {
            let piece = content.next().transpose().map_err(|e| broken(&e))?;
            let piece = piece.ok_or_else(|| broken(&"it ended early"))?;
            left =
                left.checked_sub(piece.len() as u64).ok_or_else(|| broken(&"it is longer than declared"))?;
            body.write_part(&piece).map_err(|e| closing(&e))?;
        }
        let (size, digest) = body.end_part().map_err(|e| closing(&e))?;
        parts.push(Part { name: file.name.clone(), size, digest });
    }
    if content.next().transpose().map_err(|e| broken(&e))?.is_some() {
        return Err(broken(&"it is longer than declared"));
    }
    Ok(parts)
}

/// Names a submission that may be repeated: digest over office and idempotency key.
pub(crate) fn submission_key(submission: &Submission) -> Option<SubmissionKey> {
    let key = submission.key.as_ref()?;
    let key = Digest::of(format!("yizhan idempotency key v1\n{}\n{key}\n", submission.from).as_bytes());
    // A deadline may be given from now on, as with `--deadline +3d`: handed in again it is another moment of the same document.
    let meant = Submission { key: None, deadline: None, ..submission.clone() };
    // Text, numbers and lists always have a JSON form.
    let submission = Digest::of(&serde_json::to_vec(&meant).unwrap_or_default());
    Some(SubmissionKey { key, submission })
}

/// What a body has besides its files, as a rule, in bytes: headers, manifest, signature with certificates.
const BESIDE_FILES_BYTES: usize = 8 * 1024;

/// Where the body of an envelope is written: memory while it is small, then a file.
pub(crate) struct BodySink<'a> {
    bodies: &'a BodyStore,
    place: Place,
}

enum Place {
    Memory(Vec<u8>),
    File(Closing),
}

impl Write for BodySink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Place::Memory(memory) = &mut self.place {
            if memory.len() + bytes.len() <= INLINE_BODY_BYTES_MAX {
                memory.extend_from_slice(bytes);
                return Ok(bytes.len());
            }
            let mut file = self.bodies.closing().map_err(io::Error::other)?;
            file.write_all(memory)?;
            self.place = Place::File(file);
        }
        match &mut self.place {
            Place::File(file) => file.write(bytes),
            Place::Memory(_) => Ok(0),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.place {
            Place::File(file) => file.flush(),
            Place::Memory(_) => Ok(()),
        }
    }
}

/// Room for the body of a submission that stays in memory, in bytes: its files, and what comes with them for one signature.
fn memory_bytes(submission: &Submission) -> usize {
    let files = submission.files.iter().fold(0u64, |sum, file| sum.saturating_add(file.size));
    usize::try_from(files).unwrap_or(usize::MAX).saturating_add(BESIDE_FILES_BYTES).min(INLINE_BODY_BYTES_MAX)
}

fn deadline(submission: &Submission, now: WallTime) -> WallTime {
    submission.deadline.unwrap_or_else(|| now.plus_ms(limits::DEADLINE_DEFAULT_MS))
}

pub(crate) fn random_salt() -> Result<Digest, DoorError> {
    use ring::rand::SecureRandom;
    let mut salt = [0; 32];
    ring::rand::SystemRandom::new().fill(&mut salt).map_err(|e| internal(&e))?;
    Ok(Digest(salt))
}

pub(crate) fn broken(reason: &dyn std::fmt::Display) -> DoorError {
    let detail = format!("the content did not come in whole: {reason}");
    DoorError::new(DoorCode::ContentMismatch, detail, "send the document again; nothing was accepted")
}

fn closing(error: &CloseError) -> DoorError {
    match error {
        CloseError::PartSize { .. } | CloseError::Limit => broken(error),
        CloseError::Write(io) if io.kind() == io::ErrorKind::StorageFull => disk(io),
        other => internal(other),
    }
}

fn disk(error: &dyn std::fmt::Display) -> DoorError {
    let fix = "nothing was accepted; make room on the node's disk, then send the document again";
    DoorError::new(DoorCode::DiskFull, format!("the node cannot store the document: {error}"), fix)
}

pub(crate) fn internal(error: &dyn std::fmt::Display) -> DoorError {
    DoorError::new(
        DoorCode::Internal,
        error.to_string(),
        "nothing was accepted; see the node's log, then try again",
    )
}
