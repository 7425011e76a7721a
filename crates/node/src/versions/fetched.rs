//! Files of nodes that are not held: asked for above, made durable, and gone by without a new version (MUST-65).

use super::Versions;
use super::holding::{lacking, stays_part, write_anew};
use super::knowing::{Come, For};
use super::serving::Serving;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::oneshot;
use yizhan_document::NodeId;
use yizhan_hierarchy::{Directory, DirectoryError, HistoryError, VersionRefused};
use yizhan_protocol::{DirectoryWanted, DivisionFile, Frame};

impl Versions {
    /// Nodes are to be known, for this node itself or so that it can judge what a neighbour said.
    pub(super) fn need(&mut self, nodes: &[NodeId], from: Option<NodeId>, reply: oneshot::Sender<()>) {
        let (held, now) = (self.shared.current.held(), self.shared.clock.uptime_ms());
        let absent: Vec<NodeId> = nodes.iter().copied().filter(|node| held.is_absent(*node)).collect();
        if absent.is_empty() {
            return reply.send(()).unwrap_or_default();
        }
        let unasked = self.knowing.unasked(&absent);
        let may = from.is_none_or(|from| self.knowing.may_spend(from, unasked, For::Knowing, now));
        if may && self.knowing.want(&absent, true, now) {
            self.knowing.wait(&absent, reply);
            self.ask_for_files();
        } else {
            tracing::debug!(?from, "more nodes are to be known than may be fetched now");
        }
    }

    /// Fetches what a neighbour asks for and is not held here; false if it is not for this node to fetch it. Nothing is said to the
    /// neighbour until the files are here: the version is kept, and it asks again.
    pub(super) fn pass_on(&mut self, neighbour: NodeId, wanted: &DirectoryWanted, held: &Directory) -> bool {
        // Nobody above fetches through whom it has below, and nobody of another network is fetched for.
        let above = self.above(held).contains(&neighbour);
        if held.holds_all() || above || held.joined_with(neighbour).is_some() {
            return false;
        }
        let absent = self.passing.wait(neighbour, wanted, held);
        let now = self.shared.clock.uptime_ms();
        let unasked = self.knowing.unasked(&absent);
        if absent.is_empty() {
            return false;
        }
        if self.knowing.may_spend(neighbour, unasked, For::Passing, now) {
            self.knowing.want(&absent, false, now);
            self.ask_for_files();
        }
        true
    }

    /// Asks for what is wanted, if somebody is up who may hold it.
    pub(super) fn ask_for_files(&mut self) {
        let (held, now) = (self.shared.current.held(), self.shared.clock.uptime_ms());
        if held.holds_all() {
            return;
        }
        let mut sources = self.above(&held);
        let beside = held.neighbours(self.shared.me()).into_iter();
        sources
            .extend(beside.filter(|node| held.is_own(*node) && held.parent(*node) != Some(self.shared.me())));
        sources.retain(|source| self.shared.links.is_up(*source));
        let Some((to, wanted)) = self.knowing.next(&sources, held.edition(), now) else { return };
        self.send_wanted(to, wanted);
    }

    /// Files that were asked for have come.
    pub(super) async fn files(&mut self, neighbour: NodeId, files: Vec<DivisionFile>) {
        let (held, now) = (self.shared.current.held(), self.shared.clock.uptime_ms());
        match self.knowing.take(files, &held, now) {
            Ok(Come::More(wanted)) => self.send_wanted(neighbour, wanted),
            Ok(Come::All(files)) => self.come(files).await,
            Err(refused) => {
                let (code, reason) = (refused.code(), refused.to_string());
                if let VersionRefused::NotSent { .. } = refused {
                    tracing::warn!(%neighbour, code, reason, "files of the directory do not come from this neighbour");
                } else {
                    tracing::error!(%neighbour, code, reason, "ALARM: files of the directory are refused");
                }
                self.asked_in_vain(neighbour, now).await;
            }
        }
    }

    /// What time brings: somebody who does not answer, and what is still lacking.
    pub(super) async fn look_for_files(&mut self, now: u64) {
        let held = self.shared.current.held();
        if held.holds_all() {
            return;
        }
        if let Some(silent) = self.knowing.silent(now) {
            tracing::warn!(neighbour = %silent, "files of the directory do not come; another neighbour is asked");
            self.asked_in_vain(silent, now).await;
        }
        self.knowing.known(&held);
        let lacking = lacking(self.shared.config.directory.hold, self.shared.me(), &held);
        self.knowing.want(&lacking, true, now);
        self.ask_for_files();
    }

    /// A neighbour is gone.
    pub(super) async fn no_longer_up(&mut self, neighbour: NodeId) {
        self.passing.forget(Some(neighbour));
        self.asked_in_vain(neighbour, self.shared.clock.uptime_ms()).await;
    }

    /// Another version is held.
    pub(super) fn know_anew(&mut self, held: &Directory) {
        self.passing.forget(None);
        self.knowing.begin_anew(held, self.shared.me());
        self.ask_for_files();
    }

    /// Whoever is above: the parent, then who stands in for it.
    fn above(&self, held: &Directory) -> Vec<NodeId> {
        let me = self.shared.me();
        let backups = held.division(me).map(|division| division.backup_parents.clone()).unwrap_or_default();
        held.parent(me).into_iter().chain(backups).collect()
    }

    fn send_wanted(&self, to: NodeId, wanted: DirectoryWanted) {
        if let Err(error) = self.shared.links.send(to, Frame::DirectoryWanted(wanted)) {
            tracing::debug!(neighbour = %to, %error, "files of the directory could not be asked for");
        }
    }

    async fn asked_in_vain(&mut self, from: NodeId, now: u64) {
        let come = self.knowing.failed(from, now);
        self.come(come).await;
    }

    /// Files are here, each as the version that is held lists it.
    async fn come(&mut self, files: BTreeMap<NodeId, (bool, Vec<u8>)>) {
        let nodes: Vec<NodeId> = files.keys().copied().collect();
        files.values().for_each(|(_, content)| self.passing.remember(content));
        let own: BTreeMap<NodeId, Vec<u8>> = files
            .into_iter()
            .filter(|(_, (own, _))| *own)
            .map(|(node, (_, content))| (node, content))
            .collect();
        let known = own.is_empty() || self.know(own).await;
        for (neighbour, wanted) in self.passing.waiting_for(&nodes) {
            self.serve(neighbour, wanted).await;
        }
        // A disk that fails has until the next round.
        if known {
            self.ask_for_files();
        }
    }

    /// Verifies files on a worker, makes them durable, and goes by the directory with them; false if they cannot be kept, and are asked
    /// for again. It is the same version with the same tree: nothing that the rules ask of a directory has another answer, and they need
    /// not hear of it.
    async fn know(&mut self, files: BTreeMap<NodeId, Vec<u8>>) -> bool {
        let (history, shared) = (self.history.clone(), Arc::clone(&self.shared));
        let (held, by) = (shared.current.held(), shared.directory());
        let (needed, nodes) = (held.needed_by(shared.me()), files.keys().copied().collect::<Vec<_>>());
        let others = nodes.iter().copied().filter(|node| !needed.contains(node) && held.is_absent(*node));
        let (fetched, let_go) = self.knowing.with_fetched(others);
        let known = tokio::task::spawn_blocking(move || {
            let let_go: BTreeSet<NodeId> = let_go.into_iter().collect();
            let (directory, refused) = held.with_files(&files);
            let older = (*by != *held).then(|| Arc::new(without(by.with_files(&files).0, &let_go)));
            let taken = files.into_iter().filter(|(node, _)| !directory.is_absent(*node)).collect();
            history.fetched().keep(&taken)?;
            history.fetched().forget(let_go.iter().copied())?;
            let directory = without(directory, &let_go);
            if !stays_part(shared.config.directory.hold, &directory) {
                write_anew(&shared.config, BTreeMap::new(), &directory);
            }
            Ok::<_, HistoryError>(((Arc::new(directory), older), refused))
        });
        match known.await {
            Ok(Ok((directory, refused))) => {
                let held = fetched.into_iter().filter(|node| !directory.0.is_absent(*node));
                self.knowing.note_fetched(held.collect());
                self.go_by_more(directory, refused);
                return true;
            }
            Ok(Err(error)) => tracing::error!(%error, "ALARM: files of the directory cannot be kept"),
            Err(fault) => tracing::error!(%fault, "a worker failed; the files are asked for again"),
        }
        self.knowing.want(&nodes, true, self.shared.clock.uptime_ms());
        false
    }

    /// Holds more, and goes by it. A version that does not fit this node is held and not gone by: then by `older`, the one before, with what
    /// it lists of that.
    fn go_by_more(
        &mut self,
        (directory, older): (Arc<Directory>, Option<Arc<Directory>>),
        refused: Vec<(NodeId, DirectoryError)>,
    ) {
        let now = self.shared.clock.uptime_ms();
        for (node, error) in refused {
            tracing::error!(%node, code = error.code(), %error, "ALARM: a file of the directory is signed, and refused");
            self.knowing.refuse(node, now);
        }
        let (held, listed) = (directory.divisions().len(), directory.listed_divisions());
        tracing::info!(held, listed, "more of the directory is held");
        self.shared.current.hold(Arc::clone(&directory));
        if !stays_part(self.shared.config.directory.hold, &directory) {
            // Its archive was written anew, and what lay beside it is gone.
            self.serving = Serving::default();
        }
        let (before, by) = (self.shared.directory(), older.unwrap_or_else(|| Arc::clone(&directory)));
        if let Err(error) = self.shared.current.go_by(Arc::clone(&by), None) {
            tracing::error!(%error, "ALARM: what was fetched of the directory cannot be gone by before a restart");
        }
        let neighbours = by.neighbours(self.shared.me());
        if neighbours.iter().any(|node| before.is_absent(*node) && !by.is_absent(*node)) {
            self.set_neighbours(&[]);
        }
        self.knowing.known(&directory);
    }
}

/// A directory that holds these no more.
fn without(directory: Directory, let_go: &BTreeSet<NodeId>) -> Directory {
    if let_go.is_empty() {
        return directory;
    }
    let held = directory.divisions().map(|division| division.node);
    let kept = held.filter(|node| !let_go.contains(node)).collect();
    directory.reduced_to(&kept)
}

#[cfg(test)]
mod tests {
    use crate::config::Hold;
    use crate::county::{County, node};
    use crate::versions::begin::history;
    use std::sync::Arc;
    use yizhan_hierarchy::{Acceptance, Edit};
    use yizhan_identity::{NoteSigner, SigningKey};

    #[tokio::test]
    async fn files_that_cannot_be_kept_are_asked_for_again() {
        let county = County::that_met(&[]);
        let (mut versions, far) = (county.versions(), node("653101"));
        let fetched = county.shared.config.data.join("directory/fetched");
        std::fs::write(&fetched, "no folder").unwrap();
        versions.know(county.files_of(&["653101"])).await;
        assert!(county.shared.directory().is_absent(far), "nothing is gone by that is not durable");
        assert_eq!(versions.knowing.unasked(&[far]), 0);
        std::fs::remove_file(&fetched).unwrap();
        versions.know(county.files_of(&["653101"])).await;
        assert!(county.shared.directory().division(far).is_some());
        assert_eq!(versions.knowing.unasked(&[far]), 1, "and no more once they are");
    }

    #[tokio::test]
    async fn with_the_last_file_a_node_that_is_to_hold_the_whole_keeps_it_as_a_whole() {
        let county = County::that_is_to_hold(Hold::Whole, &["653101"]);
        let (mut versions, config) = (county.versions(), &county.shared.config);
        let edition = county.shared.current.held().edition();
        assert!(versions.know(county.files_of(&["652324", "653130"])).await);
        assert!(history(config).read(edition).unwrap().is_part);
        assert!(versions.know(county.files_of(&["6531"])).await);
        let kept = history(config).read(edition).unwrap();
        assert!(county.shared.directory().holds_all() && !kept.is_part && kept.files == county.files);
        assert!(!config.data.join("directory/fetched").exists());
    }

    #[tokio::test]
    async fn a_node_that_goes_by_the_version_before_knows_by_it_whom_it_fetches() {
        let county = County::that_met(&[]);
        let (mut versions, by) = (county.versions(), county.shared.directory());
        let pem = county.folder.path().join("net/authority/authority.pem");
        let key = SigningKey::from_text(&std::fs::read_to_string(pem).unwrap()).unwrap();
        let authority = NoteSigner::new(format!("{}/authority", by.network), key).unwrap();
        let (whole, _) = by.with_files(&county.files);
        let rename = Edit::Name(node("653130"), "ug".into(), "چىرا".into());
        let now = county.shared.clock.wall();
        let next = whole.edited([rename], now, now.plus_ms(86_400_000)).unwrap();
        let parcel = next.render().unwrap().signed(&[authority]);
        let anchor = crate::versions::begin::anchor(&county.shared.config).unwrap();
        let held = Acceptance { anchor: &anchor, held: &whole, now }.whole(&parcel).unwrap();
        let held = held.reduced_to(&held.needed_by(node("652301")));
        // As it is with one that does not fit this node.
        county.shared.current.hold(Arc::new(held));
        versions.know(county.files_of(&["653101"])).await;
        let (by, held) = (county.shared.directory(), county.shared.current.held());
        assert_eq!((by.version, held.version), (1, 2));
        assert!(by.division(node("653101")).is_some() && held.division(node("653101")).is_some());
    }
}
