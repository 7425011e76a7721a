//! Opens slips and remembers which file key they held: slips of one batch are the same, and opening one costs a key agreement.

use crate::{FileKey, Header, Slip, SlipError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use yizhan_document::Digest;
use yizhan_identity::OpeningKey;

/// Slips remembered, at the most; then all are forgotten and opened again when they come.
const REMEMBERED_MAX: usize = 1024;

/// Opens slips for one opening key. Shared between threads.
pub struct SlipOpener {
    key: Arc<OpeningKey>,
    opened: Mutex<Opened>,
}

/// The file key in each slip, with what headers say of it.
type Opened = HashMap<Vec<u8>, (Arc<FileKey>, Digest)>;

impl SlipOpener {
    /// Opens with this key.
    pub fn new(key: Arc<OpeningKey>) -> Self {
        Self { key, opened: Mutex::default() }
    }

    /// What [`Slip::open`] gives. The slip is checked against the header every time, and so is the commitment to the file key.
    pub fn open(&self, slip: &Slip, header: &Header) -> Result<Arc<FileKey>, SlipError> {
        slip.check(header)?;
        // A thread that panicked while it held the lock left a cache at the worst.
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).get(&slip.header).cloned();
        if let Some((key, commitment)) = opened {
            return if commitment == header.key { Ok(key) } else { Err(SlipError::OtherFileKey) };
        }
        let key = Arc::new(slip.open(header, &self.key)?);
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.len() >= REMEMBERED_MAX {
            opened.clear();
        }
        opened.insert(slip.header.clone(), (Arc::clone(&key), header.key));
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::close;

    #[test]
    fn a_slip_opens_the_second_time_as_the_first_and_only_under_its_own_header() {
        let mut example = close(&[b"one".to_vec()], 2);
        let opener = SlipOpener::new(Arc::new(example.openers.remove(0)));
        for _ in 0..2 {
            let key = opener.open(&example.slips[0], &example.header).unwrap();
            assert_eq!(key.commitment(), example.header.key);
            assert_eq!(
                opener.open(&example.slips[1], &example.header).unwrap_err(),
                SlipError::NotForThisKey
            );
        }
        let other = close(&[b"two".to_vec()], 2);
        assert_eq!(opener.open(&example.slips[0], &other.header).unwrap_err(), SlipError::NotCommitted);
        let cheating = Header { key: Digest::of(b"another"), ..example.header.clone() };
        assert_eq!(opener.open(&example.slips[0], &cheating).unwrap_err(), SlipError::OtherFileKey);
    }
}
