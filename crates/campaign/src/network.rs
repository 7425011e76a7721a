//! A network of real processes in a folder of its own: made, started, killed, stopped. What runs is a child of this process.

use crate::clerk::until;
use crate::failure::{Doing, Failure};
use crate::programs::{Programs, done, plain};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tempfile::TempDir;

/// What a node says once old segments of its journal are gone.
pub const RECLAIMED: &str = "the journal was reclaimed";

/// The flags of a region, a prefecture and a county.
pub const THREE_FLAGS: [&str; 6] = ["--root", "65", "--prefecture", "6523", "--county", "652301"];
/// Between two looks after a process.
const LOOK: Duration = Duration::from_millis(4);
/// The exit code of a node whose disk failed, as `docs/on-disk.md`, section 13, has it.
pub const DISK_FAILED: i32 = 75;
/// The promise that a node ends only when it is told to, or says why it must.
pub const KEEPS_RUNNING: &str = "a node keeps running";

/// A network in a temporary folder. Its processes end with this value at the latest.
#[derive(Debug)]
pub struct Network {
    place: Mutex<Option<TempDir>>,
    path: PathBuf,
    programs: Programs,
    nodes: BTreeMap<String, Mutex<Option<Child>>>,
    /// The folders are copies, which nodes go on from only where they are told that nothing newer exists.
    copied: bool,
}

impl Network {
    /// A network made with these flags of `yizhan network create`, at free ports; no node runs yet. It lies in a new folder
    /// within `folder`, or where temporary files go.
    pub fn create(programs: &Programs, folder: Option<&Path>, flags: &[&str]) -> Result<Self, Failure> {
        let place = new_place(folder)?;
        let network = place.path().join("n");
        let mut command = plain(programs.yizhan()?);
        command.args(["network", "create"]).arg(&network).args(["--base-port", "0", "--json"]).args(flags);
        done(&mut command)?;
        Self::found(programs, place)
    }

    /// A network that is there already: in the folder `n` of `place`.
    pub fn found(programs: &Programs, place: TempDir) -> Result<Self, Failure> {
        let path = place.path().to_owned();
        let mut nodes = BTreeMap::new();
        for entry in std::fs::read_dir(path.join("n/nodes")).doing("looking for nodes")? {
            let name = entry.doing("looking for nodes")?.file_name().to_string_lossy().into_owned();
            nodes.insert(name, Mutex::new(None));
        }
        Ok(Self { place: Mutex::new(Some(place)), path, programs: programs.clone(), nodes, copied: false })
    }

    /// A copy of a network none of whose nodes runs, with all that they have on disk.
    pub fn copy(&self) -> Result<Self, Failure> {
        let place = new_place(self.path.parent())?;
        done(Command::new("cp").arg("-a").arg(self.folder()).arg(place.path().join("n")))?;
        let mut copy = Self::found(&self.programs, place)?;
        copy.copied = true;
        Ok(copy)
    }

    /// Leaves everything where it is when this value goes; gives the place.
    pub fn keep(&self) -> PathBuf {
        if let Some(place) = self.place.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            place.disable_cleanup(true);
        }
        self.path.clone()
    }

    /// The folder of the network.
    pub fn folder(&self) -> PathBuf {
        self.path.join("n")
    }

    /// A path beside the network, for what a campaign or test makes.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The folder of a node.
    pub fn node(&self, node: &str) -> PathBuf {
        self.folder().join("nodes").join(node)
    }

    /// The data folder of a node.
    pub fn data(&self, node: &str) -> PathBuf {
        self.node(node).join("data")
    }

    /// The ledgers of all nodes.
    pub fn ledgers(&self) -> Vec<PathBuf> {
        self.ids().iter().map(|node| self.data(node).join("ledger")).collect()
    }

    /// Its nodes.
    pub fn ids(&self) -> Vec<&str> {
        self.nodes.keys().map(String::as_str).collect()
    }

    /// What a node has logged so far.
    pub fn log(&self, node: &str) -> String {
        let bytes = std::fs::read(self.log_file(node)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// How long the log of a node is, in bytes.
    pub fn log_bytes(&self, node: &str) -> u64 {
        self.log_file(node).metadata().map_or(0, |found| found.len())
    }

    /// What a node has logged since its log was so long.
    pub fn log_since(&self, node: &str, bytes: u64) -> String {
        let all = std::fs::read(self.log_file(node)).unwrap_or_default();
        let since = usize::try_from(bytes).ok().and_then(|bytes| all.get(bytes..)).unwrap_or_default();
        String::from_utf8_lossy(since).into_owned()
    }

    /// From its next start on a node reclaims its journal after so many bytes.
    pub fn reclaims_after(&self, node: &str, bytes: u64) -> Result<(), Failure> {
        let config = self.node(node).join("node.toml");
        let text = std::fs::read_to_string(&config).doing("reading a configuration")?;
        let lines = text.lines().map(|line| match line.starts_with("reclaim_bytes") {
            true => format!("reclaim_bytes = {bytes}\n"),
            false => format!("{line}\n"),
        });
        std::fs::write(&config, lines.collect::<String>()).doing("writing a configuration")
    }

    /// How often a node has reclaimed its journal.
    pub fn reclaims(&self, node: &str) -> u64 {
        self.log_since(node, 0).matches(RECLAIMED).count() as u64
    }

    fn log_file(&self, node: &str) -> PathBuf {
        self.node(node).join("node.log")
    }

    /// Starts a node that does not run, without waiting for it.
    pub fn start(&self, node: &str) -> Result<(), Failure> {
        self.start_under(node, "info", &[])
    }

    /// Starts a node that logs what `filter` says, under another program where `above` names one with its arguments.
    pub fn start_under(&self, node: &str, filter: &str, above: &[OsString]) -> Result<(), Failure> {
        let log = OpenOptions::new().append(true).create(true).open(self.log_file(node));
        let log = log.doing(format_args!("opening the log of {node}"))?;
        let mut child = self.child(node)?;
        if child.is_some() {
            return Err(Failure::unable(format!("starting {node}"), "it runs already"));
        }
        let yizhan = self.programs.yizhan()?;
        let mut command = match above.split_first() {
            Some((program, arguments)) => {
                let mut command = plain(program);
                command.args(arguments).arg(yizhan);
                command
            }
            None => plain(yizhan),
        };
        command.args(["node", "run", "--stop-with-stdin", "--log", filter, "--config"]);
        command.arg(self.node(node).join("node.toml"));
        if self.copied {
            command.arg("--newest");
        }
        // The input is held open as long as this process lives: its end is theirs.
        command.stdin(Stdio::piped()).stdout(log.try_clone().doing("sharing the log")?).stderr(log);
        *child = Some(command.spawn().doing(format_args!("starting {node}"))?);
        Ok(())
    }

    /// Whether a node was started and has not been taken down.
    pub fn is_started(&self, node: &str) -> bool {
        self.child(node).is_ok_and(|child| child.is_some())
    }

    /// How a node ended, if it ended by itself; it stays to be taken down.
    pub fn ended(&self, node: &str) -> Result<Option<ExitStatus>, Failure> {
        let mut child = self.child(node)?;
        match child.as_mut() {
            Some(child) => child.try_wait().doing(format_args!("looking after {node}")),
            None => Ok(None),
        }
    }

    /// Waits until a node has ended by itself.
    pub async fn ends(&self, node: &str) -> Result<(), Failure> {
        while self.ended(node)?.is_none() {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Kills a node with SIGKILL. Only a child of this process can be meant. A node that had ended before broke a promise.
    pub fn kill(&self, node: &str) -> Result<(), Failure> {
        self.strike(node)?;
        self.take(node)?.wait().doing(format_args!("killing {node}"))?;
        Ok(())
    }

    /// Sends SIGKILL and does not wait: from now on the node says nothing more, whatever calls it is in. It has to be taken
    /// down afterwards.
    pub fn strike(&self, node: &str) -> Result<(), Failure> {
        if let Some(status) = self.ended(node)? {
            let what = format!("{node} ended before it was killed: {status}\n{}", self.last_words(node));
            return Err(Failure::broken(KEEPS_RUNNING, what));
        }
        let mut child = self.child(node)?;
        let child = child.as_mut().ok_or_else(|| not_running(node))?;
        child.kill().doing(format_args!("killing {node}"))
    }

    /// Takes a node down however it is: kills it if it still runs. Gives its exit code if it had ended by itself.
    pub fn take_down(&self, node: &str) -> Result<Option<i32>, Failure> {
        let mut child = self.take(node)?;
        let ended = child.try_wait().doing(format_args!("looking after {node}"))?;
        if ended.is_none() {
            child.kill().and_then(|()| child.wait()).doing(format_args!("killing {node}"))?;
        }
        Ok(ended.and_then(|status| status.code()))
    }

    /// Stops a node in order and expects it to end well.
    pub fn stop(&self, node: &str) -> Result<(), Failure> {
        let status = self.end(node)?;
        if status.success() {
            return Ok(());
        }
        let what = format!("{node} did not stop well: {status}\n{}", self.last_words(node));
        Err(Failure::broken("a node that is told to stop ends well", what))
    }

    /// Closes the standard input of a node and waits for its end.
    pub fn end(&self, node: &str) -> Result<ExitStatus, Failure> {
        let mut child = self.take(node)?;
        drop(child.stdin.take());
        child.wait().doing(format_args!("waiting for the end of {node}"))
    }

    /// Waits for a node to end by itself.
    pub fn await_end(&self, node: &str) -> Result<ExitStatus, Failure> {
        self.take(node)?.wait().doing(format_args!("waiting for the end of {node}"))
    }

    /// Stops all running nodes in order, at the same time.
    pub fn stop_all(&self) -> Result<(), Failure> {
        for child in self.nodes.values() {
            if let Some(child) = child.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                drop(child.stdin.take());
            }
        }
        self.ids().into_iter().filter(|node| self.is_started(node)).try_for_each(|node| self.stop(node))
    }

    /// The process id of a running node.
    pub fn pid(&self, node: &str) -> Result<u32, Failure> {
        let child = self.child(node)?;
        child.as_ref().map(Child::id).ok_or_else(|| not_running(node))
    }

    /// Lets a node stand still; on return none of its threads is in a call any more.
    pub async fn freeze(&self, node: &str) -> Result<(), Failure> {
        let pid = self.signal(node, "-STOP")?;
        until("every thread stands still", || async {
            let mut threads = std::fs::read_dir(format!("/proc/{pid}/task")).doing("looking for threads")?;
            let still = |thread: std::io::Result<std::fs::DirEntry>| {
                let stat = thread.and_then(|thread| std::fs::read_to_string(thread.path().join("stat")));
                // The name of a thread, in brackets, may hold anything; its state stands behind.
                stat.is_ok_and(|stat| stat.rsplit(") ").next().is_some_and(|state| state.starts_with('T')))
            };
            Ok(threads.all(still).then_some(()))
        })
        .await
    }

    /// Lets a node go on that stands still.
    pub fn thaw(&self, node: &str) -> Result<(), Failure> {
        self.signal(node, "-CONT").map(drop)
    }

    fn signal(&self, node: &str, signal: &str) -> Result<u32, Failure> {
        let pid = self.pid(node)?;
        done(Command::new("kill").args([signal, &pid.to_string()]))?;
        Ok(pid)
    }

    /// The key of a node's ledger, as the signed directory gives it.
    pub fn ledger_key(&self, node: &str) -> Result<String, Failure> {
        let path = self.folder().join("directory/divisions").join(format!("{node}.json"));
        let bytes = std::fs::read(&path).doing(format_args!("reading {}", path.display()))?;
        let division: Value =
            serde_json::from_slice(&bytes).doing(format_args!("reading {}", path.display()))?;
        let key = division.pointer("/ledger").and_then(Value::as_str);
        Ok(key.ok_or_else(|| Failure::unable("reading the directory", "it names no ledger key"))?.to_owned())
    }

    /// The end of what a node logged, for a message.
    pub fn last_words(&self, node: &str) -> String {
        let log = self.log(node);
        let lines: Vec<&str> = log.lines().rev().take(12).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn take(&self, node: &str) -> Result<Child, Failure> {
        self.child(node)?.take().ok_or_else(|| not_running(node))
    }

    fn child(&self, node: &str) -> Result<MutexGuard<'_, Option<Child>>, Failure> {
        let child = self.nodes.get(node).ok_or_else(|| Failure::unable(node, "there is no such node"))?;
        Ok(child.lock().unwrap_or_else(PoisonError::into_inner))
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
    }
}

/// Whether a process was ended by SIGKILL.
pub fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(9)
}

fn new_place(folder: Option<&Path>) -> Result<TempDir, Failure> {
    let mut builder = tempfile::Builder::new();
    // A short name: the path of a Unix socket has room for 107 bytes.
    let builder = builder.prefix("yz");
    match folder {
        Some(folder) => builder.tempdir_in(folder),
        None => builder.tempdir(),
    }
    .doing("making a folder for a network")
}

fn not_running(node: &str) -> Failure {
    Failure::unable(format!("asking for {node}"), "it does not run")
}
