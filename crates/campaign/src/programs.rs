//! The programs that a campaign runs: `yizhan` from one folder, and tools of others that may be missing.

use crate::failure::{Doing, Failure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the environment could say that would change what the program does.
const VARIABLES: [&str; 3] = ["YIZHAN_NODE", "YIZHAN_NETWORK", "RUST_LOG"];

/// Where the project's programs lie.
#[derive(Clone, Debug)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// The programs in a folder.
    pub fn within(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The programs beside the one that runs, where `cargo build` puts them.
    pub fn beside_this_one() -> Result<Self, Failure> {
        let this = std::env::current_exe().doing("finding this program")?;
        Ok(Self::within(this.parent().unwrap_or(Path::new("."))))
    }

    /// The path of `yizhan`; a failure where it was not built.
    pub fn yizhan(&self) -> Result<PathBuf, Failure> {
        let path = self.folder.join("yizhan");
        if path.is_file() {
            return Ok(path);
        }
        Err(Failure::unable(
            "finding `yizhan`",
            format!("it is not in {}; build it, or name its folder with --bin-dir", self.folder.display()),
        ))
    }
}

/// A command without anything of the environment that would change what `yizhan` does, and without an input.
pub fn plain(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    for name in VARIABLES {
        command.env_remove(name);
    }
    command
}

/// Runs a tool to its end and expects it to end well; gives what it said.
pub fn done(command: &mut Command) -> Result<String, Failure> {
    let shown = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output().doing(&shown)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::unable(shown, format!("{}: {}", output.status, said.trim())))
}

/// Why a tool of somebody else cannot be run; nothing if it can.
pub fn missing(program: &str, asked: &str) -> Option<String> {
    match Command::new(program).arg(asked).stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!("{program} {asked}: {}", output.status)),
        Err(error) => Some(format!("{program}: {error}")),
    }
}

/// A failure that says what is missing for a campaign, if anything is.
pub fn needs(missing: Option<String>) -> Result<(), Failure> {
    missing.map_or(Ok(()), |why| Err(Failure::unable("preparing the campaign", why)))
}

/// Why no file system can be mounted here; nothing if one can.
pub fn missing_for_mounts() -> Option<String> {
    let root = done(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !root {
        return Some("mounting needs root".to_owned());
    }
    [("mkfs.ext4", "-V"), ("losetup", "--version"), ("mount", "--version"), ("python3", "--version")]
        .into_iter()
        .find_map(|(program, asked)| missing(program, asked))
}
