//! Records of the journal: the codec of what a node remembers.

use yizhan_journal::Record;

/// First byte: the kind.
pub(crate) fn record(data: &[u8]) -> bool {
    let Some((kind, payload)) = data.split_first() else { return false };
    let Ok(record) = Record::decode(*kind, payload) else { return false };
    let written = record.encode().expect("a record that was read can be written");
    let (kind_again, payload_again) = &written;
    let again = Record::decode(*kind_again, payload_again).expect("and reads again");
    assert_eq!((kind_again, again), (kind, record));
    true
}
