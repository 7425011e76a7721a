//! Limits on keys, notes, certificates and signatures, in one place; checked before anything is parsed or allocated.

/// The largest secret file that is read, in bytes.
pub const SECRET_FILE_BYTES_MAX: u64 = 64 * 1024;
/// The longest text form of a key (PEM, bech32, vkey), in bytes.
pub const KEY_TEXT_BYTES_MAX: usize = 8 * 1024;
/// The largest signed note, in bytes. A directory root over every county of the country is about 300 KiB, over every town 4 MiB.
pub const NOTE_BYTES_MAX: usize = 6 * 1024 * 1024;
/// The most signature lines on one note.
pub const NOTE_SIGNATURES_MAX: usize = 100;
/// The longest name of a note key, in bytes.
pub const NOTE_NAME_BYTES_MAX: usize = 255;
/// The largest single signature on a note, in bytes, without its key id. Room for ML-DSA-44 cosignatures (2,420 bytes) of
/// others, which are carried but not understood here.
pub const NOTE_SIGNATURE_BYTES_MAX: usize = 4096;
/// The largest certificate, in bytes of DER.
pub const CERTIFICATE_BYTES_MAX: usize = 8 * 1024;
/// The largest detached CMS signature, in bytes of DER; ours have about 1,250.
pub const CMS_BYTES_MAX: usize = 32 * 1024;
/// The most certificates inside one CMS signature: the office's and the network's.
pub const CMS_CERTIFICATES_MAX: usize = 2;
/// The longest network name, in bytes: a common name has 64 characters at most (RFC 5280, appendix A.1, ub-common-name).
pub const NETWORK_NAME_BYTES_MAX: usize = 64;
/// The longest life of the network's own certificate, in years.
pub const AUTHORITY_YEARS_MAX: u32 = 30;
/// The longest life of a certificate of a node or an office, in days.
pub const LEAF_DAYS_MAX: u32 = 5 * 366;
/// How long before its issue a certificate begins to be valid, in milliseconds, so that a neighbour whose clock is behind
/// accepts it.
pub const BEGINS_BEFORE_ISSUE_MS: u64 = 3600 * 1000;
