//! Opening the socket: nobody else may use it, a live node keeps it, a dead one's is replaced.

use std::fs::Permissions;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// The longest path of a Unix socket, in bytes: `sun_path` of unix(7) without its closing zero.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Why the socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// A live process listens there.
    #[error("a node is already running on {path}; stop it first, or give this one a data folder of its own")]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something that is no socket lies there; it is left alone.
    #[error("{path} exists and is no socket; move it away")]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// The operating system allows no socket at so long a path.
    #[error(
        "{path} is too long for a socket ({SOCKET_PATH_BYTES_MAX} bytes at the most); use a shorter data folder"
    )]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("the socket {path} cannot be opened: {source}; check that the folder exists and may be written")]
    Io {
        /// The path.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// Opens the socket at `path` with file permission 0600. A socket that a dead process left is replaced, a live one's is not.
///
/// The socket appears at its path only when its permission is set. Two nodes that start at the same moment are kept apart by the
/// lock on the data folder, not here.
pub async fn bind(path: &Path) -> Result<UnixListener, BindError> {
    let unfinished = path.with_extension("new");
    if path.as_os_str().len().max(unfinished.as_os_str().len()) > SOCKET_PATH_BYTES_MAX {
        return Err(BindError::TooLong { path: path.to_owned() });
    }
    let refused = |source| BindError::Io { path: path.to_owned(), source };
    if lies_there(path)? {
        match UnixStream::connect(path).await {
            Ok(_) => return Err(BindError::InUse { path: path.to_owned() }),
            // A full backlog is a live one.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(BindError::InUse { path: path.to_owned() });
            }
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => {}
            Err(error) => return Err(refused(error)),
        }
    }
    if lies_there(&unfinished)? {
        std::fs::remove_file(&unfinished).map_err(refused)?;
    }
    let socket = UnixListener::bind(&unfinished).map_err(refused)?;
    std::fs::set_permissions(&unfinished, Permissions::from_mode(0o600)).map_err(refused)?;
    std::fs::rename(&unfinished, path).map_err(refused)?;
    Ok(socket)
}

fn lies_there(path: &Path) -> Result<bool, BindError> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => Ok(true),
        Ok(_) => Err(BindError::NotASocket { path: path.to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(source) => Err(BindError::Io { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_its_owner_may_open_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desk.sock");
        let _socket = bind(&path).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_live_socket_is_kept_and_a_dead_one_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desk.sock");
        let first = bind(&path).await.unwrap();
        assert!(matches!(bind(&path).await, Err(BindError::InUse { .. })));
        drop(first);
        assert!(path.exists());
        let second = bind(&path).await.unwrap();
        let (client, served) = tokio::join!(UnixStream::connect(&path), second.accept());
        assert!(client.is_ok() && served.is_ok());
    }

    #[tokio::test]
    async fn what_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desk.sock");
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(bind(&path).await, Err(BindError::NotASocket { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }

    #[tokio::test]
    async fn a_path_too_long_or_a_folder_that_is_missing_is_said_plainly() {
        let long = PathBuf::from("/tmp").join("x".repeat(120)).join("desk.sock");
        assert!(matches!(bind(&long).await, Err(BindError::TooLong { .. })));
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing/desk.sock");
        assert!(matches!(bind(&missing).await, Err(BindError::Io { .. })));
    }
}
