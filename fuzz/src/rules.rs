//! The rules of a node under any list of events: no panic, no word before its ticket, and facts that recall the same ledger.

use arbitrary::{Arbitrary, Unstructured};
use std::sync::{Arc, OnceLock};
use yizhan_document::{
    Act, Classification, Digest, EnvelopeId, LedgerId, NodeId, OfficeName, Urgency, WallTime,
};
use yizhan_exchange::{
    Answer, Closed, Effect, Event, Fact, HeardEntry, HeardRecall, Kept, Node, Now, OfferedEnvelope, Office,
    Past, Profile, RecallOrder, Room,
};
use yizhan_hierarchy::Directory;
use yizhan_ledger::{EntryRef, Event as Entered, Head, Target};
use yizhan_simulator::network_of_seven;

/// Something that happens, in small numbers: only so do events meet.
#[derive(Debug, Arbitrary)]
enum Step {
    Time(u32),
    Persisted(u8),
    Link { who: u8, up: bool, clock_ms: u64 },
    Submitting { request: u8, to: u8, classified: bool },
    Submitted { request: u8, urgent: bool, inline: bool, size: u32 },
    Abandoned(u8),
    Offered { who: u8, link: u8, id: u8, to: u8, attempt: u8, inline: bool, hours: u8, path: u8 },
    Body { who: u8, link: u8, good: bool },
    Recollected { who: u8, link: u8, index: u8, to: u8 },
    Opened { staged: u8, good: bool },
    NotOpened(u8),
    Custody { who: u8, link: u8, index: u8, id: u8, to: u8 },
    Rejected { who: u8, link: u8, retry: bool },
    Receipts { who: u8, origin: u8, hops: u8, index: u8, id: u8, to: u8, kind: u8, witnessed: bool },
    Kept { who: u8, maker: u8, origin: u8, hops: u8, index: u8 },
    Damaged(u8),
    Taken { request: u8, id: u8 },
    Acted { request: u8, id: u8, act: u8 },
    Recalling { request: u8, id: u8, index: u8, to: u8 },
    Recall { who: u8, id: u8, to: u8, hops: u8, heard: bool },
    Witnessed { who: u8, size: u8 },
    Room(u8),
    Restart,
}

/// The node, what it was told, and what of its decisions is on disk.
struct World {
    node: Node,
    now: Now,
    nodes: Vec<NodeId>,
    reserved: Vec<EnvelopeId>,
    /// Batches on their way, oldest first.
    under_way: Vec<(u64, Vec<Fact>)>,
    durable: Vec<Fact>,
    last_ticket: u64,
    staged: u64,
}

fn directory() -> &'static Arc<Directory> {
    static DIRECTORY: OnceLock<Arc<Directory>> = OnceLock::new();
    DIRECTORY.get_or_init(network_of_seven)
}

/// First byte: which node of the seven; then steps.
pub(crate) fn rules(data: &[u8]) -> bool {
    let Some((which, rest)) = data.split_first() else { return false };
    let Ok(steps) = Vec::<Step>::arbitrary_take_rest(Unstructured::new(rest)) else { return false };
    let nodes: Vec<NodeId> = directory().divisions().map(|division| division.node).collect();
    let me = nodes[usize::from(*which) % nodes.len()];
    let mut world = World {
        node: node(me),
        now: Now { wall: WallTime::from_ms(1_795_161_600_000), uptime: 0 },
        nodes,
        reserved: Vec::new(),
        under_way: Vec::new(),
        durable: Vec::new(),
        last_ticket: 0,
        staged: 0,
    };
    let effects = world.node.start(world.now);
    world.heed(effects);
    for step in steps.iter().take(200) {
        world.take(step);
    }
    !world.durable.is_empty()
}

fn node(me: NodeId) -> Node {
    let profile = Profile {
        network: directory().network.clone(),
        ledger: LedgerId { node: me, epoch: 0 },
        max_classification: Classification::Unclassified,
        previous: Vec::new(),
    };
    Node::new(profile, Arc::clone(directory()))
}

impl World {
    fn who(&self, who: u8) -> NodeId {
        self.nodes[usize::from(who) % self.nodes.len()]
    }

    fn me(&self) -> NodeId {
        self.node.state().ledger().node
    }

    fn id(&self, id: u8) -> EnvelopeId {
        match self.reserved.get(usize::from(id)) {
            Some(id) => *id,
            None => EnvelopeId { origin: self.who(id), epoch: 0, counter: u64::from(id / 8) },
        }
    }

    fn at(&self, who: u8, index: u8) -> EntryRef {
        EntryRef::to(LedgerId { node: self.who(who), epoch: 0 }, u64::from(index), &[who, index])
    }

    fn heard_recall(&self, who: u8, id: u8) -> HeardRecall {
        let digest = Digest::of(&[id]);
        HeardRecall { id: self.id(id), envelope: digest, at: self.at(who, id), reason: digest }
    }

    fn stage(&mut self) -> u64 {
        self.staged += 1;
        self.staged
    }

    fn take(&mut self, step: &Step) {
        let event = match step {
            Step::Time(ms) => {
                self.now.uptime += u64::from(*ms);
                self.now.wall = self.now.wall.plus_ms(u64::from(*ms));
                Event::Tick
            }
            Step::Persisted(batches) => return self.persist(usize::from(*batches % 4) + 1),
            Step::Restart => return self.restart(),
            other => self.event(other),
        };
        let effects = self.node.handle(self.now, event);
        self.heed(effects);
    }

    fn event(&mut self, step: &Step) -> Event {
        let office: OfficeName = "gov-office".parse().expect("an office");
        let target = |to: u8, attempt: u8| Target { node: self.who(to), attempt: u16::from(attempt % 4) };
        let header = |id: u8| Digest::of(&[id]);
        let wall = self.now.wall;
        match *step {
            Step::Link { who, up: true, clock_ms } => Event::LinkUp { neighbour: self.who(who), clock_ms },
            Step::Link { who, .. } => Event::LinkDown { neighbour: self.who(who) },
            Step::Submitting { request, to, classified } => Event::Submitting {
                request: u64::from(request),
                to: self
                    .nodes
                    .iter()
                    .enumerate()
                    .filter(|(i, _)| to >> i & 1 == 1)
                    .map(|(_, n)| *n)
                    .collect(),
                classification: if classified {
                    Classification::Secret
                } else {
                    Classification::Unclassified
                },
            },
            Step::Submitted { request, urgent, inline, size } => {
                let id = self.id(request);
                let closed = Closed {
                    id,
                    header: header(request),
                    manifest: header(request),
                    urgency: if urgent { Urgency::ALL[0] } else { Urgency::default() },
                    deadline: wall.plus_ms(u64::from(size)),
                    size: u64::from(size),
                    inline,
                    directory: 1,
                    key: None,
                };
                Event::Submitted { request: u64::from(request), closed, staged: self.stage() }
            }
            Step::Abandoned(request) => Event::SubmissionAbandoned { request: u64::from(request) },
            Step::Offered { who, link, id, to, attempt, inline, hours, path } => {
                let offered = OfferedEnvelope {
                    link: u64::from(link),
                    id: self.id(id),
                    header: header(id),
                    units: vec![target(to, attempt)],
                    urgency: Urgency::default(),
                    classification: Classification::Unclassified,
                    deadline: wall.plus_ms(u64::from(hours) * 3_600_000),
                    size: 1000,
                    inline,
                    rests_on: self.at(who, link),
                    path: (0..path % 4).map(|step| self.who(path ^ step)).chain([self.who(who)]).collect(),
                };
                Event::Offered { neighbour: self.who(who), offered, staged: self.stage() }
            }
            Step::Body { who, link, good } => {
                Event::BodyArrived { neighbour: self.who(who), link: u64::from(link), good }
            }
            Step::Recollected { who, link, index, to } => Event::Recollected {
                neighbour: self.who(who),
                link: u64::from(link),
                past: vec![Past {
                    index: u64::from(index),
                    from: self.who(who),
                    link: u64::from(link),
                    units: vec![target(to, index)],
                }],
            },
            Step::Opened { staged, good } => Event::Opened {
                staged: u64::from(staged),
                result: if good {
                    Ok(vec![Office { name: office, commitment: header(staged) }])
                } else {
                    Err("damaged".into())
                },
            },
            Step::NotOpened(staged) => Event::NotOpened { staged: u64::from(staged) },
            ref heard => self.heard(heard, office),
        }
    }

    /// What neighbours and offices say.
    fn heard(&mut self, step: &Step, office: OfficeName) -> Event {
        let target = |to: u8| Target { node: self.who(to), attempt: 0 };
        let head = |who: u8, size: u8| Head {
            ledger: LedgerId { node: self.who(who), epoch: 0 },
            size: u64::from(size),
            root: Digest::of(&[who, size]),
        };
        match *step {
            Step::Custody { who, link, index, id, to } => {
                let event = Entered::RelayAcceptance {
                    id: self.id(id),
                    envelope: Digest::of(&[id]),
                    units: vec![target(to)],
                    from: self.me(),
                    link: u64::from(link),
                    rests_on: self.at(who, index),
                };
                let heard = HeardEntry { at: self.at(who, index), time: WallTime::EPOCH, event };
                let acknowledged = vec![(u64::from(link), heard)];
                let (neighbour, head) = (self.who(who), head(who, index));
                Event::CustodyTaken { neighbour, head, acknowledged, staged: self.stage() }
            }
            Step::Rejected { who, link, retry } => Event::Rejected {
                neighbour: self.who(who),
                link: u64::from(link),
                envelope: Digest::of(&[link]),
                reason: "full".into(),
                retry,
            },
            Step::Receipts { who, origin, hops, index, id, to, kind, witnessed } => {
                let event = match kind % 2 {
                    0 => Entered::RelayFailure {
                        id: self.id(id),
                        envelope: Digest::of(&[id]),
                        units: vec![target(to)],
                        reason: "damaged".into(),
                    },
                    _ => Entered::RelayAcceptance {
                        id: self.id(id),
                        envelope: Digest::of(&[id]),
                        units: vec![target(to)],
                        from: self.who(to),
                        link: u64::from(index),
                        rests_on: self.at(to, index),
                    },
                };
                let entries = if self.who(origin) == self.me() {
                    vec![HeardEntry { at: self.at(to, index), time: WallTime::EPOCH, event }]
                } else {
                    Vec::new()
                };
                Event::ReceiptsArrived {
                    neighbour: self.who(who),
                    origin: self.who(origin),
                    hops_left: hops,
                    ledger: LedgerId { node: self.who(to), epoch: 0 },
                    entries,
                    witnessed,
                    staged: self.stage(),
                }
            }
            Step::Kept { who, maker, origin, hops, index } => {
                let maker = self.who(maker);
                let ledger = LedgerId { node: maker, epoch: 0 };
                let indexes = vec![u64::from(index)];
                let kept = Kept { maker, origin: self.who(origin), hops_left: hops, ledger, indexes };
                Event::KeptArrived { neighbour: self.who(who), kept }
            }
            Step::Damaged(holding) => Event::Damaged { holding: u64::from(holding) },
            Step::Taken { request, id } => {
                Event::Taken { request: 1000 + u64::from(request), office, id: self.id(id) }
            }
            Step::Acted { request, id, act } => Event::Acted {
                request: 1000 + u64::from(request),
                office,
                id: self.id(id),
                act: Act::ALL[usize::from(act) % 3],
                statement: Digest::of(&[act]),
                staged: self.stage(),
            },
            Step::Recalling { request, id, index, to } => Event::Recalling {
                request: 1000 + u64::from(request),
                order: RecallOrder {
                    id: self.id(id),
                    envelope: Digest::of(&[id]),
                    acceptance: self.at(0, index),
                    to: vec![self.who(to)],
                    reason: Digest::of(&[request]),
                },
                staged: self.stage(),
            },
            Step::Recall { who, id, to, hops, heard } => Event::RecallArrived {
                neighbour: self.who(who),
                destination: if heard { self.me() } else { self.who(to) },
                hops_left: hops,
                recall: heard.then(|| self.heard_recall(who, id)),
                staged: self.stage(),
            },
            Step::Witnessed { who, size } => {
                Event::Witnessed { neighbour: self.who(who), head: head(who, size) }
            }
            Step::Room(room) => Event::Room(match room % 5 {
                0 | 1 => Room::Ample,
                2 => Room::NoSubmissions,
                3 => Room::NoDocuments,
                _ => Room::Nothing,
            }),
            _ => Event::Tick,
        }
    }

    /// The oldest batches reach the disk, in order.
    fn persist(&mut self, batches: usize) {
        let done = batches.min(self.under_way.len());
        let Some((ticket, _)) = done.checked_sub(1).and_then(|last| self.under_way.get(last)) else { return };
        let ticket = *ticket;
        self.durable.extend(self.under_way.drain(..done).flat_map(|(_, facts)| facts));
        let effects = self.node.handle(self.now, Event::Persisted { ticket });
        self.heed(effects);
    }

    /// A stop: what is not on disk is gone, what is there must be recalled.
    fn restart(&mut self) {
        let mut next = node(self.me());
        self.durable.iter().for_each(|fact| next.recall(fact));
        assert_eq!(next.state().ledger_size(), self.entries(), "the facts recall another ledger");
        self.node = next;
        self.under_way.clear();
        self.last_ticket = 0;
        self.now.uptime = 0;
        let effects = self.node.start(self.now);
        self.heed(effects);
    }

    /// How many entries are on disk.
    fn entries(&self) -> u64 {
        self.durable.iter().filter(|fact| matches!(fact, Fact::Entered(_))).count() as u64
    }

    /// Looks at every word: what it speaks of is on disk.
    fn heed(&mut self, effects: Vec<Effect>) {
        let size = self.entries();
        let spoken = |index: u64| assert!(index < size, "entry {index} is spoken of, {size} are on disk");
        for effect in effects {
            match effect {
                Effect::Persist { ticket, facts, .. } => {
                    assert_eq!(ticket, self.last_ticket + 1, "tickets have a gap");
                    assert!(!facts.is_empty());
                    self.last_ticket = ticket;
                    self.under_way.push((ticket, facts));
                }
                Effect::Answer { answer, .. } => match answer {
                    Answer::Reserved { id, .. } => self.reserved.push(id),
                    Answer::Submitted { index, .. }
                    | Answer::Handed { index, .. }
                    | Answer::Acted { index }
                    | Answer::Recalling { index } => {
                        spoken(index);
                    }
                    Answer::Refused { reason } => assert!(!reason.is_empty()),
                },
                Effect::Custody { acknowledged, .. } => {
                    acknowledged.iter().for_each(|(_, index)| spoken(*index))
                }
                Effect::Reject { entry, .. } => entry.into_iter().for_each(spoken),
                Effect::SendReceipts { indexes, .. } => indexes.into_iter().for_each(spoken),
                Effect::Offer { holding, .. } => spoken(holding),
                Effect::SendRecall { acceptance, request, .. } => {
                    [acceptance, request].into_iter().for_each(spoken)
                }
                _ => {}
            }
        }
        assert!(self.node.durable_size() <= size, "the node believes in entries that are not on disk");
    }
}
