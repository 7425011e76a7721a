//! Secret files: keys on disk, readable by their owner only.

use crate::limits::SECRET_FILE_BYTES_MAX;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Writes a new secret file with mode 0600 and makes it durable, with its folder. A file that is there already is never
/// overwritten: it may be the only copy of a key.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), KeyFileError> {
    if bytes.len() as u64 > SECRET_FILE_BYTES_MAX {
        return Err(KeyFileError::TooLarge { path: path.to_owned() });
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(
        |error| match error.kind() {
            io::ErrorKind::AlreadyExists => KeyFileError::Exists { path: path.to_owned() },
            _ => disk(path)(error),
        },
    )?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| sync_folder(path));
    written.map_err(|error| {
        // Half a key must not stay: the next start would take it for damage. If removing fails too, it does stay, and
        // reading it says so.
        drop(fs::remove_file(path));
        disk(path)(error)
    })
}

/// Reads a secret file. Refuses what is not a regular file, what group or others may read, write or execute, and what is
/// larger than 64 KiB.
pub fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    // Before opening: opening a named pipe would wait for its writer.
    check(path, &fs::metadata(path).map_err(disk(path))?)?;
    let file = File::open(path).map_err(disk(path))?;
    // And again on what was really opened.
    let size = check(path, &file.metadata().map_err(disk(path))?)?;
    // One byte more than the file says, so that the vector never moves and leaves a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(size.saturating_add(1)));
    file.take(size as u64).read_to_end(&mut bytes).map_err(disk(path))?;
    Ok(bytes)
}

/// Why a secret file was not written or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is a file of this name. The operator decides what becomes of it.
    #[error("{} exists already and is not overwritten; move it away if it is truly not needed", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Group or others have access. The operator is to blame.
    #[error("{} is open to others (mode {mode:04o}); run `chmod 600` on it and consider the key known", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not a regular file. The operator is to blame.
    #[error("{} is not a regular file; check that the right file was named", path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// Longer than any key. The operator is to blame.
    #[error("{} is too large to be a key; check that the right file was named", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The disk, or missing rights.
    #[error("{}: {source}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn check(path: &Path, metadata: &fs::Metadata) -> Result<usize, KeyFileError> {
    let path = || path.to_owned();
    if !metadata.is_file() {
        return Err(KeyFileError::NotAFile { path: path() });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Open { path: path(), mode });
    }
    match usize::try_from(metadata.len()) {
        Ok(size) if metadata.len() <= SECRET_FILE_BYTES_MAX => Ok(size),
        _ => Err(KeyFileError::TooLarge { path: path() }),
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> KeyFileError {
    let path = path.to_owned();
    |source| KeyFileError::Disk { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_back_and_has_mode_0600() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.key");
        write_secret(&path, b"secret").unwrap();
        assert_eq!(read_secret(&path).unwrap().as_slice(), b"secret");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.key");
        write_secret(&path, b"first").unwrap();
        assert!(matches!(write_secret(&path, b"second"), Err(KeyFileError::Exists { .. })));
        assert_eq!(read_secret(&path).unwrap().as_slice(), b"first");
    }

    #[test]
    fn a_file_open_to_others_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.key");
        write_secret(&path, b"secret").unwrap();
        for mode in [0o640, 0o604, 0o610, 0o620, 0o644] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = read_secret(&path).unwrap_err();
            assert!(matches!(error, KeyFileError::Open { mode: found, .. } if found == mode), "{error}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(read_secret(&path).is_ok());
    }

    #[test]
    fn folders_large_and_missing_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read_secret(folder.path()), Err(KeyFileError::NotAFile { .. })));
        let path = folder.path().join("large");
        let large = vec![0; SECRET_FILE_BYTES_MAX as usize + 1];
        assert!(matches!(write_secret(&path, &large), Err(KeyFileError::TooLarge { .. })));
        assert!(matches!(read_secret(&path), Err(KeyFileError::Disk { .. })), "nothing was written");
        fs::write(&path, &large).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(read_secret(&path), Err(KeyFileError::TooLarge { .. })));
        write_secret(&folder.path().join("full"), &large[1..]).unwrap();
        assert_eq!(read_secret(&folder.path().join("full")).unwrap().len(), large.len() - 1);
    }
}
