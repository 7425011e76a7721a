//! The file `vkey` of a ledger folder: verifier keys (C2SP `signed-note`, "Verifier keys"), one a line.
//!
//! The ledger's own key is named like the ledger's origin; keys of cosignature type are those of witnesses. A reader who has
//! the directory takes the keys from there and only compares.

use crate::limits::KEYS_FILE_BYTES_MAX;
use yizhan_identity::{NoteError, NoteVerifier};

/// The text of the file.
pub fn verifier_keys_text(keys: &[NoteVerifier]) -> String {
    keys.iter().map(|key| format!("{key}\n")).collect()
}

/// Reads the file, strictly: at least one key, every line a key with its newline.
pub fn parse_verifier_keys(bytes: &[u8]) -> Result<Vec<NoteVerifier>, VerifierKeysError> {
    let wrong = |reason| VerifierKeysError::Malformed { reason };
    if bytes.len() > KEYS_FILE_BYTES_MAX {
        return Err(wrong("it is too long"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8"))?;
    let lines = text.strip_suffix('\n').ok_or(wrong("its last line does not end"))?;
    lines.split('\n').map(|line| line.parse().map_err(VerifierKeysError::Key)).collect()
}

/// Why a file of keys cannot be used. Whoever wrote or copied it is to blame; take the keys from the directory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifierKeysError {
    /// Not of the form.
    #[error("this is no file of verifier keys: {reason}")]
    Malformed {
        /// The rule it breaks.
        reason: &'static str,
    },
    /// One line is no key.
    #[error(transparent)]
    Key(NoteError),
}
