//! Members of the body's archive: the one header block each may have, and the zeros after it.
//!
//! POSIX ustar (IEEE Std 1003.1, pax, "ustar Interchange Format") with owner, group and time 0 and mode 0644, so that the
//! same files make the same archive. A size of 8 GiB and more stands in base 256, as GNU tar and libarchive read it.

use crate::limits::BLOCK_BYTES;
use std::io;
use tar::{EntryType, Header};

/// The member with the manifest's text.
pub(crate) const MANIFEST: &str = "manifest";
/// The member with the signed tree over a batch of manifests, where many documents were signed at once.
pub(crate) const TREE: &str = "manifest.tree";
/// The member with the path from the manifest to the root of that tree.
pub(crate) const PATH: &str = "manifest.path";
/// The member with the office's detached CMS signature over the manifest, or over the tree where there is one.
pub(crate) const SIGNATURE: &str = "manifest.p7s";
/// What ends an archive.
pub(crate) const END: [u8; 2 * BLOCK_BYTES] = [0; 2 * BLOCK_BYTES];

/// The header block of the member `name` with `size` bytes.
pub(crate) fn header_block(name: &str, size: u64) -> io::Result<[u8; BLOCK_BYTES]> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_path(name)?;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    Ok(*header.as_bytes())
}

/// The size that `block` names, if it is a number at all; the caller compares the whole block with what it should be.
pub(crate) fn size_in(block: &[u8; BLOCK_BYTES]) -> Option<u64> {
    Header::from_byte_slice(block).entry_size().ok()
}

/// The zeros after a member of `size` bytes, up to the next block.
pub(crate) fn padding(size: u64) -> &'static [u8] {
    let block = BLOCK_BYTES as u64;
    let len = (block - size % block) % block;
    usize::try_from(len).ok().and_then(|len| END.get(..len)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_beyond_eight_gibibytes_read_back() {
        for size in [0, 1, 511, 512, (1 << 33) - 1, 1 << 33, 1 << 40] {
            assert_eq!(size_in(&header_block("1", size).unwrap()), Some(size));
            assert_eq!((size + padding(size).len() as u64) % 512, 0);
        }
        assert_eq!(size_in(&[b'x'; 512]), None);
    }
}
