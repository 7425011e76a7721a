//! How much space is left.

use crate::error::{DiskError, disk};
use std::path::Path;

/// Bytes that the file system which holds `path` has in all.
pub fn capacity_bytes(path: &Path) -> Result<u64, DiskError> {
    let stat = rustix::fs::statvfs(path).map_err(|error| disk("measuring", path)(error.into()))?;
    Ok(stat.f_blocks.saturating_mul(stat.f_frsize))
}

/// Bytes that an ordinary user may still write to the file system that holds `path`.
pub fn free_bytes(path: &Path) -> Result<u64, DiskError> {
    let stat = rustix::fs::statvfs(path).map_err(|error| disk("measuring", path)(error.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_measured_where_the_path_lies() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free_bytes(folder.path()).unwrap() > 0);
        assert!(free_bytes(folder.path()).unwrap() <= capacity_bytes(folder.path()).unwrap());
        let nowhere = folder.path().join("nowhere");
        assert_eq!(free_bytes(&nowhere).unwrap_err().path, nowhere);
        if Path::new("/proc/self").exists() {
            assert_eq!(free_bytes(Path::new("/proc/self")).unwrap(), 0);
        }
    }
}
