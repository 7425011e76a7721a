//! A ledger as it stands: its checkpoint and entries, one after another, without believing any of it.

use crate::ledger_copy::{LedgerCopy, ledger_folder};
use std::io::{self, Write};
use std::path::Path;
use yizhan_ledger::tiles::{CHECKPOINT_PATH, FolderTiles, TileStore};
use yizhan_ledger::{Checkpoint, CheckpointError, Entry};

/// Writes what the ledger in `given` holds to `out`: lines for people, or one JSON object whose `entries` are the entries
/// as they stand in it, with `null` for those that cannot be read. Whether the files bear out the checkpoint's root is
/// said; no signature is checked, for that takes a directory.
pub fn show_ledger(given: &Path, json: bool, out: &mut dyn Write) -> Result<(), ShowError> {
    let folder = ledger_folder(given);
    let note = FolderTiles::new(&folder).read(CHECKPOINT_PATH)?;
    let note = note.ok_or_else(|| ShowError::NoLedger { folder: folder.display().to_string() })?;
    let checkpoint = Checkpoint::from_unverified_note(&note)?;
    let other = || ShowError::OtherLedger { origin: checkpoint.origin.clone() };
    let id = checkpoint.ledger().ok_or_else(other)?;
    let mut copy = LedgerCopy::new(&folder, id, checkpoint.size, checkpoint.root);
    let holds = copy.settle();
    if json {
        write_json(&checkpoint, &copy, holds, out)?
    } else {
        write_lines(&checkpoint, &copy, holds, out)?
    }
    Ok(())
}

fn write_lines(
    checkpoint: &Checkpoint,
    copy: &LedgerCopy,
    holds: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{}, {} entries, root {}", checkpoint.origin, checkpoint.size, checkpoint.root)?;
    let state = if holds { "have" } else { "DO NOT have" };
    writeln!(out, "the entries in the folder {state} that root; no signature was checked (use verify)")?;
    let mut written = Ok(());
    copy.for_each_entry(|index, bytes| {
        if written.is_ok() {
            written = write_line(index, bytes, copy, out);
        }
    });
    written
}

fn write_line(index: u64, bytes: Option<&[u8]>, copy: &LedgerCopy, out: &mut dyn Write) -> io::Result<()> {
    let Some(entry) = bytes.and_then(|bytes| Entry::from_bytes(bytes).ok()) else {
        return writeln!(out, "#{index} cannot be read");
    };
    write!(out, "#{index} {} {}", entry.time, entry.event.kind())?;
    if let Some(id) = entry.event.envelope_id() {
        write!(out, " {id}")?;
    }
    let units = entry.event.units(copy.id.node);
    let shown: Vec<String> =
        units.iter().take(8).map(|unit| format!("{}/{}", unit.destination, unit.attempt)).collect();
    let more = if units.len() > shown.len() {
        format!(" and {} more", units.len() - shown.len())
    } else {
        String::new()
    };
    writeln!(out, "{}{}{more}", if shown.is_empty() { "" } else { " for " }, shown.join(" "))
}

fn write_json(
    checkpoint: &Checkpoint,
    copy: &LedgerCopy,
    holds: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let origin = serde_json::to_string(&checkpoint.origin)?;
    let (size, root) = (checkpoint.size, checkpoint.root);
    write!(out, "{{\"origin\":{origin},\"ledger\":\"{}\",\"size\":{size},\"root\":\"{root}\"", copy.id)?;
    write!(out, ",\"entries_have_root\":{holds},\"entries\":[")?;
    let mut written = Ok(());
    copy.for_each_entry(|index, bytes| {
        if written.is_ok() {
            let entry = bytes.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(bytes).ok());
            let separator = if index > 0 { "," } else { "" };
            written = write!(out, "{separator}{}", entry.unwrap_or_default());
        }
    });
    written?;
    writeln!(out, "]}}")
}

/// Why a ledger cannot be shown. The folder given is to blame.
#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    /// No checkpoint in it.
    #[error(
        "{folder} holds no ledger: there is no file `checkpoint`; give a `ledger` folder or a node's data folder"
    )]
    NoLedger {
        /// The folder.
        folder: String,
    },
    /// The checkpoint is none.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A log, but no node's.
    #[error("this is the log `{origin}`, which is no ledger of a node")]
    OtherLedger {
        /// What it names.
        origin: String,
    },
    /// The disk, or where the output goes.
    #[error(transparent)]
    Io(#[from] io::Error),
}
