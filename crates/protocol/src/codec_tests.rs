//! What the codec promises: one form for every frame, and nothing but an error for everything else.

use crate::codec::{
    CodecError, FRAME_HEAD_BYTES, FrameHead, decode, decode_body_head, encode, encode_body_head,
    encoded_bytes,
};
use crate::example::{any_body_head, any_frame, offer};
use crate::frame::{Frame, Wanted};
use crate::kind::FrameKind;
use proptest::prelude::*;
use yizhan_document::Digest;

const KINDS: [FrameKind; 14] = [
    FrameKind::Hello,
    FrameKind::Offer,
    FrameKind::Wanted,
    FrameKind::Custody,
    FrameKind::Rejection,
    FrameKind::ReceiptsHome,
    FrameKind::Kept,
    FrameKind::Cosign,
    FrameKind::Recall,
    FrameKind::DirectoryHeld,
    FrameKind::DirectoryWanted,
    FrameKind::DirectoryPart,
    FrameKind::EpochOpened,
    FrameKind::BodyHead,
];

fn parsed(bytes: &[u8]) -> (FrameHead, &[u8]) {
    let (head, payload) = bytes.split_first_chunk::<FRAME_HEAD_BYTES>().unwrap();
    (FrameHead::parse(head).unwrap(), payload)
}

/// A head that announces `payload` as it is.
fn head_for(kind: FrameKind, payload: &[u8]) -> Result<FrameHead, CodecError> {
    let [l0, l1, l2, l3] = (payload.len() as u32).to_be_bytes();
    FrameHead::parse(&[1, kind.number(), 0, 0, l0, l1, l2, l3])
}

#[test]
fn the_wire_form_is_pinned_byte_for_byte() {
    let envelope = Digest([0xab; 32]);
    let bytes = encode(&Frame::Wanted(Wanted { link: 0x0102, envelope, from_piece: 3 })).unwrap();
    let mut expected = vec![1, 2, 0, 0, 0, 0, 0, 52]; // version, kind, reserved, length
    expected.extend([0, 0, 0, 2]); // variant
    expected.extend([0, 0, 0, 0, 0, 0, 1, 2]);
    expected.extend([0xab; 32]);
    expected.extend([0, 0, 0, 0, 0, 0, 0, 3]);
    assert_eq!(bytes, expected);
}

#[test]
fn every_kind_has_its_own_number() {
    for kind in KINDS {
        assert_eq!(FrameKind::from_number(kind.number()), Some(kind));
    }
    let known = (0..=u8::MAX).filter(|number| FrameKind::from_number(*number).is_some()).count();
    assert_eq!(known, KINDS.len());
}

#[test]
fn a_wrong_head_is_refused_before_the_payload_is_read() {
    let limit = FrameKind::Offer.payload_bytes_max();
    let head = |version, kind, reserved, length: u32| {
        let [l0, l1, l2, l3] = length.to_be_bytes();
        FrameHead::parse(&[version, kind, 0, reserved, l0, l1, l2, l3])
    };
    assert_eq!(head(1, 1, 0, limit).unwrap().payload_bytes(), limit as usize);
    assert_eq!(head(2, 1, 0, 10), Err(CodecError::Version(2)));
    assert_eq!(head(1, 13, 0, 10), Err(CodecError::Kind(13)));
    assert_eq!(head(1, 1, 1, 10), Err(CodecError::Reserved));
    for kind in KINDS.into_iter().filter(|kind| *kind != FrameKind::BodyHead) {
        let limit = kind.payload_bytes_max();
        assert_eq!(
            head(1, kind.number(), 0, limit + 1),
            Err(CodecError::TooLong { kind, length: limit + 1, limit })
        );
    }
    assert!(head(1, 1, 0, u32::MAX).unwrap_err().neighbour_is_to_blame());
}

#[test]
fn a_body_head_and_a_frame_are_never_taken_for_each_other() {
    let number = FrameKind::BodyHead.number();
    assert_eq!(FrameHead::parse(&[1, number, 0, 0, 0, 0, 0, 9]), Err(CodecError::Kind(number)));
    assert_eq!(FrameHead::parse_body(&[1, 0, 0, 0, 0, 0, 0, 9]), Err(CodecError::Kind(0)));
    let body = FrameHead::parse_body(&[1, number, 0, 0, 0, 0, 0, 9]).unwrap();
    assert!(matches!(decode(&body, &[0; 9]), Err(CodecError::Malformed { .. })));
    let hello = FrameHead::parse(&[1, 0, 0, 0, 0, 0, 0, 9]).unwrap();
    assert_eq!(decode_body_head(&hello, &[0; 9]), Err(CodecError::Kind(0)));
}

#[test]
fn a_length_inside_the_payload_that_promises_too_much_is_refused() {
    let bytes = encode(&Frame::Offer(Box::new(offer()))).unwrap();
    let (head, payload) = parsed(&bytes);
    // Behind the variant and the link number stands the length of the header.
    let mut lying = payload.to_vec();
    for claim in [u64::MAX, 1 << 40, 1 << 22, 13] {
        lying[12..20].copy_from_slice(&claim.to_be_bytes());
        assert!(matches!(decode(&head, &lying), Err(CodecError::Malformed { .. })), "{claim} was believed");
    }
}

#[test]
fn a_payload_of_another_kind_than_its_head_says_is_refused() {
    let bytes = encode(&Frame::Offer(Box::new(offer()))).unwrap();
    let (_, payload) = parsed(&bytes);
    let custody = head_for(FrameKind::Custody, payload).unwrap();
    assert!(matches!(decode(&custody, payload), Err(CodecError::Malformed { kind: FrameKind::Custody, .. })));
}

proptest! {
    #[test]
    fn a_frame_reads_back_as_written(frame in any_frame()) {
        let bytes = encode(&frame).unwrap();
        let (head, payload) = parsed(&bytes);
        prop_assert_eq!(head.kind(), FrameKind::of(&frame));
        prop_assert_eq!(payload.len() as u64, encoded_bytes(&frame));
        prop_assert_eq!(decode(&head, payload).unwrap(), frame);
    }

    #[test]
    fn a_body_head_reads_back_as_written(body in any_body_head()) {
        let bytes = encode_body_head(&body).unwrap();
        let (head, payload) = bytes.split_first_chunk::<FRAME_HEAD_BYTES>().unwrap();
        let head = FrameHead::parse_body(head).unwrap();
        prop_assert_eq!(decode_body_head(&head, payload).unwrap(), body);
    }

    #[test]
    fn a_frame_cut_short_or_made_longer_is_refused(frame in any_frame(), cut in any::<prop::sample::Index>(), more in 1..9usize) {
        let bytes = encode(&frame).unwrap();
        let (head, payload) = parsed(&bytes);
        let short = &payload[..cut.index(payload.len())];
        let mut long = payload.to_vec();
        long.extend(std::iter::repeat_n(0, more));
        for wrong in [short, &long] {
            prop_assert!(matches!(decode(&head, wrong), Err(CodecError::Length { .. })), "the head did not bind the length");
            // And with a head that fits the wrong length, unless that length is over the limit already.
            if let Ok(fitting) = head_for(head.kind(), wrong) {
                let malformed = matches!(decode(&fitting, wrong), Err(CodecError::Malformed { .. }));
                prop_assert!(malformed, "a head that fits the wrong length made it pass");
            }
        }
    }

    #[test]
    fn a_changed_byte_gives_an_error_or_another_frame_in_canonical_form(frame in any_frame(), at in any::<prop::sample::Index>(), flip in 1..=255u8) {
        let bytes = encode(&frame).unwrap();
        let (head, payload) = parsed(&bytes);
        let mut changed = payload.to_vec();
        let at = at.index(changed.len());
        changed[at] ^= flip;
        if let Ok(other) = decode(&head, &changed) {
            prop_assert_ne!(&other, &frame);
            prop_assert_eq!(&encode(&other).unwrap()[FRAME_HEAD_BYTES..], &changed[..]);
        }
    }

    #[test]
    fn no_bytes_make_the_codec_panic(
        head in any::<[u8; FRAME_HEAD_BYTES]>(),
        mut payload in prop::collection::vec(any::<u8>(), 4..2000),
        kind in prop::sample::select(&KINDS[..]),
        zeros in 3..200usize,
    ) {
        if let (Ok(parsed), Ok(body)) = (FrameHead::parse(&head), FrameHead::parse_body(&head)) {
            prop_assert!(false, "taken both ways: {parsed:?}, {body:?}");
        }
        // Zeros are short lengths and valid tags, so that decoding gets deeper than by chance.
        let last = zeros.min(payload.len());
        payload[..last].fill(0);
        payload[3] = kind.number();
        let frame = head_for(kind, &payload).and_then(|head| decode(&head, &payload));
        if let Ok(frame) = frame {
            prop_assert_eq!(&encode(&frame).unwrap()[FRAME_HEAD_BYTES..], &payload[..]);
        }
        let [l0, l1, l2, l3] = (payload.len() as u32).to_be_bytes();
        let body = FrameHead::parse_body(&[1, FrameKind::BodyHead.number(), 0, 0, l0, l1, l2, l3]).unwrap();
        if let Ok(body) = decode_body_head(&body, &payload) {
            prop_assert_eq!(&encode_body_head(&body).unwrap()[FRAME_HEAD_BYTES..], &payload[..]);
        }
    }
}
