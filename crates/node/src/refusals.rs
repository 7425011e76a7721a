//! What an office is told when the rules refuse: why, and what to do.

use yizhan_desk::{DoorCode, DoorError};
use yizhan_exchange::Answer;

/// What the rules refused, in the words of the desk.
pub(crate) fn refusal(answer: &Answer) -> DoorError {
    let Answer::Refused { reason } = answer else {
        return DoorError::new(DoorCode::Internal, "an answer to another question", "see the node's log");
    };
    let (code, fix) = match *reason {
        "classification" => {
            (DoorCode::Classification, "send classified documents by the channel approved for them")
        }
        "no-route" => (DoorCode::NoRoute, "ask the operator: the directory shows no way to a recipient"),
        "unknown" => (DoorCode::UnknownDocument, "check the id and the office"),
        "full" => (DoorCode::DiskFull, "nothing was done; make room on the node's disk, then try again"),
        "unconfirmed" => (
            DoorCode::Stopping,
            "nothing was done; it goes on by itself once its neighbours are reached, `yizhan status` shows which; or see its log",
        ),
        "busy" => (DoorCode::InProgress, "try again in a moment"),
        "refused" => {
            (DoorCode::WrongState, "the office refused it before; what was refused cannot be signed for")
        }
        "signed-for" => {
            (DoorCode::WrongState, "the office signed for it before; return it instead, with the reason")
        }
        "recalled" => (DoorCode::Recalled, "nothing is to be done; ask the sending office if in doubt"),
        "not-signed-for" => (DoorCode::WrongState, "sign for it first, then return it; or refuse it"),
        _ => (DoorCode::Forbidden, "correct the request"),
    };
    let detail = match *reason {
        "full" => "the node's disk is full".to_owned(),
        "unconfirmed" => "the node's data folder was restored, and its neighbours have not confirmed yet that it is the newest"
            .to_owned(),
        "refused" => "the document is refused already".to_owned(),
        "signed-for" => "the document is signed for already".to_owned(),
        "not-signed-for" => "the document is not signed for yet".to_owned(),
        "recalled" => "the sending office recalled the document".to_owned(),
        other => format!("refused: {other}"),
    };
    DoorError::new(code, detail, fix)
}
