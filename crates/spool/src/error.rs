//! Errors of the disk, and what a daemon does about them.

use std::io;
use std::path::{Path, PathBuf};

/// The exit code of a daemon that stops because its disk failed (`EX_TEMPFAIL` of sysexits): to be started again, which
/// re-reads the disk.
pub const EXIT_DISK_FAULT: i32 = 75;

/// The disk did not do what was asked. If only space is missing, what was to be written is refused and everything else goes
/// on; otherwise nothing more may be promised before a restart.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {path} failed: {source}; {}", if self.is_full() { "free space, then try again" } else { "check the disk and restart the node" }, path = path.display())]
pub struct DiskError {
    /// What was being done.
    pub doing: &'static str,
    /// With which file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl DiskError {
    /// Whether only space is missing.
    pub fn is_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

/// Says what was being done with what.
pub(crate) fn disk(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
    let path = path.to_owned();
    move |source| DiskError { doing, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_says_what_to_do() {
        let of = |kind: io::ErrorKind| disk("writing", Path::new("/data/x"))(kind.into());
        let full = of(io::ErrorKind::StorageFull);
        assert!(full.is_full() && full.to_string().contains("free space"));
        let other = of(io::ErrorKind::Other);
        assert!(!other.is_full() && other.to_string().contains("restart the node"));
    }
}
