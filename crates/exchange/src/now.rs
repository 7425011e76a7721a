//! The two times a node is given: what is signed and stored, and what is waited by.

use yizhan_document::WallTime;

/// The moment at which something is handled. `wall` is signed and stored and may be wrong; `uptime` only ever grows and
/// is forgotten at a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Wall-clock time.
    pub wall: WallTime,
    /// Milliseconds since the node started.
    pub uptime: u64,
}
