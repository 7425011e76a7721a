//! For `fuzz/` alone: closes any bytes as the plaintext of a body, which an origin that cheats could do.

use crate::FileKey;
use crate::stream::Encryptor;
use std::io;

/// A body whose archive is `plain`, whatever that is.
pub fn close_anything(plain: &[u8], key: &FileKey) -> io::Result<Vec<u8>> {
    let mut encryptor = Encryptor::new(Vec::new(), key)?;
    encryptor.write_all(plain)?;
    encryptor.finish()
}
