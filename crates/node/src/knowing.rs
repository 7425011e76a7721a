//! Whom this node has to know before it judges: the makers of what a neighbour shows, the recipients of what an office hands in. Where
//! it holds a part of the directory, their files are fetched meanwhile; whoever holds all of it waits for nothing.

use crate::shared::Shared;
use crate::versions::Matter;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use yizhan_desk::Submission;
use yizhan_document::NodeId;
use yizhan_identity::SignedNote;
use yizhan_protocol::{BodyPlace, Offer, ProofBundle};

/// How long an office is kept waiting for the files of its recipients' nodes.
pub(crate) const OFFICE_PATIENCE: Duration = Duration::from_secs(10);
/// How long what a neighbour said is kept for that; then it is judged as it is, and the neighbour says it again.
pub(crate) const FRAME_PATIENCE: Duration = Duration::from_secs(10);
/// What neighbours said and waits for that, in KiB, at the most.
const WAITING_KIB_MAX: usize = 32 * 1024;
/// The same of one neighbour.
const WAITING_OF_ONE_KIB_MAX: usize = 8 * 1024;

/// Room for what waits until nodes are known.
pub(crate) struct Waiting {
    all: Arc<Semaphore>,
    each: Mutex<HashMap<NodeId, Arc<Semaphore>>>,
}

/// A place in it, for as long as this lives.
pub(crate) struct Place {
    _all: OwnedSemaphorePermit,
    _each: OwnedSemaphorePermit,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(WAITING_KIB_MAX)), each: Mutex::default() }
    }
}

impl Waiting {
    /// A place for so many bytes that a neighbour said; none if it has its share already.
    pub(crate) fn place(&self, neighbour: NodeId, bytes: usize) -> Option<Place> {
        let kib = u32::try_from(bytes / 1024 + 1).ok()?;
        let each = {
            // Whole values stand under this lock.
            let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
            let own =
                each.entry(neighbour).or_insert_with(|| Arc::new(Semaphore::new(WAITING_OF_ONE_KIB_MAX)));
            Arc::clone(own)
        };
        let each = each.try_acquire_many_owned(kib).ok()?;
        let all = Arc::clone(&self.all).try_acquire_many_owned(kib).ok()?;
        Some(Place { _all: all, _each: each })
    }
}

/// Fetches the files of those of these nodes that are listed and not held, and waits until they are here, or for as long as that may
/// take. `from` is the neighbour that said something by which they are needed.
pub(crate) async fn know(shared: &Shared, nodes: &[NodeId], from: Option<NodeId>, patience: Duration) {
    let nodes = absent(shared, nodes);
    if nodes.is_empty() {
        return;
    }
    let (reply, answer) = oneshot::channel();
    let need = Matter::Need { nodes, from, reply };
    // Of what neighbours say none waits behind all that is to be done for versions.
    let asked = match from {
        Some(_) => shared.versions.try_send(need).is_ok(),
        None => shared.versions.send(need).await.is_ok(),
    };
    // Whether they came is seen by whoever judges.
    if asked {
        tokio::time::timeout(patience, answer).await.map(drop).unwrap_or_default();
    }
}

/// The same without waiting: what is under way is tried again by itself.
pub(crate) fn know_soon(shared: &Shared, node: NodeId) {
    let nodes = absent(shared, &[node]);
    let (reply, _) = oneshot::channel();
    if !nodes.is_empty() && shared.versions.try_send(Matter::Need { nodes, from: None, reply }).is_err() {
        tracing::debug!(%node, "the file of a node is asked for later");
    }
}

/// Those of these nodes that are listed and whose files are not held.
pub(crate) fn absent(shared: &Shared, nodes: &[NodeId]) -> Vec<NodeId> {
    let directory = shared.directory();
    if directory.holds_all() {
        return Vec::new();
    }
    nodes.iter().copied().filter(|node| directory.is_absent(*node)).collect()
}

/// Whom it takes to judge an offer: its origin. The offerer is a neighbour, and where the rest of its way leads says the tree.
pub(crate) fn of_offer(offer: &Offer) -> [NodeId; 2] {
    [offer.origin.ledger.node, offer.custody.ledger.node]
}

/// About how many bytes an offer takes in memory.
pub(crate) fn bytes_of(offer: &Offer) -> usize {
    let body = if let BodyPlace::Inline(bytes) = &offer.body { bytes.len() } else { 0 };
    let slips = offer.slips.iter().map(|slip| slip.header.len() + slip.path.len() * 32 + 64).sum::<usize>();
    offer.header.len() + body + slips + bytes_of_proof(&offer.origin) + bytes_of_proof(&offer.custody)
}

/// About how many bytes proofs take in memory.
pub(crate) fn bytes_of_proof(bundle: &ProofBundle) -> usize {
    let entries = bundle.entries.iter();
    let entries =
        entries.map(|it| it.entry.len() + it.path.len() * 32 + it.attachment.len() + 64).sum::<usize>();
    bundle.checkpoint.len() + entries
}

/// Whom it takes to judge receipts: their maker, and whoever of its neighbours cosigned their checkpoint.
pub(crate) fn of_receipts(shared: &Shared, bundle: &ProofBundle) -> Vec<NodeId> {
    let (maker, directory) = (bundle.ledger.node, shared.directory());
    if directory.holds_all() {
        return Vec::new();
    }
    let signatures = SignedNote::parse(&bundle.checkpoint).map(|note| note.signatures).unwrap_or_default();
    let network = directory.network_of(maker);
    let witness = |name: &str| -> Option<NodeId> {
        name.strip_prefix(network)?.strip_prefix('/')?.strip_suffix("/witness")?.parse().ok()
    };
    let named: BTreeSet<NodeId> = signatures.iter().filter_map(|line| witness(&line.name)).collect();
    let cosigners = directory.neighbours(maker).into_iter().filter(|node| named.contains(node));
    std::iter::once(maker).chain(cosigners).collect()
}

/// Whom it takes to take what an office hands in and is not held: nodes of all recipients, those of groups among them.
pub(crate) fn unknown_recipients(shared: &Shared, submission: &Submission) -> BTreeSet<NodeId> {
    let directory = shared.directory();
    let groups = [&submission.groups.to[..], &submission.groups.cc[..]].concat();
    // Of too many none: the document is refused.
    directory.absent_of(submission.recipients(), &groups).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbour_has_its_share_of_what_waits_and_all_together_have_no_more_than_there_is() {
        let waiting = Waiting::default();
        let node = |at: usize| -> NodeId { format!("65{at:02}").parse().unwrap() };
        let whole = (WAITING_OF_ONE_KIB_MAX - 1) * 1024;
        let mut places = vec![waiting.place(node(1), whole).unwrap()];
        assert!(waiting.place(node(1), 0).is_none(), "it has its share");
        assert!(waiting.place(node(2), usize::MAX).is_none());
        places.extend((2..5).map(|at| waiting.place(node(at), whole).unwrap()));
        assert!(waiting.place(node(9), 0).is_none(), "nobody has any more");
        places.clear();
        assert!(waiting.place(node(1), whole).is_some());
    }
}
