//! Keys of the queue's indexes, written so that their order as bytes is the order that is wanted.

use yizhan_document::{EnvelopeId, LedgerId, NodeId, OfficeName, Urgency};
use yizhan_journal::Location;

const NODE_BYTES: usize = 16;
/// A group of envelopes in a key, in bytes.
pub(crate) const GROUP_BYTES: usize = NODE_BYTES + 4 + 8;
/// Envelopes of one ledger, one after the other, whose receipts may share a row: as many as this makes rows rarer, and no more
/// than that one of them costs to read beside the others.
const GROUP_ENVELOPES: u64 = 4;
/// A location as a value, in bytes.
pub(crate) const LOCATION_BYTES: usize = 8 + 8 + 4;

/// The indexes; each is a tree of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Space {
    /// Envelope to the location of its content. Not written by the node of this release.
    Content,
    /// Envelope, destination, ledger, index to the location of a receipt, and those of others about it or its neighbours.
    Receipts,
    /// Office, sequence number to what its inbox shows. Not written by the node of this release.
    Inbox,
    /// Neighbour, urgency, sequence number to the unit that waits. Not written by the node of this release.
    Waiting,
    /// Holding (the index of its acceptance) to the location of its content.
    Holdings,
    /// Index of an own entry to the location of what goes home beside it.
    Attachments,
    /// Idempotency key to the index of the acceptance it got.
    Keys,
}

impl Space {
    pub(crate) const ALL: [Self; 7] = [
        Self::Content,
        Self::Receipts,
        Self::Inbox,
        Self::Waiting,
        Self::Holdings,
        Self::Attachments,
        Self::Keys,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Receipts => "receipts",
            Self::Inbox => "inbox",
            Self::Waiting => "waiting",
            Self::Holdings => "holdings",
            Self::Attachments => "attachments",
            Self::Keys => "keys",
        }
    }
}

/// Which receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReceiptKey {
    /// The envelope it is about.
    pub envelope: EnvelopeId,
    /// The destination it is about; `None` for the envelope itself, which comes first.
    pub destination: Option<NodeId>,
    /// The ledger it is an entry of.
    pub ledger: LedgerId,
    /// Its index there.
    pub index: u64,
}

impl ReceiptKey {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut key = Vec::with_capacity(GROUP_BYTES + 1 + 2 * NODE_BYTES + 4 + 8);
        key.extend_from_slice(&group(&self.envelope));
        key.push((self.envelope.counter % GROUP_ENVELOPES) as u8);
        key.extend_from_slice(&self.destination.as_ref().map_or([0; NODE_BYTES], node));
        key.extend_from_slice(&node(&self.ledger.node));
        key.extend_from_slice(&self.ledger.epoch.to_be_bytes());
        key.extend_from_slice(&self.index.to_be_bytes());
        key
    }

    pub(crate) fn decode(key: &[u8]) -> Option<Self> {
        let (origin, key) = key.split_first_chunk()?;
        let (epoch, key) = key.split_first_chunk()?;
        let (group, key) = key.split_first_chunk()?;
        let (within, key) = key.split_first()?;
        let (destination, key) = key.split_first_chunk()?;
        let (ledger, key) = key.split_first_chunk()?;
        let (ledger_epoch, key) = key.split_first_chunk()?;
        let envelope = EnvelopeId {
            origin: read_node(origin)?,
            epoch: u32::from_be_bytes(*epoch),
            counter: counter(u64::from_be_bytes(*group), u64::from(*within))?,
        };
        let destination = if *destination == [0; NODE_BYTES] { None } else { Some(read_node(destination)?) };
        let ledger = LedgerId { node: read_node(ledger)?, epoch: u32::from_be_bytes(*ledger_epoch) };
        Some(Self { envelope, destination, ledger, index: u64::from_be_bytes(key.try_into().ok()?) })
    }
}

/// Which place in the queue for a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingKey {
    /// The neighbour.
    pub neighbour: NodeId,
    /// How urgent it is; the most urgent come first.
    pub urgency: Urgency,
    /// Its place among the equally urgent.
    pub sequence: u64,
}

impl WaitingKey {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut key = node(&self.neighbour).to_vec();
        key.push(inverted(self.urgency));
        key.extend_from_slice(&self.sequence.to_be_bytes());
        key
    }

    pub(crate) fn decode(key: &[u8]) -> Option<Self> {
        let (neighbour, key) = key.split_first_chunk()?;
        let (urgency, sequence) = key.split_first()?;
        Some(Self {
            neighbour: read_node(neighbour)?,
            urgency: Urgency::ALL.into_iter().find(|known| inverted(*known) == *urgency)?,
            sequence: u64::from_be_bytes(sequence.try_into().ok()?),
        })
    }
}

/// The least urgent has the highest number. The database outlives releases only between clean stops of the same format.
fn inverted(urgency: Urgency) -> u8 {
    match urgency {
        Urgency::Flash => 0,
        Urgency::MostUrgent => 1,
        Urgency::Urgent => 2,
        Urgency::RoutineUrgent => 3,
        Urgency::Normal => 4,
    }
}

pub(crate) fn content(envelope: &EnvelopeId) -> Vec<u8> {
    let mut key = node(&envelope.origin).to_vec();
    key.extend_from_slice(&envelope.epoch.to_be_bytes());
    key.extend_from_slice(&envelope.counter.to_be_bytes());
    key
}

/// An envelope and its neighbours.
pub(crate) fn group(envelope: &EnvelopeId) -> Vec<u8> {
    content(&EnvelopeId { counter: envelope.counter / GROUP_ENVELOPES, ..*envelope })
}

fn counter(group: u64, within: u64) -> Option<u64> {
    let first = group.checked_mul(GROUP_ENVELOPES)?;
    (within < GROUP_ENVELOPES).then(|| first.checked_add(within))?
}

/// The name and a zero, which no name contains, so that no name is the beginning of another.
pub(crate) fn inbox_prefix(office: &OfficeName) -> Vec<u8> {
    let mut key = office.as_str().as_bytes().to_vec();
    key.push(0);
    key
}

pub(crate) fn inbox(office: &OfficeName, sequence: u64) -> Vec<u8> {
    let mut key = inbox_prefix(office);
    key.extend_from_slice(&sequence.to_be_bytes());
    key
}

/// The sequence number at the end of an inbox key.
pub(crate) fn read_sequence(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// A node id padded with zeros, which sort before every character of it.
pub(crate) fn node(node: &NodeId) -> [u8; NODE_BYTES] {
    let mut out = [0; NODE_BYTES];
    out.iter_mut().zip(node.as_str().bytes()).for_each(|(to, from)| *to = from);
    out
}

fn read_node(bytes: &[u8; NODE_BYTES]) -> Option<NodeId> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(NODE_BYTES);
    std::str::from_utf8(bytes.get(..end)?).ok()?.parse().ok()
}

pub(crate) fn location(location: Location) -> Vec<u8> {
    let mut value = Vec::with_capacity(LOCATION_BYTES);
    value.extend_from_slice(&location.segment.to_be_bytes());
    value.extend_from_slice(&location.offset.to_be_bytes());
    value.extend_from_slice(&location.len.to_be_bytes());
    value
}

pub(crate) fn read_location(value: &[u8]) -> Option<Location> {
    let (segment, value) = value.split_first_chunk()?;
    let (offset, len) = value.split_first_chunk()?;
    Some(Location {
        segment: u64::from_be_bytes(*segment),
        offset: u64::from_be_bytes(*offset),
        len: u32::from_be_bytes(len.try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nodes() -> impl Strategy<Value = NodeId> {
        "[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?".prop_map(|text| text.parse().unwrap())
    }

    fn receipts() -> impl Strategy<Value = ReceiptKey> {
        let envelope = (nodes(), 0u32..3, 0u64..300);
        (envelope, proptest::option::of(nodes()), nodes(), 0u32..3, 0u64..300).prop_map(
            |((origin, epoch, counter), destination, node, ledger_epoch, index)| ReceiptKey {
                envelope: EnvelopeId { origin, epoch, counter },
                destination,
                ledger: LedgerId { node, epoch: ledger_epoch },
                index,
            },
        )
    }

    fn waiting() -> impl Strategy<Value = WaitingKey> {
        (nodes(), 0usize..5, 0u64..300).prop_map(|(neighbour, urgency, sequence)| WaitingKey {
            neighbour,
            urgency: Urgency::ALL[urgency],
            sequence,
        })
    }

    proptest! {
        #[test]
        fn keys_read_back_and_keep_the_order(a in receipts(), b in receipts(), c in waiting(), d in waiting()) {
            prop_assert_eq!(ReceiptKey::decode(&a.encode()), Some(a));
            prop_assert_eq!(a.encode().cmp(&b.encode()), a.cmp(&b));
            prop_assert_eq!(WaitingKey::decode(&c.encode()), Some(c));
            let order = |key: &WaitingKey| (key.neighbour, std::cmp::Reverse(key.urgency), key.sequence);
            prop_assert_eq!(c.encode().cmp(&d.encode()), order(&c).cmp(&order(&d)));
        }

        #[test]
        fn locations_read_back_and_other_lengths_do_not(segment: u64, offset: u64, len: u32, cut in 0usize..20) {
            let at = Location { segment, offset, len };
            let value = location(at);
            prop_assert_eq!(read_location(&value), Some(at));
            prop_assert_eq!(read_location(&value[..cut]), None);
        }

        #[test]
        fn whatever_bytes_a_key_has_reading_it_does_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..90)) {
            if let Some(key) = ReceiptKey::decode(&bytes) {
                prop_assert_eq!(key.encode(), bytes.clone());
            }
            if let Some(key) = WaitingKey::decode(&bytes) {
                prop_assert_eq!(key.encode(), bytes);
            }
        }
    }
}
