//! Which epoch of the ledger a data folder is for: its file `epoch`, which `yizhan node new-epoch` writes. Without it, the first.

use crate::fault::NodeError;
use std::path::{Path, PathBuf};
use yizhan_document::{EPOCH_MAX, LedgerId, NodeId};
use yizhan_ledger::{Entry, Event, Head, Log};
use yizhan_spool::write_atomically;

/// The file in the data folder.
pub(crate) const NAME: &str = "epoch";
/// Its first line.
const FORM: &str = "yizhan ledger epoch v1";

/// The epoch of a data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Epoch {
    /// The ledger kept in it.
    pub(crate) ledger: LedgerId,
    /// What was remembered of the one before: its first entry names this.
    pub(crate) previous: Vec<Head>,
}

impl Epoch {
    /// The first epoch of a node.
    pub(crate) fn first(node: NodeId) -> Self {
        Self { ledger: LedgerId { node, epoch: 0 }, previous: Vec::new() }
    }

    /// Reads the file of a data folder.
    pub(crate) fn read(data: &Path, node: NodeId) -> Result<Self, NodeError> {
        let path = data.join(NAME);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::first(node)),
            Err(source) => return Err(NodeError::Folder { path, source }),
        };
        let epoch = Self::from_text(&text).filter(|epoch| epoch.ledger.node == node);
        epoch.ok_or_else(|| {
            NodeError::Data(format!("{} is not what `yizhan node new-epoch` wrote there", path.display()))
        })
    }

    /// Writes it, durable.
    pub(crate) fn write(&self, data: &Path) -> Result<(), NodeError> {
        Ok(write_atomically(&data.join(NAME), self.to_text().as_bytes())?)
    }

    /// The ledger that was made anew from the folder must be the one of this epoch: a file that was lost or put back would else
    /// let the node sign one ledger under the name of another.
    pub(crate) fn check(&self, log: &Log) -> Result<(), NodeError> {
        if log.size() == 0 {
            return Ok(());
        }
        // A first entry whose tile is damaged is named elsewhere; it says nothing.
        let first = log.entry(0).ok().and_then(|bytes| Entry::from_bytes(&bytes).ok());
        match first.map(|entry| entry.event) {
            Some(Event::EpochOpened { ledger, .. }) if ledger != self.ledger => {
                Err(NodeError::Data(format!(
                    "it holds the ledger {ledger}, and its file `{NAME}` speaks of {}; put the file back that belongs to it, or, if \
                 `yizhan node new-epoch` was interrupted, run that again",
                    self.ledger
                )))
            }
            _ => Ok(()),
        }
    }

    fn to_text(&self) -> String {
        let heads = self.previous.iter();
        let heads = heads.map(|head| format!("previous {} {} {}\n", head.ledger, head.size, head.root));
        format!("{FORM}\nledger {}\n{}", self.ledger, heads.collect::<String>())
    }

    /// Strictly: what it reads is what [`Self::to_text`] writes again.
    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let form = lines.next()?;
        let ledger: LedgerId = lines.next()?.strip_prefix("ledger ")?.parse().ok()?;
        let head = |line: &str| {
            let mut words = line.strip_prefix("previous ")?.split(' ');
            let (of, size, root) = (words.next()?, words.next()?, words.next()?);
            Some(Head { ledger: of.parse().ok()?, size: size.parse().ok()?, root: root.parse().ok()? })
        };
        let epoch = Self { ledger, previous: lines.map(head).collect::<Option<_>>()? };
        (form == FORM && ledger.epoch <= EPOCH_MAX && epoch.to_text() == text).then_some(epoch)
    }
}

/// Moves what belongs to one epoch out of the way, into a folder of its own; gives that, if there was anything. Nothing is deleted.
/// The journal goes first: without it no start takes the rest for whole.
pub(crate) fn set_aside(data: &Path, epoch: u32) -> Result<Option<PathBuf>, NodeError> {
    let of = ["journal", "ledger", "queue", "queue.lock", "queue.mark", "bodies", "placement", NAME];
    let mut aside = None;
    for part in of {
        let from = data.join(part);
        if !from.exists() || is_empty_folder(&from) {
            continue;
        }
        let to = free_place(data, epoch, part);
        let folder = to.parent().unwrap_or(data).to_owned();
        yizhan_spool::create_folder(&data.join("epochs"))?;
        yizhan_spool::create_folder(&folder)?;
        std::fs::rename(&from, &to).map_err(|source| NodeError::Folder { path: from, source })?;
        yizhan_spool::sync_folder(&folder)?;
        yizhan_spool::sync_folder(data)?;
        aside = Some(folder);
    }
    Ok(aside)
}

fn is_empty_folder(path: &Path) -> bool {
    std::fs::read_dir(path).is_ok_and(|mut names| names.next().is_none())
}

/// Where a part goes: a move that was interrupted is finished in the same folder; what lies there from before stays.
fn free_place(data: &Path, epoch: u32, part: &str) -> PathBuf {
    let folder = |name: String| data.join("epochs").join(name).join(part);
    let names = std::iter::once(epoch.to_string()).chain((2..).map(|n: u32| format!("{epoch}.{n}")));
    let mut places = names.map(folder).filter(|place| !place.exists());
    places.next().unwrap_or_else(|| folder(format!("{epoch}.last")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use yizhan_document::Digest;

    fn node() -> NodeId {
        "6523".parse().unwrap()
    }

    fn second() -> Epoch {
        let head = |size| Head { ledger: "6523.0".parse().unwrap(), size, root: Digest::of(b"root") };
        Epoch { ledger: "6523.1".parse().unwrap(), previous: vec![head(7), head(4711)] }
    }

    #[test]
    fn a_folder_without_the_file_is_of_the_first_epoch_and_one_with_it_of_that() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Epoch::read(folder.path(), node()).unwrap(), Epoch::first(node()));
        second().write(folder.path()).unwrap();
        assert_eq!(Epoch::read(folder.path(), node()).unwrap(), second());
        assert!(Epoch::read(folder.path(), "65".parse().unwrap()).is_err(), "of another node");
    }

    #[test]
    fn only_what_was_written_is_read() {
        let text = second().to_text();
        assert_eq!(Epoch::from_text(&text), Some(second()));
        let changed = [
            text.replace("v1", "v2"),
            text.replace("ledger 6523.1", "ledger 6523.01"),
            text.replace("6523.0 7 ", "6523.0 07 "),
            text.trim_end().to_owned(),
            format!("{text}\n"),
            text.replace("6523.1\n", "6523.1048576\n"),
            String::new(),
        ];
        for text in changed {
            assert_eq!(Epoch::from_text(&text), None, "{text}");
        }
    }

    #[test]
    fn what_is_set_aside_is_kept_and_an_interrupted_move_goes_on_in_the_same_place() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        std::fs::create_dir(data.join("journal")).unwrap();
        assert_eq!(set_aside(data, 0).unwrap(), None, "an empty journal is nothing to keep");
        std::fs::write(data.join("journal").join("000000000001.seg"), "first").unwrap();
        assert_eq!(set_aside(data, 0).unwrap(), Some(data.join("epochs").join("0")));
        std::fs::write(data.join("placement"), "mark").unwrap();
        assert_eq!(set_aside(data, 0).unwrap(), Some(data.join("epochs").join("0")), "the rest of the same");
        std::fs::create_dir(data.join("journal")).unwrap();
        std::fs::write(data.join("journal").join("000000000001.seg"), "second").unwrap();
        assert_eq!(set_aside(data, 0).unwrap(), Some(data.join("epochs").join("0.2")));
        let kept = |name: &str| {
            std::fs::read_to_string(data.join("epochs").join(name).join("journal/000000000001.seg")).unwrap()
        };
        assert_eq!((kept("0").as_str(), kept("0.2").as_str()), ("first", "second"));
        assert!(!data.join("journal").exists());
    }
}
