//! What the journal asks of storage, and how it names its files.

use std::io;

/// One flat folder of append-only files, narrow enough that the simulator's faulty one and the real file system run the
/// same code. Names are plain file names of the journal's making.
///
/// Every error is that of the disk. `StorageFull` and `QuotaExceeded` from `create` and `append` mean that nothing was
/// promised and space is missing; the journal refuses that batch and goes on. Every other error poisons the journal.
pub trait Folder: Send {
    /// The names of all files, in any order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// The length of a file, in bytes.
    fn len(&self, name: &str) -> io::Result<u64>;
    /// Makes an empty file; fails if there is one. Its directory entry is durable on return.
    fn create(&mut self, name: &str) -> io::Result<()>;
    /// Writes the pieces one after another to the end of the file. After an error some of them may be there.
    fn append(&mut self, name: &str, pieces: &[&[u8]]) -> io::Result<()>;
    /// Cuts a file off behind `len` bytes: what an append that failed left of itself.
    fn shorten(&mut self, name: &str, len: u64) -> io::Result<()>;
    /// Makes everything appended durable (`fdatasync`).
    fn sync(&mut self, name: &str) -> io::Result<()>;
    /// Up to `len` bytes from `offset`: fewer only where the file ends. Allocates no more than the file holds.
    fn read(&self, name: &str, offset: u64, len: usize) -> io::Result<Vec<u8>>;
    /// Renames a file; durable on return.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file; durable on return.
    fn remove(&mut self, name: &str) -> io::Result<()>;
}

/// The three kinds of files in a journal folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// A segment.
    Segment,
    /// A segment that recovery is still writing; worthless once recovery begins anew.
    New,
    /// The bytes of a torn tail, kept for whoever doubts that they were torn.
    Torn,
}

impl FileKind {
    const ALL: [Self; 3] = [Self::Segment, Self::New, Self::Torn];

    fn extension(self) -> &'static str {
        match self {
            Self::Segment => ".seg",
            Self::New => ".new",
            Self::Torn => ".torn",
        }
    }
}

/// The highest number of a file: the last that has twelve digits. The lowest is 1.
pub(crate) const NUMBER_MAX: u64 = 999_999_999_999;

/// The name of a file, such as `000000000001.seg`.
pub(crate) fn file_name(number: u64, kind: FileKind) -> String {
    format!("{number:012}{}", kind.extension())
}

/// Reads a name; `None` for a file that is not the journal's.
pub(crate) fn parse_file_name(name: &str) -> Option<(u64, FileKind)> {
    FileKind::ALL.into_iter().find_map(|kind| {
        let number = name.strip_suffix(kind.extension())?.parse().ok()?;
        let own = (1..=NUMBER_MAX).contains(&number) && file_name(number, kind) == name;
        own.then_some((number, kind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_journals_own_names_are_read_as_such() {
        assert_eq!(file_name(1, FileKind::Segment), "000000000001.seg");
        assert_eq!(parse_file_name("000000000042.torn"), Some((42, FileKind::Torn)));
        for name in ["1.seg", "+00000000001.seg", "000000000001.seg.new", "x", "", ".seg"] {
            assert_eq!(parse_file_name(name), None, "{name} was taken");
        }
        assert_eq!(parse_file_name("999999999999.seg"), Some((NUMBER_MAX, FileKind::Segment)));
        // Nothing replaces segment 0, and behind the last number of twelve digits no order by name is kept.
        for name in ["000000000000.seg", "1000000000000.seg", "18446744073709551615.torn"] {
            assert_eq!(parse_file_name(name), None, "{name} was taken");
        }
    }
}
