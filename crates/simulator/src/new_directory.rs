//! New versions of the directory while documents are under way: each node goes by a version at a moment of its own, links appear and
//! are gone.

use crate::happening::Happening;
use crate::network::changed;
use crate::plan::Plan;
use crate::random::Random;
use crate::world::World;
use std::sync::Arc;
use yizhan_document::NodeId;
use yizhan_exchange::Event;
use yizhan_hierarchy::{Directory, Edit};

/// How long a version takes to come to a node, in milliseconds, at the most.
const SPREAD_MS_MAX: u64 = 10_000;

/// The moments at which versions are published. Their dice are their own, so that worlds without are what they were.
pub(crate) fn happenings(plan: &Plan, seed: u64) -> Vec<(u64, Happening)> {
    let mut random = Random::new(seed ^ 0x7665_7273_696f_6e73);
    let happening = |_| {
        let at = random.within(200..=plan.active_ms.max(200));
        let kind = random.below(6);
        // No road is taken away beside a lost disk: what went there is known not to be tried again (decision 0017).
        let kind = if plan.faults.lost_disks > 0 { 1 + kind % 2 } else { kind };
        (at, Happening::Publish { kind })
    };
    (0..plan.new_directories).map(happening).collect()
}

impl World {
    /// Another version of the directory is published, with one change; each node goes by it soon, one that is down too: it has it when
    /// it starts.
    pub(crate) fn publish(&mut self, kind: u64) {
        let now = self.out.wall();
        let Some(edit) = draw(&self.out.directory, kind, &mut self.random) else { return };
        let what = format!("{edit:?}");
        // A change that no directory can have, such as a node above itself, is drawn again by nobody.
        let Ok(directory) = changed(&self.out.directory, edit, now) else { return };
        let directory = Arc::new(directory);
        self.faults += 1;
        self.out.note(|| format!("version {} of the directory: {what}", directory.version));
        let nodes: Vec<NodeId> = directory.tree().nodes().to_vec();
        for node in &nodes {
            for other in directory.neighbours(*node).into_iter().filter(|other| other > node) {
                self.out.wire.lay(*node, other);
            }
        }
        self.out.directories.push(Arc::clone(&directory));
        self.out.directory = Arc::clone(&directory);
        for node in nodes {
            let at = self.out.now + self.random.within(1..=SPREAD_MS_MAX);
            self.out.agenda.at(at, Happening::GoBy { node, directory: Arc::clone(&directory) });
        }
    }

    /// A node goes by a version from now on. Who is no neighbour any more is cut off, who is one now is dialled.
    pub(crate) fn go_by(&mut self, node: NodeId, directory: Arc<Directory>) {
        let Some(station) = self.stations.get_mut(&node) else { return };
        if directory.version <= station.directory.version {
            return;
        }
        let before = std::mem::replace(&mut station.directory, Arc::clone(&directory)).neighbours(node);
        let after = directory.neighbours(node);
        if let Some(process) = &mut station.process {
            process.handle(&mut self.out, Event::DirectoryChanged { directory });
        }
        for gone in before.iter().filter(|other| !after.contains(other)) {
            self.out.wire.cut(self.out.now, &mut self.out.agenda, node, *gone);
        }
        for new in after.into_iter().filter(|other| !before.contains(other)) {
            self.out.agenda.at(self.out.now + 1, Happening::Dial { one: node, other: new });
        }
    }

    /// Whether two nodes call each other neighbours; `None` if they never will again.
    pub(crate) fn are_neighbours(&self, one: NodeId, other: NodeId) -> Option<bool> {
        let by = |node: NodeId, other: NodeId| {
            self.stations
                .get(&node)
                .is_some_and(|station| station.directory.neighbours(node).contains(&other))
        };
        let now = by(one, other) && by(other, one);
        (now || self.out.directory.neighbours(one).contains(&other)).then_some(now)
    }
}

/// A change: a node goes below another one, gets somebody who stands in for its parent, or a direct link.
fn draw(directory: &Directory, kind: u64, random: &mut Random) -> Option<Edit> {
    let nodes = directory.tree().nodes();
    let below: Vec<NodeId> = nodes.iter().copied().filter(|node| directory.parent(*node).is_some()).collect();
    let node = random.pick(&below).copied()?;
    let may = |to: &NodeId| {
        *to != node && directory.parent(node) != Some(*to) && !directory.tree().is_below(*to, node)
    };
    let to = random.pick(&nodes.iter().copied().filter(may).collect::<Vec<_>>()).copied()?;
    let division = directory.division(node)?;
    let with = |others: &[NodeId]| others.iter().copied().filter(|other| *other != to).chain([to]).collect();
    Some(match kind % 3 {
        0 => Edit::Parent(node, Some(to)),
        1 => Edit::BackupParents(node, with(&division.backup_parents)),
        _ => Edit::DirectLinks(node, with(&division.direct_links)),
    })
}
