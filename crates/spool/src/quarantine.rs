//! Where damaged things go: nothing is ever deleted on doubt.

use crate::error::{DiskError, disk};
use crate::files::{create_folder, parent, sync_folder, write_atomically};
use serde::Serialize;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use yizhan_document::Digest;

/// A folder of damaged files, each with a note beside it. Only people remove anything from it.
#[derive(Clone, Debug)]
pub struct Quarantine {
    path: PathBuf,
}

/// Says what was put into quarantine. No titles, names or contents.
#[derive(Clone, Debug, Serialize)]
pub struct Note {
    /// What it is, such as `journal record`.
    pub what: String,
    /// Where it was, such as a path, or segment and offset.
    pub found_at: String,
    /// What is wrong with it.
    pub why: String,
}

impl Quarantine {
    /// Opens the folder, or makes it.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        create_folder(path)?;
        Ok(Self { path: path.to_owned() })
    }

    /// Moves a file or folder of the same file system in, and raises the alarm. Returns where it is now.
    pub fn move_in(&self, from: &Path, note: &Note) -> Result<PathBuf, DiskError> {
        let name = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let to = self.place_for(&name, note)?;
        std::fs::rename(from, &to).map_err(disk("moving to quarantine", from))?;
        sync_folder(&self.path)?;
        sync_folder(parent(from))?;
        alarm(&to, note);
        Ok(to)
    }

    /// Keeps a copy of damaged bytes that stay where they are, and raises the alarm. The same bytes under the same name are
    /// kept once. `name` becomes part of a file name; anything but letters, digits, `.`, `-` and `_` is replaced.
    pub fn copy_in(&self, name: &str, bytes: &[u8], note: &Note) -> Result<PathBuf, DiskError> {
        let digest = Digest::of(bytes).to_string();
        let plain = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' };
        let name: String = name.chars().take(80).map(plain).collect();
        let to = self.path.join(format!("{name}-{}", digest.get(..16).unwrap_or_default()));
        if !to.exists() {
            write_atomically(&note_path(&to), &note_json(note))?;
            write_atomically(&to, bytes)?;
        }
        alarm(&to, note);
        Ok(to)
    }

    /// A name that is free, with its note already written.
    fn place_for(&self, name: &str, note: &Note) -> Result<PathBuf, DiskError> {
        let mut number = 1u64;
        loop {
            let to = self.path.join(if number == 1 { name.to_owned() } else { format!("{name}.{number}") });
            let note_at = note_path(&to);
            match OpenOptions::new().write(true).create_new(true).open(&note_at) {
                Ok(_) if !to.exists() => {
                    write_atomically(&note_at, &note_json(note))?;
                    return Ok(to);
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(disk("creating", &note_at)(error)),
            }
            number = number.saturating_add(1);
        }
    }
}

fn note_path(path: &Path) -> PathBuf {
    crate::files::with_suffix(path, ".note.json")
}

fn note_json(note: &Note) -> Vec<u8> {
    // Three strings always serialize.
    serde_json::to_vec_pretty(note).unwrap_or_default()
}

fn alarm(at: &Path, note: &Note) {
    tracing::error!(what = note.what, found_at = note.found_at, why = note.why, kept_at = %at.display(), "damage found; kept in quarantine");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::names_in;

    fn note(why: &str) -> Note {
        Note { what: "body".into(), found_at: "bodies/x".into(), why: why.into() }
    }

    #[test]
    fn things_of_the_same_name_are_all_kept_each_with_its_note() {
        let folder = tempfile::tempdir().unwrap();
        let quarantine = Quarantine::open(&folder.path().join("quarantine")).unwrap();
        let mut kept = Vec::new();
        for i in 0..3u8 {
            let bad = folder.path().join("x");
            std::fs::write(&bad, [i]).unwrap();
            kept.push(quarantine.move_in(&bad, &note(&i.to_string())).unwrap());
            assert!(!bad.exists());
        }
        for (i, at) in kept.iter().enumerate() {
            assert_eq!(std::fs::read(at).unwrap(), [i as u8]);
            let json: serde_json::Value =
                serde_json::from_slice(&std::fs::read(note_path(at)).unwrap()).unwrap();
            assert_eq!(json["why"], i.to_string());
        }
    }

    #[test]
    fn the_same_bytes_are_copied_once_under_a_harmless_name() {
        let folder = tempfile::tempdir().unwrap();
        let quarantine = Quarantine::open(folder.path()).unwrap();
        let first = quarantine.copy_in("../segment 7/4096", b"damaged", &note("checksum")).unwrap();
        assert_eq!(quarantine.copy_in("../segment 7/4096", b"damaged", &note("checksum")).unwrap(), first);
        assert_eq!(first.parent(), Some(folder.path()));
        assert_eq!(std::fs::read(&first).unwrap(), b"damaged");
        quarantine.copy_in("../segment 7/4096", b"other", &note("checksum")).unwrap();
        assert_eq!(names_in(folder.path()).unwrap().len(), 4);
    }
}
