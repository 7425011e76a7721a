//! Names of the cryptographic suites, as every signed thing states them.
//!
//! SM2/SM3/SM4 and a post-quantum hybrid will stand here as further names; a reader refuses a name it does not know.

/// Signature of an office over a document: detached CMS (RFC 5652), ECDSA P-256 with SHA-256.
pub const SIGNATURE: &str = "cms-p256-sha256";
/// Encryption of an envelope: age v1, X25519 stanzas, ChaCha20-Poly1305.
pub const ENVELOPE: &str = "age-x25519";
/// Signature of a ledger or directory: Ed25519 over a C2SP signed note.
pub const LEDGER: &str = "ed25519-note";
