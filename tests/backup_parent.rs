//! A prefecture that is killed for good, through real processes: its counties go on among themselves through the backup parent, and
//! the ledgers show the detour.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is test code in a file of its own"
)]

mod harness;

use harness::documents::office;
use harness::waiting::until;
use harness::{Network, SEVEN, flag, list, number, path_text, text};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

const GONE: &str = "6523";

#[test]
fn counties_of_a_dead_prefecture_go_on_through_the_region_with_evidence_of_the_detour() {
    let network = Network::of_seven();
    network.start_all();
    // The region stands in: the running network is told so.
    let draft = network.beside("next");
    let backups = ["--backup-parents", "652301=65", "--backup-parents", "652324=65"];
    network.json(&[&["directory", "edit", path_text(&draft)], &backups[..]].concat());
    let key = network.folder().join("authority/authority.pem");
    network.json(&["directory", "sign", path_text(&draft), "--key", path_text(&key)]);
    network.json(&["directory", "publish", path_text(&draft)]);
    for node in SEVEN {
        until(&format!("{node} goes by version 2"), || {
            (number(&network.status(node)?, "/directory_version") == 2).then_some(())
        });
    }
    for county in ["652301", "652324"] {
        until(&format!("{county} is linked to the region"), || {
            let status = network.status(county)?;
            let up = |wanted: &str| {
                list(&status, "/neighbours").iter().any(|it| text(it, "/node") == wanted && flag(it, "/up"))
            };
            (up("65") && up(GONE)).then_some(())
        });
    }

    network.kill(GONE);
    let file = network.beside("a.txt");
    fs::write(&file, "防汛通知").unwrap();
    // Handed in while nobody knows yet that it is gone: this one waits for it first.
    let early = network.send("652301", &["652324", "653101"], "关于防汛工作的通知", &[&file]);
    until("its silence is noticed", || {
        let status = network.status("652301")?;
        list(&status, "/neighbours")
            .iter()
            .any(|it| text(it, "/node") == GONE && !flag(it, "/up"))
            .then_some(())
    });
    let late = network.send("652324", &["652301"], "关于防汛工作的报告", &[&file]);
    for (id, to) in [(&early, "652324"), (&early, "653101"), (&late, "652301")] {
        network.await_inbox(to, id);
        network.json(&["inbox", "sign", &office(to), id]);
        network.await_stage(id, to, "signed-for");
    }
    let living: Vec<&str> = SEVEN.into_iter().filter(|node| *node != GONE).collect();
    living.iter().for_each(|node| network.stop(node));

    // Without the ledger of the dead prefecture: the chains lead over the region.
    let ledgers: Vec<PathBuf> = living.iter().map(|node| network.data(node).join("ledger")).collect();
    let report: Value = network.audited(&ledgers).any_json();
    for (id, to) in [(&early, "652324"), (&early, "653101"), (&late, "652301")] {
        let document = list(&report, "/documents").iter().find(|document| text(document, "/id") == **id);
        let document = document.unwrap_or_else(|| panic!("{id} is not in {report}"));
        let at = list(document, "/destinations").iter().find(|at| text(at, "/node") == to).unwrap();
        assert_eq!(text(at, "/verdict/is"), "complete", "{document}");
        let hops: Vec<String> = list(at, "/hops").iter().map(|hop| text(hop, "/node")).collect();
        assert!(hops.contains(&"65".to_owned()) && !hops.contains(&GONE.to_owned()), "{hops:?}: {document}");
    }
}
