//! One document (公文) from a county to its prefecture: sent, awaited, taken, signed for, and every receipt (回执) of it.
//!
//! `cargo run --example send_one_document`

#![allow(clippy::print_stdout, reason = "an example shows what happens")]

mod small_network;

use small_network::{SmallNetwork, document, wait_for_event};
use yizhan_desk::ActRequest;
use yizhan_document::{Act, OfficeName};

/// A county under its prefecture. Each node serves one office, `gov-office`, since the plan names no others.
const PLAN: &str = r#"
[network]
name = "one-document.example"

[[node]]
id = "6523"
names = { zh = "昌吉回族自治州", en = "Changji Prefecture" }

[[node]]
id = "652301"
parent = "6523"
names = { zh = "昌吉市", en = "Changji City" }
"#;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let network = SmallNetwork::start(PLAN).await?;
    println!("two nodes run: 652301 (county) under 6523 (prefecture)\n");

    // The county's office software talks to the county's node, the prefecture's to the prefecture's: each to its own only.
    let county = network.client("652301").await?;
    let prefecture = network.client("6523").await?;

    // 1. Send. The answer comes when the document is safe on the county's disk, and not before.
    let file = network.folder.path().join("report.txt");
    std::fs::write(&file, "昌吉市防汛准备情况：物资、人员均已到位。\n")?;
    let report = document("gov-office@652301", &["gov-office@6523"], "昌吉市人民政府关于防汛准备情况的报告")?;
    let submitted = county.send(report, vec![("报告.txt".parse()?, file.clone())]).await?;
    println!("sent as {}: {} at {}", submitted.id, submitted.receipt.kind, submitted.receipt.time);

    // 2. Wait. ContentConsignment: it lies in the inbox of the recipient's office. Nothing less means delivered.
    let event = wait_for_event(&prefecture, submitted.id, "ContentConsignment", "6523").await?;
    println!("event {} of 6523: {} at {}", event.sequence, event.kind, event.time);

    // 3. Take. The document comes as a tar archive: the files by number, the manifest, the office's signature over it.
    let office: OfficeName = "gov-office".parse()?;
    for item in prefecture.inbox(&office, 0, 10).await? {
        println!("inbox of gov-office@6523: «{}» from {} ({})", item.title, item.from, item.state.as_str());
    }
    let mut archive = Vec::new();
    let bytes = prefecture.take(&office, submitted.id, &mut archive).await?;
    let content = std::fs::read(&file)?;
    let unchanged = archive.windows(content.len()).any(|window| window == content);
    anyhow::ensure!(unchanged, "the archive does not hold the file that was sent");
    println!("taken: an archive of {bytes} bytes with the very file that was sent");

    // 4. Sign for it (签收). The act is signed with the office's key, and the county gets it as a receipt.
    let sign = ActRequest { act: Act::SignedFor, person: "王秀英".to_owned(), reason: String::new() };
    let done = prefecture.act(&office, submitted.id, &sign).await?;
    println!("signed for: entry {} of ledger {}", done.receipt.index, done.receipt.ledger);
    wait_for_event(&county, submitted.id, "SignedFor", "6523").await?;

    // 5. The receipts, as the sender holds them: each an entry in the ledger of the node that made it.
    println!("\nreceipts of {} at its origin:", submitted.id);
    for receipt in county.receipts(submitted.id).await? {
        let witnessed = if receipt.witnessed { "witnessed" } else { "not yet witnessed" };
        println!(
            "  {}  {:<21} entry {} of ledger {}, {witnessed}",
            receipt.time, receipt.kind, receipt.index, receipt.ledger
        );
    }
    network.stop().await?;
    Ok(())
}
