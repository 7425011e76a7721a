//! What became of a document, told from entries: live, as events; later, as a track and as receipts to take away.

use crate::feed::Feed;
use crate::stage::Said;
use std::collections::BTreeMap;
use yizhan_desk::{DestinationTrack, NodeEvent, RecallState, Stage, Track, TrackReceipt};
use yizhan_document::{Attempt, EnvelopeId, LedgerId, NodeId};
use yizhan_ledger::{Entry, Event};

/// A receipt about a document, own or received.
pub(crate) struct KnownReceipt {
    /// The ledger.
    pub(crate) ledger: LedgerId,
    /// The index.
    pub(crate) index: u64,
    /// What it says.
    pub(crate) entry: Entry,
    /// Whether its checkpoint is cosigned.
    pub(crate) witnessed: bool,
}

/// Tells offices what entries of `node` say.
pub(crate) fn tell(feed: &Feed, node: NodeId, said: &[Said]) {
    feed.add(said.iter().filter_map(|said| {
        let Said { time, envelope, kind, unit, .. } = *said;
        let kind = kind.to_owned();
        Some(NodeEvent { sequence: 0, time, envelope: envelope?, kind, node, unit })
    }));
}

/// The track of a document from all receipts about it; none without its `SubmissionAcceptance`.
pub(crate) fn track(id: EnvelopeId, receipts: &[KnownReceipt]) -> Option<Track> {
    let submission = receipts.iter().find_map(|receipt| match &receipt.entry.event {
        Event::SubmissionAcceptance { id: of, to, urgency, deadline, .. } if *of == id => {
            Some((receipt.entry.time, to, *urgency, *deadline))
        }
        _ => None,
    });
    let (submitted, to, urgency, deadline) = submission?;
    let accepted = |node: &NodeId| DestinationTrack {
        node: *node,
        state: Stage::Accepted,
        where_now: id.origin,
        since: submitted,
        attempt: 0,
        recall: None,
    };
    let mut destinations: BTreeMap<NodeId, DestinationTrack> =
        to.iter().map(|node| (*node, accepted(node))).collect();
    let mut ordered: Vec<&KnownReceipt> = receipts.iter().collect();
    ordered.sort_by_key(|receipt| depth(receipt, receipts));
    for receipt in &ordered {
        advance(&mut destinations, receipt);
    }
    let mut lines: Vec<TrackReceipt> = receipts.iter().map(line).collect();
    lines.sort_by_key(|line| (line.time, line.ledger, line.index));
    Some(Track {
        id,
        submitted,
        urgency,
        deadline,
        destinations: destinations.into_values().collect(),
        receipts: lines,
    })
}

/// How many receipts a receipt rests on: the order of custody, whatever the clocks say.
fn depth(receipt: &KnownReceipt, all: &[KnownReceipt]) -> usize {
    let mut depth = 0;
    let mut next = receipt.entry.event.rests_on();
    while let Some(below) = next {
        depth += 1;
        if depth > all.len() {
            break;
        }
        let found = all.iter().find(|known| known.ledger == below.ledger && known.index == below.index);
        next = found.and_then(|known| known.entry.event.rests_on());
    }
    depth
}

fn advance(destinations: &mut BTreeMap<NodeId, DestinationTrack>, receipt: &KnownReceipt) {
    let (node, time) = (receipt.ledger.node, receipt.entry.time);
    let mut set = |to: &NodeId, attempt: Attempt, stage: Stage| {
        let Some(track) = destinations.get_mut(to) else { return };
        let stale = attempt < track.attempt && !matches!(stage, Stage::Delivered);
        // Custody of what was recalled goes on to where it is shown to nobody.
        let over = track.state == Stage::Recalled;
        if !stale && !over && (rank(stage) >= rank(track.state) || attempt > track.attempt) {
            let recall = track.recall;
            *track =
                DestinationTrack { node: *to, state: stage, where_now: node, since: time, attempt, recall };
        }
    };
    match &receipt.entry.event {
        Event::RelayAcceptance { units, .. } => {
            units.iter().for_each(|unit| set(&unit.node, unit.attempt, Stage::AtNode));
        }
        Event::RelayFailure { units, .. } => {
            units.iter().for_each(|unit| set(&unit.node, unit.attempt, Stage::Accepted));
        }
        Event::AcceptanceRejectionExpiry { units, .. } => {
            units.iter().for_each(|unit| set(&unit.node, unit.attempt, Stage::Expired));
        }
        Event::ContentConsignment { attempt, .. } => set(&node, *attempt, Stage::Delivered),
        Event::ContentConsignmentFailure { attempt, .. } => set(&node, *attempt, Stage::Failed),
        Event::ContentHandover(event) => set(&node, event.attempt, Stage::HandedOver),
        Event::SignedFor(event) => set(&node, event.attempt, Stage::SignedFor),
        Event::Refused(event) => set(&node, event.attempt, Stage::Refused),
        Event::Returned(event) => set(&node, event.attempt, Stage::Returned),
        Event::RecallRequested(_) => {
            let open = destinations.values_mut().filter(|track| track.recall.is_none());
            open.for_each(|track| track.recall = Some(RecallState::Requested));
        }
        Event::Recalled(answer) => {
            for track in destinations.values_mut().filter(|track| answer.to.contains(&track.node)) {
                (track.state, track.recall) = (Stage::Recalled, Some(RecallState::Recalled));
                (track.where_now, track.since) = (node, time);
            }
        }
        Event::RecallDenied(_) => {
            if let Some(track) = destinations.get_mut(&node) {
                track.recall = Some(RecallState::Denied);
            }
        }
        Event::EpochOpened { .. }
        | Event::SubmissionAcceptance { .. }
        | Event::RelayRejection { .. }
        | Event::CustodyPassed { .. } => {}
    }
}

/// Later stages are never overwritten by earlier ones that arrive late.
fn rank(stage: Stage) -> u8 {
    match stage {
        Stage::Accepted => 0,
        Stage::AtNode => 1,
        Stage::Failed | Stage::Expired => 2,
        Stage::Delivered => 3,
        Stage::HandedOver => 4,
        Stage::SignedFor | Stage::Refused => 5,
        Stage::Returned => 6,
        Stage::Recalled => 7,
    }
}

fn line(receipt: &KnownReceipt) -> TrackReceipt {
    let note = match &receipt.entry.event {
        Event::RelayRejection { reason, .. }
        | Event::RelayFailure { reason, .. }
        | Event::ContentConsignmentFailure { reason, .. } => reason.clone(),
        Event::RelayAcceptance { from, link, .. } => format!("from {from}, link {link}"),
        _ => String::new(),
    };
    TrackReceipt {
        kind: receipt.entry.event.kind().to_owned(),
        ledger: receipt.ledger,
        index: receipt.index,
        time: receipt.entry.time,
        node: receipt.ledger.node,
        witnessed: receipt.witnessed,
        note,
    }
}
