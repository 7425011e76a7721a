//! The age v1 payload: a nonce, then STREAM chunks of 64 KiB, written and read one at a time.
//!
//! Source: <https://age-encryption.org/v1>, section "Payload". A chunk's nonce is its number and a mark on the last one,
//! so chunks cannot be swapped, and a payload that was cut short does not pass for a whole one.

use crate::FileKey;
use crate::file_key::RandomError;
use crate::limits::{CHUNK_BYTES, NONCE_BYTES, TAG_BYTES};
use ring::aead::{Aad, LessSafeKey, Nonce};
use ring::rand::{SecureRandom, SystemRandom};
use std::io::{self, Read, Write};
use yizhan_planted::{Bug, on};

/// What a chunk makes room for at first, in bytes: the whole body of most documents.
const SMALL_BYTES: usize = 16 * 1024;

/// Why an encrypted body cannot be read. With a body whose pieces match the header, the origin is to blame; otherwise
/// link or disk are, and it helps to get the body again.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The body itself cannot be read.
    #[error("the encrypted body cannot be read: {0}; see to the disk, then try again")]
    Read(#[source] io::Error),
    /// A chunk does not authenticate.
    #[error("the encrypted body is damaged, cut short or of another key at chunk {chunk}; get it again")]
    Damaged {
        /// The chunk of 64 KiB, counted from 0.
        chunk: u64,
    },
}

/// The nonces of one payload, each given out once.
struct Nonces {
    next: u64,
}

impl Nonces {
    /// Eleven bytes of counter, one byte that marks the last chunk.
    fn take(&mut self, last: bool) -> Nonce {
        let mut bytes = [0; 12];
        let counter = if on(Bug::ChunkNonceReused) { 0 } else { self.next }.to_be_bytes();
        bytes.iter_mut().skip(3).zip(counter).for_each(|(to, from)| *to = from);
        if let Some(mark) = bytes.last_mut() {
            *mark = u8::from(last);
        }
        // A body ends long before 2^64 chunks, so no nonce comes twice.
        self.next = self.next.wrapping_add(1);
        Nonce::assume_unique_for_key(bytes)
    }
}

/// Writes a payload. After an error nothing more is written.
pub(crate) struct Encryptor<W> {
    out: W,
    key: LessSafeKey,
    nonces: Nonces,
    chunk: Vec<u8>,
    broken: bool,
}

impl<W: Write> Encryptor<W> {
    /// Draws a fresh nonce and writes it.
    pub(crate) fn new(mut out: W, key: &FileKey) -> io::Result<Self> {
        let mut nonce = [0; NONCE_BYTES];
        if !on(Bug::PayloadNonceReused) {
            SystemRandom::new().fill(&mut nonce).map_err(|_| io::Error::other(RandomError))?;
        }
        out.write_all(&nonce)?;
        Ok(Self {
            out,
            key: key.payload_key(&nonce),
            nonces: Nonces { next: 0 },
            chunk: Vec::with_capacity(SMALL_BYTES),
            broken: false,
        })
    }

    /// Takes in the next plaintext.
    pub(crate) fn write_all(&mut self, mut plain: &[u8]) -> io::Result<()> {
        self.check_whole()?;
        while !plain.is_empty() {
            // A full chunk leaves only when more comes: the last one carries the mark.
            if self.chunk.len() == CHUNK_BYTES {
                self.end_chunk(false)?;
            }
            let (now, later) = plain.split_at(plain.len().min(CHUNK_BYTES - self.chunk.len()));
            make_room(&mut self.chunk, now.len() + TAG_BYTES);
            self.chunk.extend_from_slice(now);
            plain = later;
        }
        Ok(())
    }

    /// Writes the last chunk and gives the output back.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.end_chunk(true)?;
        Ok(self.out)
    }

    fn end_chunk(&mut self, last: bool) -> io::Result<()> {
        self.check_whole()?;
        self.broken = true;
        let nonce = self.nonces.take(last);
        self.key
            .seal_in_place_append_tag(nonce, Aad::empty(), &mut self.chunk)
            .map_err(|_| io::Error::other("the cipher refused a chunk"))?;
        self.out.write_all(&self.chunk)?;
        self.chunk.clear();
        self.broken = false;
        Ok(())
    }

    fn check_whole(&self) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("an earlier write of this body failed; close it anew"));
        }
        Ok(())
    }
}

/// Reads a payload, chunk by chunk; gives out no byte that was not authenticated.
pub(crate) struct Decryptor<R> {
    body: R,
    key: LessSafeKey,
    nonces: Nonces,
    /// Plaintext of the current chunk.
    chunk: Vec<u8>,
    /// How much of it was consumed.
    start: usize,
    /// The first byte of the next chunk, read ahead to know whether there is one.
    ahead: Option<u8>,
    last_seen: bool,
}

impl<R: Read> Decryptor<R> {
    /// Reads the nonce.
    pub(crate) fn new(mut body: R, key: &FileKey) -> Result<Self, StreamError> {
        let mut nonce = [0; NONCE_BYTES];
        body.read_exact(&mut nonce).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => StreamError::Damaged { chunk: 0 },
            _ => StreamError::Read(error),
        })?;
        Ok(Self {
            body,
            key: key.payload_key(&nonce),
            nonces: Nonces { next: 0 },
            chunk: Vec::new(),
            start: 0,
            ahead: None,
            last_seen: false,
        })
    }

    /// Plaintext that is at hand; empty at the end of the payload only.
    pub(crate) fn fill(&mut self) -> Result<&[u8], StreamError> {
        if self.start == self.chunk.len() && !self.last_seen {
            self.next_chunk()?;
        }
        Ok(self.chunk.get(self.start..).unwrap_or_default())
    }

    /// Moves past `count` bytes of what `fill` gave.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.chunk.len());
    }

    /// The plaintext of a payload of one chunk; it is decrypted in place, so this is its only copy.
    pub(crate) fn only_chunk(mut self) -> Result<Vec<u8>, StreamError> {
        self.next_chunk()?;
        if self.last_seen { Ok(self.chunk) } else { Err(StreamError::Damaged { chunk: 1 }) }
    }

    fn next_chunk(&mut self) -> Result<(), StreamError> {
        let number = self.nonces.next;
        let damaged = StreamError::Damaged { chunk: number };
        self.chunk.clear();
        self.start = 0;
        self.chunk.extend(self.ahead.take());
        let sealed = CHUNK_BYTES + TAG_BYTES;
        let want = sealed + 1 - self.chunk.len();
        make_room(&mut self.chunk, if number == 0 { SMALL_BYTES } else { want });
        let read = (&mut self.body).take(want as u64).read_to_end(&mut self.chunk);
        if let Err(error) = read {
            self.chunk.clear();
            return Err(StreamError::Read(error));
        }
        if self.chunk.len() > sealed {
            self.ahead = self.chunk.pop();
        }
        let last = self.ahead.is_none();
        let opened = self.key.open_in_place(self.nonces.take(last), Aad::empty(), &mut self.chunk);
        let Ok(plain) = opened.map(|plain| plain.len()) else {
            // ring may leave unauthenticated bytes behind; they must not be given out.
            self.chunk.clear();
            return Err(damaged);
        };
        self.chunk.truncate(plain);
        if plain == 0 && number > 0 {
            return Err(damaged);
        }
        self.last_seen = last;
        Ok(())
    }
}

/// Makes room in a chunk: as much as a small body takes, else as much as any chunk does, and nothing in between.
fn make_room(chunk: &mut Vec<u8>, more: usize) {
    if chunk.len() + more > chunk.capacity() {
        let whole = if chunk.len() + more <= SMALL_BYTES { SMALL_BYTES } else { CHUNK_BYTES + TAG_BYTES + 1 };
        chunk.reserve_exact(whole.saturating_sub(chunk.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::body_bytes;
    use proptest::prelude::*;

    fn key() -> FileKey {
        FileKey::from_bytes(&[7; 16]).unwrap()
    }

    fn encrypt(plain: &[u8]) -> Vec<u8> {
        let mut encryptor = Encryptor::new(Vec::new(), &key()).unwrap();
        encryptor.write_all(plain).unwrap();
        encryptor.finish().unwrap()
    }

    fn decrypt(body: &[u8]) -> Result<Vec<u8>, StreamError> {
        let mut decryptor = Decryptor::new(body, &key())?;
        let mut plain = Vec::new();
        loop {
            let some = decryptor.fill()?;
            if some.is_empty() {
                return Ok(plain);
            }
            plain.extend_from_slice(some);
            let count = some.len();
            decryptor.consume(count);
        }
    }

    #[test]
    fn every_size_around_a_chunk_reads_back_and_is_as_large_as_foretold() {
        for size in [0, 1, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073] {
            let plain: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            let body = encrypt(&plain);
            assert_eq!(body.len() as u64, body_bytes(size));
            assert!(decrypt(&body).unwrap() == plain, "{size}");
        }
    }

    #[test]
    fn a_body_cut_at_a_chunk_boundary_or_anywhere_else_is_refused() {
        let body = encrypt(&vec![1; 150_000]);
        let chunk = CHUNK_BYTES + TAG_BYTES;
        for end in [0, 1, 15, 16, 17, 31, 32, 16 + chunk, 16 + 2 * chunk, 16 + 2 * chunk + 16, body.len() - 1]
        {
            assert!(decrypt(&body[..end]).is_err(), "{end}");
        }
        let longer = [body.as_slice(), &[0]].concat();
        assert!(decrypt(&longer).is_err());
    }

    #[test]
    fn a_large_body_goes_through_a_few_chunks_of_memory() {
        let mut encryptor = Encryptor::new(Vec::new(), &key()).unwrap();
        for _ in 0..256 {
            encryptor.write_all(&[1; 40_000]).unwrap();
            assert!(encryptor.chunk.capacity() <= 4 * CHUNK_BYTES);
        }
        let body = encryptor.finish().unwrap();
        let mut decryptor = Decryptor::new(body.as_slice(), &key()).unwrap();
        let mut size = 0;
        while let count @ 1.. = decryptor.fill().unwrap().len() {
            assert!(decryptor.chunk.capacity() <= 4 * CHUNK_BYTES);
            decryptor.consume(count);
            size += count;
        }
        assert_eq!(size, 256 * 40_000);
    }

    #[test]
    fn swapped_chunks_are_refused() {
        let body = encrypt(&vec![1; 150_000]);
        let (nonce, chunks) = body.split_at(16);
        let mut chunks: Vec<_> = chunks.chunks(CHUNK_BYTES + TAG_BYTES).collect();
        chunks.swap(0, 1);
        assert!(decrypt(&[nonce, &chunks.concat()].concat()).is_err());
    }

    #[test]
    fn an_empty_last_chunk_after_others_is_refused() {
        let key = key();
        let mut encryptor = Encryptor::new(Vec::new(), &key).unwrap();
        encryptor.write_all(&vec![1; CHUNK_BYTES]).unwrap();
        encryptor.end_chunk(false).unwrap();
        let body = encryptor.finish().unwrap();
        assert!(matches!(decrypt(&body), Err(StreamError::Damaged { chunk: 1 })));
    }

    #[test]
    fn a_damaged_chunk_leaves_no_bytes_behind() {
        let mut body = encrypt(b"secret");
        *body.last_mut().unwrap() ^= 1;
        let mut decryptor = Decryptor::new(body.as_slice(), &key()).unwrap();
        assert!(matches!(decryptor.fill(), Err(StreamError::Damaged { chunk: 0 })));
        assert!(decryptor.chunk.is_empty());
    }

    #[test]
    fn after_a_failed_write_nothing_more_is_written() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut encryptor = Encryptor::new(Full(1), &key()).unwrap();
        assert!(encryptor.write_all(&vec![1; CHUNK_BYTES + 1]).is_err());
        encryptor.out.0 = 9;
        assert!(encryptor.write_all(&[1]).is_err());
        assert!(encryptor.finish().is_err());
    }

    proptest! {
        #[test]
        fn any_changed_byte_of_a_body_is_refused(at in any::<proptest::sample::Index>(), flip in 1u8..=255) {
            let mut body = encrypt(&vec![1; 70_000]);
            let at = at.index(body.len());
            body[at] ^= flip;
            prop_assert!(decrypt(&body).is_err());
        }
    }
}
