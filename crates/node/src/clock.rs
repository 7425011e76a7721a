//! The clock: the only place in the project that reads the time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};
use yizhan_document::WallTime;
use yizhan_exchange::Now;

/// Tells a node the time: wall clock for what is signed, uptime for waiting.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock whose uptime begins now.
    #[expect(clippy::disallowed_methods, reason = "this is the room that reads the clock")]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Both times.
    pub fn now(&self) -> Now {
        Now { wall: self.wall(), uptime: self.uptime_ms() }
    }

    /// Milliseconds since the clock was started.
    pub fn uptime_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Microseconds since the clock was started: for measuring, not for deciding.
    pub fn uptime_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// The wall clock. A machine whose clock stands before 1970 counts as 1970.
    #[expect(clippy::disallowed_methods, reason = "this is the room that reads the clock")]
    pub fn wall(&self) -> WallTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        WallTime::from_ms(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}
