//! Why connections end: the codes on the wire, and in words for the operator.

use crate::limits::REASON_CHARS_MAX;
use quinn::{Connection, ConnectionError, VarInt};

/// Why this side ends a connection; the number is the QUIC application error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// The node stops.
    Stopping = 0,
    /// The same neighbour has made a newer connection.
    Replaced = 1,
    /// The certificate names nobody who may be up here.
    NotNeighbour = 2,
    /// The other side broke the protocol.
    Protocol = 3,
    /// The connection is old enough, or the certificate behind it has expired: make a new one.
    Aged = 4,
    /// The hellos took too long.
    Slow = 5,
}

impl Closing {
    /// Ends `connection`, with words for the operator of the other side.
    pub(crate) fn close(self, connection: &Connection, reason: &str) {
        connection.close(self.code(), reason.as_bytes());
    }

    pub(crate) fn code(self) -> VarInt {
        VarInt::from_u32(self as u32)
    }
}

/// A refusal: what the other side is told by code and what both operators read.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) closing: Closing,
    pub(crate) reason: String,
}

impl Refusal {
    pub(crate) fn protocol(reason: impl Into<String>) -> Self {
        Self { closing: Closing::Protocol, reason: reason.into() }
    }
}

/// The end of a connection in words; what the other side wrote is cut and freed of control characters.
pub(crate) fn in_words(error: &ConnectionError) -> String {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            let said = plain(&String::from_utf8_lossy(&close.reason));
            let known = |closing: Closing| close.error_code == closing.code();
            if known(Closing::Replaced) {
                "the neighbour has a newer connection".to_owned()
            } else if said.is_empty() {
                "the neighbour closed the connection".to_owned()
            } else {
                format!("the neighbour closed the connection: {said}")
            }
        }
        ConnectionError::TimedOut => "the neighbour is silent".to_owned(),
        ConnectionError::Reset => {
            "the neighbour restarted and does not know the connection any more".to_owned()
        }
        ConnectionError::LocallyClosed => "this node closed the connection".to_owned(),
        other => plain(&other.to_string()),
    }
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(REASON_CHARS_MAX).collect()
}

/// Whether the other side ended the connection because it has a newer one.
pub(crate) fn was_replaced(error: &ConnectionError) -> bool {
    matches!(error, ConnectionError::ApplicationClosed(close) if close.error_code == Closing::Replaced.code())
}
