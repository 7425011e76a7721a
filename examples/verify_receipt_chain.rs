//! Receipts and ledgers checked offline, as an auditor (审计) does: no node runs, and none is trusted. A changed byte is refused.
//!
//! `cargo run --example verify_receipt_chain`

#![allow(clippy::print_stdout, reason = "an example shows what happens")]

mod small_network;

use anyhow::Context;
use small_network::{SmallNetwork, document, in_time, wait_for_event};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use yizhan_audit::{Severity, render_receipt, render_report, verify_network, verify_receipt};
use yizhan_desk::ActRequest;
use yizhan_document::{Act, OfficeName};
use yizhan_hierarchy::{Directory, TrustAnchor};
use yizhan_node::{Clock, CreatedNetwork};

/// County, prefecture, county: two hops.
const PLAN: &str = r#"
[network]
name = "receipt-chain.example"

[[node]]
id = "6523"
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

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let network = SmallNetwork::start(PLAN).await?;
    let exported = network.folder.path().join("receipts");
    send_and_export(&network, &exported).await?;
    let (folder, created) = network.stop().await?;
    println!("all nodes are stopped; from here on there are only files\n");

    let directory = load_directory(&created)?;
    check_receipts(&directory, &exported)?;
    check_ledgers(&directory, &created, folder.path())
}

/// One document with all its receipts, written out as `yizhan receipts export` writes them.
async fn send_and_export(network: &SmallNetwork, to: &Path) -> anyhow::Result<()> {
    let (sender, recipient) = (network.client("652301").await?, network.client("652324").await?);
    let office: OfficeName = "gov-office".parse()?;
    let file = network.folder.path().join("letter.txt");
    fs::write(&file, "商请交换值班电话。\n")?;
    let letter = document("gov-office@652301", &["gov-office@652324"], "关于交换值班电话的函")?;
    let id = sender.send(letter, vec![("函.txt".parse()?, file)]).await?.id;
    wait_for_event(&recipient, id, "ContentConsignment", "652324").await?;
    recipient.take(&office, id, tokio::io::sink()).await?;
    let sign = ActRequest { act: Act::SignedFor, person: String::new(), reason: String::new() };
    recipient.act(&office, id, &sign).await?;
    wait_for_event(&sender, id, "SignedFor", "652324").await?;
    network.until_at_rest().await?;

    // Within a second or two the neighbour cosigns (见证) the county's ledger. A receipt proven under a cosigned checkpoint is
    // worth more: its time is attested by somebody else. Until then it is good, but not witnessed.
    let witnessed = async {
        loop {
            let receipts = sender.receipts(id).await?;
            if receipts.iter().any(|receipt| receipt.witnessed) {
                return anyhow::Ok(receipts);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let receipts = in_time("a neighbour cosigns", witnessed).await??;
    fs::create_dir_all(to)?;
    for receipt in &receipts {
        let stem = format!("{}-{}", receipt.ledger, receipt.index);
        // The entry byte for byte: not even a line feed may be added.
        fs::write(to.join(format!("{stem}.json")), &receipt.entry)?;
        fs::write(to.join(format!("{stem}.tlog-proof")), &receipt.proof)?;
    }
    println!(
        "document {id} went 652301 → 6523 → 652324 and was signed for; {} receipts exported",
        receipts.len()
    );
    Ok(())
}

/// The signed directory, which says whose keys count. A real auditor has the authority's key from elsewhere; here it is the
/// one that the network was made with.
fn load_directory(created: &CreatedNetwork) -> anyhow::Result<Directory> {
    let vkey = fs::read_to_string(created.folder.join("authority").join("authority.vkey"))?;
    let anchor = TrustAnchor::from_vkeys([vkey.trim()], 1)?;
    Ok(Directory::load(&created.folder.join("directory"), &anchor, Clock::start().wall())?)
}

/// Each receipt by itself: is this entry in the ledger of that node, under its signature?
fn check_receipts(directory: &Directory, exported: &Path) -> anyhow::Result<()> {
    let mut proofs: Vec<PathBuf> = files_below(exported)?;
    proofs.retain(|path| path.extension().is_some_and(|extension| extension == "tlog-proof"));
    let mut changed_ones_refused = 0;
    for path in &proofs {
        let (proof, entry) = (fs::read(path)?, fs::read(path.with_extension("json"))?);
        let finding = verify_receipt(directory, &proof, entry.clone())
            .with_context(|| format!("the receipt {} is not good", path.display()))?;
        print!("{}", render_receipt(&finding, directory));

        // Whoever changes one byte of the entry has no receipt any more. No key is needed to see that.
        let refused = verify_receipt(directory, &proof, with_a_changed_byte(&entry));
        anyhow::ensure!(refused.is_err(), "{} was believed with a changed byte", path.display());
        changed_ones_refused += 1;
        if let (1, Err(error)) = (changed_ones_refused, refused) {
            println!("the same with one byte changed: REFUSED, {error}");
        }
    }
    println!("\n{} receipts are good; each of them is refused with one byte changed\n", proofs.len());
    anyhow::ensure!(!proofs.is_empty(), "no receipt was exported");
    Ok(())
}

/// All ledgers together: who had custody when, attested by both sides of each hop. Then the same with a damaged copy.
fn check_ledgers(directory: &Directory, created: &CreatedNetwork, scratch: &Path) -> anyhow::Result<()> {
    let ledgers: Vec<PathBuf> =
        created.nodes.iter().map(|node| node.socket.with_file_name("ledger")).collect();
    let report = verify_network(directory, &ledgers, None);
    print!("{}", render_report(&report, directory));
    anyhow::ensure!(
        report.ok() && report.chains == 1 && report.chains_verified == 1,
        "the chain is not verified from end to end"
    );

    let copy = scratch.join("damaged-ledger");
    let prefecture = ledgers.first().context("the plan has no node")?;
    copy_folder(prefecture, &copy)?;
    for bundle in files_below(&copy.join("tile").join("entries"))? {
        fs::write(&bundle, with_a_changed_byte(&fs::read(&bundle)?))?;
    }
    let damaged: Vec<PathBuf> = std::iter::once(copy).chain(ledgers.iter().skip(1).cloned()).collect();
    let report = verify_network(directory, &damaged, None);
    println!("\nthe same with one byte changed in the ledger of the prefecture:");
    for problem in report.ledgers.iter().flat_map(|ledger| &ledger.problems).chain(&report.problems) {
        println!("  [{}] {}", problem.fault.as_str(), problem.text);
    }
    anyhow::ensure!(report.severity() == Severity::Forged, "a changed ledger was believed");
    println!(
        "  verdict: NOT TO BE BELIEVED, {} of {} chains verified",
        report.chains_verified, report.chains
    );
    Ok(())
}

fn with_a_changed_byte(bytes: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let middle = changed.len() / 2;
    if let Some(byte) = changed.get_mut(middle) {
        *byte ^= 1;
    }
    changed
}

/// All files in a folder and the folders in it, by name.
fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    for file in files_below(from)? {
        let target = to.join(file.strip_prefix(from)?);
        fs::create_dir_all(target.parent().context("a file lies in no folder")?)?;
        fs::copy(&file, &target)?;
    }
    Ok(())
}
