//! A network of real processes in a folder of its own, used as a user would: through the binary, its arguments and its output.
#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::panic, clippy::print_stderr, reason = "this is test code in a file of its own")]

pub(crate) mod documents;
pub(crate) mod programs;
pub(crate) mod random;
pub(crate) mod waiting;

use serde_json::Value;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use waiting::until;
use yizhan_campaign::failure::Failure;
use yizhan_campaign::network::THREE_FLAGS;
use yizhan_campaign::programs::{Programs, plain};

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
/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A network in a temporary folder, as campaigns have it too; here whatever fails, fails the test. Its processes are this test's
/// children, and end with it.
pub(crate) struct Network(yizhan_campaign::network::Network);

/// Paths, names and logs are asked for without anything that could fail.
impl Deref for Network {
    type Target = yizhan_campaign::network::Network;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Network {
    /// Region, two prefectures, four counties.
    pub(crate) fn of_seven() -> Self {
        Self::create(&SEVEN_FLAGS)
    }

    /// The same, with counties that hold a part of the directory.
    pub(crate) fn of_seven_with_parts() -> Self {
        Self::create(&[&SEVEN_FLAGS[..], &["--hold", "part"]].concat())
    }

    /// Region 65, prefecture 6523, county 652301.
    pub(crate) fn of_three() -> Self {
        Self::create(&THREE_FLAGS)
    }

    /// A network of three whose nodes run, and a small file beside it to be sent.
    pub(crate) fn running() -> (Self, PathBuf) {
        let network = Self::of_three();
        network.start_all();
        let file = network.beside("通知.txt");
        std::fs::write(&file, "各县市人民政府：\n").unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        (network, file)
    }

    /// A network made with these flags, at free ports; no node runs yet.
    pub(crate) fn create(flags: &[&str]) -> Self {
        Self(good(yizhan_campaign::network::Network::create(&programs_here(), None, flags)))
    }

    /// A network that is there already: in the folder `n` of `place`.
    pub(crate) fn found(place: TempDir) -> Self {
        Self(good(yizhan_campaign::network::Network::found(&programs_here(), place)))
    }

    /// A copy of a network none of whose nodes runs, with all that they have on disk.
    pub(crate) fn copy(&self) -> Self {
        Self(good(self.0.copy()))
    }

    /// Starts a node that does not run, without waiting for it.
    pub(crate) fn start(&self, node: &str) {
        good(self.0.start(node));
    }

    /// Starts a node that logs what the filter says.
    pub(crate) fn start_logging(&self, node: &str, filter: &str) {
        good(self.0.start_under(node, filter, &[]));
    }

    /// Starts all nodes and waits until all are ready and see their neighbours.
    pub(crate) fn start_all(&self) {
        self.ids().iter().for_each(|node| self.start(node));
        self.await_all();
    }

    /// Waits until all running nodes are ready and see all their neighbours.
    pub(crate) fn await_all(&self) {
        self.ids().iter().filter(|node| self.is_started(node)).for_each(|node| self.await_linked(node));
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
        if let Some(status) = good(self.0.ended(node)) {
            panic!("node {node} ended by itself: {status}\n{}", self.log(node));
        }
        None
    }

    /// Kills a node with SIGKILL. Only a child of this test can be meant.
    pub(crate) fn kill(&self, node: &str) {
        good(self.0.kill(node));
    }

    /// Stops a node in order and expects it to end well.
    pub(crate) fn stop(&self, node: &str) {
        good(self.0.stop(node));
    }

    /// Closes the standard input of a node and waits for its end; gives its exit code.
    pub(crate) fn end(&self, node: &str) -> Option<i32> {
        good(self.0.end(node)).code()
    }

    /// Waits for a node to end by itself; gives its exit code.
    pub(crate) fn await_end(&self, node: &str) -> Option<i32> {
        good(self.0.await_end(node)).code()
    }

    /// Stops all running nodes in order, at the same time.
    pub(crate) fn stop_all(&self) {
        good(self.0.stop_all());
    }

    /// The process id of a running node.
    pub(crate) fn pid(&self, node: &str) -> u32 {
        good(self.0.pid(node))
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
        if std::thread::panicking() {
            eprintln!("everything is left in {} to be looked into", self.keep().display());
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
    plain(env!("CARGO_BIN_EXE_yizhan"))
}

/// The programs that cargo built for this test.
pub(crate) fn programs_here() -> Programs {
    Programs::within(Path::new(env!("CARGO_BIN_EXE_yizhan")).parent().unwrap_or(Path::new(".")))
}

/// What a campaign's function gave; a failure fails the test.
pub(crate) fn good<T>(outcome: Result<T, Failure>) -> T {
    outcome.unwrap_or_else(|failure| panic!("{failure}"))
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
