//! Wire: QUIC between neighbours. Who is up, frames in order, bodies on streams of their own.
//!
//! One [`Links`] holds the node's UDP socket and, for each neighbour, at the most one connection: mutual TLS 1.3 under
//! the network's own authority, no resumption, no 0-RTT. The node at either end is the one its certificate names. On a
//! connection there is one bidirectional control stream, opened by the dialler, with frames both ways in order; each
//! large body has a unidirectional stream of its own, which control frames overtake.
//!
//! A neighbour is up only after each side has read the other's hello: that QUIC's `connect` succeeded proves nothing,
//! the other side may not have judged our certificate yet. What was queued or under way when a connection ends is lost
//! with it; the rules of the node offer it anew. Content is never logged.
//!
//! Per neighbour there is one task that owns its connection, with a bounded queue, so that a frozen neighbour costs its
//! queue and no more. Not here: who the neighbours are, what frames mean, journal and clock.

mod accept;
mod backoff;
mod body_queue;
mod body_sender;
mod body_stream;
mod closing;
mod config;
mod control;
mod dial;
mod event;
mod foreign;
mod handshake;
pub mod limits;
mod links;
mod lobby;
mod neighbour;
mod outbox;
mod shared;
mod tls;
mod transport;
mod turns;

pub use body_stream::BodyStream;
pub use config::{ForeignNetwork, LinkConfig, LinkError, LinkTiming, NeighbourConfig, WallClock};
pub use event::LinkEvent;
pub use links::{HelloSource, Links};
pub use outbox::SendError;
