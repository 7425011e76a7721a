//! Whether the policy of the directory lets a document go as it is addressed (MUST-46), and what levels that it passes over are told
//! (越级行文告知): which document, from which node to which nodes, when; nothing of title, content or offices.

use crate::closing::{ClosedSubmission, Closer, Reserved};
use crate::input::Ask;
use bytes::Bytes;
use std::collections::BTreeSet;
use yizhan_desk::{DoorCode, DoorError, FileDeclaration, SentNotice, Submission};
use yizhan_document::{
    Classification, EnvelopeId, Groups, Label, NodeId, OfficeAddress, OfficeName, WallTime,
};
use yizhan_hierarchy::{Directory, DispatchRefused, PassedOver};
use yizhan_planted::{Bug, on};

const TITLE: &str = "越级行文告知 Notice of skip-level dispatch";
const FILE: &str = "skip-level-notice.txt";

/// Where a document goes, and who is passed over by it.
pub(crate) struct Addressed {
    /// The destination nodes, ascending.
    pub(crate) to: Vec<NodeId>,
    /// Levels that get a notice, and the destinations past them.
    pub(crate) passed_over: Option<PassedOver>,
}

/// The closed notice of a document, which is accepted with it or not at all (MUST-47).
pub(crate) struct ClosedNotice {
    /// Under which its id was reserved.
    pub(crate) request: u64,
    /// The levels that get it.
    pub(crate) to: Vec<NodeId>,
    closed: ClosedSubmission,
}

/// Refuses what the policy does not let go. Whoever is to be told has to have an office that can receive.
pub(crate) fn check_dispatch(
    directory: &Directory,
    submission: &Submission,
) -> Result<Option<PassedOver>, DoorError> {
    if on(Bug::SkipLevelTaken) {
        return Ok(None);
    }
    let recipients: Vec<&OfficeAddress> = submission.recipients().collect();
    let passed_over =
        directory.check_dispatch(&submission.from, &recipients).map_err(|error| refusal(&error))?;
    for node in passed_over.iter().flat_map(|passed_over| &passed_over.nodes) {
        directory.office(&office_of(*node)).map_err(|error| {
            let detail = format!("the document passes over {node}, which has to be told, and cannot be: {error}");
            let fix = "nothing was accepted; name an office of that node among the copy recipients, or ask its operator";
            DoorError::new(DoorCode::Dispatch, detail, fix)
        })?;
    }
    Ok(passed_over)
}

impl Closer {
    /// Closes the notice of a document. The government office of this node tells, if it can sign here, else the office that sends.
    pub(crate) fn close_notice(
        &self,
        passed_over: &PassedOver,
        (of, sender): (EnvelopeId, &OfficeAddress),
        request: u64,
        now: WallTime,
        reserve: impl FnOnce(Vec<NodeId>) -> Result<Reserved, DoorError>,
    ) -> Result<ClosedNotice, DoorError> {
        let from = self.teller(sender);
        let text = notice_text(passed_over, of, now, self.directory.version);
        let name =
            FILE.parse().map_err(|error: yizhan_document::ManifestError| crate::closing::internal(&error))?;
        let to: Vec<NodeId> = passed_over.nodes.iter().copied().collect();
        let submission = Submission {
            from,
            to: to.iter().map(|node| office_of(*node)).collect(),
            cc: Vec::new(),
            groups: Groups::default(),
            label: Label { title: TITLE.to_owned(), ..Label::default() },
            deadline: None,
            files: vec![FileDeclaration { name, size: text.len() as u64 }],
            key: None,
        };
        let pieces = std::iter::once(Ok(Bytes::from(text)));
        let closed =
            self.close((&submission, None), pieces, &to, now, |_: Classification| reserve(to.clone()))?;
        Ok(ClosedNotice { request, to, closed })
    }

    /// Who tells of what `sender` sends.
    fn teller(&self, sender: &OfficeAddress) -> OfficeAddress {
        let own = office_of(self.me);
        let signs = self.offices.contains_key(&own.office) && self.directory.office(&own).is_ok();
        if signs { own } else { sender.clone() }
    }
}

impl ClosedNotice {
    /// As the sender is told of it.
    pub(crate) fn sent(&self) -> SentNotice {
        SentNotice { id: self.closed.closed.id, to: self.to.clone() }
    }

    /// Both, in the order in which the rules take them: the notice first, then the document.
    pub(crate) fn before(self, of: u64, document: Ask) -> Ask {
        let ClosedSubmission { closed, stored } = self.closed;
        let (request, closed, stored) = (self.request, Box::new(closed), Box::new(stored));
        Ask::Many(vec![Ask::Notice { request, of, closed, stored }, document])
    }
}

fn office_of(node: NodeId) -> OfficeAddress {
    OfficeAddress { office: OfficeName::gov_office(), node }
}

/// For people first, then one fact on each line.
fn notice_text(passed_over: &PassedOver, of: EnvelopeId, now: WallTime, directory: u64) -> String {
    let PassedOver { nodes, destinations } = passed_over;
    let from = of.origin;
    format!(
        "驿站 {from} 的一份公文越过贵级直接发出，按名录规定告知。本告知不含标题、内容和机关名称。\n\
         A document went out from node {from} past your level; the policy of the directory asks for this notice. It has nothing of \
         title, content or offices.\n\n\
         document {of}\nfrom {from}\npast {}\nto {}\ntime {now}\ndirectory {directory}\n",
        listed(nodes),
        listed(destinations),
    )
}

fn listed(nodes: &BTreeSet<NodeId>) -> String {
    nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn refusal(error: &DispatchRefused) -> DoorError {
    let fix = match error {
        DispatchRefused::SkipLevel { passed, .. } => {
            let between = passed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            format!(
                "nothing was accepted; send it to {between}, or name an office there among the copy recipients (抄送), or ask the \
                 authorities for a grant (直发, 直报)"
            )
        }
        DispatchRefused::Sender { .. } => {
            "nothing was accepted; send it by an office that may, or ask the authorities of the directory"
                .to_owned()
        }
    };
    DoorError::new(DoorCode::Dispatch, error.to_string(), &fix)
}

#[cfg(test)]
#[path = "dispatching_tests.rs"]
mod tests;
