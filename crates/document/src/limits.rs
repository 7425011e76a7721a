//! Limits on what a document may be, in one place; other crates assert theirs against these.

/// Destination nodes of one envelope, at the most.
pub const DESTINATIONS_MAX: usize = 4096;
/// Recipient offices of one document, at the most.
pub const RECIPIENTS_MAX: usize = 8192;
/// Files of one document, at the most.
pub const PARTS_MAX: usize = 256;
/// A label as JSON, in bytes, at the most.
pub const LABEL_BYTES_MAX: usize = 32 * 1024;
/// One text element of a label, in bytes, at the most.
pub const ELEMENT_BYTES_MAX: usize = 4096;
/// A file name, in bytes, at the most.
pub const PART_NAME_BYTES_MAX: usize = 255;
/// A manifest, in bytes, at the most: label, parts and recipients at their own limits fit.
pub const MANIFEST_BYTES_MAX: usize = 1024 * 1024;
/// Documents handed in at once under one signature, at the most.
pub const BATCH_MANIFESTS_MAX: usize = 1024;
/// Hashes in the path from a manifest to the root of its batch, at the most.
pub const MANIFEST_PATH_MAX: usize = 10;
/// The text of the tree over a batch of manifests, in bytes, at the most.
pub const MANIFEST_TREE_BYTES_MAX: usize = 512;
/// The text of the path of a manifest, in bytes, at the most.
pub const MANIFEST_PATH_BYTES_MAX: usize = 1024;
/// Content of one document, in bytes, at the most (63 GiB): closed, it stays below the 64 GiB that a link carries.
pub const CONTENT_BYTES_MAX: u64 = 63 << 30;
/// A reason given for refusing, returning or failing, in bytes, at the most.
pub const REASON_BYTES_MAX: usize = 2000;
/// How far ahead a deadline may lie, in milliseconds (366 days).
pub const DEADLINE_AHEAD_MS_MAX: u64 = 366 * 24 * 3600 * 1000;
/// The deadline of a document that names none, in milliseconds (30 days).
pub const DEADLINE_DEFAULT_MS: u64 = 30 * 24 * 3600 * 1000;

const _: () = assert!(
    LABEL_BYTES_MAX * 2 + PARTS_MAX * (PART_NAME_BYTES_MAX * 3 + 100) + RECIPIENTS_MAX * 80
        < MANIFEST_BYTES_MAX
);
const _: () = assert!(
    1 << MANIFEST_PATH_MAX >= BATCH_MANIFESTS_MAX && MANIFEST_PATH_MAX * 80 + 64 < MANIFEST_PATH_BYTES_MAX
);
