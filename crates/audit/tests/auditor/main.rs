//! The auditor against networks with real keys, a real signed directory and real ledger folders.
#![cfg(test)]

mod certificates;
mod command_line;
mod damage;
mod epochs;
mod recalls;
mod tampering;
mod verdicts;
mod world;
