//! The inboxes of a node: each document by its id, and in the order of arrival for whoever lists them.

use crate::state::InboxEntry;
use alloc::collections::{BTreeMap, BTreeSet};
use yizhan_document::{Act, EnvelopeId, NodeId, OfficeName};

/// What lies in the inboxes of all offices of a node. Nothing that is asked of it walks over documents that are not in the answer.
#[derive(Clone, Debug, Default)]
pub struct Inboxes {
    offices: BTreeMap<OfficeName, Inbox>,
    /// Documents that their offices have not taken out.
    waiting: u64,
}

#[derive(Clone, Debug, Default)]
struct Inbox {
    entries: BTreeMap<EnvelopeId, InboxEntry>,
    /// The index of each consignment, and what it brought.
    arrivals: BTreeSet<(u64, EnvelopeId)>,
}

impl Inboxes {
    /// The document `id` in the inbox of `office`.
    pub fn get(&self, office: &OfficeName, id: EnvelopeId) -> Option<&InboxEntry> {
        self.offices.get(office)?.entries.get(&id)
    }

    /// What lies in the inbox of `office` and was consigned by entries from the index `from` on, in the order of arrival.
    pub fn arrived_from(
        &self,
        office: &OfficeName,
        from: u64,
    ) -> impl Iterator<Item = (EnvelopeId, &InboxEntry)> {
        // No name of a node stands before this one.
        let first = "0".parse().ok().map(|origin: NodeId| EnvelopeId { origin, epoch: 0, counter: 0 });
        let inbox = first.and_then(|first| Some((first, self.offices.get(office)?)));
        inbox.into_iter().flat_map(move |(first, inbox)| {
            let arrivals = inbox.arrivals.range((from, first)..);
            arrivals.filter_map(|(_, id)| Some((*id, inbox.entries.get(id)?)))
        })
    }

    /// The inboxes in which a document lies.
    pub fn of(&self, id: EnvelopeId) -> impl Iterator<Item = (&OfficeName, &InboxEntry)> + Clone {
        self.offices.iter().filter_map(move |(office, inbox)| Some((office, inbox.entries.get(&id)?)))
    }

    /// Everything in all of them.
    pub fn iter(&self) -> impl Iterator<Item = (EnvelopeId, &OfficeName, &InboxEntry)> {
        let all = self.offices.iter();
        all.flat_map(|(office, inbox)| inbox.entries.iter().map(move |(id, entry)| (*id, office, entry)))
    }

    /// How many documents lie there; one counts in each inbox it lies in.
    pub fn len(&self) -> usize {
        self.offices.values().map(|inbox| inbox.entries.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.offices.values().all(|inbox| inbox.entries.is_empty())
    }

    /// How many of them their offices have not taken out.
    pub fn waiting(&self) -> u64 {
        self.waiting
    }

    pub(crate) fn insert(&mut self, office: OfficeName, id: EnvelopeId, entry: InboxEntry) {
        self.remove(&office, id);
        self.waiting += u64::from(entry.handed.is_none());
        let inbox = self.offices.entry(office).or_default();
        inbox.arrivals.insert((entry.consignment.index, id));
        inbox.entries.insert(id, entry);
    }

    pub(crate) fn remove(&mut self, office: &OfficeName, id: EnvelopeId) -> Option<InboxEntry> {
        let inbox = self.offices.get_mut(office)?;
        let entry = inbox.entries.remove(&id)?;
        inbox.arrivals.remove(&(entry.consignment.index, id));
        self.waiting -= u64::from(entry.handed.is_none());
        Some(entry)
    }

    /// The office took a document out by the entry `index`.
    pub(crate) fn handed(&mut self, office: &OfficeName, id: EnvelopeId, index: u64) {
        if let Some(entry) = self.offices.get_mut(office).and_then(|inbox| inbox.entries.get_mut(&id)) {
            self.waiting -= u64::from(entry.handed.is_none());
            entry.handed = Some(index);
        }
    }

    /// The office acted on a document by the entry `index`.
    pub(crate) fn acted(&mut self, office: &OfficeName, id: EnvelopeId, act: Act, index: u64) {
        if let Some(entry) = self.offices.get_mut(office).and_then(|inbox| inbox.entries.get_mut(&id)) {
            entry.acts.push((act, index));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use yizhan_document::Digest;
    use yizhan_ledger::EntryRef;

    fn id(counter: u64) -> EnvelopeId {
        EnvelopeId { origin: "652301".parse().unwrap(), epoch: 0, counter }
    }

    fn arrived(index: u64) -> InboxEntry {
        let leaf = Digest::of(&index.to_be_bytes());
        InboxEntry {
            holding: index,
            header: leaf,
            attempt: 0,
            consignment: EntryRef { ledger: "6523.0".parse().unwrap(), index, leaf },
            commitment: leaf,
            handed: None,
            acts: Vec::new(),
        }
    }

    fn office(name: &str) -> OfficeName {
        name.parse().unwrap()
    }

    #[test]
    fn an_inbox_is_listed_by_arrival_and_from_where_the_reader_stopped() {
        let mut inboxes = Inboxes::default();
        // Ids are in another order than arrivals.
        for (counter, index) in [(9, 1), (2, 5), (4, 3), (1, 7)] {
            inboxes.insert(office("gov-office"), id(counter), arrived(index));
        }
        inboxes.insert(office("archives"), id(4), arrived(3));
        let listed = |from| {
            let gov = office("gov-office");
            inboxes.arrived_from(&gov, from).map(|(id, _)| id.counter).collect::<Vec<_>>()
        };
        assert_eq!(listed(0), [9, 4, 2, 1]);
        assert_eq!(listed(3), [4, 2, 1]);
        assert_eq!(listed(4), [2, 1]);
        assert!(listed(8).is_empty());
        assert_eq!(inboxes.arrived_from(&office("court"), 0).count(), 0);
        assert_eq!(
            inboxes.of(id(4)).map(|(office, _)| office.as_str()).collect::<Vec<_>>(),
            ["archives", "gov-office"]
        );
        assert_eq!((inboxes.len(), inboxes.iter().count(), inboxes.waiting()), (5, 5, 5));
    }

    #[test]
    fn what_is_taken_out_or_recalled_waits_no_longer_and_only_once() {
        let (mut inboxes, gov) = (Inboxes::default(), office("gov-office"));
        (0..4).for_each(|counter| inboxes.insert(gov.clone(), id(counter), arrived(counter)));
        inboxes.handed(&gov, id(0), 10);
        inboxes.handed(&gov, id(0), 11);
        assert_eq!(inboxes.waiting(), 3);
        assert!(inboxes.remove(&gov, id(0)).is_some() && inboxes.remove(&gov, id(1)).is_some());
        assert!(inboxes.remove(&gov, id(1)).is_none() && inboxes.remove(&office("court"), id(2)).is_none());
        assert_eq!((inboxes.waiting(), inboxes.len()), (2, 2));
        // The same document again, by another entry: the first arrival is forgotten.
        inboxes.insert(gov.clone(), id(2), arrived(20));
        let order = inboxes.arrived_from(&gov, 0).map(|(id, _)| id.counter).collect::<Vec<_>>();
        assert_eq!((order, inboxes.waiting()), (alloc::vec![3, 2], 2));
        inboxes.acted(&gov, id(2), Act::SignedFor, 30);
        assert_eq!(inboxes.get(&gov, id(2)).unwrap().acts, [(Act::SignedFor, 30)]);
    }
}
