//! The Chinese terms of what is shown: kinds of receipts, stages, states of an inbox.

pub(crate) use yizhan_audit::receipt_term;
use yizhan_desk::{DestinationTrack, InboxState, RecallState, Stage};

/// A kind of receipt with its term.
pub(crate) fn receipt_and_term(kind: &str) -> String {
    format!("{kind} {}", receipt_term(kind)).trim_end().to_owned()
}

/// How far a document has come.
pub(crate) fn stage(stage: Stage) -> String {
    let term = match stage {
        Stage::Accepted => "已收寄",
        Stage::AtNode => "在途",
        Stage::Delivered => "已送达",
        Stage::HandedOver => "已领取",
        Stage::SignedFor => "已签收",
        Stage::Refused => "已拒收",
        Stage::Returned => "已退回",
        Stage::Failed => "失败",
        Stage::Expired => "逾期",
        Stage::Recalled => "已撤回",
    };
    format!("{} {term}", stage.as_str())
}

/// How a destination fares, with what a recall that is not settled has come to.
pub(crate) fn destination(track: &DestinationTrack) -> String {
    let recall = match track.recall {
        Some(RecallState::Requested) => ", recall requested 已请求撤回",
        Some(RecallState::Denied) => ", recall denied 拒绝撤回",
        Some(RecallState::Recalled) | None => "",
    };
    format!("{}{recall}", stage(track.state))
}

/// What an office has done with a document.
pub(crate) fn inbox_state(state: InboxState) -> String {
    let term = match state {
        InboxState::Waiting => "待收",
        InboxState::Taken => "已领取",
        InboxState::SignedFor => "已签收",
        InboxState::Refused => "已拒收",
        InboxState::Returned => "已退回",
    };
    format!("{} {term}", state.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_kinds_of_receipt_share_a_term() {
        let kinds = [
            "SubmissionAcceptance",
            "SubmissionRejection",
            "RelayAcceptance",
            "RelayRejection",
            "RelayFailure",
            "CustodyPassed",
            "ContentConsignment",
            "ContentConsignmentFailure",
            "ContentHandover",
            "AcceptanceRejectionExpiry",
            "SignedFor",
            "Refused",
            "Returned",
            "RecallRequested",
            "Recalled",
            "RecallDenied",
        ];
        let terms: std::collections::BTreeSet<_> = kinds.iter().map(|kind| receipt_term(kind)).collect();
        assert_eq!(terms.len(), kinds.len());
        assert!(!terms.contains(""));
        assert_eq!(receipt_and_term("SignedFor"), "SignedFor 签收");
        assert_eq!(receipt_and_term("Foreseen"), "Foreseen");
    }
}
