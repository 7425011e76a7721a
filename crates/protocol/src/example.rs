//! Frames for tests: any there may be within moderate sizes.

use crate::frame::{
    Acknowledgement, BodyHead, BodyPlace, Cosign, Custody, DirectoryHeld, DirectoryPart, DirectoryWanted,
    DivisionFile, Frame, Hello, Kept, ListHeld, Offer, OfferedSlip, ProofBundle, ProvenEntry, Recall,
    ReceiptsHome, Rejection, Wanted,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use yizhan_document::{Digest, LedgerId, NodeId};

pub(crate) fn any_frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        any_hello().prop_map(Frame::Hello),
        any_offer().prop_map(|offer| Frame::Offer(Box::new(offer))),
        any_wanted().prop_map(Frame::Wanted),
        any_custody().prop_map(|custody| Frame::Custody(Box::new(custody))),
        any_rejection().prop_map(|rejection| Frame::Rejection(Box::new(rejection))),
        any_receipts_home().prop_map(|receipts| Frame::ReceiptsHome(Box::new(receipts))),
        any_kept().prop_map(Frame::Kept),
        (any_ledger(), any::<u64>(), any_digest(), ".{0,80}", any::<bool>()).prop_map(
            |(ledger, size, root, line, again)| Frame::Cosign(Cosign { ledger, size, root, line, again })
        ),
        (any_node(), 0..=crate::limits::HOPS_MAX, any_bundle()).prop_map(
            |(destination, hops_left, proof)| {
                Frame::Recall(Box::new(Recall { destination, hops_left, proof }))
            }
        ),
        (any::<u64>(), any_digest(), vec((any_node(), any::<u64>(), any_digest()), 0..4)).prop_map(
            |(version, root, lists)| {
                let list = |(node, version, digest)| ListHeld { node, version, digest };
                let delegated = lists.into_iter().map(list).collect();
                Frame::DirectoryHeld(DirectoryHeld { version, root, delegated })
            }
        ),
        (any::<u64>(), vec(any_node(), 0..9), 0..9_u32).prop_map(|(version, divisions, root_from)| {
            Frame::DirectoryWanted(DirectoryWanted { version, delegated: 5, divisions, root_from })
        }),
        (any::<u64>(), any_bytes(), any_bytes(), vec((any_node(), any_bytes()), 0..4)).prop_map(
            |(version, root, ca, files)| {
                let files = files.into_iter().map(|(node, content)| DivisionFile { node, content }).collect();
                let (root_from, root_bytes) = (3, 1000);
                let part = DirectoryPart { version, delegated: 5, root, root_from, root_bytes, ca, files };
                Frame::DirectoryPart(Box::new(part))
            }
        ),
        any_bundle().prop_map(|mut bundle| {
            bundle.entries.truncate(1);
            Frame::EpochOpened(Box::new(bundle))
        }),
    ]
}

pub(crate) fn any_body_head() -> impl Strategy<Value = BodyHead> {
    (any::<u64>(), any_digest(), vec(any_digest(), 0..9), any::<prop::sample::Index>()).prop_map(
        |(link, envelope, pieces, from)| BodyHead {
            link,
            envelope,
            from_piece: from.index(pieces.len() + 1) as u64,
            pieces,
        },
    )
}

/// A bundle of one short entry.
pub(crate) fn bundle() -> ProofBundle {
    ProofBundle {
        ledger: "652301.0".parse().unwrap(),
        checkpoint: b"checkpoint".to_vec(),
        entries: vec![ProvenEntry {
            index: 7,
            entry: b"{}".to_vec(),
            path: vec![Digest::of(b"sibling")],
            attachment: Vec::new(),
        }],
    }
}

/// An offer with one slip and a short inline body.
pub(crate) fn offer() -> Offer {
    Offer {
        link: 1,
        header: b"{\"header\":1}".to_vec(),
        slips: vec![OfferedSlip {
            index: 0,
            attempt: 0,
            header: vec![b's'; 168],
            path: vec![Digest::of(b"s")],
        }],
        origin: bundle(),
        custody: bundle(),
        path: vec!["652301".parse().unwrap()],
        body: BodyPlace::Inline(vec![1, 2, 3]),
    }
}

fn any_hello() -> impl Strategy<Value = Hello> {
    let notes = (any_bytes(), any_bytes());
    (vec(any::<u16>(), 0..5), any_node(), any_ledger(), notes, any::<(u64, u64, u64)>()).prop_map(
        |(versions, node, ledger, (checkpoint, remembered), (witnessed, directory, clock_ms))| Hello {
            versions,
            node,
            ledger,
            checkpoint,
            witnessed,
            directory,
            clock_ms,
            remembered,
        },
    )
}

fn any_offer() -> impl Strategy<Value = Offer> {
    let slip = (any::<(u32, u16)>(), any_bytes(), vec(any_digest(), 0..4))
        .prop_map(|((index, attempt), header, path)| OfferedSlip { index, attempt, header, path });
    let body = prop_oneof![any_bytes().prop_map(BodyPlace::Inline), Just(BodyPlace::Stream)];
    (any::<u64>(), any_bytes(), vec(slip, 0..4), any_bundle(), any_bundle(), vec(any_node(), 0..5), body)
        .prop_map(|(link, header, slips, origin, custody, path, body)| Offer {
            link,
            header,
            slips,
            origin,
            custody,
            path,
            body,
        })
}

fn any_wanted() -> impl Strategy<Value = Wanted> {
    (any::<u64>(), any_digest(), 0..=crate::limits::PIECES_MAX as u64)
        .prop_map(|(link, envelope, from_piece)| Wanted { link, envelope, from_piece })
}

fn any_custody() -> impl Strategy<Value = Custody> {
    let acknowledgement = any::<(u64, u64)>().prop_map(|(link, index)| Acknowledgement { link, index });
    (any_bundle(), vec(acknowledgement, 0..5), any::<u64>(), vec(any_digest(), 0..5)).prop_map(
        |(proof, acknowledged, consistent_from, consistency)| Custody {
            proof,
            acknowledged,
            consistent_from,
            consistency,
        },
    )
}

fn any_rejection() -> impl Strategy<Value = Rejection> {
    (any::<(u64, bool)>(), any_digest(), ".{0,40}", option::of(any_bundle())).prop_map(
        |((link, retry), envelope, reason, proof)| Rejection { link, envelope, reason, retry, proof },
    )
}

fn any_receipts_home() -> impl Strategy<Value = ReceiptsHome> {
    (any_node(), 0..=crate::limits::HOPS_MAX, any_bundle())
        .prop_map(|(origin, hops_left, proof)| ReceiptsHome { origin, hops_left, proof })
}

fn any_kept() -> impl Strategy<Value = Kept> {
    (any_node(), any_node(), 0..=crate::limits::HOPS_MAX, any_ledger(), vec(any::<u64>(), 0..9)).prop_map(
        |(maker, origin, hops_left, ledger, indexes)| Kept { maker, origin, hops_left, ledger, indexes },
    )
}

fn any_bundle() -> impl Strategy<Value = ProofBundle> {
    let entry = (any::<u64>(), any_bytes(), vec(any_digest(), 0..4), any_bytes())
        .prop_map(|(index, entry, path, attachment)| ProvenEntry { index, entry, path, attachment });
    (any_ledger(), any_bytes(), vec(entry, 0..4)).prop_map(|(ledger, checkpoint, entries)| ProofBundle {
        ledger,
        checkpoint,
        entries,
    })
}

fn any_ledger() -> impl Strategy<Value = LedgerId> {
    (any_node(), any::<u32>()).prop_map(|(node, epoch)| LedgerId { node, epoch })
}

fn any_node() -> impl Strategy<Value = NodeId> {
    "[1-9][0-9]{1,11}".prop_map(|text| text.parse().unwrap())
}

fn any_digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}
