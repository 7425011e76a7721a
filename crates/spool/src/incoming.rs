//! A body that comes from a neighbour in verified pieces, and goes on after a restart where it stopped.

use crate::body_store::{BodyError, part_of, settle, whole_of};
use crate::error::disk;
use crate::files::sync_folder;
use crate::limits::{BODY_BYTES_MAX, PIECE_BYTES};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use yizhan_document::Digest;
use yizhan_document::merkle::LeafHasher;
use yizhan_planted::{Bug, on};

const CHUNK_BYTES: usize = 64 * 1024;

/// A body coming in; only one at a time for each envelope. Dropped, it can be resumed.
///
/// After a restart call [`Incoming::verified_pieces`] first: what was not synced may be anything.
#[derive(Debug)]
pub struct Incoming {
    folder: PathBuf,
    part: PathBuf,
    digest: Digest,
    size: u64,
    file: File,
    /// How much is there and verified, in bytes.
    len: u64,
}

impl Incoming {
    pub(crate) fn open(folder: &Path, digest: Digest, size: u64) -> Result<Self, BodyError> {
        if size > BODY_BYTES_MAX {
            return Err(BodyError::TooLarge { size });
        }
        if whole_of(folder, digest).exists() {
            return Err(BodyError::AlreadyThere { digest });
        }
        let part = part_of(folder, digest);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&part).map_err(disk("creating", &part))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BodyError::Busy { digest }),
            Err(TryLockError::Error(error)) => return Err(disk("locking", &part)(error).into()),
        }
        // Between opening and locking another one may have finished: then the file is the whole body already.
        let inode = file.metadata().map_err(disk("measuring", &part))?.ino();
        if !std::fs::metadata(&part).is_ok_and(|now| now.ino() == inode) {
            return Err(BodyError::Busy { digest });
        }
        sync_folder(folder)?;
        Ok(Self { folder: folder.to_owned(), part, digest, size, file, len: 0 })
    }

    /// Hashes what is there against the digests of the pieces (RFC 6962 leaf hashes) and returns how many are there, from
    /// the first without a gap. Everything behind them is cut off. Reads the whole part: call it once after opening.
    pub fn verified_pieces(&mut self, pieces: &[Digest]) -> Result<u64, BodyError> {
        self.file.seek(SeekFrom::Start(0)).map_err(disk("reading", &self.part))?;
        let mut count = 0u64;
        let mut len = 0u64;
        for piece in pieces {
            let wanted = self.size.saturating_sub(len).min(PIECE_BYTES);
            if wanted == 0 || (self.hash_next(wanted)? != Some(*piece) && !on(Bug::BodyResumedUnverified)) {
                break;
            }
            len += wanted;
            count += 1;
        }
        self.file.set_len(len).map_err(disk("shortening", &self.part))?;
        self.len = len;
        Ok(count)
    }

    /// How much is there, verified or not, in bytes.
    pub fn on_disk(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len()).min(self.size)
    }

    /// How much is there and verified, in bytes.
    pub fn received(&self) -> u64 {
        self.len
    }

    /// Writes the next piece, which the caller has verified: [`PIECE_BYTES`], or what is left at the end. If there is no
    /// space, the part stays as it was.
    pub fn append(&mut self, piece: &[u8]) -> Result<(), BodyError> {
        let got = piece.len() as u64;
        if got == 0 || got != self.size.saturating_sub(self.len).min(PIECE_BYTES) {
            return Err(BodyError::Piece { digest: self.digest, at: self.len, got });
        }
        if let Err(error) = self.file.write_all_at(piece, self.len) {
            // If this fails too, the next opening cuts the rest off.
            self.file.set_len(self.len).map_err(disk("shortening", &self.part))?;
            return Err(disk("writing", &self.part)(error).into());
        }
        self.len += got;
        Ok(())
    }

    /// Makes the whole body durable under its name.
    pub fn finish(self) -> Result<(), BodyError> {
        if self.len != self.size {
            return Err(BodyError::Length { digest: self.digest, have: self.len, want: self.size });
        }
        // What an earlier run left behind the verified pieces.
        self.file.set_len(self.size).map_err(disk("shortening", &self.part))?;
        let settled = settle(&self.file, &self.part, &whole_of(&self.folder, self.digest), &self.folder);
        if let Err(BodyError::NotDurable(_)) = settled {
            // The page cache may still show what the disk never got, and a second sync would say yes to it, also after a
            // restart: all of it has to come again.
            std::fs::remove_file(&self.part).unwrap_or_default();
        }
        settled
    }

    fn hash_next(&mut self, len: u64) -> Result<Option<Digest>, BodyError> {
        let mut hasher = LeafHasher::new();
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut left = len;
        let mut piece = (&mut self.file).take(len);
        loop {
            let read = piece.read(&mut buffer).map_err(disk("reading", &self.part))?;
            if read == 0 {
                break;
            }
            hasher.update(buffer.get(..read).unwrap_or_default());
            left = left.saturating_sub(read as u64);
        }
        Ok((left == 0).then(|| hasher.finish()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BodyStore;
    use yizhan_document::merkle::leaf_hash;

    const PIECE: usize = PIECE_BYTES as usize;

    /// Three pieces, the last one short.
    fn body() -> (Vec<u8>, Vec<Digest>) {
        let bytes: Vec<u8> = (0..2 * PIECE + 1000).map(|i| (i % 251) as u8).collect();
        let digests = bytes.chunks(PIECE).map(leaf_hash).collect();
        (bytes, digests)
    }

    #[test]
    fn a_body_resumes_behind_the_last_verified_piece_after_each_kind_of_loss() {
        let (bytes, digests) = body();
        let digest = Digest::of(b"header");
        type Loss = fn(&mut Vec<u8>);
        let losses: [(Loss, u64); 6] = [
            (|_| {}, 2),
            (|part| part.truncate(PIECE + 5), 1),
            (|part| part[PIECE + 5] ^= 1, 1),
            (|part| part[0] ^= 1, 0),
            (|part| part.extend_from_slice(b"what was not synced may be anything"), 2),
            (Vec::clear, 0),
        ];
        for (loss, expected) in losses {
            let temp = tempfile::tempdir().unwrap();
            let store = BodyStore::open(temp.path()).unwrap();
            let mut incoming = store.incoming(digest, bytes.len() as u64).unwrap();
            bytes.chunks(PIECE).take(2).for_each(|piece| incoming.append(piece).unwrap());
            drop(incoming);
            let part = part_of(temp.path(), digest);
            let mut there = std::fs::read(&part).unwrap();
            loss(&mut there);
            std::fs::write(&part, there).unwrap();

            let store = BodyStore::open(temp.path()).unwrap();
            let mut incoming = store.incoming(digest, bytes.len() as u64).unwrap();
            assert_eq!(incoming.verified_pieces(&digests).unwrap(), expected);
            assert_eq!(incoming.received(), expected * PIECE_BYTES);
            bytes.chunks(PIECE).skip(expected as usize).for_each(|piece| incoming.append(piece).unwrap());
            assert_eq!(incoming.received(), bytes.len() as u64);
            incoming.finish().unwrap();
            assert_eq!(std::fs::read(store.path_of(digest)).unwrap(), bytes);
            assert_eq!(store.list().unwrap(), [(digest, true)]);
        }
    }

    #[test]
    fn a_whole_part_verifies_as_a_whole_and_finishes() {
        let (bytes, digests) = body();
        let temp = tempfile::tempdir().unwrap();
        let store = BodyStore::open(temp.path()).unwrap();
        let digest = Digest::of(b"header");
        std::fs::write(part_of(temp.path(), digest), &bytes).unwrap();
        let mut incoming = store.incoming(digest, bytes.len() as u64).unwrap();
        assert_eq!(incoming.verified_pieces(&digests).unwrap(), 3);
        incoming.finish().unwrap();
        assert!(matches!(store.incoming(digest, 1), Err(BodyError::AlreadyThere { .. })));
    }

    #[test]
    fn pieces_of_the_wrong_length_and_unfinished_bodies_are_refused() {
        let (bytes, _) = body();
        let temp = tempfile::tempdir().unwrap();
        let store = BodyStore::open(temp.path()).unwrap();
        let digest = Digest::of(b"header");
        let mut incoming = store.incoming(digest, bytes.len() as u64).unwrap();
        for wrong in [&bytes[..0], &bytes[..PIECE - 1], &bytes[..PIECE + 1]] {
            assert!(matches!(incoming.append(wrong), Err(BodyError::Piece { at: 0, .. })));
        }
        incoming.append(&bytes[..PIECE]).unwrap();
        assert!(matches!(incoming.finish(), Err(BodyError::Length { have: PIECE_BYTES, .. })));
        assert!(!store.contains(digest));
        assert!(matches!(store.incoming(digest, u64::MAX), Err(BodyError::TooLarge { .. })));
    }

    #[test]
    fn two_neighbours_cannot_send_the_same_body_at_once() {
        let temp = tempfile::tempdir().unwrap();
        let store = BodyStore::open(temp.path()).unwrap();
        let digest = Digest::of(b"header");
        let first = store.incoming(digest, 10).unwrap();
        assert!(matches!(store.incoming(digest, 10), Err(BodyError::Busy { .. })));
        drop(first);
        store.incoming(digest, 10).unwrap();
    }
}
