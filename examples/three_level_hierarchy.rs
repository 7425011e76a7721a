//! A region, a prefecture and two counties: the way of a document, a circular (通知) to all, and its receipts hop by hop.
//!
//! `cargo run --example three_level_hierarchy`

#![allow(clippy::print_stdout, reason = "an example shows what happens")]

mod small_network;

use small_network::{SmallNetwork, document, in_time, wait_for_event};
use yizhan_desk::{ActRequest, DeskClient};
use yizhan_document::{Act, EnvelopeId, OfficeName};

/// Who is under whom is said here and nowhere else: division codes are labels, never the route.
const PLAN: &str = r#"
[network]
name = "three-levels.example"

[[node]]
id = "65"
names = { zh = "新疆维吾尔自治区", en = "Xinjiang" }

[[node]]
id = "6523"
parent = "65"
names = { zh = "昌吉回族自治州", en = "Changji Prefecture" }

[[node]]
id = "652301"
parent = "6523"
names = { zh = "昌吉市", en = "Changji City" }

[[node]]
id = "652324"
parent = "6523"
names = { zh = "玛纳斯县", en = "Manas County" }
"#;

/// Everybody below the region.
const RECIPIENTS: [&str; 3] = ["6523", "652301", "652324"];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let network = SmallNetwork::start(PLAN).await?;
    let region = network.client("65").await?;

    println!("the network, from its signed directory (名录):");
    for node in region.directory().await?.nodes {
        let parent = node.parent.map_or("top".to_owned(), |parent| format!("under {parent}"));
        println!("  {:<7} {:<20} {parent}", node.node.as_str(), node.name);
    }
    println!("\nthe way (路由) from the region to each:");
    for node in RECIPIENTS {
        let steps: Vec<String> =
            region.route(node.parse()?).await?.iter().map(|s| s.node.to_string()).collect();
        println!("  {}", steps.join(" → "));
    }

    // One submission for all. It travels once on each link, however many recipients lie behind it.
    let file = network.folder.path().join("circular.txt");
    std::fs::write(&file, "各州、县（市）人民政府：请做好冬季防火督查工作。\n")?;
    let to = RECIPIENTS.map(|node| format!("gov-office@{node}"));
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let circular = document("gov-office@65", &to, "关于加强冬季防火督查的通知")?;
    let submitted = region.send(circular, vec![("通知.txt".parse()?, file)]).await?;
    println!("\ncircular {} handed in for {} recipients", submitted.id, RECIPIENTS.len());

    // Every recipient works at its own node, at the same time.
    let each = RECIPIENTS.map(|node| receive(&network, submitted.id, node));
    futures_util::future::try_join_all(each).await?;

    let track =
        in_time("every recipient's signature is home", signed_for_by_all(&region, submitted.id)).await??;
    println!("\nthe same, as the region knows it:");
    for destination in &track.destinations {
        println!(
            "  {:<7} {} since {}",
            destination.node.as_str(),
            destination.state.as_str(),
            destination.since
        );
    }
    println!("\nreceipts, hop by hop:");
    for receipt in &track.receipts {
        println!(
            "  {}  {:<7} {:<21} #{} of {}  {}",
            receipt.time,
            receipt.node.as_str(),
            receipt.kind,
            receipt.index,
            receipt.ledger,
            receipt.note
        );
    }
    let hops = track.receipts.iter().filter(|receipt| receipt.kind == "RelayAcceptance").count();
    // To the prefecture once, and from there once to each county.
    anyhow::ensure!(hops == 3, "three hops were to be taken over, {hops} were");
    network.stop().await?;
    Ok(())
}

/// One recipient: waits for the document, takes it and signs for it.
async fn receive(network: &SmallNetwork, document: EnvelopeId, node: &str) -> anyhow::Result<()> {
    let office: OfficeName = "gov-office".parse()?;
    let client = network.client(node).await?;
    wait_for_event(&client, document, "ContentConsignment", node).await?;
    client.take(&office, document, tokio::io::sink()).await?;
    let sign = ActRequest { act: Act::SignedFor, person: String::new(), reason: String::new() };
    let done = client.act(&office, document, &sign).await?;
    println!("  {node:<7} took it and signed for it (签收) at {}", done.receipt.time);
    Ok(())
}

/// Waits until the origin knows that all have signed.
async fn signed_for_by_all(origin: &DeskClient, document: EnvelopeId) -> anyhow::Result<yizhan_desk::Track> {
    for node in RECIPIENTS {
        wait_for_event(origin, document, "SignedFor", node).await?;
    }
    Ok(origin.track(document).await?)
}
