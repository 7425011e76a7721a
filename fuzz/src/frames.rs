//! Frames of neighbours: heads, every kind of payload, body heads, and what lies inside a hello and a proof.

use crate::text;
use yizhan_protocol::{
    Breach, CodecError, FRAME_HEAD_BYTES, FrameHead, WIRE_VERSION, check, decode, decode_body_head, encode,
    encode_body_head, encoded_bytes,
};

/// First byte: the kind; the rest is the payload, and once more a frame with its own head.
pub(crate) fn frames(data: &[u8]) -> bool {
    let raw = whole(data);
    let Some((kind, payload)) = data.split_first() else { return raw };
    // Version and length are put right, or nearly every input would end at the head.
    let mut head = [WIRE_VERSION, *kind, 0, 0, 0, 0, 0, 0];
    head[4..].copy_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes());
    whole(&[head.as_slice(), payload].concat()) || raw
}

fn whole(bytes: &[u8]) -> bool {
    let Some((head, payload)) = bytes.split_first_chunk::<FRAME_HEAD_BYTES>() else { return false };
    let body = FrameHead::parse_body(head).and_then(|head| decode_body_head(&head, payload));
    if let Ok(body) = &body {
        assert_eq!(
            encode_body_head(body).as_deref(),
            Ok(bytes),
            "a body head is written otherwise than it was read"
        );
    }
    let frame = FrameHead::parse(head).and_then(|head| decode(&head, payload));
    if let Ok(frame) = &frame {
        assert_eq!(encode(frame).as_deref(), Ok(bytes), "a frame is written otherwise than it was read");
        assert_eq!(encoded_bytes(frame), payload.len() as u64);
        assert_eq!(check(frame), Ok::<(), Breach>(()));
    }
    for error in [body.as_ref().err(), frame.as_ref().err()].into_iter().flatten() {
        assert!(error.neighbour_is_to_blame(), "{error}");
        assert!(!matches!(error, CodecError::Outgoing { .. }));
        assert!(text(error.to_string().as_bytes()).is_some());
    }
    body.is_ok() || frame.is_ok()
}
