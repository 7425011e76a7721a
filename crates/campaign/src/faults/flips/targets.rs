//! What can be hit: the kinds of files that a node has, and one bit in one of them.

use crate::failure::{Doing, Failure};
use crate::random::Random;
use std::fmt;
use std::path::{Path, PathBuf};

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Journal,
    Body,
    Tile,
    Entries,
    Checkpoint,
    Vkey,
    Queue,
    QueueMark,
    Format,
    Directory,
    Keys,
    Certificate,
    Configuration,
}

impl Kind {
    /// All kinds; those with the most to lose stand more than once and so are hit more often.
    pub(super) const ALL: [Self; 19] = [
        Self::Journal,
        Self::Journal,
        Self::Journal,
        Self::Body,
        Self::Body,
        Self::Tile,
        Self::Tile,
        Self::Entries,
        Self::Entries,
        Self::Checkpoint,
        Self::Vkey,
        Self::Queue,
        Self::Queue,
        Self::QueueMark,
        Self::Format,
        Self::Directory,
        Self::Keys,
        Self::Certificate,
        Self::Configuration,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Journal => "in the journal",
            Self::Body => "in bodies",
            Self::Tile => "in tiles",
            Self::Entries => "in entry bundles",
            Self::Checkpoint => "in checkpoints",
            Self::Vkey => "in vkey",
            Self::Queue => "in the queue",
            Self::QueueMark => "in queue.mark",
            Self::Format => "in format",
            Self::Directory => "in the directory",
            Self::Keys => "in keys",
            Self::Certificate => "in certificates",
            Self::Configuration => "in node.toml",
        }
    }

    pub(super) fn is_of_ledger(self) -> bool {
        matches!(self, Self::Tile | Self::Entries | Self::Checkpoint | Self::Vkey)
    }

    /// Whether a node may refuse to start with such a file damaged. All else it goes around.
    pub(super) fn may_refuse(self) -> bool {
        matches!(self, Self::Format | Self::Directory | Self::Keys | Self::Certificate | Self::Configuration)
    }

    /// Where such files lie, from the folder of a node.
    fn place(self) -> &'static str {
        match self {
            Self::Journal => "data/journal",
            Self::Body => "data/bodies",
            Self::Tile => "data/ledger/tile",
            Self::Entries => "data/ledger/tile/entries",
            Self::Checkpoint => "data/ledger/checkpoint",
            Self::Vkey => "data/ledger/vkey",
            Self::Queue => "data/queue",
            Self::QueueMark => "data/queue.mark",
            Self::Format => "data/format",
            Self::Directory => "../../directory",
            Self::Keys => "keys",
            Self::Certificate => "node.pem",
            Self::Configuration => "node.toml",
        }
    }

    /// The files of this kind that a node has.
    pub(super) fn files(self, node: &Path) -> Result<Vec<PathBuf>, Failure> {
        let mut files = Vec::new();
        gather(&node.join(self.place()), &mut files)?;
        if self == Self::Tile {
            files.retain(|path| !path.components().any(|part| part.as_os_str() == "entries"));
        }
        files.sort();
        Ok(files)
    }
}

/// One bit in one file.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) kind: Kind,
    pub(super) file: PathBuf,
    pub(super) offset: usize,
    pub(super) bit: u8,
}

impl Target {
    /// A random bit in a file of this kind, if a node has any.
    pub(super) fn choose(kind: Kind, node: &Path, random: &mut Random) -> Result<Option<Self>, Failure> {
        let files = kind.files(node)?;
        let Some(file) = random.among(&files).cloned() else { return Ok(None) };
        let length = file.metadata().doing("looking at a file")?.len();
        let offset = random.below(usize::try_from(length).unwrap_or(usize::MAX));
        let bit = 1 << random.below(8);
        Ok((length > 0).then_some(Self { kind, file, offset, bit }))
    }

    /// Flips the bit; once more, and it is as before.
    pub(super) fn flip(&self) -> Result<(), Failure> {
        let mut bytes = std::fs::read(&self.file).doing("reading a file to be hit")?;
        if let Some(byte) = bytes.get_mut(self.offset) {
            *byte ^= self.bit;
        }
        std::fs::write(&self.file, bytes).doing("writing a file that was hit")
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bit {:#04x} of byte {} of {}", self.bit, self.offset, self.file.display())
    }
}

/// All regular files at or below a path.
fn gather(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).doing("looking for files")? {
            gather(&entry.doing("looking for files")?.path(), files)?;
        }
    } else if path.is_file() {
        files.push(path.to_owned());
    }
    Ok(())
}
