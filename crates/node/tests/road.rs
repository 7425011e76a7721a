//! The whole road inside one process: seven real nodes on loopback, real disks, real QUIC.
#![cfg(test)]

use futures_util::StreamExt;
use std::path::Path;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use yizhan_desk::{ActRequest, DeskClient, Stage, Submission};
use yizhan_document::{Act, EnvelopeId, Label, NodeId, OfficeName};
use yizhan_hierarchy::NetworkPlan;
use yizhan_node::{Clock, Config, CreatedNetwork, NodeError, create_network};

struct Running {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), NodeError>>,
}

fn start(config: &Path) -> Running {
    let config = Config::load(config).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(yizhan_node::run(config, async move {
        stopped.await.unwrap_or_default();
    }));
    Running { stop: Some(stop), task }
}

impl Running {
    async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap_or_default();
        self.task.await.unwrap().unwrap();
    }
}

fn network(folder: &Path) -> CreatedNetwork {
    let plan = NetworkPlan { base_port: 0, ..NetworkPlan::demo() };
    create_network(&plan, &folder.join("network"), Clock::start().wall()).unwrap()
}

async fn client(network: &CreatedNetwork, node: &str) -> DeskClient {
    let node: NodeId = node.parse().unwrap();
    let created = network.nodes.iter().find(|created| created.node == node).unwrap();
    ready(&created.socket).await
}

fn office() -> OfficeName {
    "gov-office".parse().unwrap()
}

fn submission(from: &str, to: &[&str]) -> Submission {
    Submission {
        from: from.parse().unwrap(),
        to: to.iter().map(|to| to.parse().unwrap()).collect(),
        cc: Vec::new(),
        groups: yizhan_document::Groups::default(),
        label: Label { title: "关于做好防汛工作的通知".into(), ..Label::default() },
        deadline: None,
        files: Vec::new(),
        key: None,
    }
}

/// Waits until the node answers.
async fn ready(socket: &Path) -> DeskClient {
    loop {
        if let Ok(client) = DeskClient::connect(socket).await
            && client.status().await.is_ok()
        {
            return client;
        }
        tokio::task::yield_now().await;
    }
}

/// Waits for an event about a document.
async fn until(client: &DeskClient, id: EnvelopeId, kind: &str, node: &str) {
    let wait = async {
        let mut after = 0;
        loop {
            let mut events = client.events(after).await.unwrap();
            while let Some(Ok(event)) = events.next().await {
                after = event.sequence;
                if event.envelope == id && event.kind == kind && event.node.as_str() == node {
                    return;
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait)
        .await
        .unwrap_or_else(|_| panic!("no {kind} from {node}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_goes_from_county_to_county_and_its_receipts_come_home() {
    let folder = tempfile::tempdir().unwrap();
    let network = network(folder.path());
    let mut running: Vec<Running> = network.nodes.iter().map(|node| start(&node.config)).collect();
    let (sender, receiver) = (client(&network, "652301").await, client(&network, "653101").await);
    for node in &network.nodes {
        ready(&node.socket).await;
    }
    let file = folder.path().join("notice.txt");
    std::fs::write(&file, "各县市人民政府：…").unwrap();
    let files = vec![("通知.txt".parse().unwrap(), file.clone())];
    let to = submission("gov-office@652301", &["gov-office@653101"]);
    let submitted = sender.send(to, files).await.unwrap();
    until(&receiver, submitted.id, "ContentConsignment", "653101").await;
    let items = receiver.inbox(&office(), 0, 10).await.unwrap();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].title, "关于做好防汛工作的通知");
    let mut archive = Vec::new();
    receiver.take(&office(), submitted.id, &mut archive).await.unwrap();
    let content = std::fs::read(&file).unwrap();
    assert!(archive.windows(content.len()).any(|window| window == content));
    let sign = ActRequest { act: Act::SignedFor, person: "王".into(), reason: String::new() };
    let done = receiver.act(&office(), submitted.id, &sign).await.unwrap();
    assert!(!done.duplicate);
    assert!(receiver.act(&office(), submitted.id, &sign).await.unwrap().duplicate);
    until(&sender, submitted.id, "SignedFor", "653101").await;
    let track = sender.track(submitted.id).await.unwrap();
    assert_eq!(track.destinations.len(), 1);
    assert_eq!(track.destinations[0].state, Stage::SignedFor);
    let hops: Vec<&str> =
        track.receipts.iter().filter(|r| r.kind == "RelayAcceptance").map(|r| r.node.as_str()).collect();
    for hop in ["6523", "65", "6531", "653101"] {
        assert!(hops.contains(&hop), "no receipt of {hop} in {hops:?}");
    }
    while let Some(node) = running.pop() {
        node.stop().await;
    }
}
