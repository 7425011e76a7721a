//! What happened, for people: the last lines before a failure. Costs nothing while it is off.

use std::collections::VecDeque;

/// The last lines of a run.
#[derive(Debug)]
pub(crate) struct Trace {
    most: usize,
    lines: VecDeque<String>,
}

impl Trace {
    /// Keeps so many lines; 0 keeps none and costs nothing.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, lines: VecDeque::new() }
    }

    /// Notes a line; `line` is only made where traces are wanted.
    pub(crate) fn note(&mut self, now: u64, line: impl FnOnce() -> String) {
        if self.most > 0 {
            if self.lines.len() >= self.most {
                self.lines.pop_front();
            }
            self.lines.push_back(format!("{now:>8} {}", line()));
        }
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.into()
    }
}
