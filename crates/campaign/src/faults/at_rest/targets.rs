//! What can be harmed: the kinds of files that a node has, and one harm to one of them.

use crate::failure::{Doing, Failure};
use crate::random::Random;
use std::fmt;
use std::path::{Path, PathBuf};

/// What a disk loses at once, in bytes.
const BLOCK_BYTES: usize = 4096;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::faults) enum Kind {
    Journal,
    Body,
    Tile,
    Entries,
    Checkpoint,
    Vkey,
    Queue,
    QueueMark,
    Format,
    Placement,
    Heads,
    Directory,
    Keys,
    Certificate,
    Configuration,
}

impl Kind {
    /// Each kind once.
    pub(in crate::faults) const EACH: [Self; 15] = [
        Self::Journal,
        Self::Body,
        Self::Tile,
        Self::Entries,
        Self::Checkpoint,
        Self::Vkey,
        Self::Queue,
        Self::QueueMark,
        Self::Format,
        Self::Placement,
        Self::Heads,
        Self::Directory,
        Self::Keys,
        Self::Certificate,
        Self::Configuration,
    ];

    /// A random kind; those with the most to lose are hit more often.
    pub(in crate::faults) fn among_all(random: &mut Random) -> Option<Self> {
        let weighted = Self::EACH.into_iter().flat_map(|kind| std::iter::repeat_n(kind, kind.weight()));
        random.among(&weighted.collect::<Vec<_>>()).copied()
    }

    fn weight(self) -> usize {
        match self {
            Self::Journal => 3,
            Self::Body | Self::Tile | Self::Entries | Self::Queue => 2,
            _ => 1,
        }
    }

    pub(in crate::faults) fn name(self) -> &'static str {
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
            Self::Placement => "in placement",
            Self::Heads => "in remembered heads",
            Self::Directory => "in the directory",
            Self::Keys => "in keys",
            Self::Certificate => "in certificates",
            Self::Configuration => "in node.toml",
        }
    }

    pub(in crate::faults) fn is_of_ledger(self) -> bool {
        matches!(self, Self::Tile | Self::Entries | Self::Checkpoint | Self::Vkey)
    }

    /// Whether a node may refuse to start with such a file damaged. All else it goes around.
    pub(in crate::faults) fn may_refuse(self) -> bool {
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
            Self::Placement => "data/placement",
            Self::Heads => "data/heads",
            Self::Directory => "../../directory",
            Self::Keys => "keys",
            Self::Certificate => "node.pem",
            Self::Configuration => "node.toml",
        }
    }

    /// The files of this kind that a node has.
    pub(in crate::faults) fn files(self, node: &Path) -> Result<Vec<PathBuf>, Failure> {
        let mut files = Vec::new();
        gather(&node.join(self.place()), &mut files)?;
        if self == Self::Tile {
            files.retain(|path| !path.components().any(|part| part.as_os_str() == "entries"));
        }
        files.sort();
        Ok(files)
    }
}

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::faults) enum Harm {
    /// One bit is the other one.
    Flip { offset: usize, bit: u8 },
    /// So many bytes are zeros, as after a bad sector or a lost write.
    Zero { offset: usize, length: usize },
    /// It is gone.
    Delete,
}

/// One harm to one file.
#[derive(Clone, Debug)]
pub(in crate::faults) struct Target {
    pub(in crate::faults) kind: Kind,
    pub(in crate::faults) file: PathBuf,
    pub(in crate::faults) harm: Harm,
}

impl Target {
    /// A random bit in a file of this kind, if a node has any.
    pub(in crate::faults) fn bit(
        kind: Kind,
        node: &Path,
        random: &mut Random,
    ) -> Result<Option<Self>, Failure> {
        Self::within(kind, node, random, |length, random| Harm::Flip {
            offset: random.below(length),
            bit: 1 << random.below(8),
        })
    }

    /// A random block in a file of this kind, if a node has any.
    pub(in crate::faults) fn block(
        kind: Kind,
        node: &Path,
        random: &mut Random,
    ) -> Result<Option<Self>, Failure> {
        Self::within(kind, node, random, |length, random| {
            let offset = random.below(length.div_ceil(BLOCK_BYTES)).saturating_mul(BLOCK_BYTES);
            Harm::Zero { offset, length: length.saturating_sub(offset).min(BLOCK_BYTES) }
        })
    }

    /// A random file of this kind, if a node has any.
    pub(in crate::faults) fn whole(
        kind: Kind,
        node: &Path,
        random: &mut Random,
    ) -> Result<Option<Self>, Failure> {
        Self::within(kind, node, random, |_, _| Harm::Delete)
    }

    /// What `harm` makes of the length of a random file, in bytes; empty files cannot be harmed.
    fn within(
        kind: Kind,
        node: &Path,
        random: &mut Random,
        harm: impl FnOnce(usize, &mut Random) -> Harm,
    ) -> Result<Option<Self>, Failure> {
        let files = kind.files(node)?;
        let Some(file) = random.among(&files).cloned() else { return Ok(None) };
        let length = file.metadata().doing("looking at a file")?.len();
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        Ok((length > 0).then(|| Self { kind, file, harm: harm(length, random) }))
    }

    /// Does the harm.
    pub(in crate::faults) fn strike(&self) -> Result<(), Failure> {
        let mut bytes = std::fs::read(&self.file).doing("reading a file to be harmed")?;
        match self.harm {
            Harm::Flip { offset, bit } => {
                if let Some(byte) = bytes.get_mut(offset) {
                    *byte ^= bit;
                }
            }
            Harm::Zero { offset, length } => {
                let block = bytes.get_mut(offset..offset.saturating_add(length));
                block.unwrap_or_default().fill(0);
            }
            Harm::Delete => return std::fs::remove_file(&self.file).doing("removing a file"),
        }
        std::fs::write(&self.file, bytes).doing("writing a file that is harmed")
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.harm, self.file.display())
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
