//! The rules of a node under any list of events: no panic, no word before its ticket, and facts that recall the same ledger.

use crate::steps::Step;
use arbitrary::{Arbitrary, Unstructured};
use std::sync::{Arc, OnceLock};
use yizhan_document::{Classification, Digest, EnvelopeId, LedgerId, NodeId, WallTime};
use yizhan_exchange::{Answer, Effect, Event, Fact, Node, Now, Profile, Quota};
use yizhan_hierarchy::{Directory, NetworkPlan};
use yizhan_ledger::Head;
use yizhan_simulator::directory_of;

/// The node, what it was told, and what of its decisions is on disk.
pub(crate) struct World {
    node: Node,
    pub(crate) now: Now,
    pub(crate) nodes: Vec<NodeId>,
    pub(crate) reserved: Vec<EnvelopeId>,
    /// The version of the directory gone by, which lasts.
    directory: Arc<Directory>,
    /// Batches on their way, oldest first.
    under_way: Vec<(u64, Vec<Fact>)>,
    durable: Vec<Fact>,
    last_ticket: u64,
    staged: u64,
}

/// One of some versions of the directory of the seven: as it was, a prefecture below the other one, a second way to a county, a county
/// gone.
pub(crate) fn version_of(version: u8) -> Arc<Directory> {
    static VERSIONS: OnceLock<Vec<Arc<Directory>>> = OnceLock::new();
    let made = VERSIONS.get_or_init(|| {
        let name = |name: &str| -> NodeId { name.parse().expect("a node") };
        let changes: [fn(&mut NetworkPlan, &dyn Fn(&str) -> NodeId); 4] = [
            |_, _| {},
            |plan, name| {
                plan.nodes
                    .iter_mut()
                    .filter(|it| it.id == name("6523"))
                    .for_each(|it| it.parent = Some(name("6531")))
            },
            |plan, name| {
                plan.nodes
                    .iter_mut()
                    .filter(|it| it.id == name("652301"))
                    .for_each(|it| it.backup_parents = vec![name("65")])
            },
            |plan, name| plan.nodes.retain(|it| it.id != name("653130")),
        ];
        let version = |change: &fn(&mut NetworkPlan, &dyn Fn(&str) -> NodeId)| {
            let mut plan = NetworkPlan::demo();
            change(&mut plan, &name);
            Arc::new(directory_of(&plan).expect("a directory"))
        };
        changes.iter().map(version).collect()
    });
    Arc::clone(&made[usize::from(version) % made.len()])
}

/// First byte: which node of the seven, and in which epoch; then steps.
pub(crate) fn rules(data: &[u8]) -> bool {
    let Some((which, rest)) = data.split_first() else { return false };
    let Ok(steps) = Vec::<Step>::arbitrary_take_rest(Unstructured::new(rest)) else { return false };
    let directory = version_of(0);
    let nodes: Vec<NodeId> = directory.divisions().map(|division| division.node).collect();
    let me = nodes[usize::from(*which) % nodes.len()];
    let ledger = LedgerId { node: me, epoch: u32::from(*which / 64 % 3) };
    let mut world = World {
        node: node(ledger, &directory),
        directory,
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

fn node(ledger: LedgerId, directory: &Arc<Directory>) -> Node {
    let before = ledger.epoch.checked_sub(1).map(|epoch| LedgerId { epoch, ..ledger });
    let previous = before.map(|ledger| Head { ledger, size: 9, root: Digest::of(b"remembered") });
    let profile = Profile {
        network: directory.network.clone(),
        ledger,
        max_classification: Classification::Unclassified,
        previous: previous.into_iter().collect(),
    };
    Node::new(profile, Arc::clone(directory))
}

impl World {
    pub(crate) fn who(&self, who: u8) -> NodeId {
        self.nodes[usize::from(who) % self.nodes.len()]
    }

    pub(crate) fn me(&self) -> NodeId {
        self.node.state().ledger().node
    }

    pub(crate) fn stage(&mut self) -> u64 {
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
            Step::Quota { documents, bytes } => {
                let (documents, bytes) = (usize::from(*documents), u64::from(*bytes));
                return self.node.set_quota(Quota { documents, bytes });
            }
            other => self.event(other),
        };
        match &event {
            // The daemon goes by no version that does not name it, and stops where it is told of an epoch of its own that it does not know.
            Event::DirectoryChanged { directory } if directory.division(self.me()).is_none() => return,
            Event::EpochOpened { opened, .. } if opened.ledger.node == self.me() => return,
            Event::DirectoryChanged { directory } => self.directory = Arc::clone(directory),
            _ => {}
        }
        let effects = self.node.handle(self.now, event);
        self.heed(effects);
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
        let mut next = node(self.node.state().ledger(), &self.directory);
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
                Effect::TellEpoch { ledger, .. } => self.known(ledger),
                Effect::SendRecall { acceptance, request, .. } => {
                    [acceptance, request].into_iter().for_each(spoken)
                }
                _ => {}
            }
        }
        assert!(self.node.durable_size() <= size, "the node believes in entries that are not on disk");
    }

    /// A new epoch is told of only once its statement is on disk: the own one is the first entry.
    fn known(&self, ledger: LedgerId) {
        let own = ledger == self.node.state().ledger();
        let kept = self.durable.iter().any(|fact| matches!(fact, Fact::EpochOpened(opened) if opened.ledger >= ledger && opened.ledger.node == ledger.node));
        assert!(if own { self.entries() > 0 } else { kept }, "{ledger} is told of, and not on disk");
    }
}
