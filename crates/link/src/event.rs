//! What the links tell the node.

use crate::body_stream::BodyStream;
use std::fmt;
use std::net::SocketAddr;
use yizhan_document::NodeId;
use yizhan_protocol::{BodyHead, Frame, FrameKind, Hello};

/// What happened on the wire. Of one neighbour come: `Up`, then its frames, bodies and outcomes of bodies sent to it,
/// then `Down`, and so on; nothing of a connection follows its `Down`. As long as an event is not taken, no more is
/// read from the wire.
pub enum LinkEvent {
    /// The neighbour is up: both hellos were exchanged.
    Up {
        /// The neighbour.
        neighbour: NodeId,
        /// What it said.
        hello: Hello,
    },
    /// The neighbour is no longer up; whatever was queued for it or under way is lost.
    Down {
        /// The neighbour.
        neighbour: NodeId,
        /// Why, for the operator.
        reason: String,
    },
    /// The neighbour sent a frame; never a hello.
    Frame {
        /// The neighbour.
        neighbour: NodeId,
        /// The frame, within all limits.
        frame: Frame,
    },
    /// The neighbour sends a body.
    Body {
        /// The neighbour.
        neighbour: NodeId,
        /// What it is, within all limits.
        head: BodyHead,
        /// Its bytes from the first piece on. To drop it stops the neighbour.
        stream: BodyStream,
    },
    /// How [`crate::Links::send_body`] ended; exactly once for each that was taken, unless the links are closed before.
    BodySent {
        /// The neighbour.
        neighbour: NodeId,
        /// The offer, from the body's head.
        link: u64,
        /// Whether the neighbour's QUIC has all bytes. That it keeps them, only its `Custody` says.
        ok: bool,
    },
    /// A neighbour cannot be reached by dialling; told once for each new reason, the dialling goes on.
    Unreachable {
        /// The neighbour.
        neighbour: NodeId,
        /// Why, for the operator.
        reason: String,
    },
    /// Somebody called and was refused. Left out while the receiver of events is behind, so that strangers cannot
    /// hold up the neighbours.
    Refused {
        /// Whence the call came.
        remote: SocketAddr,
        /// Why, for the operator.
        reason: String,
    },
}

/// Kinds and numbers only: content belongs in no log.
impl fmt::Debug for LinkEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up { neighbour, .. } => write!(f, "Up({neighbour})"),
            Self::Down { neighbour, reason } => write!(f, "Down({neighbour}: {reason})"),
            Self::Frame { neighbour, frame } => write!(f, "Frame({neighbour}: {:?})", FrameKind::of(frame)),
            Self::Body { neighbour, head, .. } => write!(f, "Body({neighbour}: {})", head.link),
            Self::BodySent { neighbour, link, ok } => write!(f, "BodySent({neighbour}: {link}, {ok})"),
            Self::Unreachable { neighbour, reason } => write!(f, "Unreachable({neighbour}: {reason})"),
            Self::Refused { remote, reason } => write!(f, "Refused({remote}: {reason})"),
        }
    }
}
