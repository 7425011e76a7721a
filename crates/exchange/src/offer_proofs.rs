//! What the proofs that come with an offer must show: that its origin accepted this very envelope, and that whoever offers it
//! has custody of what it offers. That the entries are in their ledgers is checked before.

use crate::event::HeardEntry;
use yizhan_document::{Digest, LedgerId, NodeId};
use yizhan_envelope::Header;
use yizhan_ledger::{EntryRef, Event, Target};
use yizhan_planted::{Bug, on};

/// Whether the entries, of `ledger`, show the origin's `SubmissionAcceptance` of this very header (MUST-10).
pub fn proves_origin(header: &Header, digest: Digest, ledger: LedgerId, entries: &[HeardEntry]) -> bool {
    let accepts = |event: &Event| match event {
        Event::SubmissionAcceptance { id, envelope, to, deadline, urgency, .. } => {
            *id == header.id
                && (*envelope == digest || on(Bug::HeaderOfProofIgnored))
                && *deadline == header.deadline
                && *urgency == header.urgency
                && to.iter().eq(header.to.iter().map(|destination| &destination.node))
        }
        _ => false,
    };
    ledger == header.id.ledger() && entries.iter().any(|entry| accepts(&entry.event))
}

/// The offerer's own acceptance of all units it offers, on which the next one rests; none if the entries, of `ledger`, do not
/// show it (MUST-10). An origin may open further attempts for the destinations that it accepted.
pub fn proves_custody(
    header: &Header,
    digest: Digest,
    units: &[Target],
    offerer: NodeId,
    ledger: LedgerId,
    entries: &[HeardEntry],
) -> Option<EntryRef> {
    let covers = |event: &Event| match event {
        Event::RelayAcceptance { id, envelope, units: held, .. } => {
            *id == header.id && *envelope == digest && units.iter().all(|unit| held.contains(unit))
        }
        Event::SubmissionAcceptance { id, envelope, to, .. } => {
            *id == header.id
                && *envelope == digest
                && id.origin == offerer
                && units.iter().all(|unit| to.binary_search(&unit.node).is_ok())
        }
        _ => false,
    };
    let mut entries = entries.iter().filter(|_| ledger.node == offerer);
    entries.find(|entry| covers(&entry.event)).map(|entry| entry.at)
}
