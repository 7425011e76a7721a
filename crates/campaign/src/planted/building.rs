//! Builds the tests and programs with planted bugs, and knows where each of them lies.

use super::Catcher;
use crate::failure::{Doing, Failure};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What switches the bugs on.
const FEATURE: &str = "yizhan-planted/planted";

/// Everything that catchers run: by package and target, the program and the folder to run it in.
pub(super) struct Built {
    programs: BTreeMap<(String, String), (PathBuf, PathBuf)>,
}

/// A line of what cargo says, as far as it is of interest.
#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

impl Built {
    /// Builds what the catchers need. All crates are built at once, so that one feature set serves every program.
    pub(super) fn build(sources: &Path, target: &Path, catchers: &[Catcher]) -> Result<Self, Failure> {
        let mut tests = vec!["test", "--no-run", "--lib"];
        for catcher in catchers {
            if let Catcher::Test { target: Some(target), .. } = catcher
                && !tests.contains(target)
            {
                tests.extend(["--test", target]);
            }
        }
        let mut built = Self { programs: BTreeMap::new() };
        built.cargo(sources, target, &tests)?;
        if catchers.iter().any(|catcher| matches!(catcher, Catcher::Worlds { .. })) {
            built.cargo(sources, target, &["build", "--bins"])?;
        }
        Ok(built)
    }

    /// The program of a package's target and the folder to run it in; the library's own tests are the target `lib`.
    pub(super) fn program(&self, package: &str, target: &str) -> Result<&(PathBuf, PathBuf), Failure> {
        let found = self.programs.get(&(package.to_owned(), target.to_owned()));
        found.ok_or_else(|| Failure::unable("finding a test", format!("{package} has no target {target}")))
    }

    fn cargo(&mut self, sources: &Path, target: &Path, arguments: &[&str]) -> Result<(), Failure> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(arguments).args(["--workspace", "--locked", "--features", FEATURE]);
        command.args(["--message-format", "json", "--target-dir"]).arg(target).current_dir(sources);
        // What cargo has to say to people goes where ours does.
        let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().doing("running cargo")?;
        if !output.status.success() {
            return Err(Failure::unable("building with planted bugs", output.status));
        }
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let Ok(message) = serde_json::from_str::<Message>(line) else { continue };
            let Message {
                reason,
                manifest_path: Some(manifest),
                target: Some(target),
                executable: Some(program),
            } = message
            else {
                continue;
            };
            if reason != "compiler-artifact" {
                continue;
            }
            let folder = manifest.parent().unwrap_or(sources).to_owned();
            // The folder of a crate is named as the crate; the product itself stands at the top.
            let package = if folder.join("crates").is_dir() {
                "yizhan".to_owned()
            } else {
                folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
            };
            let name =
                if target.kind.iter().any(|kind| kind == "lib") { "lib".to_owned() } else { target.name };
            self.programs.insert((package, name), (program, folder));
        }
        Ok(())
    }
}
