//! A network of real processes in a folder of its own, used as a user would: through the binary, its arguments and its output.
#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::panic, clippy::print_stderr, reason = "this is test code in a file of its own")]

pub(crate) mod documents;
pub(crate) mod programs;
pub(crate) mod random;
pub(crate) mod waiting;

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;
use waiting::until;

/// The seven nodes of the demonstration: a region, two prefectures, two counties in each.
pub(crate) const SEVEN: [&str; 7] = ["65", "6523", "6531", "652301", "652324", "653101", "653130"];
/// The flags that make them.
const SEVEN_FLAGS: [&str; 14] = [
    "--root",
    "65",
    "--prefecture",
    "6523",
    "--prefecture",
    "6531",
    "--county",
    "652301=6523",
    "--county",
    "652324=6523",
    "--county",
    "653101=6531",
    "--county",
    "653130=6531",
];
/// The flags of a region, a prefecture and a county.
const THREE_FLAGS: [&str; 6] = ["--root", "65", "--prefecture", "6523", "--county", "652301"];

/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A network in a temporary folder. Its processes are this test's children, and end with it.
pub(crate) struct Network {
    place: TempDir,
    nodes: BTreeMap<String, Mutex<Option<Child>>>,
}

impl Network {
    /// Region, two prefectures, four counties.
    pub(crate) fn of_seven() -> Self {
        Self::create(&SEVEN_FLAGS)
    }

    /// Region 65, prefecture 6523, county 652301.
    pub(crate) fn of_three() -> Self {
        Self::create(&THREE_FLAGS)
    }

    /// A network made with these flags, at free ports; no node runs yet.
    pub(crate) fn create(flags: &[&str]) -> Self {
        // A short name: the path of a Unix socket has room for 107 bytes.
        let place = tempfile::Builder::new().prefix("yz").tempdir().unwrap_or_else(|e| panic!("{e}"));
        let folder = place.path().join("n");
        let words =
            [&["network", "create", path_text(&folder), "--base-port", "0", "--json"], flags].concat();
        let made = said(yizhan().args(&words)).json();
        Self::with(place, &made)
    }

    /// A network that is there already: in the folder `n` of `place`.
    pub(crate) fn found(place: TempDir) -> Self {
        let nodes = std::fs::read_dir(place.path().join("n/nodes")).unwrap_or_else(|e| panic!("{e}"));
        let nodes = nodes
            .filter_map(Result::ok)
            .map(|entry| (entry.file_name().to_string_lossy().into_owned(), Mutex::new(None)))
            .collect();
        Self { place, nodes }
    }

    fn with(place: TempDir, made: &Value) -> Self {
        let nodes = list(made, "/nodes").iter().map(|node| (text(node, "/node"), Mutex::new(None))).collect();
        Self { place, nodes }
    }

    /// A copy of a network none of whose nodes runs, with all that they have on disk.
    pub(crate) fn copy(&self) -> Self {
        let place = tempfile::Builder::new().prefix("yz").tempdir().unwrap_or_else(|e| panic!("{e}"));
        let copied = said(Command::new("cp").arg("-a").arg(self.folder()).arg(place.path().join("n"))).code;
        assert_eq!(copied, 0, "the network cannot be copied");
        Self::found(place)
    }

    /// The folder of the network.
    pub(crate) fn folder(&self) -> PathBuf {
        self.place.path().join("n")
    }

    /// A path beside the network, for what the test makes.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// The folder of a node.
    pub(crate) fn node(&self, node: &str) -> PathBuf {
        self.folder().join("nodes").join(node)
    }

    /// The data folder of a node.
    pub(crate) fn data(&self, node: &str) -> PathBuf {
        self.node(node).join("data")
    }

    /// Its nodes.
    pub(crate) fn ids(&self) -> Vec<&str> {
        self.nodes.keys().map(String::as_str).collect()
    }

    /// What a node has logged so far.
    pub(crate) fn log(&self, node: &str) -> String {
        std::fs::read_to_string(self.log_file(node)).unwrap_or_default()
    }

    fn log_file(&self, node: &str) -> PathBuf {
        self.node(node).join("node.log")
    }

    /// Starts a node that does not run, without waiting for it.
    pub(crate) fn start(&self, node: &str) {
        self.start_logging(node, "info");
    }

    /// Starts a node that logs what the filter says.
    pub(crate) fn start_logging(&self, node: &str, filter: &str) {
        let log: File = OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.log_file(node))
            .unwrap_or_else(|e| panic!("{e}"));
        let mut child = self.child(node);
        assert!(child.is_none(), "node {node} runs already");
        let config = self.node(node).join("node.toml");
        let started = yizhan()
            .args(["node", "run", "--stop-with-stdin", "--log", filter, "--config", path_text(&config)])
            // Held open as long as this process lives: its end is theirs.
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap_or_else(|e| panic!("{e}")))
            .stderr(log)
            .spawn();
        *child = Some(started.unwrap_or_else(|e| panic!("node {node}: {e}")));
    }

    /// Starts all nodes and waits until all are ready and see their neighbours.
    pub(crate) fn start_all(&self) {
        self.ids().iter().for_each(|node| self.start(node));
        self.await_all();
    }

    /// Waits until all running nodes are ready and see all their neighbours.
    pub(crate) fn await_all(&self) {
        self.ids().iter().filter(|node| self.child(node).is_some()).for_each(|node| self.await_linked(node));
    }

    /// Waits until a node promises, and all its neighbours have answered.
    pub(crate) fn await_linked(&self, node: &str) {
        until(&format!("node {node} is ready and linked"), || {
            let status = self.status(node)?;
            let linked = list(&status, "/neighbours").iter().all(|neighbour| flag(neighbour, "/up"));
            (flag(&status, "/ready") && linked).then_some(())
        });
    }

    /// Waits until a node promises, whether it is linked or not.
    pub(crate) fn await_ready(&self, node: &str) {
        until(&format!("node {node} is ready"), || flag(&self.status(node)?, "/ready").then_some(()));
    }

    /// What a node says of itself, if it answers. A node that ended by itself fails the test.
    pub(crate) fn status(&self, node: &str) -> Option<Value> {
        let said = self.said(&["status", "--node", path_text(&self.node(node)), "--json"]);
        if said.code == 0 {
            return Some(said.json());
        }
        if let Some(child) = self.child(node).as_mut()
            && let Ok(Some(status)) = child.try_wait()
        {
            panic!("node {node} ended by itself: {status}\n{}", self.log(node));
        }
        None
    }

    /// Kills a node with SIGKILL. Only a child of this test can be meant.
    pub(crate) fn kill(&self, node: &str) {
        let mut child = self.child(node).take().unwrap_or_else(|| panic!("node {node} does not run"));
        if let Ok(Some(status)) = child.try_wait() {
            panic!("node {node} ended before it was killed: {status}\n{}", self.log(node));
        }
        child.kill().and_then(|()| child.wait()).unwrap_or_else(|e| panic!("node {node}: {e}"));
    }

    /// Stops a node in order and expects it to end well.
    pub(crate) fn stop(&self, node: &str) {
        let status = self.end(node);
        assert_eq!(status, Some(0), "node {node} did not stop well\n{}", self.log(node));
    }

    /// Closes the standard input of a node and waits for its end; gives its exit code.
    pub(crate) fn end(&self, node: &str) -> Option<i32> {
        let mut child = self.child(node).take().unwrap_or_else(|| panic!("node {node} does not run"));
        drop(child.stdin.take());
        child.wait().unwrap_or_else(|e| panic!("node {node}: {e}")).code()
    }

    /// Waits for a node to end by itself; gives its exit code.
    pub(crate) fn await_end(&self, node: &str) -> Option<i32> {
        let mut child = self.child(node).take().unwrap_or_else(|| panic!("node {node} does not run"));
        child.wait().unwrap_or_else(|e| panic!("node {node}: {e}")).code()
    }

    /// Stops all running nodes in order, at the same time.
    pub(crate) fn stop_all(&self) {
        for child in self.nodes.values() {
            let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(child) = child.as_mut() {
                drop(child.stdin.take());
            }
        }
        self.ids().iter().filter(|node| self.child(node).is_some()).for_each(|node| self.stop(node));
    }

    /// The process id of a running node.
    pub(crate) fn pid(&self, node: &str) -> u32 {
        self.child(node).as_ref().unwrap_or_else(|| panic!("node {node} does not run")).id()
    }

    fn child(&self, node: &str) -> MutexGuard<'_, Option<Child>> {
        let child = self.nodes.get(node).unwrap_or_else(|| panic!("there is no node {node}"));
        child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `yizhan` with this network as `$YIZHAN_NETWORK`.
    pub(crate) fn said(&self, arguments: &[&str]) -> Said {
        said(yizhan().args(arguments).env("YIZHAN_NETWORK", self.folder()))
    }

    /// The same with `--json`; expects it to end well.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        self.said(&[arguments, &["--json"]].concat()).json()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for child in self.nodes.values() {
            if let Some(mut child) = child.lock().unwrap_or_else(PoisonError::into_inner).take() {
                drop(child.kill());
                drop(child.wait());
            }
        }
        if std::thread::panicking() {
            self.place.disable_cleanup(true);
            eprintln!("everything is left in {} to be looked into", self.place.path().display());
        }
    }
}

impl Said {
    /// The JSON it said; it has to have ended well.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        self.any_json()
    }

    /// The JSON it said, however it ended.
    pub(crate) fn any_json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// The program, with nothing of the environment that would change what it does.
pub(crate) fn yizhan() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yizhan"));
    command.stdin(Stdio::null());
    ["YIZHAN_NODE", "YIZHAN_NETWORK", "RUST_LOG"].iter().for_each(|name| {
        command.env_remove(name);
    });
    command
}

/// Runs a command to its end.
pub(crate) fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let words = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Said { code: output.status.code().unwrap_or(-1), out: words(output.stdout), err: words(output.stderr) }
}

/// A text in JSON.
pub(crate) fn text(value: &Value, at: &str) -> String {
    value.pointer(at).and_then(Value::as_str).unwrap_or_else(|| panic!("no text {at} in {value}")).to_owned()
}

/// A whole number in JSON.
pub(crate) fn number(value: &Value, at: &str) -> u64 {
    value.pointer(at).and_then(Value::as_u64).unwrap_or_else(|| panic!("no number {at} in {value}"))
}

/// A truth value in JSON.
pub(crate) fn flag(value: &Value, at: &str) -> bool {
    value.pointer(at).and_then(Value::as_bool).unwrap_or_else(|| panic!("no flag {at} in {value}"))
}

/// A list in JSON.
pub(crate) fn list<'a>(value: &'a Value, at: &str) -> &'a [Value] {
    value.pointer(at).and_then(Value::as_array).unwrap_or_else(|| panic!("no list {at} in {value}"))
}

/// A path as it is typed.
pub(crate) fn path_text(path: &Path) -> &str {
    path.to_str().unwrap_or_else(|| panic!("{} is not UTF-8", path.display()))
}
