//! Papers to hand in: small ones each with a content of its own, and a few large contents under ever new titles.

use crate::book::Paper;
use crate::failure::{Doing, Failure};
use crate::network::Network;
use crate::random::Random;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use yizhan_document::Digest;

/// The largest of the small contents, in bytes.
const SMALL_BYTES_MAX: usize = 4_000;
/// The medium content: its encrypted body is still kept in the journal.
const MEDIUM_BYTES: u64 = 300 * 1024;
/// The smallest content whose encrypted body is a file of its own: of one piece.
const FILED_BYTES: u64 = 400 * 1024;
/// The large content: its encrypted body is a file of its own, in several pieces.
const LARGE_BYTES: u64 = 3 * 1024 * 1024;

/// How large a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// A few thousand bytes.
    Small,
    /// 300 KiB.
    Medium,
    /// 400 KiB: too large for the journal.
    Filed,
    /// 3 MiB.
    Large,
}

impl Size {
    /// Mostly small ones.
    pub fn mixed(random: &mut Random) -> Self {
        match random.below(60) {
            0 => Self::Large,
            1 => Self::Filed,
            2..=4 => Self::Medium,
            _ => Self::Small,
        }
    }
}

/// Makes papers, no two of which have the same key or title.
#[derive(Debug)]
pub struct Papers {
    folder: PathBuf,
    made: AtomicU64,
    medium: (PathBuf, Digest),
    filed: (PathBuf, Digest),
    large: (PathBuf, Digest),
}

impl Papers {
    /// Papers that lie beside a network.
    pub fn new(network: &Network, random: &mut Random) -> Result<Self, Failure> {
        let folder = network.beside("papers");
        std::fs::create_dir_all(&folder).doing("making a folder for papers")?;
        let mut shared = |name: &str, size: u64| -> Result<(PathBuf, Digest), Failure> {
            let path = folder.join(name);
            random.file(&path, size).doing("writing a paper")?;
            let digest = Digest::of(&std::fs::read(&path).doing("reading a paper")?);
            Ok((path, digest))
        };
        let medium = shared("medium", MEDIUM_BYTES)?;
        let filed = shared("filed", FILED_BYTES)?;
        let large = shared("large", LARGE_BYTES)?;
        Ok(Self { folder, made: AtomicU64::new(0), medium, filed, large })
    }

    /// A new paper.
    pub fn paper(&self, from: &str, to: &str, size: Size, random: &mut Random) -> Result<Paper, Failure> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let (file, digest) = match size {
            Size::Small => self.small(number, random)?,
            Size::Medium => self.medium.clone(),
            Size::Filed => self.filed.clone(),
            Size::Large => self.large.clone(),
        };
        let (key, title) = (format!("paper-{number}"), format!("关于第{number}号事项的通知"));
        Ok(Paper { key, title, from: from.to_owned(), to: to.to_owned(), file, digest })
    }

    fn small(&self, number: u64, random: &mut Random) -> Result<(PathBuf, Digest), Failure> {
        let bytes = random.bytes(1 + random.clone().below(SMALL_BYTES_MAX));
        let path = self.folder.join(number.to_string());
        std::fs::write(&path, &bytes).doing("writing a paper")?;
        Ok((path, Digest::of(&bytes)))
    }
}
