//! Problem details (RFC 9457): the one form in which the API says that something was not done.

use crate::{DoorCode, DoorError};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

/// The media type of problem details.
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";
const TYPE_PREFIX: &str = "urn:yizhan:problem:";

/// Problem details as in RFC 9457 section 3, with members of our own as in section 3.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{title}: {detail}; {fix}")]
pub struct Problem {
    /// Identifies the kind of problem: `urn:yizhan:problem:` and the code. Stable.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code, such as `unknown-office`. Stable; [`door_code`](Self::door_code) reads it.
    pub code: String,
    /// The HTTP status.
    pub status: u16,
    /// What kind of problem it is, in English.
    pub title: String,
    /// What kind of problem it is, in Chinese.
    pub title_zh: String,
    /// What happened this time.
    pub detail: String,
    /// What to do now.
    pub fix: String,
    /// Whether the same request may succeed later without being changed.
    pub retryable: bool,
}

impl Problem {
    /// The code, if this version knows it: a newer node may have more.
    pub fn door_code(&self) -> Option<DoorCode> {
        DoorCode::ALL.into_iter().find(|code| code.as_str() == self.code)
    }
}

impl From<DoorError> for Problem {
    fn from(error: DoorError) -> Self {
        Self {
            kind: format!("{TYPE_PREFIX}{}", error.code.as_str()),
            code: error.code.as_str().to_owned(),
            status: error.code.status().as_u16(),
            title: error.code.title().to_owned(),
            title_zh: error.code.title_zh().to_owned(),
            detail: error.detail,
            fix: error.fix,
            retryable: error.retryable,
        }
    }
}

impl IntoResponse for DoorError {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let mut response = (status, axum::Json(Problem::from(self))).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_written_with_exactly_these_members() {
        let error = DoorError::new(DoorCode::UnknownOffice, "no office `x` here", "look it up");
        let json = serde_json::to_string(&Problem::from(error)).unwrap();
        assert_eq!(
            json,
            concat!(
                r#"{"type":"urn:yizhan:problem:unknown-office","code":"unknown-office","status":404,"#,
                r#""title":"This node serves no such office","title_zh":"本站无此机关","#,
                r#""detail":"no office `x` here","fix":"look it up","retryable":false}"#
            )
        );
    }

    #[test]
    fn a_code_of_a_newer_node_is_still_a_problem() {
        let error = DoorError::new(DoorCode::Internal, "a", "b");
        let problem = Problem { code: "brand-new".into(), ..Problem::from(error.clone()) };
        assert_eq!(problem.door_code(), None);
        assert_eq!(Problem::from(error).door_code(), Some(DoorCode::Internal));
    }
}
