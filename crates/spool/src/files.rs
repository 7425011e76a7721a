//! Folders and small files that survive a power cut.

use crate::error::{DiskError, disk};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Makes what was created, renamed or removed in a folder durable.
pub fn sync_folder(path: &Path) -> Result<(), DiskError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(disk("syncing", path))
}

/// Makes a folder for this user alone, unless it is there; durable on return. Its parent must be there.
pub fn create_folder(path: &Path) -> Result<(), DiskError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => sync_folder(parent(path)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(disk("creating", path)(error)),
    }
}

/// Replaces a file as a whole: after a crash there is the old content or the new, durable on return. The file is readable
/// by this user alone.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary = path.with_file_name(name);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&temporary).map_err(disk("creating", &temporary))?;
    file.write_all(bytes).map_err(disk("writing", &temporary))?;
    file.sync_all().map_err(disk("syncing", &temporary))?;
    std::fs::rename(&temporary, path).map_err(disk("renaming", &temporary))?;
    sync_folder(parent(path))
}

/// Removes a file if it is there; durable on return. Says whether it was there.
pub(crate) fn remove_file(path: &Path) -> Result<bool, DiskError> {
    match std::fs::remove_file(path) {
        Ok(()) => sync_folder(parent(path)).map(|()| true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(disk("removing", path)(error)),
    }
}

/// The names in a folder that are text, sorted.
pub(crate) fn names_in(path: &Path) -> Result<Vec<String>, DiskError> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(disk("listing", path))? {
        let entry = entry.map_err(disk("listing", path))?;
        names.extend(entry.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// The folder in which a path lies.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The path with something added to its last name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_is_nobody_elses_to_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        write_atomically(&path, b"the first, longer one").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names_in(folder.path()).unwrap(), ["checkpoint"]);
    }

    #[test]
    fn a_leftover_of_an_interrupted_write_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        std::fs::write(with_suffix(&path, ".new"), b"half of somethi").unwrap();
        write_atomically(&path, b"whole").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
    }

    #[test]
    fn a_file_in_the_place_of_a_folder_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bodies");
        create_folder(&path).unwrap();
        create_folder(&path).unwrap();
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, b"").unwrap();
        assert_eq!(create_folder(&path).unwrap_err().path, path);
        assert!(remove_file(&path).unwrap() && !remove_file(&path).unwrap());
    }
}
