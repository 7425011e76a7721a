//! What can happen to a node, drawn from the bytes of an input, in small numbers: only so do events meet.

use crate::rules::{World, version_of};
use arbitrary::Arbitrary;
use yizhan_document::{Act, Classification, Digest, EnvelopeId, LedgerId, OfficeName, Urgency, WallTime};
use yizhan_exchange::{
    Closed, EpochStatement, Event, HeardEntry, HeardRecall, Kept, OfferedEnvelope, Office, Past, RecallOrder,
    Room,
};
use yizhan_ledger::{EntryRef, Event as Entered, Head, OfficeEvent, RecallAnswer, Target};

/// Indexes and numbers up to here are of epoch 0, so many more of epoch 1, and so on.
const EPOCH_EVERY: u8 = 96;

/// Something that happens.
#[derive(Debug, Arbitrary)]
pub(crate) enum Step {
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
    Notice { request: u8, of: u8, size: u32 },
    Directory(u8),
    Epoch { who: u8, of: u8, epoch: u8 },
    Quota { documents: u8, bytes: u16 },
    Restart,
}

impl World {
    fn id(&self, id: u8) -> EnvelopeId {
        match self.reserved.get(usize::from(id)) {
            Some(id) => *id,
            None => EnvelopeId {
                origin: self.who(id),
                epoch: u32::from(id / EPOCH_EVERY),
                counter: u64::from(id / 8),
            },
        }
    }

    /// The ledger of a node in which an entry of this index is.
    fn ledger(&self, who: u8, index: u8) -> LedgerId {
        LedgerId { node: self.who(who), epoch: u32::from(index / EPOCH_EVERY) }
    }

    fn at(&self, who: u8, index: u8) -> EntryRef {
        EntryRef::to(self.ledger(who, index), u64::from(index % EPOCH_EVERY), &[who, index])
    }

    fn heard_recall(&self, who: u8, id: u8) -> HeardRecall {
        let digest = Digest::of(&[id]);
        HeardRecall { id: self.id(id), envelope: digest, at: self.at(who, id), reason: digest }
    }

    fn closed(&self, request: u8, inline: bool, size: u32) -> Closed {
        Closed {
            id: self.id(request),
            header: Digest::of(&[request]),
            manifest: Digest::of(&[request]),
            urgency: Urgency::default(),
            deadline: self.now.wall.plus_ms(u64::from(size)),
            size: u64::from(size),
            inline,
            directory: 1,
            key: None,
        }
    }

    /// An entry of another node about an envelope of this origin.
    fn receipt(&self, kind: u8, id: u8, to: u8, index: u8) -> Entered {
        let (envelope, rests_on) = (Digest::of(&[id]), self.at(to, index));
        let attempt = u16::from(kind / 16 % 4);
        let units = vec![Target { node: self.who(to), attempt }];
        let reason = || "damaged".to_owned();
        let answer =
            RecallAnswer { id: self.id(id), envelope, to: vec![self.who(to)], rests_on: self.at(0, index) };
        let act =
            OfficeEvent { id: self.id(id), envelope, attempt, office: envelope, statement: None, rests_on };
        let id = self.id(id);
        match kind % 10 {
            0 | 1 => Entered::RelayFailure { id, envelope, units, reason: reason() },
            2 => Entered::ContentConsignment { id, envelope, attempt, offices: vec![envelope], rests_on },
            3 => Entered::ContentConsignmentFailure { id, envelope, attempt, reason: reason(), rests_on },
            4 => Entered::AcceptanceRejectionExpiry { id, envelope, units },
            5 => Entered::Recalled(answer),
            6 => Entered::RecallDenied(answer),
            7 => Entered::SignedFor(act),
            8 => Entered::ContentHandover(act),
            _ => {
                let (from, link) = (self.who(to), number(index));
                Entered::RelayAcceptance { id, envelope, units, from, link, rests_on }
            }
        }
    }

    /// The event of a step that is nothing else.
    pub(crate) fn event(&mut self, step: &Step) -> Event {
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
                let urgency = if urgent { Urgency::ALL[0] } else { Urgency::default() };
                let closed = Closed { urgency, ..self.closed(request, inline, size) };
                Event::Submitted { request: u64::from(request), closed, staged: self.stage() }
            }
            Step::Notice { request, of, size } => Event::NoticeClosed {
                request: u64::from(request),
                of: u64::from(of),
                closed: self.closed(request, true, size),
                staged: self.stage(),
            },
            Step::Directory(version) => Event::DirectoryChanged { directory: version_of(version) },
            Step::Epoch { who, of, epoch } => Event::EpochOpened {
                neighbour: self.who(who),
                opened: EpochStatement {
                    ledger: LedgerId { node: self.who(of), epoch: 1 + u32::from(epoch % 3) },
                    checkpoint: vec![epoch],
                    entry: vec![of],
                    path: Vec::new(),
                },
            },
            Step::Abandoned(request) => Event::SubmissionAbandoned { request: u64::from(request) },
            Step::Offered { who, link, id, to, attempt, inline, hours, path } => {
                let offered = OfferedEnvelope {
                    link: number(link),
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
                Event::BodyArrived { neighbour: self.who(who), link: number(link), good }
            }
            Step::Recollected { who, link, index, to } => Event::Recollected {
                neighbour: self.who(who),
                link: number(link),
                past: vec![Past {
                    index: u64::from(index),
                    from: self.who(who),
                    link: number(link),
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
            ledger: self.ledger(who, size),
            size: u64::from(size % EPOCH_EVERY),
            root: Digest::of(&[who, size]),
        };
        match *step {
            Step::Custody { who, link, index, id, to } => {
                let event = Entered::RelayAcceptance {
                    id: self.id(id),
                    envelope: Digest::of(&[id]),
                    units: vec![target(to)],
                    from: self.me(),
                    link: number(link),
                    rests_on: self.at(who, index),
                };
                let heard = HeardEntry { at: self.at(who, index), time: WallTime::EPOCH, event };
                let acknowledged = vec![(number(link), heard)];
                let (neighbour, head) = (self.who(who), head(who, index));
                Event::CustodyTaken { neighbour, head, acknowledged, staged: self.stage() }
            }
            Step::Rejected { who, link, retry } => Event::Rejected {
                neighbour: self.who(who),
                link: number(link),
                envelope: Digest::of(&[link]),
                reason: "full".into(),
                retry,
            },
            Step::Receipts { who, origin, hops, index, id, to, kind, witnessed } => {
                let event = self.receipt(kind, id, to, index);
                let home = self.who(origin) == self.me();
                let heard = HeardEntry { at: self.at(to, index), time: WallTime::EPOCH, event };
                Event::ReceiptsArrived {
                    neighbour: self.who(who),
                    origin: self.who(origin),
                    hops_left: hops,
                    ledger: self.ledger(to, index),
                    entries: if home { vec![heard] } else { Vec::new() },
                    witnessed,
                    staged: self.stage(),
                }
            }
            Step::Kept { who, maker, origin, hops, index } => {
                let ledger = self.ledger(maker, index);
                let indexes = vec![u64::from(index % EPOCH_EVERY)];
                let kept =
                    Kept { maker: ledger.node, origin: self.who(origin), hops_left: hops, ledger, indexes };
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
            Step::Room(room) => Event::Room(match room % 6 {
                0 | 1 => Room::Ample,
                2 => Room::NoSubmissions,
                3 => Room::OnlyFromAbove,
                4 => Room::NoDocuments,
                _ => Room::Nothing,
            }),
            _ => Event::Tick,
        }
    }
}

/// The number of an offer, in one of the first epochs of its giver.
fn number(link: u8) -> u64 {
    let node = "65".parse().expect("a node");
    LedgerId { node, epoch: u32::from(link / EPOCH_EVERY) }.first_offer() + u64::from(link % EPOCH_EVERY)
}
