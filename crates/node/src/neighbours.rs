//! From the wire to the rules: every frame is checked on a worker before the event loop sees it.

use crate::body_intake::receive_body;
use crate::input::Input;
use crate::knowing;
use crate::offers::check_offer;
use crate::receipts::may_be_cosigned;
use crate::shared::Shared;
use crate::versions::Matter;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use yizhan_document::{Digest, NodeId, WallTime};
use yizhan_exchange::HeardEntry;
use yizhan_exchange::limits::CLOCK_AGREEMENT_MS;
use yizhan_link::LinkEvent;
use yizhan_protocol::{BodyPlace, Custody, Frame, Offer, ProofBundle};

/// Frames being checked at once, at the most; the wire waits while so many are.
const CHECKS_MAX: usize = 64;
/// Frames that one worker checks in a row, at the most: handing work over costs as much as some of the work.
const CHECKS_IN_A_ROW_MAX: usize = 16;

/// The body of a frame that is checked where it came, in bytes, at the most: hashing it takes some 50 microseconds.
const LIGHT_BYTES: usize = 64 * 1024;
/// Slips and entries of such a frame, at the most.
const LIGHT_ENTRIES: usize = 16;

/// Takes link events until the links are closed.
pub(crate) async fn listen(shared: Arc<Shared>, mut events: mpsc::Receiver<LinkEvent>) {
    let checks = Arc::new(Semaphore::new(CHECKS_MAX));
    let mut lanes = Lanes::default();
    let mut row = Vec::new();
    while events.recv_many(&mut row, CHECKS_MAX).await > 0 {
        let mut offers = Vec::new();
        for event in row.drain(..) {
            match event {
                LinkEvent::Frame { neighbour, frame: Frame::Offer(offer) } => {
                    offers.push((neighbour, *offer));
                    if offers.len() == CHECKS_IN_A_ROW_MAX {
                        check_offers(&shared, &checks, std::mem::take(&mut offers)).await;
                    }
                }
                other => take_event(&shared, &checks, &mut lanes, other).await,
            }
        }
        check_offers(&shared, &checks, offers).await;
    }
}

async fn take_event(shared: &Arc<Shared>, checks: &Arc<Semaphore>, lanes: &mut Lanes, event: LinkEvent) {
    match event {
        LinkEvent::Up { neighbour, hello } => {
            tracing::info!(%neighbour, "neighbour is up");
            let (ours, theirs) = (shared.clock.wall(), WallTime::from_ms(hello.clock_ms));
            if ours.as_ms().abs_diff(theirs.as_ms()) > CLOCK_AGREEMENT_MS {
                tracing::warn!(%neighbour, %ours, %theirs, "the clocks differ: the wrong one has to be set, by NTP or by hand");
            }
            about_versions(shared, Matter::Up { neighbour });
            give(shared, Input::Up { neighbour, hello }).await;
        }
        LinkEvent::Down { neighbour, reason } => {
            tracing::info!(%neighbour, reason, "neighbour is gone");
            lanes.close(neighbour);
            about_versions(shared, Matter::Down { neighbour });
            give(shared, Input::Down { neighbour }).await;
        }
        LinkEvent::Frame { neighbour, frame } => take_frame(shared, checks, lanes, neighbour, frame).await,
        LinkEvent::Body { neighbour, head, stream } => {
            tokio::spawn(receive_body(Arc::clone(shared), neighbour, head, stream));
        }
        LinkEvent::BodySent { neighbour, link, ok } => {
            tracing::debug!(%neighbour, link, ok, "a body was sent");
        }
        LinkEvent::Unreachable { neighbour, reason } => {
            tracing::info!(%neighbour, reason, "neighbour cannot be reached; it is tried again");
        }
        LinkEvent::Refused { remote, reason } => {
            tracing::warn!(%remote, reason, "a connection was refused");
        }
    }
}

/// Checks offers one after the other on one worker; the loop gets them together.
async fn check_offers(shared: &Arc<Shared>, checks: &Arc<Semaphore>, offers: Vec<(NodeId, Offer)>) {
    for (neighbour, offer) in &offers {
        if let BodyPlace::Inline(bytes) = &offer.body {
            shared.traffic.received(*neighbour, bytes.len() as u64);
        }
    }
    let unknown =
        |(_, offer): &(NodeId, Offer)| !knowing::absent(shared, &knowing::of_offer(offer)).is_empty();
    let (unknown, mut checked): (Vec<_>, Vec<_>) = match shared.directory().holds_all() {
        true => (Vec::new(), offers),
        false => offers.into_iter().partition(unknown),
    };
    // Those of origins that are not known wait by themselves, each in a place of its own: nobody else waits behind them.
    for (neighbour, offer) in unknown {
        let Some(place) = shared.waiting.place(neighbour, knowing::bytes_of(&offer)) else {
            // It is told to come again, as it stands in its row: whatever was read and has no place stops the reading.
            checked.push((neighbour, offer));
            continue;
        };
        let (shared, checks) = (Arc::clone(shared), Arc::clone(checks));
        tokio::spawn(async move {
            let nodes = knowing::of_offer(&offer);
            knowing::know(&shared, &nodes, Some(neighbour), knowing::FRAME_PATIENCE).await;
            check_in_a_row(&shared, &checks, vec![(neighbour, offer)]).await;
            drop(place);
        });
    }
    check_in_a_row(shared, checks, checked).await;
}

async fn check_in_a_row(shared: &Arc<Shared>, checks: &Arc<Semaphore>, offers: Vec<(NodeId, Offer)>) {
    match offers.as_slice() {
        [] => {}
        [(_, offer)] if is_light(offer) => {
            let checked = offers.into_iter().map(|offer| checked(shared, offer)).collect();
            give(shared, Input::Many(checked)).await;
        }
        _ => {
            check(shared, checks, offers.len(), move |shared| {
                Some(Input::Many(offers.into_iter().map(|offer| checked(shared, offer)).collect()))
            })
            .await;
        }
    }
}

/// Whether an offer that came alone is checked where it came: to wake a worker for it takes longer.
fn is_light(offer: &Offer) -> bool {
    let body = if let BodyPlace::Inline(bytes) = &offer.body { bytes.len() } else { 0 };
    let entries = offer.custody.entries.len() + offer.origin.entries.len();
    body <= LIGHT_BYTES && offer.slips.len() + entries <= LIGHT_ENTRIES
}

fn checked(shared: &Shared, (neighbour, offer): (NodeId, Offer)) -> Input {
    let (link, envelope) = (offer.link, Digest::of(&offer.header));
    let shown = (offer.custody.ledger, offer.custody.checkpoint.clone());
    let checked = check_offer(&shared.by().proofs, neighbour, offer).map(Box::new);
    if checked.is_ok() {
        shared.remember(neighbour, shown.0, &shown.1);
    }
    Input::Offer { neighbour, link, envelope, checked }
}

async fn take_frame(
    shared: &Arc<Shared>,
    checks: &Arc<Semaphore>,
    lanes: &mut Lanes,
    neighbour: NodeId,
    frame: Frame,
) {
    match frame {
        // The link has taken the hello of this connection; a second one says nothing new.
        Frame::Hello(_) => {}
        Frame::Wanted(wanted) => give(shared, Input::Wanted { neighbour, wanted }).await,
        Frame::Rejection(rejection) => give(shared, Input::Rejected { neighbour, rejection }).await,
        Frame::Kept(kept) => give(shared, Input::Kept { neighbour, kept }).await,
        Frame::Cosign(cosign) => give(shared, Input::Cosigned { neighbour, cosign }).await,
        Frame::DirectoryHeld(held) => about_versions(shared, Matter::Held { neighbour, held }),
        Frame::DirectoryWanted(wanted) => about_versions(shared, Matter::Wanted { neighbour, wanted }),
        Frame::DirectoryPart(part) => about_versions(shared, Matter::Part { neighbour, part }),
        Frame::Offer(offer) => check_offers(shared, checks, vec![(neighbour, *offer)]).await,
        // Each head of a ledger is proven from the one before it, so these are checked in order.
        Frame::Custody(custody) => lanes.take(shared, neighbour, Shown::Head(custody)).await,
        // It comes before the first head of that epoch, and has to be known then.
        Frame::EpochOpened(bundle) if knowing::absent(shared, &[bundle.ledger.node]).is_empty() => {
            lanes.take(shared, neighbour, Shown::Epoch(bundle)).await;
        }
        // Of a node that is not even known, and so is no neighbour.
        Frame::EpochOpened(bundle) => {
            let (nodes, said) = (vec![bundle.ledger.node], (neighbour, knowing::bytes_of_proof(&bundle)));
            check_once_known(shared, checks, said, nodes, move |shared| {
                let opened = crate::epochs::heard(shared, neighbour, *bundle)?;
                Some(Input::EpochOpened { neighbour, opened })
            })
            .await;
        }
        Frame::Recall(frame) if frame.destination == shared.me() => {
            let (nodes, said) =
                (vec![frame.proof.ledger.node], (neighbour, knowing::bytes_of_proof(&frame.proof)));
            check_once_known(shared, checks, said, nodes, move |shared| {
                let heard = crate::recalling::heard(shared, neighbour, &frame)?;
                Some(Input::Recall { neighbour, frame, heard: Some(heard) })
            })
            .await;
        }
        Frame::Recall(frame) => give(shared, Input::Recall { neighbour, frame, heard: None }).await,
        Frame::ReceiptsHome(mut frame) if frame.origin == shared.me() => {
            let nodes = knowing::of_receipts(shared, &frame.proof);
            let said = (neighbour, knowing::bytes_of_proof(&frame.proof));
            check_once_known(shared, checks, said, nodes, move |shared| match shared.by().proofs.entries(&frame.proof) {
                Ok(entries) => {
                    let entries = with_statements(shared, neighbour, &mut frame.proof, entries);
                    let witnessed = may_be_cosigned(shared, &frame.proof);
                    (!entries.is_empty()).then_some(Input::Receipts { neighbour, frame, entries, witnessed })
                }
                Err(error) => {
                    tracing::warn!(%neighbour, maker = %frame.proof.ledger, %error, "receipts are not believed");
                    None
                }
            })
            .await;
        }
        Frame::ReceiptsHome(frame) => {
            let input = Input::Receipts { neighbour, frame, entries: Vec::new(), witnessed: false };
            give(shared, input).await
        }
    }
}

/// What an office did counts at its origin only together with what the office said (MUST-22). A receipt without it is left
/// out and not confirmed, so that its maker sends it again, whoever on the way lost the statement.
fn with_statements(
    shared: &Shared,
    neighbour: NodeId,
    bundle: &mut ProofBundle,
    entries: Vec<HeardEntry>,
) -> Vec<HeardEntry> {
    let whole = entries.into_iter().zip(std::mem::take(&mut bundle.entries)).filter(|(entry, proven)| {
        let said = entry.event.statement();
        let whole = said.is_none_or(|said| crate::receipts::is_statement(shared, &proven.attachment, said));
        if !whole {
            tracing::warn!(%neighbour, maker = %entry.at.ledger, index = entry.at.index, "a receipt came without the office's statement");
        }
        whole
    });
    let (entries, proven) = whole.unzip();
    bundle.entries = proven;
    entries
}

/// What a neighbour shows of ledgers, each resting on what it showed before.
enum Shown {
    /// The newest head of its own, with acknowledgements.
    Head(Box<Custody>),
    /// The beginning of an epoch.
    Epoch(Box<ProofBundle>),
}

/// Acknowledgements on their way through a worker, one neighbour's in the order in which they came.
#[derive(Default)]
struct Lanes {
    open: HashMap<NodeId, mpsc::Sender<Shown>>,
}

impl Lanes {
    async fn take(&mut self, shared: &Arc<Shared>, neighbour: NodeId, shown: Shown) {
        let lane = self.open.entry(neighbour).or_insert_with(|| {
            let (lane, waiting) = mpsc::channel(CHECKS_MAX);
            tokio::spawn(work_through(Arc::clone(shared), neighbour, waiting));
            lane
        });
        // The lane ends only with the node, which then needs no acknowledgement any more.
        lane.send(shown).await.unwrap_or_default();
    }

    /// What was under way on a connection is lost with it.
    fn close(&mut self, neighbour: NodeId) {
        self.open.remove(&neighbour);
    }
}

async fn work_through(shared: Arc<Shared>, neighbour: NodeId, mut waiting: mpsc::Receiver<Shown>) {
    while let Some(shown) = waiting.recv().await {
        let checking = match &shown {
            Shown::Head(custody) if custody.proof.entries.len() <= LIGHT_ENTRIES => {
                Ok(judged(&shared, neighbour, shown))
            }
            _ => {
                let worker = Arc::clone(&shared);
                tokio::task::spawn_blocking(move || judged(&worker, neighbour, shown)).await
            }
        };
        match checking {
            Ok(Some(input)) => give(&shared, input).await,
            Ok(None) => {}
            Err(fault) => {
                tracing::error!(%neighbour, %fault, "a worker failed; the neighbour will be asked again")
            }
        }
    }
}

fn judged(shared: &Shared, neighbour: NodeId, shown: Shown) -> Option<Input> {
    match shown {
        Shown::Head(custody) => {
            let entries = shared.by().proofs.entries(&custody.proof);
            Some(Input::Custody { neighbour, custody, entries })
        }
        Shown::Epoch(bundle) => {
            let opened = crate::epochs::heard(shared, neighbour, *bundle)?;
            Some(Input::EpochOpened { neighbour, opened })
        }
    }
}

/// Checks a frame once these nodes are known, or have not come in time: then it is not believed, and its maker sends it again.
async fn check_once_known(
    shared: &Arc<Shared>,
    checks: &Arc<Semaphore>,
    (neighbour, bytes): (NodeId, usize),
    nodes: Vec<NodeId>,
    work: impl FnOnce(&Shared) -> Option<Input> + Send + 'static,
) {
    if knowing::absent(shared, &nodes).is_empty() {
        return check(shared, checks, 1, work).await;
    }
    let Some(place) = shared.waiting.place(neighbour, bytes) else {
        tracing::debug!(%neighbour, "something of a node that is not known is left aside; it comes again");
        return;
    };
    let (shared, checks) = (Arc::clone(shared), Arc::clone(checks));
    tokio::spawn(async move {
        knowing::know(&shared, &nodes, Some(neighbour), knowing::FRAME_PATIENCE).await;
        check(&shared, &checks, 1, work).await;
        drop(place);
    });
}

async fn check(
    shared: &Arc<Shared>,
    checks: &Arc<Semaphore>,
    frames: usize,
    work: impl FnOnce(&Shared) -> Option<Input> + Send + 'static,
) {
    // The semaphore is never closed.
    let frames = u32::try_from(frames.min(CHECKS_MAX)).unwrap_or(1);
    let Ok(permit) = Arc::clone(checks).acquire_many_owned(frames).await else { return };
    let shared = Arc::clone(shared);
    tokio::task::spawn_blocking(move || {
        if let Some(input) = work(&shared) {
            shared.inputs.blocking_send(input).unwrap_or_default();
        }
        drop(permit);
    });
}

/// Hands something to the task that takes new versions of the directory. While that has more to do than it can, neighbours say
/// it again; documents do not wait behind it.
fn about_versions(shared: &Shared, matter: Matter) {
    if shared.versions.try_send(matter).is_err() {
        tracing::debug!("what a neighbour says of its directory is left out now");
    }
}

/// Hands something to the event loop; once that has ended, nobody needs it.
async fn give(shared: &Shared, input: Input) {
    shared.inputs.send(input).await.unwrap_or_default();
}

#[cfg(test)]
#[path = "neighbours_tests.rs"]
mod tests;
