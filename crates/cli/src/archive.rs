//! A document as an office takes it: the tar archive unpacked into a folder, every file checked against the manifest.
//!
//! The node has checked the office's signature before it handed the document out. What is checked here is that nothing
//! changed on the way from the node into the folder. File names come from the manifest, which lets no path in.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use tar::Archive;
use yizhan_document::limits::{
    MANIFEST_BYTES_MAX, MANIFEST_PATH_BYTES_MAX, MANIFEST_TREE_BYTES_MAX, PARTS_MAX,
};
use yizhan_document::{Digest, Hasher, Manifest, ManifestError};

/// The member with the manifest.
const MANIFEST: &str = "manifest";
/// The members with the tree over a batch of manifests and the path of this one, where many documents were signed at once.
const BATCH: [(&str, usize); 2] =
    [("manifest.tree", MANIFEST_TREE_BYTES_MAX), ("manifest.path", MANIFEST_PATH_BYTES_MAX)];
/// The member with the office's signature over the manifest, or over the tree where there is one, detached CMS.
const SIGNATURE: &str = "manifest.p7s";
/// The largest signature that is unpacked, in bytes.
const SIGNATURE_BYTES_MAX: u64 = yizhan_identity::CMS_BYTES_MAX as u64;
/// How much of a file is in memory while it is unpacked, in bytes.
const STEP_BYTES: usize = 256 * 1024;

/// A document that was unpacked.
#[derive(Debug)]
pub(crate) struct Unpacked {
    /// What the office signed.
    pub(crate) manifest: Manifest,
    /// The files, in the order of the manifest.
    pub(crate) files: Vec<PathBuf>,
}

/// Why an archive is not the document that its manifest names. Take the document again; it stays in the inbox.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    /// The folder, the disk, or an archive that breaks off.
    #[error("{}: {source}", .path.display())]
    Disk {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Members other than a document has.
    #[error("the archive is not that of a document: {0}; take the document again")]
    Members(String),
    /// The manifest cannot be read.
    #[error("the manifest of the document cannot be read: {0}")]
    Manifest(#[from] ManifestError),
    /// A file is not the one that the office signed.
    #[error("file {number} is not the one that the sending office signed; take the document again")]
    Changed {
        /// Which file, from 1.
        number: usize,
    },
}

/// Unpacks the archive `tar` into `folder`, which exists and is empty but for what the caller put there.
pub(crate) fn unpack(tar: &Path, folder: &Path) -> Result<Unpacked, ArchiveError> {
    let file = File::open(tar).map_err(disk(tar))?;
    let mut archive = Archive::new(file);
    let mut members = archive.entries().map_err(disk(tar))?;
    let mut parts = Vec::new();
    let mut manifest = None;
    let (mut signed, mut beside) = (false, 0);
    while let Some(member) = members.next().transpose().map_err(disk(tar))? {
        let name = String::from_utf8_lossy(&member.path_bytes()).into_owned();
        let size = member.size();
        match name.as_str() {
            MANIFEST if manifest.is_none() => manifest = Some(read_manifest(member, size, folder)?),
            SIGNATURE if !signed && size <= SIGNATURE_BYTES_MAX => {
                store(member, &folder.join(SIGNATURE))?;
                signed = true;
            }
            batch
                if manifest.is_some()
                    && !signed
                    && BATCH
                        .get(beside)
                        .is_some_and(|(name, most)| *name == batch && size <= *most as u64) =>
            {
                store(member, &folder.join(batch))?;
                beside += 1;
            }
            // Members of files are numbered from 1, and all stand before the manifest.
            number
                if number == (parts.len() + 1).to_string()
                    && manifest.is_none()
                    && parts.len() < PARTS_MAX =>
            {
                let place = folder.join(format!(".{number}.part"));
                let digest = store(member, &place)?;
                parts.push((place, size, digest));
            }
            other => {
                return Err(ArchiveError::Members(format!("`{}` is out of place", other.escape_debug())));
            }
        }
    }
    match manifest {
        Some(manifest) if signed && beside != 1 => name_files(manifest, &parts, folder),
        _ => Err(ArchiveError::Members("manifest, signature or a part of it is missing".to_owned())),
    }
}

/// Compares what came with what was signed, and gives the files their names.
fn name_files(
    manifest: Manifest,
    parts: &[(PathBuf, u64, Digest)],
    folder: &Path,
) -> Result<Unpacked, ArchiveError> {
    if parts.len() != manifest.parts.len() {
        let (came, named) = (parts.len(), manifest.parts.len());
        return Err(ArchiveError::Members(format!("{came} files came, the manifest names {named}")));
    }
    let mut taken =
        BTreeSet::from([MANIFEST, SIGNATURE, "manifest.tree", "manifest.path"].map(str::to_owned));
    let mut files = Vec::with_capacity(parts.len());
    for (number, (named, (place, size, digest))) in (1..).zip(manifest.parts.iter().zip(parts)) {
        if named.size != *size || named.digest != *digest {
            return Err(ArchiveError::Changed { number });
        }
        let path = folder.join(free_name(number, named.name.as_str(), &mut taken));
        fs::rename(place, &path).map_err(disk(&path))?;
        files.push(path);
    }
    Ok(Unpacked { manifest, files })
}

/// The name of a file, with its number before it where another file has that name.
fn free_name(number: usize, name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut free = name.to_owned();
    while !taken.insert(free.clone()) {
        free = format!("{number}-{free}");
    }
    free
}

fn read_manifest(member: impl Read, size: u64, folder: &Path) -> Result<Manifest, ArchiveError> {
    let path = folder.join(MANIFEST);
    let mut text = String::new();
    if size > MANIFEST_BYTES_MAX as u64 {
        return Err(ManifestError::TooLarge.into());
    }
    member.take(MANIFEST_BYTES_MAX as u64).read_to_string(&mut text).map_err(disk(&path))?;
    fs::write(&path, &text).map_err(disk(&path))?;
    Ok(Manifest::from_text(&text)?)
}

/// Writes a member to a new file, and tells its digest.
fn store(mut member: impl Read, path: &Path) -> Result<Digest, ArchiveError> {
    let mut file = File::create_new(path).map_err(disk(path))?;
    let mut hasher = Hasher::new();
    let mut step = vec![0; STEP_BYTES];
    loop {
        let count = member.read(&mut step).map_err(disk(path))?;
        let Some(bytes) = step.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return Ok(hasher.finish());
        };
        hasher.update(bytes);
        file.write_all(bytes).map_err(disk(path))?;
    }
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> ArchiveError {
    let path = path.to_owned();
    move |source| ArchiveError::Disk { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use yizhan_document::{Label, Part};

    /// An archive with these members.
    fn tar(folder: &Path, members: &[(&str, &[u8])]) -> PathBuf {
        let path = folder.join(".taken.tar");
        let mut builder = tar::Builder::new(File::create(&path).unwrap());
        for (name, content) in members {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            // Written as it is: `set_path` would refuse the bad names that a test needs.
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap();
        path
    }

    fn manifest(parts: &[(&str, &[u8])]) -> String {
        let part = |(name, content): &(&str, &[u8])| Part {
            name: name.parse().unwrap(),
            size: content.len() as u64,
            digest: Digest::of(content),
        };
        Manifest {
            suite: "cms-p256-sha256".into(),
            envelope: "652301.0.0".parse().unwrap(),
            time: "2026-11-20T08:00:00Z".parse().unwrap(),
            directory: 1,
            salt: Digest::of(b"salt"),
            from: "gov-office@652301".parse().unwrap(),
            to: vec!["gov-office@65".parse().unwrap()],
            cc: vec![],
            parts: parts.iter().map(part).collect(),
            label: Label { title: "通知".into(), ..Label::default() },
        }
        .to_text()
        .unwrap()
    }

    #[test]
    fn files_get_the_names_of_the_manifest_and_twins_their_number() {
        let folder = tempfile::tempdir().unwrap();
        let text = manifest(&[("通知.pdf", b"one"), ("通知.pdf", b"two"), ("manifest", b"three")]);
        let members: [(&str, &[u8]); 5] = [
            ("1", b"one"),
            ("2", b"two"),
            ("3", b"three"),
            ("manifest", text.as_bytes()),
            ("manifest.p7s", b"cms"),
        ];
        let unpacked = unpack(&tar(folder.path(), &members), folder.path()).unwrap();
        let names: Vec<_> =
            unpacked.files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["通知.pdf", "2-通知.pdf", "3-manifest"]);
        assert_eq!(fs::read(&unpacked.files[1]).unwrap(), b"two");
        assert_eq!(fs::read_to_string(folder.path().join("manifest")).unwrap(), text);
        assert_eq!(unpacked.manifest.label.title, "通知");
    }

    #[test]
    fn what_was_signed_for_a_batch_lies_beside_the_manifest_and_half_of_it_is_refused() {
        let text = manifest(&[("a", b"one")]);
        let members: [(&str, &[u8]); 5] = [
            ("1", b"one"),
            ("manifest", text.as_bytes()),
            ("manifest.tree", b"tree"),
            ("manifest.path", b"path"),
            ("manifest.p7s", b"cms"),
        ];
        let folder = tempfile::tempdir().unwrap();
        unpack(&tar(folder.path(), &members), folder.path()).unwrap();
        assert_eq!(fs::read(folder.path().join("manifest.tree")).unwrap(), b"tree");
        for missing in [2, 3] {
            let folder = tempfile::tempdir().unwrap();
            let mut members = members.to_vec();
            members.remove(missing);
            let refused = unpack(&tar(folder.path(), &members), folder.path());
            assert!(matches!(refused, Err(ArchiveError::Members(_))), "without {missing}");
        }
    }

    #[test]
    fn a_file_that_is_not_the_signed_one_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let text = manifest(&[("a", b"one")]);
        let members: [(&str, &[u8]); 3] =
            [("1", b"onf"), ("manifest", text.as_bytes()), ("manifest.p7s", b"cms")];
        let refused = unpack(&tar(folder.path(), &members), folder.path());
        assert!(matches!(refused, Err(ArchiveError::Changed { number: 1 })));
    }

    #[test]
    fn members_that_no_document_has_are_refused_and_nothing_leaves_the_folder() {
        let text = manifest(&[("a", b"one")]);
        let whole: [(&str, &[u8]); 3] =
            [("1", b"one"), ("manifest", text.as_bytes()), ("manifest.p7s", b"cms")];
        for bad in ["../escaped", "/tmp/escaped", "2", "0", "01", "manifest.p7s/x"] {
            let folder = tempfile::tempdir().unwrap();
            let members: Vec<_> = [(bad, b"x".as_slice())].into_iter().chain(whole).collect();
            let refused = unpack(&tar(folder.path(), &members), folder.path());
            assert!(matches!(refused, Err(ArchiveError::Members(_))), "{bad}: {refused:?}");
        }
        for missing in 0..whole.len() {
            let folder = tempfile::tempdir().unwrap();
            let mut members = whole.to_vec();
            members.remove(missing);
            let refused = unpack(&tar(folder.path(), &members), folder.path());
            assert!(matches!(refused, Err(ArchiveError::Members(_))), "without {missing}");
        }
    }
}
