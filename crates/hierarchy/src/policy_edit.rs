//! Changes to the policy of a draft, one at a time.

use crate::area::Area;
use crate::draft::Draft;
use crate::edit::EditError;
use crate::grant::Grant;
use crate::link_ends::LinkEnds;
use crate::policy::{Policy, SkipRule};
use yizhan_document::{Classification, ListName, NodeId, NodeOrOffice, OfficeAddress};

/// One change to the policy. Only the authorities make one.
#[derive(Clone, Debug)]
pub enum PolicyEdit {
    /// Members that a list has from now on; a list that is not there begins with them.
    AddToList(ListName, Vec<NodeOrOffice>),
    /// Members that a list has no more. One without members is no more.
    TakeFromList(ListName, Vec<NodeOrOffice>),
    /// A list that is no more.
    RemoveList(ListName),
    /// What holds for documents that pass a level over upwards.
    SkipLevelUp(SkipRule),
    /// What holds for documents that pass a level over downwards.
    SkipLevelDown(SkipRule),
    /// A grant; the same with other words on notice takes its place.
    Grant(Grant),
    /// A grant that is taken back, whatever it says on notice.
    Revoke(Grant),
    /// Who may address an office; nobody named: everybody.
    Senders(OfficeAddress, Vec<Area>),
    /// What a link may carry; none: what both of its nodes may.
    Link(LinkEnds, Option<Classification>),
}

impl Draft {
    pub(crate) fn edit_policy(&mut self, edit: PolicyEdit) -> Result<(), EditError> {
        self.check_named(&edit)?;
        let Policy { skip_level, grants, senders, links, lists } = &mut self.policy;
        match edit {
            PolicyEdit::AddToList(list, members) => lists.entry(list).or_default().extend(members),
            PolicyEdit::TakeFromList(list, gone) => {
                let members = lists.get_mut(&list).ok_or_else(|| EditError::UnknownList(list.clone()))?;
                if let Some(member) = gone.iter().find(|member| !members.contains(member)) {
                    return Err(EditError::NotInList { list, member: member.clone() });
                }
                members.retain(|member| !gone.contains(member));
                if members.is_empty() {
                    lists.remove(&list);
                }
            }
            PolicyEdit::RemoveList(list) => {
                lists.remove(&list).ok_or(EditError::UnknownList(list))?;
            }
            PolicyEdit::SkipLevelUp(rule) => skip_level.up = rule,
            PolicyEdit::SkipLevelDown(rule) => skip_level.down = rule,
            PolicyEdit::Grant(grant) => {
                grants.remove(&Grant { notice: !grant.notice, ..grant.clone() });
                grants.insert(grant);
            }
            PolicyEdit::Revoke(grant) => {
                let other = grants.remove(&Grant { notice: !grant.notice, ..grant.clone() });
                if !grants.remove(&grant) && !other {
                    return Err(EditError::UnknownGrant(grant));
                }
            }
            PolicyEdit::Senders(office, areas) if areas.is_empty() => {
                senders.remove(&office);
            }
            PolicyEdit::Senders(office, areas) => {
                senders.insert(office, areas.into_iter().collect());
            }
            PolicyEdit::Link(ends, None) => {
                links.remove(&ends);
            }
            PolicyEdit::Link(ends, Some(most)) => {
                links.insert(ends, most);
            }
        }
        Ok(())
    }

    /// Whatever an edit brings in is there. In a delegated subtree readers cannot insist on it, so it is looked at here.
    fn check_named(&self, edit: &PolicyEdit) -> Result<(), EditError> {
        let mut named: Vec<(NodeId, Option<&OfficeAddress>)> = Vec::new();
        match edit {
            PolicyEdit::AddToList(_, members) => named.extend(members.iter().map(|member| match member {
                NodeOrOffice::Node(node) => (*node, None),
                NodeOrOffice::Office(office) => (office.node, Some(office)),
            })),
            PolicyEdit::Grant(grant) => named.extend(grant.areas().map(|area| (area.node(), area.office()))),
            PolicyEdit::Senders(office, areas) if !areas.is_empty() => {
                named.push((office.node, Some(office)));
                named.extend(areas.iter().map(|area| (area.node(), area.office())));
            }
            PolicyEdit::Link(ends, Some(_)) => {
                let (one, other) = ends.nodes();
                named.extend([(one, None), (other, None)]);
            }
            _ => {}
        }
        for (node, office) in named {
            let division = self.divisions.get(&node).ok_or(EditError::UnknownNode(node))?;
            if let Some(office) = office.filter(|office| division.office(&office.office).is_none()) {
                return Err(EditError::UnknownOffice(office.clone()));
            }
        }
        Ok(())
    }
}
