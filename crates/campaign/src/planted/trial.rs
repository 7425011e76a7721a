//! One catcher, with one bug or none: whether it passes.

use super::Catcher;
use super::building::Built;
use crate::failure::{Doing, Failure};
use std::io::{Read, Seek, SeekFrom};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
use yizhan_planted::{Bug, VARIABLE};

/// A test that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(240);
const PAUSE: Duration = Duration::from_millis(20);

/// What a catcher said.
pub(super) enum Verdict {
    /// It passed.
    Passed,
    /// It did not, so it is the one that caught the bug, where there is one.
    Caught(String),
}

/// Runs a catcher, and tells how long that took, counted in pauses.
pub(super) fn run(built: &Built, catcher: Catcher, bug: Option<Bug>) -> Result<(Verdict, Duration), Failure> {
    let (program, folder) = match catcher {
        Catcher::Test { package, target, .. } => built.program(package, target.unwrap_or("lib"))?,
        Catcher::Worlds { .. } => built.program("simulator", "yizhan-sim")?,
    };
    let mut command = Command::new(program);
    match catcher {
        Catcher::Test { name, .. } => command.args(["--exact", name]),
        Catcher::Worlds { seeds } => command.args(["--seeds", &seeds.to_string()]),
    };
    // What a property found with a bug is no regression of the project.
    command.env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true");
    command.current_dir(folder).env_remove(VARIABLE);
    if let Some(bug) = bug {
        command.env(VARIABLE, bug.name());
    }
    let mut said = tempfile::tempfile().doing("keeping what a test says")?;
    let output = said.try_clone().doing("keeping what a test says")?;
    let mut child =
        command.stdin(Stdio::null()).stdout(output).stderr(Stdio::null()).spawn().doing("running a test")?;
    let mut waited = Duration::ZERO;
    let status = loop {
        if let Some(status) = child.try_wait().doing("running a test")? {
            break status;
        }
        if waited >= LIMIT {
            child.kill().and_then(|()| child.wait()).doing("ending a test")?;
            let how = format!("{catcher}, which did not end within {} s", LIMIT.as_secs());
            return Ok((Verdict::Caught(how), waited));
        }
        sleep(PAUSE);
        waited += PAUSE;
    };
    if !status.success() {
        return Ok((Verdict::Caught(catcher.to_string()), waited));
    }
    let mut text = String::new();
    said.seek(SeekFrom::Start(0)).and_then(|_| said.read_to_string(&mut text)).doing("reading a test")?;
    // A test that was renamed would pass for ever.
    let ran = !matches!(catcher, Catcher::Test { .. }) || text.contains("test result: ok. 1 passed");
    if ran { Ok((Verdict::Passed, waited)) } else { Err(Failure::unable("running a test", catcher)) }
}
