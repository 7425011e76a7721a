//! Many documents handed in at once: each is delivered with its own chain, and one signature that `openssl` checks stands for all.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is test code in a file of its own"
)]

mod harness;

use bytes::Bytes;
use harness::programs::is_there;
use harness::{Network, path_text, said};
use std::process::Command;
use yizhan_desk::{BatchOutcome, DeskClient, DoorCode, FileDeclaration, Submission, Submitted};
use yizhan_document::{Label, ManifestPath, ManifestTree};

const COUNTY: &str = "652301";
const REGION: &str = "65";

/// Document `number` of a batch, for the region.
fn document(number: usize) -> (Submission, Vec<Bytes>) {
    let submission = Submission {
        from: format!("gov-office@{COUNTY}").parse().unwrap(),
        to: vec![format!("gov-office@{REGION}").parse().unwrap()],
        cc: vec![],
        label: Label { title: format!("第{number}号报告"), ..Label::default() },
        deadline: None,
        files: vec![FileDeclaration { name: "报告.txt".parse().unwrap(), size: 0 }],
        key: Some(format!("report-{number}")),
    };
    (submission, vec![Bytes::from(format!("content {number}\n"))])
}

/// Hands a batch in at the county.
fn hand_in(network: &Network, batch: Vec<(Submission, Vec<Bytes>)>) -> Vec<BatchOutcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = DeskClient::connect(&network.data(COUNTY).join("desk.sock")).await.unwrap();
        client.send_batch(batch).await.unwrap()
    })
}

fn taken(outcome: &BatchOutcome) -> &Submitted {
    match outcome {
        BatchOutcome::Submitted(submitted) => submitted,
        BatchOutcome::Problem(problem) => panic!("{problem}"),
    }
}

#[test]
fn documents_of_a_batch_are_delivered_each_once_under_one_signature_that_openssl_checks() {
    if !is_there("openssl", "version") {
        return;
    }
    let network = Network::of_three();
    network.start_all();
    network.await_all();
    let mut batch: Vec<_> = (0..7).map(document).collect();
    batch[3].0.to = vec!["gov-office@99".parse().unwrap()];
    // The same key twice in one batch: one document.
    batch.push(document(1));
    let first = hand_in(&network, batch);
    let refused = |outcome: &BatchOutcome| match outcome {
        BatchOutcome::Submitted(_) => None,
        BatchOutcome::Problem(problem) => problem.door_code(),
    };
    let refused: Vec<_> = first.iter().map(refused).collect();
    assert_eq!(refused[3], Some(DoorCode::UnknownRecipient));
    assert_eq!(refused[7], Some(DoorCode::InProgress));
    assert_eq!(refused.iter().flatten().count(), 2);

    // Handed in again, whatever was taken gets the answer of that time, and another document under its key is refused.
    let mut again: Vec<_> = [0, 1, 2, 4, 5, 6].map(document).into();
    again.push((
        Submission { label: Label { title: "另一件".into(), ..Label::default() }, ..document(0).0 },
        document(0).1,
    ));
    let second = hand_in(&network, again);
    for (one, other) in [0, 1, 2, 4, 5, 6].map(|index: usize| &first[index]).into_iter().zip(&second) {
        assert_eq!(taken(one).id, taken(other).id);
        assert!(taken(other).duplicate && !taken(one).duplicate);
    }
    let BatchOutcome::Problem(problem) = &second[6] else { panic!("another document was taken") };
    assert_eq!(problem.door_code(), Some(DoorCode::KeyReused));

    let ids: Vec<_> = second[..6].iter().map(|outcome| taken(outcome).id.to_string()).collect();
    ids.iter().for_each(|id| network.await_inbox(REGION, id));
    let listed = network.json(&["inbox", "list", "gov-office@65"]);
    assert_eq!(listed.as_array().unwrap().len(), 6, "{listed}");

    let folders = ids.iter().map(|id| network.take(REGION, id)).collect::<Vec<_>>();
    let mut trees = Vec::new();
    for folder in &folders {
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let (manifest, tree) = (read("manifest"), read("manifest.tree"));
        let path = ManifestPath::from_text(&read("manifest.path")).unwrap();
        assert!(ManifestTree::from_text(&tree).unwrap().holds(&manifest, &path));
        let mut openssl = Command::new("openssl");
        openssl.args(["cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any", "-in"]);
        openssl.arg(folder.join("manifest.p7s")).arg("-content").arg(folder.join("manifest.tree"));
        openssl.arg("-CAfile").arg(network.folder().join("authority/ca.pem"));
        openssl.args(["-out", path_text(&network.beside("verified"))]);
        let good = said(&mut openssl);
        assert_eq!(good.code, 0, "{good:?}");
        trees.push(tree);
    }
    trees.dedup();
    assert_eq!(trees.len(), 1, "one tree for all");

    network.await_rest();
    network.stop_all();
    let verdict = network.audited(&network.ledgers());
    assert_eq!(verdict.code, 0, "{verdict:?}");
}
