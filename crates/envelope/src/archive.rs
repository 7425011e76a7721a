//! The decrypted archive of a body as a plain reader, for handing a document over as it is: `| tar x` opens it.

use crate::FileKey;
use crate::stream::{Decryptor, StreamError};
use std::io::{self, Read};

/// Reads the tar archive in a body. Every chunk is authenticated before a byte of it is given out, and the reader ends
/// only at the marked last chunk; what the archive holds is checked by [`crate::open_body`] alone.
pub struct ArchiveReader<R> {
    plain: Decryptor<R>,
}

/// Opens the archive in `body`.
pub fn open_archive<R: Read>(body: R, key: &FileKey) -> Result<ArchiveReader<R>, StreamError> {
    Ok(ArchiveReader { plain: Decryptor::new(body, key)? })
}

impl<R: Read> Read for ArchiveReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ready = self.plain.fill().map_err(io::Error::other)?;
        let count = ready.len().min(buffer.len());
        buffer.iter_mut().zip(ready).for_each(|(to, from)| *to = *from);
        self.plain.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Encryptor;

    fn encrypted(plain: &[u8], key: &FileKey) -> Vec<u8> {
        let mut body = Encryptor::new(Vec::new(), key).unwrap();
        body.write_all(plain).unwrap();
        body.finish().unwrap()
    }

    #[test]
    fn what_was_closed_is_read_whole_and_a_cut_is_an_error_not_an_end() {
        let key = FileKey::generate().unwrap();
        let plain: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
        let body = encrypted(&plain, &key);
        let mut read = Vec::new();
        open_archive(body.as_slice(), &key).unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, plain);
        let cut = &body[..body.len() - 1];
        assert!(open_archive(cut, &key).unwrap().read_to_end(&mut Vec::new()).is_err());
        let at_a_chunk = &body[..16 + 2 * (64 * 1024 + 16)];
        assert!(open_archive(at_a_chunk, &key).unwrap().read_to_end(&mut Vec::new()).is_err());
    }
}
