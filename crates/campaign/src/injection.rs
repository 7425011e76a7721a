//! Faults at the n-th call of one kind, made by `strace -e inject`.
//!
//! strace counts the calls of each thread by itself: the fault strikes every thread at its own n-th call, and a process that is
//! killed ends with the first thread that gets so far. So for a kill, n walks along the busiest thread; rare calls of other threads
//! are struck where they come first. With `-D` strace is a grandchild and the node stays our own child, with its own end.
//!
//! Errors use `--seccomp-bpf`, by which all other calls run at full speed. strace 6.1 loses injected signals with it, so kills go
//! without.

use crate::failure::{Doing, Failure};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What happens at the n-th call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// The process is killed before the call is done.
    Kill,
    /// The call is not done and gives this error.
    Error(&'static str),
}

/// A fault at the n-th call of one kind.
#[derive(Clone, Debug)]
pub struct Injection {
    /// The calls that are counted together.
    pub call: &'static str,
    /// Which of them is struck, from 1.
    pub nth: u64,
    /// What happens.
    pub strike: Strike,
    /// Calls that touch none of these paths are not counted; all are if it is empty.
    pub paths: Vec<PathBuf>,
    /// Where strace writes what it saw.
    pub report: PathBuf,
}

impl Injection {
    /// strace with its arguments, to be put above a program.
    pub fn above(&self) -> Vec<OsString> {
        let Self { call, nth, .. } = self;
        let mut words: Vec<OsString> = ["strace", "-D", "-f", "-qq", "-y"].map(OsString::from).into();
        let what = match self.strike {
            Strike::Kill => "signal=SIGKILL".to_owned(),
            Strike::Error(error) => format!("error={error}"),
        };
        if self.strike != Strike::Kill {
            words.push("--seccomp-bpf".into());
        }
        for path in &self.paths {
            words.extend(["-P".into(), path.into()]);
        }
        words.extend(["-e".into(), format!("trace={call}").into()]);
        words.extend(["-e".into(), format!("inject={call}:{what}:when={nth}").into()]);
        words.extend(["-e".into(), "signal=none".into(), "-o".into(), self.report.clone().into()]);
        words
    }

    /// The calls that were struck, as strace wrote them.
    pub fn struck(&self) -> Result<Vec<String>, Failure> {
        let bytes = std::fs::read(&self.report).doing("reading what strace wrote")?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.lines().filter(|line| line.contains("(INJECTED)")).map(str::to_owned).collect())
    }
}

/// Whether a line of strace names something in this folder.
pub fn touches(line: &str, folder: &Path) -> bool {
    folder.to_str().is_some_and(|folder| line.contains(folder))
}

/// Why strace cannot be used here; nothing if it can.
pub fn missing_strace() -> Option<String> {
    crate::programs::missing("strace", "--version")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn injection(strike: Strike, nth: u64, report: &Path) -> Injection {
        let call = "openat";
        Injection { call, nth, strike, paths: vec!["/dev/null".into()], report: report.to_owned() }
    }

    fn run(injection: &Injection) -> std::process::ExitStatus {
        let above = injection.above();
        let (program, arguments) = above.split_first().unwrap();
        let script = "cat </dev/null; cat </dev/null; exit 3";
        Command::new(program).args(arguments).args(["sh", "-c", script]).status().unwrap()
    }

    #[test]
    fn the_nth_call_that_touches_a_path_is_struck_and_no_other() {
        if let Some(why) = missing_strace() {
            assert!(std::env::var_os("CI").is_none(), "CI must not skip: {why}");
            eprintln!("skipped: {why}");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("report");
        let killed = run(&injection(Strike::Kill, 1, &report));
        assert!(!killed.success() && killed.code() != Some(3), "{killed}");
        let failed = injection(Strike::Error("EIO"), 1, &report);
        assert!(run(&failed).code() != Some(0));
        let late = injection(Strike::Error("EIO"), 9, &report);
        assert_eq!(run(&late).code(), Some(3), "nothing is struck before the ninth call");
        assert!(late.struck().unwrap().is_empty());
    }
}
