//! Checkpoints: size and root of a ledger at some time, as a signed note (C2SP `tlog-checkpoint`), with cosignatures.

use crate::limits::{CHECKPOINT_BYTES_MAX, COSIGNATURES_MAX, HASH_BYTES};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use yizhan_document::{Digest, LedgerId};
use yizhan_identity::{NoteError, NoteSignature, NoteSigner, NoteVerifier, SignedNote};
use yizhan_planted::{Bug, on};

/// The head of a ledger. Three lines of text: origin, size, root in base64; we write and accept no extension lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which ledger: see [`origin_of`].
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The RFC 6962 root over them.
    pub root: Digest,
}

/// A checkpoint whose signature by the ledger's key was checked, with its note and the cosignatures gathered so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    note: SignedNote,
    checkpoint: Checkpoint,
}

/// The origin line of a ledger, which is also the name of its key: `<network>/<ledger id>`, as
/// `xinjiang.example/652301.0`.
pub fn origin_of(network: &str, ledger: LedgerId) -> String {
    format!("{network}/{ledger}")
}

/// The network and the ledger that an origin line names, if it is one of ours.
pub fn ledger_of(origin: &str) -> Option<(&str, LedgerId)> {
    let (network, ledger) = origin.rsplit_once('/')?;
    Some((network, ledger.parse().ok()?)).filter(|_| !network.is_empty())
}

/// Signs the head of the ledger that `signer` is named after.
pub fn sign_checkpoint(signer: &NoteSigner, size: u64, root: Digest) -> SignedCheckpoint {
    let checkpoint = Checkpoint { origin: signer.name().to_owned(), size, root };
    let text = checkpoint.to_text();
    let line = signer.sign(&text);
    let signatures = NoteSignature::parse(line.trim_end_matches('\n')).into_iter().collect();
    SignedCheckpoint { note: SignedNote { text, signatures }, checkpoint }
}

/// Reads a checkpoint note and checks that the ledger's key, named like the origin, signed it.
pub fn verify_checkpoint(note: &[u8], verifier: &NoteVerifier) -> Result<Checkpoint, CheckpointError> {
    SignedCheckpoint::verify(note, verifier).map(|signed| signed.checkpoint)
}

impl Checkpoint {
    /// The text that is signed, with its final newline.
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.as_bytes()))
    }

    /// Reads the text of a note, strictly: what it accepts is what [`Self::to_text`] writes again.
    pub fn from_text(text: &str) -> Result<Self, CheckpointError> {
        let wrong = |reason| CheckpointError::Malformed { reason };
        let text = text.strip_suffix('\n').ok_or(wrong("its last line does not end"))?;
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(wrong("it has fewer than three lines"));
        };
        if lines.next().is_some() {
            return Err(wrong("it has extension lines, which no ledger of ours writes"));
        }
        if origin.is_empty() {
            return Err(wrong("it names no ledger"));
        }
        let size = decimal(size).ok_or(wrong("its size is no decimal number"))?;
        let root = base64_digest(root).ok_or(wrong("its root is not the base64 of 32 bytes"))?;
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// What a note says without anyone having checked who signed it. For files this node wrote itself; else use
    /// [`verify_checkpoint`].
    pub fn from_unverified_note(note: &[u8]) -> Result<Self, CheckpointError> {
        Self::from_text(&parse_note(note)?.text)
    }

    /// The ledger it is the head of, if the origin is one of ours.
    pub fn ledger(&self) -> Option<LedgerId> {
        ledger_of(&self.origin).map(|(_, ledger)| ledger)
    }
}

impl SignedCheckpoint {
    /// Reads a note and checks the signature of the ledger's key. Other signatures stay on it, unchecked.
    pub fn verify(note: &[u8], verifier: &NoteVerifier) -> Result<Self, CheckpointError> {
        let note = parse_note(note)?;
        let checkpoint = Checkpoint::from_text(&note.text)?;
        if checkpoint.origin != verifier.name() {
            return Err(CheckpointError::OtherLedger {
                origin: checkpoint.origin,
                expected: verifier.name().to_owned(),
            });
        }
        if !note.verified_by(verifier) && !on(Bug::CheckpointUnsigned) {
            return Err(CheckpointError::Unsigned { origin: checkpoint.origin });
        }
        Ok(Self { note, checkpoint })
    }

    /// The head itself.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note as text, with all signatures.
    pub fn to_text(&self) -> String {
        self.note.to_text()
    }

    /// The text that was signed, which is what a witness cosigns.
    pub fn signed_text(&self) -> &str {
        &self.note.text
    }

    /// Adds the signature line of a witness, if one of `witnesses` made it and it is right. The first cosignature of a
    /// witness stays: the earliest time is the strongest statement. Tells when it was made, in seconds since 1970.
    pub fn add_cosignature(
        &mut self,
        line: &str,
        witnesses: &[NoteVerifier],
    ) -> Result<u64, CheckpointError> {
        let signature = NoteSignature::parse(line.strip_suffix('\n').unwrap_or(line))?;
        let unknown = || CheckpointError::UnknownWitness { name: signature.name.clone() };
        let of_line = |witness: &&NoteVerifier| {
            witness.is_cosigner() && witness.name() == signature.name && witness.key_id() == signature.key_id
        };
        let witness = witnesses.iter().find(of_line).ok_or_else(unknown)?;
        let alone = SignedNote { text: self.note.text.clone(), signatures: vec![signature.clone()] };
        let time = alone
            .cosigned_by(witness)
            .ok_or_else(|| CheckpointError::BadCosignature { name: signature.name.clone() })?;
        if let Some(earlier) = self.cosigned_by(witness) {
            return Ok(earlier);
        }
        if self.note.signatures.len() > COSIGNATURES_MAX {
            // Enough have signed for it; one more would make receipts longer and no better.
            return Ok(time);
        }
        // A wrong line under this witness's name, which came with the note, would spoil the right one.
        self.note.signatures.retain(|old| old.name != signature.name || old.key_id != signature.key_id);
        self.note.signatures.push(signature);
        Ok(time)
    }

    /// Whether a line of the note names this witness, right or wrong.
    pub(crate) fn names(&self, witness: &NoteVerifier) -> bool {
        self.note.signatures.iter().any(|line| line.name == witness.name() && line.key_id == witness.key_id())
    }

    /// When this witness cosigned, in seconds since 1970, if it did.
    pub fn cosigned_by(&self, witness: &NoteVerifier) -> Option<u64> {
        self.note.cosigned_by(witness)
    }
}

/// Why bytes are no checkpoint of the ledger in question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The sender is to blame.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The sender is to blame.
    #[error("this is no checkpoint: {reason}")]
    Malformed {
        /// The rule it breaks.
        reason: &'static str,
    },
    /// A checkpoint, but of another ledger.
    #[error("this is a checkpoint of {origin}, not of {expected}")]
    OtherLedger {
        /// The ledger it names.
        origin: String,
        /// The ledger whose key was given.
        expected: String,
    },
    /// The ledger's key did not sign it: forged, damaged, or signed with a key the directory does not give.
    #[error("the key of {origin} did not sign this checkpoint")]
    Unsigned {
        /// The ledger it names.
        origin: String,
    },
    /// No key known here made the cosignature.
    #[error("{name} is no witness known here")]
    UnknownWitness {
        /// The name in the line.
        name: String,
    },
    /// The witness's cosignature does not fit this checkpoint.
    #[error("the cosignature of {name} is not one of this checkpoint")]
    BadCosignature {
        /// The name in the line.
        name: String,
    },
}

fn parse_note(note: &[u8]) -> Result<SignedNote, CheckpointError> {
    if note.len() > CHECKPOINT_BYTES_MAX {
        return Err(CheckpointError::Malformed { reason: "it is too long" });
    }
    Ok(SignedNote::parse(note)?)
}

/// Decimal without sign or leading zeros.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    canonical.then(|| text.parse().ok()).flatten()
}

/// A hash in base64, in its one canonical form.
pub(crate) fn base64_digest(text: &str) -> Option<Digest> {
    let bytes = STANDARD.decode(text).ok().filter(|_| text.len() == HASH_BYTES.div_ceil(3) * 4)?;
    Some(Digest(bytes.try_into().ok()?))
}

#[cfg(test)]
#[path = "checkpoint_tests.rs"]
mod tests;
