//! The command line yizhan: arguments as typed, as meant, act, render.
//!
//! One file in `commands/` for each command: what was typed ([`clap`]), what it means, the act, and how the outcome is
//! shown. Data goes to standard output, talk and errors to standard error; every command that shows something can show it
//! as JSON. Exit codes are listed in `failure.rs` and at the end of the help. Commands that concern a running node reach it through
//! the socket of its desk.

mod archive;
mod arguments;
mod audited;
mod bench;
mod commands;
mod demo;
mod failure;
mod output;
mod processes;
mod reach;
mod table;
mod terms;

pub use demo::{Samples, SamplesError, write_samples};

use clap::Parser;
use std::io::Write;
use std::process::ExitCode;

/// Runs the command line of this process, and says how it ended.
pub fn main() -> ExitCode {
    let typed = match arguments::Typed::try_parse() {
        Ok(typed) => typed,
        Err(said) => {
            // Help and version are data; a pipe closed early is as good as read.
            drop(said.print());
            return ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(failure::USAGE));
        }
    };
    match arguments::run(typed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(words) = failure.words() {
                // Nobody can be told that standard error is gone.
                drop(writeln!(std::io::stderr(), "yizhan: {words}"));
            }
            ExitCode::from(failure.exit_code())
        }
    }
}
