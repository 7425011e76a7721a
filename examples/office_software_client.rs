//! What office software (OA) does against its node's desk: submit safely, be refused well, follow events, take, sign, return.
//!
//! `cargo run --example office_software_client`
//!
//! Everything goes over HTTP on the Unix socket in the node's data folder; `yizhan_desk::DeskClient` is that API as methods.
//! Software in another language sends the same requests, for example `curl --unix-socket desk.sock http://desk/v1/status`.

#![allow(clippy::print_stdout, reason = "an example shows what happens")]

mod small_network;

use anyhow::Context;
use futures_util::StreamExt;
use small_network::{SmallNetwork, document, in_time, wait_for_event};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use yizhan_desk::{ActRequest, ClientError, DeskClient, DoorCode, InboxItem, Submission, Submitted};
use yizhan_document::{Act, Digest, EnvelopeId, Manifest, OfficeName, PartName};

const PLAN: &str = r#"
[network]
name = "office-software.example"

[[node]]
id = "6531"
names = { zh = "喀什地区", en = "Kashgar Prefecture" }

[[node]]
id = "653101"
parent = "6531"
names = { zh = "喀什市", en = "Kashgar City" }
"#;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let network = SmallNetwork::start(PLAN).await?;
    let file = network.folder.path().join("letter.txt");
    std::fs::write(&file, "请协助调运防火物资。\n")?;
    let sender = network.client("653101").await?;
    let recipient = network.client("6531").await?;

    let (first, second) = submit(&sender, &file).await?;
    be_refused(&sender, &file).await?;
    work_through_the_inbox(&recipient, first, second).await?;
    follow_at_the_origin(&sender, first, second).await?;
    network.stop().await?;
    Ok(())
}

/// The sending side: a key with every submission, so that nothing is ever sent twice.
async fn submit(desk: &DeskClient, file: &Path) -> anyhow::Result<(EnvelopeId, EnvelopeId)> {
    println!("1. submit (提交)");
    // The key is stored with the document in the office software's own database before the first try, and used again for
    // every further try: after a timeout, a crash, a restart of either side.
    let mut letter = document("gov-office@653101", &["gov-office@6531"], "关于商请协助调运物资的函")?;
    letter.key = Some("oa-2026-000117".to_owned());
    let first = submit_until_answered(desk, &letter, file).await?;
    let again = submit_until_answered(desk, &letter, file).await?;
    println!("   first answer: {}, duplicate: {}", first.id, first.duplicate);
    println!("   same key again: {}, duplicate: {}", again.id, again.duplicate);
    anyhow::ensure!(first.id == again.id && again.duplicate, "one key made two documents");

    let mut second = document("gov-office@653101", &["gov-office@6531"], "关于值班安排的函")?;
    second.key = Some("oa-2026-000118".to_owned());
    let second = submit_until_answered(desk, &second, file).await?;
    println!("   another document: {}", second.id);
    Ok((first.id, second.id))
}

/// Tries again for as long as trying again makes sense; the same key makes that safe.
async fn submit_until_answered(
    desk: &DeskClient,
    submission: &Submission,
    file: &Path,
) -> anyhow::Result<Submitted> {
    let trying = async {
        loop {
            let files: Vec<(PartName, PathBuf)> = vec![("函.txt".parse()?, file.to_owned())];
            match desk.send(submission.clone(), files).await {
                Ok(submitted) => return anyhow::Ok(submitted),
                // The node is away, stopping, or its disk is full: nothing the clerk could correct.
                Err(error) if error.retryable() => {
                    println!("   not now: {error}");
                    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    };
    in_time("the node takes the document", trying).await?
}

/// What the node refuses comes as problem details (RFC 9457): a stable code for software, words for the clerk.
async fn be_refused(desk: &DeskClient, file: &Path) -> anyhow::Result<()> {
    println!("2. a submission that is refused (被拒)");
    let wrong = document("gov-office@653101", &["gov-ofice@6531"], "收文机关写错的函")?;
    let refused = desk.send(wrong, vec![("函.txt".parse()?, file.to_owned())]).await;
    let error: ClientError =
        refused.err().context("an office that does not exist was taken for a recipient")?;
    let problem = error.problem().context("the node gave no problem details")?;
    println!("   HTTP {}, code {}, type {}", problem.status, problem.code, problem.kind);
    println!("   title:  {} {}", problem.title, problem.title_zh);
    println!("   detail: {}", problem.detail);
    println!("   fix:    {}", problem.fix);
    println!("   trying the same again helps: {}", problem.retryable);
    anyhow::ensure!(problem.door_code() == Some(DoorCode::UnknownRecipient), "refused for another reason");
    Ok(())
}

/// The receiving side: follow events, list the inbox, take, then sign for one and return the other.
async fn work_through_the_inbox(
    desk: &DeskClient,
    first: EnvelopeId,
    second: EnvelopeId,
) -> anyhow::Result<()> {
    println!("3. receive (收文)");
    let both = async {
        let mut last_seen = 0;
        let mut waiting = vec![first, second];
        while !waiting.is_empty() {
            // Events are a hint that something happened. A node that was started again has forgotten them and counts from 1
            // anew, so software that runs for years looks into the inbox besides. The inbox is what counts.
            let mut events = desk.events(last_seen).await?;
            while let Some(event) = events.next().await.transpose()? {
                last_seen = event.sequence;
                println!(
                    "   event {}: {} of {} at {}",
                    event.sequence, event.kind, event.envelope, event.node
                );
                if event.kind == "ContentConsignment" {
                    waiting.retain(|id| *id != event.envelope);
                }
                if waiting.is_empty() {
                    break;
                }
            }
        }
        anyhow::Ok(())
    };
    in_time("both documents arrive", both).await??;

    let office: OfficeName = "gov-office".parse()?;
    // Ask for what came after the last number that was dealt with; store that number.
    let mut after = 0;
    loop {
        let page = desk.inbox(&office, after, 100).await?;
        let Some(last) = page.last() else { break };
        after = last.sequence;
        for item in &page {
            println!("   inbox {}: {} «{}» {}", item.sequence, item.id, item.title, item.state.as_str());
            for (name, content) in take(desk, &office, item).await? {
                println!("      took {name}, {} bytes, as its sender signed it", content.len());
            }
        }
    }

    let mut act =
        ActRequest { act: Act::SignedFor, person: "阿依古丽".to_owned(), reason: String::new() };
    let done = desk.act(&office, first, &act).await?;
    println!("   {first} signed for (签收): #{} of {}", done.receipt.index, done.receipt.ledger);
    // Returning (退回) comes after signing for, and is refused without a reason.
    desk.act(&office, second, &act).await?;
    act.act = Act::Returned;
    let refused = desk.act(&office, second, &act).await.err().context("returned without a reason")?;
    println!("   without a reason: {refused}");
    act.reason = "附件缺少值班表，请补齐后重发".to_owned();
    let done = desk.act(&office, second, &act).await?;
    println!("   {second} returned (退回): #{} of {}", done.receipt.index, done.receipt.ledger);
    Ok(())
}

/// Takes a document and unpacks it: files by number, then the manifest, which names them, and the office's signature.
async fn take(
    desk: &DeskClient,
    office: &OfficeName,
    item: &InboxItem,
) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut archive = Vec::new();
    // Large documents go into a file instead: any `AsyncWrite` will do.
    desk.take(office, item.id, &mut archive).await?;
    let mut members = BTreeMap::new();
    for member in tar::Archive::new(archive.as_slice()).entries()? {
        let mut member = member?;
        let name = String::from_utf8_lossy(&member.path_bytes()).into_owned();
        let mut content = Vec::new();
        member.read_to_end(&mut content)?;
        members.insert(name, content);
    }
    let manifest = members.remove("manifest").context("the archive has no manifest")?;
    let manifest = Manifest::from_text(&String::from_utf8(manifest)?)?;
    let mut files = Vec::new();
    for (number, part) in (1..).zip(&manifest.parts) {
        let content =
            members.remove(&number.to_string()).with_context(|| format!("file {number} is missing"))?;
        anyhow::ensure!(Digest::of(&content) == part.digest, "file {number} is not the one that was signed");
        // The name is data to show. Never use it as a path without checking it.
        files.push((part.name.as_str().to_owned(), content));
    }
    Ok(files)
}

/// Back at the sender: the acts come home as receipts.
async fn follow_at_the_origin(
    desk: &DeskClient,
    first: EnvelopeId,
    second: EnvelopeId,
) -> anyhow::Result<()> {
    println!("4. at the sender again (回执)");
    wait_for_event(desk, first, "SignedFor", "6531").await?;
    wait_for_event(desk, second, "Returned", "6531").await?;
    for id in [first, second] {
        let track = desk.track(id).await?;
        let states: Vec<&str> = track.destinations.iter().map(|to| to.state.as_str()).collect();
        println!("   {id}: {}, {} receipts", states.join(", "), track.receipts.len());
    }
    let receipts = desk.receipts(second).await?;
    let returned = receipts.iter().find(|receipt| receipt.kind == "Returned").context("no receipt of it")?;
    let statement = returned.statement.as_deref().context("the office's statement did not come along")?;
    println!("   what the office signed when it returned {second}:");
    statement.lines().for_each(|line| println!("      {line}"));
    Ok(())
}
