//! Lets a large file reach the disk while it is still being written, so that its last sync is short.
//!
//! Only for files that are thrown away unless they are finished: the kernel tells a failed sync once, and a file that is resumed under
//! another descriptor would pass for durable.

use crate::limits::WRITE_BEHIND_BYTES;
use std::fs::File;
use std::io;
use std::thread::JoinHandle;

/// What of one file is on its way to the disk. Dropped, it waits for that.
#[derive(Debug, Default)]
pub(crate) struct WriteBehind {
    /// So much of the file was sent on its way, in bytes.
    begun: u64,
    running: Option<JoinHandle<io::Result<()>>>,
}

impl WriteBehind {
    /// The file has this length now, all of it written. An error is that of an earlier sync: the file is not durable, and a
    /// second sync would say yes to what was lost.
    pub(crate) fn wrote(&mut self, file: &File, len: u64) -> io::Result<()> {
        if len < self.begun.saturating_add(WRITE_BEHIND_BYTES) {
            return Ok(());
        }
        self.wait()?;
        // Without another descriptor the last sync does it all.
        let Ok(file) = file.try_clone() else { return Ok(()) };
        self.begun = len;
        let thread = std::thread::Builder::new().name("write-behind".into());
        // And without a thread.
        self.running = thread.spawn(move || file.sync_data()).ok();
        Ok(())
    }

    /// Waits for what is on its way.
    pub(crate) fn wait(&mut self) -> io::Result<()> {
        let panicked = |_| Err(io::Error::other("the thread that syncs a body panicked"));
        self.running.take().map_or(Ok(()), |running| running.join().unwrap_or_else(panicked))
    }
}

impl Drop for WriteBehind {
    fn drop(&mut self) {
        // Whoever wants to know has asked: this file is thrown away.
        self.wait().unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_that_is_written_behind_is_whole() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("body");
        let mut file = File::create(&path).unwrap();
        let mut behind = WriteBehind::default();
        let step = vec![7; 1 << 20];
        let steps = 2 * WRITE_BEHIND_BYTES / (1 << 20) + 1;
        for number in 1..=steps {
            file.write_all(&step).unwrap();
            behind.wrote(&file, number << 20).unwrap();
        }
        assert_eq!(behind.begun, 2 * WRITE_BEHIND_BYTES);
        behind.wait().unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), steps << 20);
        assert!(std::fs::read(&path).unwrap().iter().all(|byte| *byte == 7));
    }

    #[test]
    fn a_sync_that_failed_is_told_at_the_next_step() {
        // A pipe takes bytes and cannot be synced.
        let (_reader, writer) = io::pipe().unwrap();
        let file = File::from(std::os::fd::OwnedFd::from(writer));
        let mut behind = WriteBehind::default();
        behind.wrote(&file, WRITE_BEHIND_BYTES).unwrap();
        assert!(behind.wrote(&file, 2 * WRITE_BEHIND_BYTES).is_err());
        assert!(behind.wait().is_ok(), "told once");
    }
}
