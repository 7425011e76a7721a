//! Two nodes as processes of their own, as in production, and what the system says of them: memory and processor time.

use anyhow::Context;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;
use yizhan_desk::DeskClient;
use yizhan_document::NodeId;
use yizhan_hierarchy::NetworkPlan;
use yizhan_node::{Clock, CreatedNode, create_network};

/// A county under its prefecture, with one government office each.
const PLAN: &str = r#"
[network]
name = "one-hop.example"

[[node]]
id = "6523"
names = { zh = "昌吉回族自治州", en = "Changji Prefecture" }

[[node]]
id = "652301"
parent = "6523"
names = { zh = "昌吉市", en = "Changji City" }
"#;

const COUNTY: &str = "652301";
const PREFECTURE: &str = "6523";
/// How long nodes may take to start, and to stop.
const PATIENCE: Duration = Duration::from_secs(30);
/// Ticks a second in /proc/PID/stat: USER_HZ, which Linux fixes at 100 for what it shows to programs.
const TICKS_PER_SECOND: u64 = 100;

/// The two nodes.
pub(crate) struct TwoNodes {
    folder: Option<TempDir>,
    path: PathBuf,
    /// Where documents are handed in.
    pub(crate) county: NodeProcess,
    /// Where they arrive.
    pub(crate) prefecture: NodeProcess,
}

/// One node.
pub(crate) struct NodeProcess {
    /// Which.
    pub(crate) id: NodeId,
    /// Its desk.
    pub(crate) desk: DeskClient,
    child: Child,
    process: u32,
    log: PathBuf,
}

impl TwoNodes {
    /// Makes a network in a new folder below `folder`, starts its two nodes and waits until the link between them is up.
    pub(crate) async fn start(folder: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("hop-").tempdir_in(folder)?;
        let path = std::path::absolute(folder.path())?;
        let mut plan = NetworkPlan::from_toml(PLAN)?;
        // Whatever ports are free.
        plan.base_port = 0;
        let network = create_network(&plan, &path.join("net"), Clock::start().wall())?;
        let find = |id: &str| {
            let found = network.nodes.iter().find(|created| created.node.as_str() == id);
            found.cloned().with_context(|| format!("the plan has no node {id}"))
        };
        let (prefecture, county) = (find(PREFECTURE)?, find(COUNTY)?);
        let started = async {
            let prefecture = NodeProcess::start(prefecture).await?;
            let county = NodeProcess::start(county).await?;
            prefecture.until_ready().await?;
            county.until_ready().await?;
            anyhow::Ok((prefecture, county))
        };
        let (prefecture, county) =
            timeout(PATIENCE, started).await.context("the nodes did not get ready")??;
        Ok(Self { folder: Some(folder), path, county, prefecture })
    }

    /// A place for a file beside the nodes.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Fails if a node ended by itself.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        self.county.check()?;
        self.prefecture.check()
    }

    /// Stops both as an operator would, by their standard input's end, and looks how they ended.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<()> {
        self.county.stop().await?;
        self.prefecture.stop().await
    }

    /// Leaves the folder where it is.
    pub(crate) fn keep(&mut self) -> PathBuf {
        self.folder.take().map_or_else(|| self.path.clone(), TempDir::keep)
    }
}

impl NodeProcess {
    async fn start(created: CreatedNode) -> anyhow::Result<Self> {
        let log = created.config.with_file_name("node.log");
        let file = File::create(&log)?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_yizhan"))
            .args(["node", "run", "--stop-with-stdin", "--config"])
            .arg(&created.config)
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(file)
            .kill_on_drop(true)
            .spawn()?;
        let process = child.id().context("a node ended at once")?;
        let desk = loop {
            if let Ok(desk) = DeskClient::connect(&created.socket).await {
                break desk;
            }
            ensure_running(&mut child, created.node, &log)?;
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        Ok(Self { id: created.node, desk, child, process, log })
    }

    async fn until_ready(&self) -> anyhow::Result<()> {
        loop {
            let status = self.desk.status().await?;
            if status.ready && status.neighbours.iter().all(|neighbour| neighbour.up) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn check(&mut self) -> anyhow::Result<()> {
        ensure_running(&mut self.child, self.id, &self.log)
    }

    async fn stop(&mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        let ended = timeout(PATIENCE, self.child.wait()).await;
        let status = ended.with_context(|| format!("node {} did not stop", self.id))??;
        anyhow::ensure!(status.success(), "node {} ended with {status}:\n{}", self.id, tail(&self.log));
        Ok(())
    }

    /// The largest resident memory it ever had, in bytes (VmHWM).
    pub(crate) fn peak_bytes(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).context("no VmHWM in its status")?;
        Ok(kib.parse::<u64>()? * 1024)
    }

    /// Processor time it has used, user and system, in milliseconds.
    pub(crate) fn cpu_ms(&self) -> anyhow::Result<u64> {
        cpu_ms(&self.process.to_string())
    }
}

/// Processor time of this benchmark itself, which plays the office software, in milliseconds.
pub(crate) fn own_cpu_ms() -> anyhow::Result<u64> {
    cpu_ms("self")
}

fn cpu_ms(process: &str) -> anyhow::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in parentheses, may hold anything; the 12th and 13th field after it are utime and stime (proc(5)).
    let (_, fields) = stat.rsplit_once(')').context("an unknown form of /proc/PID/stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks = ticks.sum::<Result<u64, _>>()?;
    Ok(ticks * 1000 / TICKS_PER_SECOND)
}

fn ensure_running(child: &mut Child, node: NodeId, log: &Path) -> anyhow::Result<()> {
    match child.try_wait()? {
        None => Ok(()),
        Some(status) => anyhow::bail!("node {node} ended by itself with {status}:\n{}", tail(log)),
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(10)..).unwrap_or_default().join("\n")
}
