//! What is shown while the demonstration runs: its steps, and every receipt as it comes in.

use crate::table::shown;
use crate::terms;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use yizhan_desk::TrackReceipt;
use yizhan_document::{EnvelopeId, WallTime};
use yizhan_node::Clock;

/// The running commentary. It goes to standard output, or to standard error where that is kept for JSON.
pub(super) struct Show {
    clock: Clock,
    aside: bool,
    step: Mutex<String>,
}

impl Show {
    /// A commentary that counts time from now; `aside` keeps standard output free.
    pub(super) fn new(clock: Clock, aside: bool) -> Self {
        Self { clock, aside, step: Mutex::new("begin".to_owned()) }
    }

    /// Begins a step, which a failure will name.
    pub(super) fn step(&self, text: &str) {
        text.clone_into(&mut self.step.lock().unwrap_or_else(PoisonError::into_inner));
        self.write(&format!("\n▸ {text}"));
    }

    /// The step that was begun last.
    pub(super) fn current_step(&self) -> String {
        self.step.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Something happened.
    pub(super) fn line(&self, text: &str) {
        self.write(&format!("{:>8.3} s  {text}", self.seconds()));
    }

    /// A receipt came in.
    pub(super) fn receipt(&self, id: EnvelopeId, receipt: &TrackReceipt) {
        let proof = format!("#{} of {}", receipt.index, receipt.ledger);
        let note = shown(&receipt.note);
        let kind = shown(&receipt.kind);
        let term = terms::receipt_term(&kind);
        self.line(&format!("{id:<12} {:<7} {kind:<20} {term}  {proof}  {note}", receipt.node));
    }

    /// Seconds since the beginning.
    pub(super) fn seconds(&self) -> f64 {
        self.clock.uptime_ms() as f64 / 1000.0
    }

    /// The wall clock.
    pub(super) fn wall(&self) -> WallTime {
        self.clock.wall()
    }

    fn write(&self, text: &str) {
        let text = text.trim_end_matches(' ');
        // Whoever stopped listening is told the outcome by the exit code.
        drop(if self.aside {
            writeln!(io::stderr(), "{text}")
        } else {
            let mut out = io::stdout().lock();
            writeln!(out, "{text}").and_then(|()| out.flush())
        });
    }
}
