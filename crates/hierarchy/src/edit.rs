//! Changes to a draft, one at a time; the draft is checked as a whole before anybody can sign it.

use crate::delegation::Delegation;
use crate::directory::Directory;
use crate::division::{Division, OfficeRecord, OfficeState};
use crate::draft::{Delegated, Draft, DraftJoined, Rendered};
use crate::endpoint::Endpoint;
use crate::grant::Grant;
use crate::head::Head;
use crate::outline::Outline;
use crate::parts::{Certificates, Parts};
use crate::policy_edit::PolicyEdit;
use crate::verification::DirectoryError;
use yizhan_document::{Classification, Digest, ListName, NodeId, NodeOrOffice, OfficeAddress, WallTime};
use yizhan_identity::NoteVerifier;

/// One change.
#[derive(Clone, Debug)]
pub enum Edit {
    /// Who is above a node; none makes it the root of a tree.
    Parent(NodeId, Option<NodeId>),
    /// Who stands in for its parent.
    BackupParents(NodeId, Vec<NodeId>),
    /// Whom it talks to besides.
    DirectLinks(NodeId, Vec<NodeId>),
    /// Where it is reached.
    Endpoints(NodeId, Vec<Endpoint>),
    /// What people call it in a language; an empty name takes that language away.
    Name(NodeId, String, String),
    /// The highest classification it may carry.
    MaxClassification(NodeId, Classification),
    /// A new node, or an old one wholly anew.
    PutNode(Box<Division>),
    /// A node that is no more. Nobody may be below it.
    RemoveNode(NodeId),
    /// A new office of a node, or an old one with a new certificate.
    PutOffice(NodeId, Box<OfficeRecord>),
    /// Whether an office sends and receives.
    OfficeState(OfficeAddress, OfficeState),
    /// How many authorities have to sign from this version on.
    Threshold(usize),
    /// An authority whose signatures count no more. Never taken back.
    Revoke(NoteVerifier),
    /// A subtree that somebody else signs for from now on, or on other terms than before.
    Delegate(Box<Delegation>),
    /// A delegated subtree that the authorities sign for again.
    Undelegate(NodeId),
    /// Another network is joined with this one by an agreement, or by another agreement than before; or it is the same with another
    /// state of its directory.
    Join(Box<DraftJoined>),
    /// From then on nothing new crosses; what was accepted before comes to its end, as long as the agreement is named still.
    EndAgreement(String, WallTime),
    /// The agreement is named no more, and nothing of the other network is held any more.
    DropAgreement(String),
    /// Something in the policy.
    Policy(PolicyEdit),
    /// When this version expires.
    Expires(WallTime),
}

/// Why a change cannot be made. Whoever asked for it is to blame; the draft is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// No such node.
    #[error("there is no node {0} in the draft; add it first")]
    UnknownNode(NodeId),
    /// No such office.
    #[error("there is no office {0} in the draft; add it first")]
    UnknownOffice(OfficeAddress),
    /// No such list.
    #[error("there is no list {0} in the draft")]
    UnknownList(ListName),
    /// Not a member of the list.
    #[error("{member} is no member of the list {list}")]
    NotInList {
        /// The list.
        list: ListName,
        /// Who is none.
        member: NodeOrOffice,
    },
    /// No such grant.
    #[error("there is no grant `{0}` in the draft")]
    UnknownGrant(Grant),
    /// No such delegation.
    #[error("the subtree of {0} is not delegated")]
    NotDelegated(NodeId),
    /// No such joined network.
    #[error("no agreement with {0} is named in the draft")]
    NotJoined(String),
    /// A line of an agreement speaks of nobody.
    #[error(
        "`{line}` names {node}, which is no node of {network}; have the agreement put right before it is signed"
    )]
    NobodyCrosses {
        /// The line.
        line: String,
        /// Whom it names.
        node: NodeId,
        /// Where it should be.
        network: String,
    },
    /// The authorities change what they delegated.
    #[error(
        "{node} lies in the subtree of {delegation}, which is delegated: its delegates change it (--delegate {delegation})"
    )]
    Delegates {
        /// The division.
        node: NodeId,
        /// The division whose subtree is delegated.
        delegation: NodeId,
    },
    /// Delegates change what is not theirs.
    #[error("{node} is not in the subtree of {delegation}; its delegates change nothing else")]
    Outside {
        /// The division.
        node: NodeId,
        /// The division whose subtree is delegated.
        delegation: NodeId,
    },
    /// Delegates change what concerns the directory as a whole.
    #[error("only the authorities change that; the delegates of {0} change the divisions of their subtree")]
    Authorities(NodeId),
}

impl Edit {
    /// The node that a change concerns; none if it concerns the directory as a whole.
    fn node(&self) -> Option<NodeId> {
        match self {
            Self::Parent(node, _)
            | Self::BackupParents(node, _)
            | Self::DirectLinks(node, _)
            | Self::Endpoints(node, _)
            | Self::Name(node, ..)
            | Self::MaxClassification(node, _)
            | Self::RemoveNode(node)
            | Self::PutOffice(node, _) => Some(*node),
            Self::PutNode(division) => Some(division.node),
            Self::OfficeState(office, _) => Some(office.node),
            Self::Threshold(_)
            | Self::Revoke(_)
            | Self::Delegate(_)
            | Self::Undelegate(_)
            | Self::Join(_)
            | Self::EndAgreement(..)
            | Self::DropAgreement(_)
            | Self::Policy(_)
            | Self::Expires(_) => None,
        }
    }
}

impl Draft {
    /// Makes one change as the authorities do.
    pub fn apply(&mut self, edit: Edit) -> Result<(), EditError> {
        self.apply_as(None, edit)
    }

    /// Makes one change as the authorities or the delegates of a subtree do: each what is theirs, before the change and after.
    pub fn apply_as(&mut self, who: Option<NodeId>, edit: Edit) -> Result<(), EditError> {
        let Some(node) = edit.node() else {
            return match who {
                None => self.make(edit),
                Some(delegation) => Err(EditError::Authorities(delegation)),
            };
        };
        if self.divisions.contains_key(&node) {
            self.check_whose(node, who)?;
        }
        let before = self.divisions.get(&node).cloned();
        self.make(edit)?;
        if !self.divisions.contains_key(&node) {
            return Ok(());
        }
        self.check_whose(node, who).inspect_err(|_| {
            match before {
                Some(before) => self.divisions.insert(node, before),
                None => self.divisions.remove(&node),
            };
        })
    }

    fn check_whose(&self, node: NodeId, who: Option<NodeId>) -> Result<(), EditError> {
        match (self.delegation_over(node), who) {
            (over, who) if over == who => Ok(()),
            (_, Some(delegation)) => Err(EditError::Outside { node, delegation }),
            (over, None) => Err(EditError::Delegates { node, delegation: over.unwrap_or(node) }),
        }
    }

    fn delegate(&mut self, delegation: Delegation) {
        let known = self.delegations.get(&delegation.node);
        // Other delegates sign a list of their own, and no list of those before counts any more.
        let signers = |one: &Delegation| (one.threshold, one.delegates.clone());
        let delegated = match known {
            Some(known) if signers(&known.delegation) == signers(&delegation) => {
                let from = known.delegation.from.max(delegation.from);
                Delegated { delegation: Delegation { from, ..delegation }, ..known.clone() }
            }
            known => {
                let version = known.map_or(1, |known| known.version.saturating_add(1)).max(delegation.from);
                let (issued, expires) = (self.issued, self.expires);
                Delegated { delegation: Delegation { from: version, ..delegation }, version, issued, expires }
            }
        };
        self.delegations.insert(delegated.delegation.node, delegated);
    }

    fn make(&mut self, edit: Edit) -> Result<(), EditError> {
        match edit {
            Edit::Parent(node, parent) => self.division(node)?.parent = parent,
            Edit::BackupParents(node, parents) => self.division(node)?.backup_parents = parents,
            Edit::DirectLinks(node, links) => self.division(node)?.direct_links = links,
            Edit::Endpoints(node, endpoints) => self.division(node)?.endpoints = endpoints,
            Edit::Name(node, language, name) if name.is_empty() => {
                self.division(node)?.names.remove(&language);
            }
            Edit::Name(node, language, name) => {
                self.division(node)?.names.insert(language, name);
            }
            Edit::MaxClassification(node, most) => self.division(node)?.max_classification = most,
            Edit::PutNode(division) => {
                self.divisions.insert(division.node, *division);
            }
            Edit::RemoveNode(node) => {
                self.divisions.remove(&node).ok_or(EditError::UnknownNode(node))?;
            }
            Edit::PutOffice(node, record) => {
                let offices = &mut self.division(node)?.offices;
                match offices.iter_mut().find(|there| there.office == record.office) {
                    Some(there) => *there = *record,
                    None => offices.push(*record),
                }
            }
            Edit::OfficeState(address, state) => {
                let offices = &mut self.division(address.node)?.offices;
                let office = offices.iter_mut().find(|there| there.office == address.office);
                office.ok_or(EditError::UnknownOffice(address))?.state = state;
            }
            Edit::Threshold(threshold) => self.threshold = threshold,
            Edit::Revoke(authority) => {
                self.revoked.insert(authority);
            }
            Edit::Delegate(delegation) => {
                self.division(delegation.node)?;
                self.delegate(*delegation);
            }
            Edit::Undelegate(node) => {
                self.delegations.remove(&node).ok_or(EditError::NotDelegated(node))?;
            }
            Edit::Join(joined) => self.join(*joined)?,
            Edit::EndAgreement(network, at) => self.joined_network(&network)?.part.ended = Some(at),
            Edit::DropAgreement(network) => {
                self.joined.remove(&network).ok_or(EditError::NotJoined(network))?;
            }
            Edit::Policy(edit) => self.edit_policy(edit)?,
            Edit::Expires(expires) => self.expires = expires,
        }
        Ok(())
    }

    /// Nobody insists on it later: who is named may be gone in a later version.
    fn join(&mut self, joined: DraftJoined) -> Result<(), EditError> {
        let part = &joined.part;
        for line in &part.agreement.crossings {
            let outwards = line.network == self.network;
            let (own, theirs) = if outwards { (&line.from, &line.to) } else { (&line.to, &line.from) };
            let nobody = |node: NodeId, network: &str| EditError::NobodyCrosses {
                line: line.to_string(),
                node,
                network: network.to_owned(),
            };
            if !self.divisions.contains_key(&own.node()) {
                return Err(nobody(own.node(), &self.network));
            }
            if !joined.files.contains_key(&theirs.node()) {
                return Err(nobody(theirs.node(), &part.network));
            }
        }
        self.joined.insert(part.network.clone(), joined);
        Ok(())
    }

    fn joined_network(&mut self, network: &str) -> Result<&mut DraftJoined, EditError> {
        self.joined.get_mut(network).ok_or_else(|| EditError::NotJoined(network.to_owned()))
    }

    fn division(&mut self, node: NodeId) -> Result<&mut Division, EditError> {
        self.divisions.get_mut(&node).ok_or(EditError::UnknownNode(node))
    }
}

impl Rendered {
    /// Checks a draft as every reader will, but for the signatures that are still missing: no orphan, no circle, no address
    /// or key given twice, backup parents where they may be, certificates of this network. Gives what was checked.
    pub fn check(&self) -> Result<Head, DirectoryError> {
        let head = self.head()?;
        let file =
            |node, _: &Digest| self.files.get(&node).cloned().ok_or(DirectoryError::MissingDivision { node });
        let ca = |_: &Digest| Ok(self.ca.clone());
        let parts =
            Parts { root_note: &[], ca, file, outline: &Outline::default(), certificates: Certificates::Now };
        parts.directory(head.clone(), self.ca.clone())?;
        Ok(head)
    }
}

impl Directory {
    /// A draft of the version after this one with some changes made to it.
    pub fn edited(
        &self,
        edits: impl IntoIterator<Item = Edit>,
        issued: WallTime,
        expires: WallTime,
    ) -> Result<Draft, EditError> {
        let mut draft = Draft::following(self, issued, expires);
        edits.into_iter().try_for_each(|edit| draft.apply(edit))?;
        Ok(draft)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{believed, demo_draft, expires, issued, node};
    use crate::tree::TreeError;

    fn edited(edits: Vec<Edit>) -> Result<Head, DirectoryError> {
        let draft = believed(&demo_draft()).edited(edits, issued(), expires()).unwrap();
        draft.render().unwrap().check()
    }

    #[test]
    fn an_edited_version_is_the_next_one_with_nothing_else_changed() {
        let endpoint = "10.0.0.1:7000".parse().unwrap();
        let head = edited(vec![Edit::Endpoints(node("652301"), vec![endpoint])]).unwrap();
        let before = believed(&demo_draft());
        assert_eq!(head.root.version, 2);
        for (node, digest) in head.listed() {
            let changed = *node == crate::sample::node("652301");
            assert_eq!(before.digest_of(*node) != Some(*digest), changed, "{node}");
        }
    }

    #[test]
    fn an_orphan_a_circle_and_an_address_given_twice_are_found_before_anybody_signs() {
        let orphan = edited(vec![Edit::RemoveNode(node("6523"))]);
        assert!(matches!(orphan, Err(DirectoryError::Tree(TreeError::Orphan { .. }))), "{orphan:?}");
        let circle = edited(vec![Edit::Parent(node("6523"), Some(node("652301")))]);
        assert!(matches!(circle, Err(DirectoryError::Tree(TreeError::Cycle { .. }))), "{circle:?}");
        let taken = demo_draft().divisions[&node("65")].endpoints.clone();
        let twice = edited(vec![Edit::Endpoints(node("652301"), taken)]);
        assert!(matches!(twice, Err(DirectoryError::SharedEndpoint { .. })), "{twice:?}");
        let backup = edited(vec![Edit::BackupParents(node("6523"), vec![node("652301")])]);
        assert!(matches!(backup, Err(DirectoryError::Tree(_))), "{backup:?}");
    }

    #[test]
    fn a_change_to_what_is_not_there_is_refused_and_one_to_what_is_there_is_made() {
        let held = believed(&demo_draft());
        let edit = |edit| held.edited([edit], issued(), expires());
        let nobody = node("659999");
        assert_eq!(edit(Edit::RemoveNode(nobody)).err(), Some(EditError::UnknownNode(nobody)));
        let office: OfficeAddress = "nobody@65".parse().unwrap();
        let suspend = |office| Edit::OfficeState(office, OfficeState::Suspended);
        assert_eq!(edit(suspend(office.clone())).err(), Some(EditError::UnknownOffice(office)));
        let there = held.division(node("65")).unwrap().offices[0].address(node("65"));
        let draft = edit(suspend(there)).unwrap();
        assert_eq!(draft.divisions[&node("65")].offices[0].state, OfficeState::Suspended);
        let draft = edit(Edit::Name(node("65"), "kk".into(), "Шыңжаң".into())).unwrap();
        assert_eq!(draft.divisions[&node("65")].name("kk"), "Шыңжаң");
    }
}
