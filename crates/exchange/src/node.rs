//! The node: takes events, applies facts, holds words back until what they rest on is durable.

use crate::effect::{Effect, Stored, Ticket};
use crate::event::{Event, Past, Request, Staged};
use crate::fact::{Entered, Fact};
use crate::incoming::Incomings;
use crate::limits::{ACKNOWLEDGEMENTS_PER_FRAME_MAX, LAZY_MS};
use crate::now::Now;
use crate::quota::{AnswersEntered, Quota};
use crate::receipts::Arrival;
use crate::replay::Replaying;
use crate::reserved::Reserved;
use crate::room::Room;
use crate::state::State;
use crate::submission::Reservation;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use yizhan_document::{Attempt, Classification, EnvelopeId, LedgerId, NodeId};
use yizhan_hierarchy::Directory;
use yizhan_ledger::{Entry, EntryRef, Event as LedgerEvent, Head};
use yizhan_planted::{Bug, on};

/// What a node is told about itself.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The network.
    pub network: String,
    /// The ledger it keeps; its node is this node.
    pub ledger: LedgerId,
    /// The highest classification it carries.
    pub max_classification: Classification,
    /// What is remembered of the ledger before this one: the first entry of a new epoch names it. Empty in epoch 0.
    pub previous: Vec<Head>,
}

/// A node's rules and everything it knows.
pub struct Node {
    pub(crate) profile: Profile,
    pub(crate) directory: Arc<Directory>,
    pub(crate) state: State,
    pub(crate) reservations: BTreeMap<Request, Reservation>,
    /// The counters among them.
    pub(crate) reserved_counters: Reserved,
    /// Their numbers, by destination.
    pub(crate) reserved_numbers: BTreeMap<NodeId, Reserved>,
    pub(crate) incoming: Incomings,
    pub(crate) quota: Quota,
    pub(crate) answers_entered: AnswersEntered,
    /// What is being opened, by what was staged.
    pub(crate) opening: BTreeMap<Staged, Opening>,
    /// Own acceptances that are not durable yet, by index: the ledger does not show them yet.
    pub(crate) undurable: BTreeMap<u64, (EnvelopeId, Past)>,
    /// The batch by which the newest statement of a node's epoch becomes durable, where that was heard since the start.
    pub(crate) epochs_kept_by: BTreeMap<NodeId, Ticket>,
    /// New attempts that wait for their time: uptime -> what.
    pub(crate) retries: BTreeMap<(u64, EnvelopeId, NodeId), Attempt>,
    pub(crate) deadlines_looked_at: u64,
    pub(crate) looked_at: u64,
    /// How much room the disk has.
    pub(crate) room: Room,
    /// Something happened that may let waiting offers go.
    pub(crate) pump_due: bool,
    /// There may be another way now for what waits for who is gone.
    pub(crate) reroute_due: bool,
    now: Now,
    batch: Batch,
    effects: Vec<Effect>,
    last_ticket: Ticket,
    durable_ticket: Ticket,
    durable_size: u64,
    /// Words that wait, and the ledger size that their ticket makes durable.
    waiting: BTreeMap<Ticket, (Vec<Effect>, u64)>,
    lazy: Vec<Fact>,
    lazy_since: u64,
    recalling: Replaying,
}

/// Whose slip is being opened.
pub(crate) enum Opening {
    Offer(NodeId, u64),
    Submission(Request),
}

/// How much was decided and is in no batch yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakenIn {
    /// Facts.
    pub facts: usize,
    /// The length of the entries among them, in bytes, and of the units of which custody was heard.
    pub entry_bytes: usize,
}

#[derive(Default)]
struct Batch {
    facts: Vec<Fact>,
    stored: Vec<Stored>,
    entries: Vec<(u64, Entry)>,
    /// Of all entries together, and of units that facts name without an entry.
    entry_bytes: usize,
    words: Vec<Effect>,
}

impl Node {
    /// A node that remembers nothing yet; give it the facts of its journal with [`Node::recall`], then [`Node::start`].
    pub fn new(profile: Profile, directory: Arc<Directory>) -> Self {
        let state = State::new(profile.ledger);
        Self {
            profile,
            directory,
            state,
            reservations: BTreeMap::new(),
            reserved_counters: Reserved::default(),
            reserved_numbers: BTreeMap::new(),
            incoming: Incomings::default(),
            quota: Quota::default(),
            answers_entered: AnswersEntered::default(),
            opening: BTreeMap::new(),
            undurable: BTreeMap::new(),
            epochs_kept_by: BTreeMap::new(),
            retries: BTreeMap::new(),
            deadlines_looked_at: 0,
            looked_at: 0,
            room: Room::Ample,
            pump_due: false,
            reroute_due: false,
            now: Now { wall: yizhan_document::WallTime::EPOCH, uptime: 0 },
            batch: Batch::default(),
            effects: Vec::new(),
            last_ticket: 0,
            durable_ticket: 0,
            durable_size: 0,
            waiting: BTreeMap::new(),
            lazy: Vec::new(),
            lazy_since: 0,
            recalling: Replaying::default(),
        }
    }

    /// What each neighbour may make this node hold, from now on.
    pub fn set_quota(&mut self, quota: Quota) {
        self.quota = quota;
    }

    /// Takes in a fact from the journal, in the order in which it was written. A condensed state takes the place of what was
    /// recalled before once its end is recalled.
    pub fn recall(&mut self, fact: &Fact) {
        self.recalling.recall(&mut self.state, fact);
    }

    /// Everything was recalled: all that is known is durable, and may be looked at.
    pub fn recalled(&mut self) {
        self.state.released.clear();
        self.state.recount();
        self.durable_size = self.state.next_index;
    }

    /// Begins work after everything was recalled. A ledger without entries gets its first one.
    pub fn start(&mut self, now: Now) -> Vec<Effect> {
        self.now = now;
        self.recalled();
        if self.state.next_index == 0 {
            self.open_epoch();
        }
        self.resume_origin();
        // The directory may have changed while the node did not run.
        self.reroute(false);
        self.finish()
    }

    /// What the node knows.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The directory it goes by.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// How many entries of the ledger are durable and under a signed checkpoint.
    pub fn durable_size(&self) -> u64 {
        self.durable_size
    }

    /// Takes what happened and says what to do.
    pub fn handle(&mut self, now: Now, event: Event) -> Vec<Effect> {
        self.take_in(now, event);
        self.conclude(now)
    }

    /// Takes what happened and says nothing yet: of what comes together all is decided before [`Node::conclude`] makes one
    /// batch of it. Until then nothing of it is on its way to disk, and the caller looks at [`Node::taken_in`], for a batch
    /// has limits.
    pub fn take_in(&mut self, now: Now, event: Event) {
        self.now = now;
        if !self.leave_to_be_repeated(&event) {
            self.take(event);
        }
    }

    /// Does what is due, and says what is to be done about everything that was taken in.
    pub fn conclude(&mut self, now: Now) -> Vec<Effect> {
        self.now = now;
        self.tick();
        self.finish()
    }

    /// How much was decided since the last [`Node::conclude`].
    pub fn taken_in(&self) -> TakenIn {
        TakenIn { facts: self.batch.facts.len(), entry_bytes: self.batch.entry_bytes }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Tick => {}
            Event::Room(room) => self.room = room,
            Event::Persisted { ticket } => self.persisted(ticket),
            Event::LinkUp { neighbour, clock_ms } => self.link_up(neighbour, clock_ms),
            Event::LinkDown { neighbour } => self.link_down(neighbour),
            Event::DirectoryChanged { directory } => self.directory_changed(directory),
            Event::Submitting { request, to, classification } => self.submitting(request, to, classification),
            Event::Submitted { request, closed, staged } => self.submitted(request, closed, staged),
            Event::NoticeClosed { request, of, closed, staged } => {
                self.notice_closed(request, of, closed, staged);
            }
            Event::SubmissionAbandoned { request } => self.give_up(request),
            Event::Offered { neighbour, offered, staged } => self.offered(neighbour, offered, staged),
            Event::BodyArrived { neighbour, link, good } => self.body_arrived(neighbour, link, good),
            Event::Recollected { neighbour, link, past } => self.recollected(neighbour, link, past),
            Event::Opened { staged, result } => self.opened(staged, result),
            Event::NotOpened { staged } => self.not_opened(staged),
            Event::CustodyTaken { neighbour, head, acknowledged, staged } => {
                self.custody_taken(neighbour, head, acknowledged, staged);
            }
            Event::Rejected { neighbour, link, envelope, reason, retry } => {
                self.rejected(neighbour, link, envelope, &reason, retry);
            }
            Event::ReceiptsArrived { neighbour, origin, hops_left, ledger, entries, witnessed, staged } => {
                let arrival = Arrival { neighbour, origin, hops_left, ledger, witnessed };
                self.receipts_arrived(arrival, &entries, staged);
            }
            Event::KeptArrived { neighbour, kept } => self.kept_arrived(neighbour, kept),
            Event::Damaged { holding } => self.damaged(holding),
            Event::Taken { request, office, id } => self.taken(request, office, id),
            Event::Acted { request, office, id, act, statement, staged } => {
                self.acted(request, office, id, act, statement, staged);
            }
            Event::Recalling { request, order, staged } => self.recalling(request, &order, staged),
            Event::RecallArrived { neighbour, destination, hops_left, recall, staged } => match recall {
                Some(recall) if destination == self.me() => self.recalled_by_origin(recall, staged),
                _ => self.pass_recall_on(neighbour, destination, hops_left, staged),
            },
            Event::Witnessed { neighbour, head } => self.witnessed(neighbour, head),
            Event::EpochOpened { neighbour, opened } => self.hear_of_epoch(neighbour, opened),
        }
    }

    pub(crate) fn now(&self) -> Now {
        self.now
    }

    pub(crate) fn me(&self) -> NodeId {
        self.profile.ledger.node
    }

    /// Whether the entry may be spoken of.
    pub(crate) fn is_durable(&self, index: u64) -> bool {
        index < self.durable_size
    }

    pub(crate) fn durable_ticket(&self) -> Ticket {
        self.durable_ticket
    }

    /// Decides a fact: it is applied now and durable with this batch.
    pub(crate) fn fact(&mut self, fact: Fact) {
        self.state.apply(&fact, self.last_ticket + 1);
        if let Fact::Custodian { units, .. } | Fact::Claimed { units, .. } = &fact {
            self.batch.entry_bytes += size_of_val(units.as_slice());
        }
        self.batch.facts.push(fact);
    }

    /// Decides a fact that nobody waits for: it is written with the next batch, or soon by itself.
    pub(crate) fn lazy_fact(&mut self, fact: Fact) {
        self.state.apply(&fact, self.last_ticket + 1);
        if self.lazy.is_empty() {
            self.lazy_since = self.now.uptime;
        }
        self.lazy.push(fact);
    }

    /// Enters an event into the ledger.
    pub(crate) fn enter(&mut self, event: LedgerEvent, home: Option<NodeId>) -> EntryRef {
        let index = self.state.next_index;
        let entry = Entry { time: self.now.wall, event };
        // An entry is bounded by the limits on destinations (asserted in `ledger`); should one not fit all the same,
        // nothing about it may be promised: an entry without an event is never made.
        let bytes = entry.to_bytes().unwrap_or_default();
        let at = EntryRef::to(self.profile.ledger, index, &bytes);
        self.batch.entries.push((index, entry));
        self.batch.entry_bytes += bytes.len();
        self.fact(Fact::Entered(Entered { index, bytes, home }));
        at
    }

    /// Stores something beside the facts of this batch.
    pub(crate) fn store(&mut self, stored: Stored) {
        self.batch.stored.push(stored);
    }

    /// The ticket of what is being decided.
    pub(crate) fn next_ticket(&self) -> Ticket {
        self.last_ticket + 1
    }

    /// Says something once everything decided so far is durable.
    pub(crate) fn word(&mut self, effect: Effect) {
        self.batch.words.push(effect);
    }

    /// Does something that tells nobody anything, or rests on nothing new.
    pub(crate) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(crate) fn lazy_due(&self) -> Option<u64> {
        (!self.lazy.is_empty()).then_some(self.lazy_since + LAZY_MS)
    }

    fn persisted(&mut self, ticket: Ticket) {
        self.pump_due = true;
        self.durable_ticket = self.durable_ticket.max(ticket);
        let later = self.waiting.split_off(&(ticket + 1));
        let ready = core::mem::replace(&mut self.waiting, later);
        let mut custody: BTreeMap<NodeId, Vec<(u64, u64)>> = BTreeMap::new();
        for (words, size) in ready.into_values() {
            self.durable_size = self.durable_size.max(size);
            for word in words {
                match word {
                    Effect::Custody { neighbour, acknowledged } => {
                        custody.entry(neighbour).or_default().extend(acknowledged);
                    }
                    other => self.effects.push(other),
                }
            }
        }
        self.undurable = self.undurable.split_off(&self.durable_size);
        for (neighbour, acknowledged) in custody {
            for chunk in acknowledged.chunks(ACKNOWLEDGEMENTS_PER_FRAME_MAX) {
                self.effects.push(Effect::Custody { neighbour, acknowledged: chunk.to_vec() });
            }
        }
    }

    /// Seals the batch of this event and hands out what there is to do.
    fn finish(&mut self) -> Vec<Effect> {
        let mut batch = core::mem::take(&mut self.batch);
        // What a holding was released by must be durable first: a node that stops before needs the content again.
        let released = core::mem::take(&mut self.state.released).into_iter();
        batch.words.extend(released.map(|(holding, body)| Effect::Release { holding, body }));
        let lazy_due = self.lazy_due().is_some_and(|due| due <= self.now.uptime);
        if !batch.facts.is_empty() || lazy_due {
            batch.facts.append(&mut self.lazy);
        }
        if on(Bug::WordBeforeDisk) {
            self.effects.append(&mut batch.words);
        }
        if batch.facts.is_empty() {
            // They may rest on facts of an earlier batch that is still on its way to disk, as the confirmation of a receipt
            // that came twice does.
            match self.waiting.last_entry() {
                Some(mut last) => last.get_mut().0.append(&mut batch.words),
                None => self.effects.append(&mut batch.words),
            }
        } else {
            self.last_ticket += 1;
            let ticket = self.last_ticket;
            self.waiting.insert(ticket, (core::mem::take(&mut batch.words), self.state.next_index));
            // Persist goes first: later effects of the same event may rest on its ticket being under way.
            let Batch { facts, stored, entries, .. } = batch;
            self.effects.insert(0, Effect::Persist { ticket, facts, stored, entries });
        }
        core::mem::take(&mut self.effects)
    }
}
