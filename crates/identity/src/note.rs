//! Signed notes: text with signature lines below it (C2SP `signed-note`), and cosignatures with a time (C2SP
//! `tlog-cosignature`, version 1).
//!
//! Checkpoints of ledgers and roots of the directory are such notes; Go's `sumdb/note` and the witnesses of transparency
//! logs read them.

use crate::ed25519::{PublicKey, SigningKey};
use crate::limits::{
    KEY_TEXT_BYTES_MAX, NOTE_BYTES_MAX, NOTE_NAME_BYTES_MAX, NOTE_SIGNATURE_BYTES_MAX, NOTE_SIGNATURES_MAX,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use yizhan_document::Digest;

/// Signature type of a plain Ed25519 note signature (C2SP `signed-note`).
const ED25519: u8 = 0x01;
/// Signature type of `cosignature/v1` (C2SP `tlog-cosignature`).
const COSIGNATURE_V1: u8 = 0x04;
/// What a signature line begins with: an em dash and a space.
const LINE_PREFIX: &str = "\u{2014} ";

/// Signs notes under a name.
#[derive(Clone, Debug)]
pub struct NoteSigner {
    key: SigningKey,
    verifier: NoteVerifier,
}

impl NoteSigner {
    /// A signer named `name`: not empty, without white space, control characters or `+`, 255 bytes at most.
    pub fn new(name: impl Into<String>, key: SigningKey) -> Result<Self, NoteError> {
        let verifier = NoteVerifier::new(name.into(), key.public(), ED25519)?;
        Ok(Self { key, verifier })
    }

    /// The signature line for `text`, with its final newline. `text` must itself end with a newline and be free of other
    /// control characters; else no reader accepts the note.
    pub fn sign(&self, text: &str) -> String {
        line(&self.verifier.name, self.verifier.key_id, &self.key.sign(text.as_bytes()))
    }

    /// What checks these signatures.
    pub fn verifier(&self) -> NoteVerifier {
        self.verifier.clone()
    }

    /// The name in the signature lines.
    pub fn name(&self) -> &str {
        &self.verifier.name
    }
}

/// Cosigns checkpoints of others: "at this time I had checked that this checkpoint continues what I saw before".
#[derive(Clone, Debug)]
pub struct Cosigner {
    key: SigningKey,
    verifier: NoteVerifier,
}

impl Cosigner {
    /// A cosigner named `name`; the rules of [`NoteSigner::new`] hold. The key may be one that signs notes too: a
    /// cosignature signs other bytes and has another key id (`tlog-cosignature`, "Format").
    pub fn new(name: impl Into<String>, key: SigningKey) -> Result<Self, NoteError> {
        let verifier = NoteVerifier::new(name.into(), key.public(), COSIGNATURE_V1)?;
        Ok(Self { key, verifier })
    }

    /// The cosignature line for the text of a checkpoint, final newline included, made at `time_seconds` (since 1970).
    pub fn cosign(&self, checkpoint_text: &str, time_seconds: u64) -> String {
        let signature = self.key.sign(&cosigned_message(checkpoint_text, time_seconds));
        let mut bytes = time_seconds.to_be_bytes().to_vec();
        bytes.extend_from_slice(&signature);
        line(&self.verifier.name, self.verifier.key_id, &bytes)
    }

    /// What checks these cosignatures.
    pub fn verifier(&self) -> NoteVerifier {
        self.verifier.clone()
    }

    /// The name in the cosignature lines.
    pub fn name(&self) -> &str {
        &self.verifier.name
    }
}

/// A public key of a note, with its name: text form `name+hhhhhhhh+base64` ("vkey").
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoteVerifier {
    name: String,
    key_id: u32,
    public: PublicKey,
    kind: u8,
}

impl NoteVerifier {
    /// The key of a log under the name `name`: how one node's key is known for each of its ledgers in turn.
    pub fn of_log(name: impl Into<String>, public: PublicKey) -> Result<Self, NoteError> {
        Self::new(name.into(), public, ED25519)
    }

    /// The name of the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first 4 bytes of SHA-256 over name, newline, signature type and public key.
    pub fn key_id(&self) -> u32 {
        self.key_id
    }

    /// The Ed25519 key.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Whether this is the key of a witness (`cosignature/v1`) rather than of a log.
    pub fn is_cosigner(&self) -> bool {
        self.kind == COSIGNATURE_V1
    }

    fn new(name: String, public: PublicKey, kind: u8) -> Result<Self, NoteError> {
        check_name(&name)?;
        let digest = Digest::of_all(&[name.as_bytes(), b"\n", &[kind], &public.0]);
        let [a, b, c, d, ..] = *digest.as_bytes();
        Ok(Self { name, key_id: u32::from_be_bytes([a, b, c, d]), public, kind })
    }
}

impl FromStr for NoteVerifier {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let wrong = |reason| NoteError::Verifier { reason };
        if text.len() > KEY_TEXT_BYTES_MAX {
            return Err(wrong("it is too long"));
        }
        let mut fields = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(wrong("it is not of the form name+id+key"));
        };
        let key = STANDARD.decode(key).map_err(|_| wrong("its key is not base64"))?;
        let (kind, public) = match key.split_first() {
            Some((kind @ (&ED25519 | &COSIGNATURE_V1), public)) => (*kind, public),
            _ => return Err(wrong("it is neither an Ed25519 key (type 1) nor a cosigner's (type 4)")),
        };
        let public = public.try_into().map_err(|_| wrong("its key has not 32 bytes"))?;
        let verifier = Self::new(name.to_owned(), PublicKey(public), kind)?;
        if format!("{:08x}", verifier.key_id) != id {
            return Err(wrong("its id does not belong to its name and key"));
        }
        Ok(verifier)
    }
}

impl fmt::Display for NoteVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.kind];
        key.extend_from_slice(&self.public.0);
        write!(f, "{}+{:08x}+{}", self.name, self.key_id, STANDARD.encode(key))
    }
}

impl fmt::Debug for NoteVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for NoteVerifier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NoteVerifier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A note and the signatures on it, checked or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    /// What is signed, with its final newline.
    pub text: String,
    /// The signatures, in their order.
    pub signatures: Vec<NoteSignature>,
}

/// One signature line of a note. A key nobody knows may have made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// The name of the key.
    pub name: String,
    /// The id of the key, see [`NoteVerifier::key_id`].
    pub key_id: u32,
    /// The signature, as its type has it.
    pub bytes: Vec<u8>,
}

impl SignedNote {
    /// Reads a note, strictly: what it accepts is what [`Self::to_text`] writes again, byte for byte. Signatures are not
    /// checked here.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let wrong = |reason| NoteError::Malformed { reason };
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(wrong("it is too long"));
        }
        let note = std::str::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8"))?;
        if note.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(wrong("a control character stands in it"));
        }
        // The signatures follow the last empty line: the text may have empty lines of its own.
        let split = note.rfind("\n\n").ok_or(wrong("no empty line stands before its signatures"))?;
        let (text, lines) = note.split_at(split + 1);
        let lines = lines.strip_prefix('\n').unwrap_or(lines);
        let lines = lines.strip_suffix('\n').ok_or(wrong("its last line does not end"))?;
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            if signatures.len() == NOTE_SIGNATURES_MAX {
                return Err(wrong("it has too many signatures"));
            }
            signatures.push(NoteSignature::parse(line)?);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The note as it is stored and sent.
    pub fn to_text(&self) -> String {
        let mut note = format!("{}\n", self.text);
        for signature in &self.signatures {
            note.push_str(&line(&signature.name, signature.key_id, &signature.bytes));
        }
        note
    }

    /// Whether `verifier`, a plain Ed25519 key, signed this note. A signature line that names this key and is wrong spoils
    /// the note, even beside a right one (`signed-note`, "Signatures").
    pub fn verified_by(&self, verifier: &NoteVerifier) -> bool {
        let mut lines = self.lines_of(verifier).peekable();
        verifier.kind == ED25519
            && lines.peek().is_some()
            && lines.all(|line| verifier.public.verify(self.text.as_bytes(), &line.bytes))
    }

    /// When `verifier`, a `cosignature/v1` key, cosigned this note, in seconds since 1970; the earliest time if it did so
    /// several times. `None` if it did not, or if a line that names this key is wrong. Time 0 means "not stated" in the
    /// specification, proves no time, and is not accepted.
    pub fn cosigned_by(&self, verifier: &NoteVerifier) -> Option<u64> {
        if verifier.kind != COSIGNATURE_V1 {
            return None;
        }
        let times: Option<Vec<u64>> =
            self.lines_of(verifier).map(|line| line.cosigned_at(&self.text, &verifier.public)).collect();
        times?.into_iter().min()
    }

    fn lines_of<'a>(&'a self, verifier: &'a NoteVerifier) -> impl Iterator<Item = &'a NoteSignature> {
        self.signatures.iter().filter(|line| line.name == verifier.name && line.key_id == verifier.key_id)
    }
}

impl NoteSignature {
    /// Reads one signature line without its newline, such as a witness sends it alone.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let wrong = |reason| NoteError::Malformed { reason };
        let fields = line.strip_prefix(LINE_PREFIX).and_then(|rest| rest.split_once(' '));
        let (name, base64) = fields.ok_or(wrong("a line below its text is no signature line"))?;
        check_name(name)?;
        if base64.len() > NOTE_SIGNATURE_BYTES_MAX * 2 {
            return Err(wrong("a signature is too long"));
        }
        let bytes = STANDARD.decode(base64).map_err(|_| wrong("a signature is not base64"))?;
        let Some((key_id, bytes)) = bytes.split_first_chunk::<4>().filter(|(_, rest)| !rest.is_empty())
        else {
            return Err(wrong("a signature is too short"));
        };
        if bytes.len() > NOTE_SIGNATURE_BYTES_MAX {
            return Err(wrong("a signature is too long"));
        }
        Ok(Self { name: name.to_owned(), key_id: u32::from_be_bytes(*key_id), bytes: bytes.to_vec() })
    }

    fn cosigned_at(&self, text: &str, key: &PublicKey) -> Option<u64> {
        let (time, signature) = self.bytes.split_first_chunk::<8>()?;
        let time = u64::from_be_bytes(*time);
        (time > 0 && key.verify(&cosigned_message(text, time), signature)).then_some(time)
    }
}

/// Why a note, or the key of one, cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Whoever sent the note is to blame; the same bytes will never do.
    #[error("this is no signed note: {reason}")]
    Malformed {
        /// The rule it breaks.
        reason: &'static str,
    },
    /// Whoever chose the name is to blame.
    #[error("a key of notes cannot have this name: {reason}")]
    Name {
        /// The rule it breaks.
        reason: &'static str,
    },
    /// Whoever wrote the key down is to blame; ask its owner for it again.
    #[error("this is no key of notes (vkey): {reason}")]
    Verifier {
        /// The rule it breaks.
        reason: &'static str,
    },
}

fn check_name(name: &str) -> Result<(), NoteError> {
    let wrong = |reason| Err(NoteError::Name { reason });
    if name.is_empty() {
        return wrong("it is empty");
    }
    if name.len() > NOTE_NAME_BYTES_MAX {
        return wrong("it is too long");
    }
    if name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+') {
        return wrong("white space, a control character or + stands in it");
    }
    Ok(())
}

fn line(name: &str, key_id: u32, signature: &[u8]) -> String {
    let mut bytes = key_id.to_be_bytes().to_vec();
    bytes.extend_from_slice(signature);
    format!("{LINE_PREFIX}{name} {}\n", STANDARD.encode(bytes))
}

/// What a cosignature signs (`tlog-cosignature`, "Signed message").
fn cosigned_message(text: &str, time_seconds: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time_seconds}\n{text}").into_bytes()
}

#[cfg(test)]
#[path = "note_tests.rs"]
mod tests;
