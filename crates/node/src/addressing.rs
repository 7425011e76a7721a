//! From groups to offices: what a submission is addressed to, looked up in the directory that this node goes by.

use yizhan_desk::{DoorCode, DoorError, GroupView, Submission};
use yizhan_document::{Group, LeftOut};
use yizhan_hierarchy::{Directory, ResolveError};

/// The submission with the offices that its groups mean among its recipients, and who of the groups gets nothing. The groups stay
/// in it: the manifest names both.
pub(crate) fn resolve(
    directory: &Directory,
    submission: Submission,
) -> Result<(Submission, Vec<LeftOut>), DoorError> {
    if submission.groups.is_empty() {
        return Ok((submission, Vec::new()));
    }
    let Submission { from, to, cc, groups, .. } = &submission;
    let resolved = directory.resolve(from, to, cc, groups).map_err(|error| refusal(&error))?;
    Ok((Submission { to: resolved.to, cc: resolved.cc, ..submission }, resolved.left_out))
}

/// What a group means, whoever sends.
pub(crate) fn view(directory: &Directory, group: Group) -> Result<GroupView, DoorError> {
    let members = directory.members(&group, None).map_err(|error| refusal(&error))?;
    Ok(GroupView {
        group,
        directory: directory.version,
        offices: members.offices,
        left_out: members.left_out,
    })
}

fn refusal(error: &ResolveError) -> DoorError {
    let code = match error {
        ResolveError::UnknownNode { .. } => DoorCode::UnknownNode,
        ResolveError::Absent { .. } => DoorCode::NotHeldYet,
        ResolveError::Elsewhere { .. }
        | ResolveError::UnknownList { .. }
        | ResolveError::NotAMember { .. }
        | ResolveError::Empty { .. } => DoorCode::UnknownRecipient,
        ResolveError::TooMany { .. } => DoorCode::TooLarge,
    };
    DoorError::new(code, error.to_string(), "`yizhan group` shows whom a group means; nothing was accepted")
}
