//! A harm to a file of a node that is started afterwards: what its clerk is shown and given, and what it says of its ledger.

use super::Came;
use super::targets::{Harm, Kind, Target};
use crate::checks::receipts_kept::leaves;
use crate::clerk::Clerk;
use crate::failure::{Doing, Failure};
use crate::network::Network;
use crate::programs::done;
use crate::random::Random;
use crate::world::NODES;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use yizhan_desk::InboxItem;
use yizhan_document::merkle::root;
use yizhan_document::{Digest, EnvelopeId};
use yizhan_ledger::Checkpoint;

const LOOK: Duration = Duration::from_millis(3);
/// How long a start and the questions after it may take; only a failure takes as long.
const PATIENCE: Duration = Duration::from_secs(20);
/// The words by which a log names harm: damage, a torn end, an index made anew.
const NAMES: [&str; 3] = ["ALARM", "never finished", "is rebuilt"];
/// So many small documents have records in one block of a journal, at the most.
const IN_A_BLOCK: usize = 4;
/// The codes with which a node refuses to start, for a person to see to it: usage, disk, configuration.
const REFUSALS: [i32; 3] = [2, 75, 78];

/// A copy of the network in which nodes are started by themselves, and what each of them said when all was whole.
pub(in crate::faults) struct Started {
    network: Network,
    before: BTreeMap<&'static str, Seen>,
}

/// What a clerk sees at one node.
struct Seen {
    /// Each document as it is listed, and the digest of its content; nothing where it was not handed out.
    documents: BTreeMap<EnvelopeId, (InboxItem, Option<Digest>)>,
    head: Checkpoint,
}

impl Started {
    /// Copies a network that is stopped. Each node gets a free port, so that several copies do not disturb each other.
    pub(in crate::faults) async fn make(network: &Network) -> Result<Self, Failure> {
        let network = network.copy()?;
        for node in NODES {
            let path = network.node(node).join("node.toml");
            let text = std::fs::read_to_string(&path).doing("reading node.toml")?;
            let listens = |line: &str| line.starts_with("listen");
            let free = |line| if listens(line) { "listen = \"127.0.0.1:0\"" } else { line };
            let text: Vec<&str> = text.lines().map(free).collect();
            std::fs::write(&path, text.join("\n") + "\n").doing("writing node.toml")?;
        }
        done(Command::new("cp").arg("-a").arg(network.folder()).arg(network.beside("whole")))?;
        let mut started = Self { network, before: BTreeMap::new() };
        for node in NODES {
            started.network.start(node)?;
            let Some(seen) = started.see(node).await? else {
                return Err(Failure::unable("looking at a whole node", started.network.last_words(node)));
            };
            started.network.kill(node)?;
            started.restore(node)?;
            started.before.insert(node, seen);
        }
        Ok(started)
    }

    /// A bit at a random node.
    pub(in crate::faults) fn choose(
        &self,
        kind: Kind,
        random: &mut Random,
    ) -> Result<Option<(&'static str, Target)>, Failure> {
        let Some(node) = random.among(&NODES).copied() else { return Ok(None) };
        Ok(Target::bit(kind, &self.network.node(node), random)?.map(|target| (node, target)))
    }

    /// The folder of a node that is to be harmed.
    pub(in crate::faults) fn folder(&self, node: &str) -> PathBuf {
        self.network.node(node)
    }

    /// Does one harm to one node, starts it, and puts everything back afterwards.
    pub(in crate::faults) async fn harm(&self, node: &'static str, target: &Target) -> Result<Came, Failure> {
        target.strike()?;
        let logged = self.network.log_bytes(node);
        self.network.start(node)?;
        let seen = timeout(PATIENCE, self.see(node)).await;
        let log = self.network.log_since(node, logged);
        let came = match seen {
            Err(_) => Came::Wrong(format!("it neither runs nor ends\n{log}")),
            Ok(Err(failure)) if failure.is_broken() => Came::Wrong(failure.to_string()),
            Ok(Err(failure)) => return Err(failure),
            Ok(Ok(None)) => self.refused(target, node, &log)?,
            Ok(Ok(Some(seen))) => self.judge(target, node, &seen, &log)?,
        };
        if self.network.is_started(node) {
            self.network.take_down(node)?;
        }
        self.restore(node)?;
        Ok(came)
    }

    fn refused(&self, target: &Target, node: &str, log: &str) -> Result<Came, Failure> {
        let code = self.network.take_down(node)?;
        let says_why = log.lines().any(|line| line.starts_with("yizhan: "));
        // Without its only segment a node must not begin a second history.
        let may = target.kind.may_refuse() || (target.kind == Kind::Journal && target.harm == Harm::Delete);
        Ok(match code {
            Some(code) if REFUSALS.contains(&code) && says_why && may => Came::Noticed,
            _ => Came::Wrong(format!("it does not start, code {code:?}\n{log}")),
        })
    }

    fn judge(&self, target: &Target, node: &'static str, seen: &Seen, log: &str) -> Result<Came, Failure> {
        let Some(before) = self.before.get(node) else { return Ok(Came::NoDifference) };
        let mut lost = Vec::new();
        for (id, (item, digest)) in &before.documents {
            match seen.documents.get(id) {
                Some((now, Some(other))) if Some(*other) != *digest || !same_item(now, item) => {
                    return Ok(Came::Wrong(format!("{id} is another document: {now:?} instead of {item:?}")));
                }
                Some((now, None)) if !same_item(now, item) => {
                    return Ok(Came::Wrong(format!("{id} is listed as another: {now:?}, not {item:?}")));
                }
                Some((_, Some(_))) => {}
                Some((_, None)) | None => lost.push(*id),
            }
        }
        if let Some(strange) = seen.documents.keys().find(|id| !before.documents.contains_key(id)) {
            return Ok(Came::Wrong(format!("{strange} is there and never was")));
        }
        if let Some(wrong) = self.other_history(node, before, seen)? {
            return Ok(Came::Wrong(format!("{wrong}\n{log}")));
        }
        let named = NAMES.iter().any(|words| log.contains(words));
        let allowed = match (target.kind, target.harm) {
            (Kind::Journal, Harm::Zero { .. }) => IN_A_BLOCK,
            (Kind::Journal | Kind::Body, _) => 1,
            _ => 0,
        };
        Ok(match lost.len() {
            0 if named => Came::Noticed,
            0 => Came::NoDifference,
            some if some > allowed => Came::Wrong(format!("{lost:?} cannot be had any more\n{log}")),
            _ if named => Came::Cost,
            _ => Came::Wrong(format!("{lost:?} cannot be had any more, and nothing is said of it\n{log}")),
        })
    }

    /// Why the ledger is not a continuation of what it was; nothing if it is.
    fn other_history(&self, node: &str, before: &Seen, seen: &Seen) -> Result<Option<String>, Failure> {
        let (old, new) = (&before.head, &seen.head);
        if new.size < old.size {
            return Ok(Some(format!("its ledger has {} entries, and had {}", new.size, old.size)));
        }
        if new.size == old.size {
            return Ok((new.root != old.root).then(|| "its ledger has another root".to_owned()));
        }
        // It grew: only the published ledger shows what stands before.
        self.network.stop(node)?;
        let leaves = leaves(&self.network.data(node).join("ledger"))?;
        let part = usize::try_from(old.size).ok().and_then(|size| leaves.get(..size));
        let same = part.is_some_and(|part| root(part) == old.root);
        Ok((!same).then(|| "its ledger does not continue what it was".to_owned()))
    }

    /// What the clerk sees at a node that was started; nothing if it refuses to start.
    async fn see(&self, node: &str) -> Result<Option<Seen>, Failure> {
        let clerk = Clerk::at(&self.network, node)?;
        let status = loop {
            if self.network.ended(node)?.is_some() {
                return Ok(None);
            }
            match clerk.status().await {
                Some(status) if status.ready => break status,
                _ => sleep(LOOK).await,
            }
        };
        let head =
            Checkpoint::from_unverified_note(status.checkpoint.as_bytes()).doing("reading a checkpoint")?;
        let mut documents = BTreeMap::new();
        for item in clerk.inbox().await? {
            let digest = clerk.take(item.id).await.ok().flatten();
            documents.insert(item.id, (item, digest));
        }
        Ok(Some(Seen { documents, head }))
    }

    /// Puts everything of a node back as it was, and the directory with it.
    fn restore(&self, node: &str) -> Result<(), Failure> {
        let whole = self.network.beside("whole");
        for part in [format!("nodes/{node}"), "directory".to_owned()] {
            let place = self.network.folder().join(&part);
            std::fs::remove_dir_all(&place).doing("removing what was hit")?;
            done(Command::new("cp").arg("-a").arg(whole.join(&part)).arg(&place))?;
        }
        Ok(())
    }
}

/// Whether two lines of an inbox say the same. What the office has done with it may have been forgotten.
fn same_item(one: &InboxItem, other: &InboxItem) -> bool {
    let said = |item: &InboxItem| InboxItem { state: yizhan_desk::InboxState::Waiting, ..item.clone() };
    said(one) == said(other)
}
