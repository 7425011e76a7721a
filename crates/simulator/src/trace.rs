//! What happened, for people: the last lines before a failure. Costs nothing while it is off.

use crate::limits::TRACE_LINES_MAX;
use std::collections::VecDeque;

/// The last lines of a run.
#[derive(Debug)]
pub(crate) struct Trace {
    on: bool,
    lines: VecDeque<String>,
}

impl Trace {
    pub(crate) fn new(on: bool) -> Self {
        Self { on, lines: VecDeque::new() }
    }

    /// Notes a line; `line` is only made where traces are wanted.
    pub(crate) fn note(&mut self, now: u64, line: impl FnOnce() -> String) {
        if self.on {
            if self.lines.len() >= TRACE_LINES_MAX {
                self.lines.pop_front();
            }
            self.lines.push_back(format!("{now:>8} {}", line()));
        }
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.into()
    }
}
