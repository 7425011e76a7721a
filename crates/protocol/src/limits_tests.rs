//! Every limit inside a frame holds, when sending and when receiving, and not one step too early.

use crate::check::{check, check_body_head};
use crate::codec::{CodecError, FRAME_HEAD_BYTES, FrameHead, decode, encode, encode_body_head, write};
use crate::example::{bundle, offer};
use crate::frame::{
    Acknowledgement, BodyHead, BodyPlace, Cosign, Custody, DirectoryHeld, DirectoryPart, DirectoryWanted,
    DivisionFile, Frame, Hello, Kept, ListHeld, Offer, ProofBundle, Recall, ReceiptsHome, Rejection, Wanted,
};
use crate::kind::FrameKind;
use crate::limits::*;
use yizhan_document::Digest;

const HASH: Digest = Digest([7; 32]);

fn offer_with(change: impl FnOnce(&mut Offer)) -> Frame {
    let mut it = offer();
    change(&mut it);
    Frame::Offer(Box::new(it))
}

fn custody_with(change: impl FnOnce(&mut Custody)) -> Frame {
    let mut it =
        Custody { proof: bundle(), acknowledged: Vec::new(), consistent_from: 0, consistency: Vec::new() };
    change(&mut it);
    Frame::Custody(Box::new(it))
}

fn receipts_with(hops_left: u8, change: impl FnOnce(&mut ProofBundle)) -> Frame {
    let mut proof = bundle();
    change(&mut proof);
    Frame::ReceiptsHome(Box::new(ReceiptsHome { origin: "652301".parse().unwrap(), hops_left, proof }))
}

fn recall(hops_left: u8, attachment: usize) -> Frame {
    let mut proof = bundle();
    proof.entries[0].attachment = vec![0; attachment];
    Frame::Recall(Box::new(Recall { destination: "652301".parse().unwrap(), hops_left, proof }))
}

fn epoch_opened(entries: usize) -> Frame {
    let mut proof = bundle();
    proof.entries = vec![proof.entries[0].clone(); entries];
    Frame::EpochOpened(Box::new(proof))
}

fn kept(hops_left: u8, indexes: usize) -> Frame {
    let node = "652301".parse().unwrap();
    let ledger = "652301.0".parse().unwrap();
    Frame::Kept(Kept { maker: node, origin: node, hops_left, ledger, indexes: vec![0; indexes] })
}

fn hello(versions: usize, checkpoint: usize) -> Frame {
    Frame::Hello(Hello {
        versions: vec![1; versions],
        node: "652301".parse().unwrap(),
        ledger: "652301.0".parse().unwrap(),
        checkpoint: vec![0; checkpoint],
        witnessed: 0,
        directory: 0,
        clock_ms: 0,
        remembered: vec![0; checkpoint],
    })
}

fn rejection(reason: usize) -> Frame {
    let reason = "r".repeat(reason);
    Frame::Rejection(Box::new(Rejection { link: 0, envelope: HASH, reason, retry: false, proof: None }))
}

fn cosign(line: usize) -> Frame {
    let line = "l".repeat(line);
    Frame::Cosign(Cosign { ledger: "652301.0".parse().unwrap(), size: 0, root: HASH, line, again: false })
}

fn wanted(from_piece: u64) -> Frame {
    Frame::Wanted(Wanted { link: 0, envelope: HASH, from_piece })
}

fn directory_part(root: usize, ca: usize, files: usize, content: usize) -> Frame {
    let file = DivisionFile { node: "652301".parse().unwrap(), content: vec![0; content] };
    part((vec![0; root], 0, DIRECTORY_ROOT_BYTES_MAX as u32), vec![0; ca], vec![file; files])
}

fn part((root, root_from, root_bytes): (Vec<u8>, u32, u32), ca: Vec<u8>, files: Vec<DivisionFile>) -> Frame {
    let (version, delegated) = (1, 0);
    let part = DirectoryPart { version, delegated, root, root_from, root_bytes, ca, files };
    Frame::DirectoryPart(Box::new(part))
}

fn directory_held(lists: usize) -> Frame {
    let list = ListHeld { node: "6523".parse().unwrap(), version: u64::MAX, digest: HASH };
    Frame::DirectoryHeld(DirectoryHeld { version: 1, root: HASH, delegated: vec![list; lists] })
}

fn root_of(root_from: usize, root_bytes: usize) -> Frame {
    part((Vec::new(), root_from as u32, root_bytes as u32), Vec::new(), Vec::new())
}

/// Frames with one thing at its limit and `over` more of it.
fn at_their_limits(over: usize) -> Vec<Frame> {
    let hops = HOPS_MAX + over as u8;
    let acknowledgement = Acknowledgement { link: 0, index: 0 };
    let slip = offer().slips[0].clone();
    let entry = bundle().entries[0].clone();
    vec![
        epoch_opened(1 + over),
        hello(VERSIONS_MAX + over, 0),
        hello(1, CHECKPOINT_BYTES_MAX + over),
        offer_with(|it| it.header = vec![0; HEADER_BYTES_MAX + over]),
        offer_with(|it| it.slips = vec![slip; SLIPS_MAX + over]),
        offer_with(|it| it.slips[0].header = vec![0; SLIP_BYTES_MAX + over]),
        offer_with(|it| it.slips[0].path = vec![HASH; PROOF_PATH_MAX + over]),
        offer_with(|it| it.path = vec![it.path[0]; PATH_NODES_MAX + over]),
        offer_with(|it| it.body = BodyPlace::Inline(vec![0; INLINE_BODY_BYTES_MAX + over])),
        offer_with(|it| it.origin.checkpoint = vec![0; CHECKPOINT_BYTES_MAX + over]),
        offer_with(|it| it.custody.entries[0].entry = vec![0; ENTRY_BYTES_MAX + over]),
        wanted((PIECES_MAX + over) as u64),
        custody_with(|it| it.acknowledged = vec![acknowledgement; ACKNOWLEDGEMENTS_MAX + over]),
        custody_with(|it| it.consistency = vec![HASH; PROOF_PATH_MAX + over]),
        custody_with(|it| it.proof.entries = vec![entry; PROOF_ENTRIES_MAX + over]),
        rejection(REASON_BYTES_MAX + over),
        receipts_with(hops, |_| {}),
        receipts_with(1, |it| it.entries[0].attachment = vec![0; ATTACHMENT_BYTES_MAX + over]),
        receipts_with(1, |it| it.entries[0].path = vec![HASH; PROOF_PATH_MAX + over]),
        kept(hops, 1),
        kept(1, KEPT_INDEXES_MAX + over),
        cosign(COSIGN_LINE_BYTES_MAX + over),
        recall(hops, 0),
        recall(1, ATTACHMENT_BYTES_MAX + over),
        Frame::DirectoryWanted(DirectoryWanted {
            version: 1,
            delegated: 0,
            divisions: vec!["652301".parse().unwrap(); DIVISIONS_WANTED_MAX + over],
            root_from: 0,
        }),
        Frame::DirectoryWanted(DirectoryWanted {
            version: 1,
            delegated: 0,
            divisions: vec![],
            root_from: (DIRECTORY_ROOT_BYTES_MAX + over) as u32,
        }),
        directory_part(DIRECTORY_ROOT_PIECE_BYTES_MAX + over, 0, 1, 0),
        directory_held(DELEGATED_LISTS_MAX + over),
        root_of(0, DIRECTORY_ROOT_BYTES_MAX + over),
        root_of(7 + over, 7),
        directory_part(0, CA_BYTES_MAX + over, 1, 0),
        directory_part(0, 0, DIVISIONS_WANTED_MAX + over, 0),
        directory_part(0, 0, 1, DIVISION_BYTES_MAX + over),
    ]
}

#[test]
fn what_stands_exactly_at_a_limit_is_taken() {
    for (nth, frame) in at_their_limits(0).iter().enumerate() {
        let bytes = encode(frame).unwrap_or_else(|error| panic!("frame {nth}: {error}"));
        let (head, payload) = bytes.split_first_chunk::<FRAME_HEAD_BYTES>().unwrap();
        assert_eq!(&decode(&FrameHead::parse(head).unwrap(), payload).unwrap(), frame);
    }
}

#[test]
fn one_more_than_a_limit_is_neither_sent_nor_taken() {
    for (nth, frame) in at_their_limits(1).iter().enumerate() {
        let kind = FrameKind::of(frame);
        let breach = check(frame).unwrap_err();
        assert_eq!(breach.found, breach.limit + 1, "frame {nth}");
        assert_eq!(encode(frame), Err(CodecError::Outgoing { kind, breach }), "frame {nth}");
        assert!(!encode(frame).unwrap_err().neighbour_is_to_blame());
        // A neighbour without manners sends it all the same.
        let bytes = write(kind, frame).unwrap();
        let (head, payload) = bytes.split_first_chunk::<FRAME_HEAD_BYTES>().unwrap();
        let refused = decode(&FrameHead::parse(head).unwrap(), payload).unwrap_err();
        assert_eq!(refused, CodecError::Limit { kind, breach }, "frame {nth}");
        assert!(refused.neighbour_is_to_blame());
    }
}

#[test]
fn a_frame_whose_parts_are_within_limits_but_not_the_whole_is_not_sent() {
    let mut long = bundle().entries[0].clone();
    long.entry = vec![0; ENTRY_BYTES_MAX];
    let frame = receipts_with(1, |it| it.entries = vec![long; 64]);
    assert_eq!(check(&frame), Ok(()));
    let CodecError::Outgoing { breach, .. } = encode(&frame).unwrap_err() else {
        panic!("the neighbour was blamed")
    };
    assert_eq!(breach.limit, u64::from(RECEIPTS_HOME_BYTES_MAX));
}

#[test]
fn the_body_head_of_the_largest_body_is_sent_and_no_larger_one() {
    let head =
        |pieces, from_piece| BodyHead { link: 0, envelope: HASH, from_piece, pieces: vec![HASH; pieces] };
    assert!(encode_body_head(&head(PIECES_MAX, 0)).unwrap().len() <= BODY_HEAD_BYTES_MAX as usize);
    assert!(encode_body_head(&head(PIECES_MAX + 1, 0)).is_err());
    assert_eq!(check_body_head(&head(3, 3)), Ok(()));
    assert!(check_body_head(&head(3, 4)).is_err());
}
