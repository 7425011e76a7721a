//! Documents on their way: handed in, followed, taken, signed for, as clerks do it.

use super::waiting::until;
use super::{Network, Said, list, path_text, text};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The exit code of a command that asks to try again later.
pub(crate) const TRY_LATER: i32 = 4;

/// The government office of a node.
pub(crate) fn office(node: &str) -> String {
    format!("gov-office@{node}")
}

impl Network {
    /// Hands a document in, and gives its id.
    pub(crate) fn send(&self, from: &str, to: &[&str], title: &str, files: &[&Path]) -> String {
        text(&self.send_with(from, to, &["--title", title], files).json(), "/id")
    }

    /// The same with any further arguments, however it ends.
    pub(crate) fn send_with(&self, from: &str, to: &[&str], more: &[&str], files: &[&Path]) -> Said {
        let (from, to): (String, Vec<String>) = (office(from), to.iter().map(|to| office(to)).collect());
        let mut words = vec!["send", "--json", "--from", &from];
        to.iter().for_each(|to| words.extend(["--to", to.as_str()]));
        words.extend(more);
        words.extend(files.iter().map(|file| path_text(file)));
        self.said(&words)
    }

    /// Repeats a command for as long as its node is away.
    pub(crate) fn patiently(&self, arguments: &[&str]) -> Value {
        until(&format!("{arguments:?} is answered"), || {
            let said = self.said(arguments);
            (said.code != TRY_LATER).then(|| said.json())
        })
    }

    /// How far a document has come towards a node.
    pub(crate) fn stage(&self, id: &str, to: &str) -> String {
        let track = self.json(&["track", id]);
        let at = list(&track, "/destinations").iter().find(|at| text(at, "/node") == to);
        text(at.unwrap_or_else(|| panic!("{id} does not go to {to}: {track}")), "/state")
    }

    /// Waits until a document has come so far.
    pub(crate) fn await_stage(&self, id: &str, to: &str, wanted: &str) {
        until(&format!("{id} is {wanted} at {to}"), || (self.stage(id, to) == wanted).then_some(()));
    }

    /// What lies in the inbox of a node's government office.
    pub(crate) fn inbox(&self, node: &str) -> Vec<Value> {
        let items = self.json(&["inbox", "list", &office(node), "--limit", "1000"]);
        list(&items, "").to_vec()
    }

    /// The ids of the documents there, in the order in which they came.
    pub(crate) fn inbox_ids(&self, node: &str) -> Vec<String> {
        self.inbox(node).iter().map(|item| text(item, "/id")).collect()
    }

    /// Waits until a document lies in an inbox.
    pub(crate) fn await_inbox(&self, node: &str, id: &str) {
        until(&format!("{id} lies in the inbox of {node}"), || {
            self.inbox_ids(node).iter().any(|found| found == id).then_some(())
        });
    }

    /// Takes a document out of an inbox into a new folder beside the network; gives the folder.
    pub(crate) fn take(&self, node: &str, id: &str) -> PathBuf {
        let folder = self.beside("taken").join(node).join(id);
        self.json(&["inbox", "take", &office(node), id, "--out", path_text(&folder)]);
        folder
    }

    /// Waits until nothing waits at any running node, so that each hop is attested by both sides.
    pub(crate) fn await_rest(&self) {
        for node in self.ids() {
            until(&format!("nothing waits at {node}"), || {
                let items = self.json(&["queue", "--node", path_text(&self.node(node))]);
                list(&items, "").is_empty().then_some(())
            });
        }
    }
}
