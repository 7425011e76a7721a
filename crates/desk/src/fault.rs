//! What the door refuses and why: one code per reason, with its HTTP status and its names.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

/// Why a request was not done, as software reads it. Codes are stable: new ones may come, none changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DoorCode {
    /// The request is not in the form the API asks for. The client is to blame.
    Malformed,
    /// There is no such path in the API.
    NoSuchPath,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// No envelope of this id is known here.
    UnknownDocument,
    /// This node serves no such office.
    UnknownOffice,
    /// The directory names no such node.
    UnknownNode,
    /// The client stood still for too long.
    TooSlow,
    /// A submission with the same idempotency key is being worked on.
    InProgress,
    /// The document is in a state that does not allow this act, such as signing for what was returned.
    WrongState,
    /// The sending office recalled the document before it was signed for: nobody is shown it any more.
    Recalled,
    /// Larger than a limit.
    TooLarge,
    /// The request's `Content-Type` is not the one that this path takes.
    MediaType,
    /// The files are not those that the submission declares.
    ContentMismatch,
    /// The idempotency key was used for another submission.
    KeyReused,
    /// A recipient that the directory does not name, or that is suspended.
    UnknownRecipient,
    /// The directory lists a node whose file this node does not hold yet; it is being asked for.
    NotHeldYet,
    /// The classification is above what this node or a link on the way may carry.
    Classification,
    /// The policy of the directory does not let the document go as it is addressed.
    Dispatch,
    /// There is no way to a recipient's node.
    NoRoute,
    /// The deadline has passed or lies too far ahead.
    Deadline,
    /// A version of the directory that may not take the place of the one that is held; the detail begins with the reason's code.
    DirectoryRefused,
    /// Another rule of the node forbids it.
    Forbidden,
    /// A fault of the node itself.
    Internal,
    /// The node is starting, stopping, or may not promise anything at the moment.
    Stopping,
    /// The node has no room left on its disk.
    DiskFull,
}

impl DoorCode {
    /// All codes.
    pub const ALL: [Self; 25] = [
        Self::Malformed,
        Self::NoSuchPath,
        Self::MethodNotAllowed,
        Self::UnknownDocument,
        Self::UnknownOffice,
        Self::UnknownNode,
        Self::TooSlow,
        Self::InProgress,
        Self::WrongState,
        Self::Recalled,
        Self::TooLarge,
        Self::MediaType,
        Self::ContentMismatch,
        Self::KeyReused,
        Self::UnknownRecipient,
        Self::NotHeldYet,
        Self::Classification,
        Self::Dispatch,
        Self::NoRoute,
        Self::Deadline,
        Self::DirectoryRefused,
        Self::Forbidden,
        Self::Internal,
        Self::Stopping,
        Self::DiskFull,
    ];

    /// The code as it stands in `code` and at the end of `type`.
    pub fn as_str(self) -> &'static str {
        let [code, ..] = self.row();
        code
    }

    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::NoSuchPath | Self::UnknownDocument | Self::UnknownOffice | Self::UnknownNode => {
                StatusCode::NOT_FOUND
            }
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::InProgress | Self::WrongState => StatusCode::CONFLICT,
            Self::Recalled => StatusCode::GONE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::ContentMismatch
            | Self::KeyReused
            | Self::UnknownRecipient
            | Self::Classification
            | Self::Dispatch
            | Self::NoRoute
            | Self::Deadline
            | Self::DirectoryRefused
            | Self::Forbidden => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotHeldYet | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
        }
    }

    /// The title in English: the same for every occurrence.
    pub fn title(self) -> &'static str {
        let [_, title, _] = self.row();
        title
    }

    /// The title in Chinese.
    pub fn title_zh(self) -> &'static str {
        let [.., title] = self.row();
        title
    }

    /// Whether the same request may succeed later without being changed.
    pub fn retryable(self) -> bool {
        let status = self.status();
        status.is_server_error() || matches!(self, Self::TooSlow | Self::InProgress)
    }

    /// Code, English title, Chinese title.
    fn row(self) -> [&'static str; 3] {
        match self {
            Self::Malformed => ["malformed", "The request is malformed", "请求格式错误"],
            Self::NoSuchPath => ["no-such-path", "No such path", "接口路径不存在"],
            Self::MethodNotAllowed => ["method-not-allowed", "Method not allowed", "不支持该请求方法"],
            Self::UnknownDocument => ["unknown-document", "The document is not known here", "本站无此公文"],
            Self::UnknownOffice => ["unknown-office", "This node serves no such office", "本站无此机关"],
            Self::UnknownNode => ["unknown-node", "The directory names no such node", "名录中无此驿站"],
            Self::TooSlow => ["too-slow", "The client stood still for too long", "等待数据超时"],
            Self::InProgress => {
                ["in-progress", "The same submission is being worked on", "同一公文正在提交处理中"]
            }
            Self::WrongState => {
                ["wrong-state", "The document's state does not allow this", "公文当前状态不允许此操作"]
            }
            Self::Recalled => ["recalled", "The document was recalled by its sender", "公文已被发文机关撤回"],
            Self::TooLarge => ["too-large", "Too large", "超出大小限制"],
            Self::MediaType => ["media-type", "The content type is not taken here", "不支持的内容类型"],
            Self::ContentMismatch => {
                ["content-mismatch", "The files are not those declared", "所传文件与申报不符"]
            }
            Self::KeyReused => {
                ["key-reused", "The idempotency key belongs to another submission", "幂等键已用于其他公文"]
            }
            Self::UnknownRecipient => {
                ["unknown-recipient", "A recipient cannot receive", "收文机关不存在或已停用"]
            }
            Self::NotHeldYet => {
                ["not-held-yet", "A node of it is not known here yet", "本站名录尚未取得该驿站，请稍后再试"]
            }
            Self::Classification => [
                "classification",
                "The classification is above what may be carried",
                "密级超出允许传输的范围",
            ],
            Self::Dispatch => {
                ["dispatch", "The policy of the directory does not let it go so", "名录规定不允许如此行文"]
            }
            Self::NoRoute => ["no-route", "There is no way to a recipient", "没有到达收文机关的路由"],
            Self::Deadline => ["deadline", "The deadline cannot be kept", "时限已过或超出允许范围"],
            Self::DirectoryRefused => {
                ["directory-refused", "This version of the directory is refused", "名录版本被拒绝"]
            }
            Self::Forbidden => ["forbidden", "A rule of the node forbids this", "违反本站规则"],
            Self::Internal => ["internal", "A fault of the node", "驿站内部故障"],
            Self::Stopping => ["stopping", "The node takes nothing at the moment", "驿站暂停服务"],
            Self::DiskFull => ["disk-full", "The node's disk is full", "驿站磁盘已满"],
        }
    }
}

/// Why the node did not do what it was asked for. `detail` and `fix` are read by people: they name neither title nor content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}; {fix}", .code.title())]
pub struct DoorError {
    /// The reason, as software reads it.
    pub code: DoorCode,
    /// What happened this time.
    pub detail: String,
    /// What to do now.
    pub fix: String,
    /// Whether the same request may succeed later without being changed.
    pub retryable: bool,
}

impl DoorError {
    /// An error that is retryable if its code is.
    pub fn new(code: DoorCode, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), fix: fix.into(), retryable: code.retryable() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_name_in_code_and_in_json() {
        let mut seen = std::collections::BTreeSet::new();
        for code in DoorCode::ALL {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{}\"", code.as_str()));
            assert!(seen.insert(code.as_str()), "{} twice", code.as_str());
        }
    }

    #[test]
    fn what_was_recalled_is_gone_for_good() {
        assert_eq!(DoorCode::Recalled.status(), StatusCode::GONE);
        assert!(!DoorCode::Recalled.retryable());
    }

    #[test]
    fn only_errors_have_codes_and_what_the_node_is_to_blame_for_is_retryable() {
        for code in DoorCode::ALL {
            assert!(code.status().is_client_error() || code.status().is_server_error());
            assert!(!code.status().is_server_error() || code.retryable(), "{}", code.as_str());
        }
    }
}
