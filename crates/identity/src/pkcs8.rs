//! Private keys as text: PEM of PKCS#8 (RFC 7468, section 10; RFC 5958).

use crate::limits::KEY_TEXT_BYTES_MAX;
use der::pem::{self, LineEnding};
use zeroize::Zeroizing;

const LABEL: &str = "PRIVATE KEY";

/// Why a key could not be made or read. Nothing of the key's text stands in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The system gave no random bytes. This machine is to blame; trying again may help.
    #[error("the system's random source failed; check the machine, then try again")]
    Random,
    /// The text is longer than any key. The file is to blame.
    #[error("the key text is too long to be a key; check that the right file was named")]
    TooLong,
    /// Not PEM with the label `PRIVATE KEY`. The file is to blame.
    #[error("this is not a PEM `PRIVATE KEY` (PKCS#8); convert it with `openssl pkcs8 -topk8 -nocrypt`")]
    Pem,
    /// PEM, but not a key of the kind that is wanted here. The file is to blame.
    #[error("the key is not {wanted}, or it is damaged")]
    Rejected {
        /// What kind of key is wanted.
        wanted: &'static str,
    },
    /// Not an age identity or recipient. The file or text is to blame.
    #[error("this is not {wanted}; one made by `age-keygen` looks like it should")]
    Age {
        /// What kind of text is wanted.
        wanted: &'static str,
    },
    /// Not a public key in the form wanted. The text is to blame.
    #[error("this is not {wanted}")]
    Public {
        /// What kind of key is wanted.
        wanted: &'static str,
    },
}

pub(crate) fn to_pem(document: &[u8]) -> Zeroizing<String> {
    // Encoding fails only when the length overflows, which a key's few bytes cannot; the empty text would be refused by
    // every reader.
    Zeroizing::new(pem::encode_string(LABEL, LineEnding::LF, document).unwrap_or_default())
}

pub(crate) fn from_pem(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if text.len() > KEY_TEXT_BYTES_MAX {
        return Err(KeyError::TooLong);
    }
    let (label, document) = pem::decode_vec(text.as_bytes()).map_err(|_| KeyError::Pem)?;
    let document = Zeroizing::new(document);
    if label != LABEL {
        return Err(KeyError::Pem);
    }
    Ok(document)
}
