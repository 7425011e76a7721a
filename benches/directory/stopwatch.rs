//! Time that passed, and time that this thread had a processor: on a busy machine only the second says what the work costs.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Begun at some moment.
pub(crate) struct Stopwatch {
    begun: Instant,
    cpu_ns: u64,
}

/// What passed since.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Passed {
    pub(crate) ms: f64,
    pub(crate) cpu_ms: f64,
}

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures time; no product code runs here")]
    pub(crate) fn begin() -> anyhow::Result<Self> {
        Ok(Self { begun: Instant::now(), cpu_ns: cpu_ns()? })
    }

    pub(crate) fn passed(&self) -> anyhow::Result<Passed> {
        let cpu_ns = cpu_ns()?.saturating_sub(self.cpu_ns);
        Ok(Passed { ms: self.begun.elapsed().as_secs_f64() * 1e3, cpu_ms: cpu_ns as f64 / 1e6 })
    }
}

/// Nanoseconds that this thread spent on a processor (Documentation/scheduler/sched-stats of Linux).
fn cpu_ns() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split_whitespace().next().context("the system does not say")?.parse()?)
}
