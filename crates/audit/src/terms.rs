//! The Chinese terms of receipts: what offices call each kind.

/// What a kind of receipt is called. Kinds of newer nodes have no term here.
pub fn receipt_term(kind: &str) -> &'static str {
    match kind {
        "SubmissionAcceptance" => "收寄",
        "SubmissionRejection" => "拒绝收寄",
        "RelayAcceptance" => "接转",
        "RelayRejection" => "拒绝接转",
        "RelayFailure" => "转送失败",
        "CustodyPassed" => "移交",
        "ContentConsignment" => "送达",
        "ContentConsignmentFailure" => "送达失败",
        "ContentHandover" => "领取",
        "AcceptanceRejectionExpiry" => "逾期",
        "SignedFor" => "签收",
        "Refused" => "拒收",
        "Returned" => "退回",
        "RecallRequested" => "请求撤回",
        "Recalled" => "撤回",
        "RecallDenied" => "拒绝撤回",
        _ => "",
    }
}
