//! The whole door under test: the real client, a real socket in a temporary folder, the real server, and a station behind it
//! that keeps what it is given.

mod batches;
mod by_hand;
mod hostile;
mod lifetime;
mod paths;
mod station;
mod streaming;

use crate::{DeskClient, NodeDoor, Submission, bind, serve};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use yizhan_document::Label;

/// A served door.
struct House {
    folder: TempDir,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl House {
    async fn with(door: impl NodeDoor) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = bind(&folder.path().join("desk.sock")).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve(socket, Arc::new(door), async { stopped.await.unwrap() }));
        Self { folder, stop, served }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("desk.sock")
    }

    async fn client(&self) -> DeskClient {
        DeskClient::connect(&self.socket()).await.unwrap()
    }

    /// Writes a file and gives its path.
    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

/// A submission without files.
fn submission() -> Submission {
    Submission {
        from: "gov-office@652301".parse().unwrap(),
        to: vec!["gov-office@653101".parse().unwrap()],
        cc: vec![],
        label: Label { title: "关于防汛工作的通知".into(), ..Label::default() },
        deadline: None,
        files: vec![],
        key: None,
    }
}

/// Bytes without a short period, so that a piece lost or swapped shows.
fn pattern(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    (0..size)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect()
}
