//! Network names: a domain name, since certificates carry `<node>.<network>` as a DNS name.

use yizhan_identity::limits::NETWORK_NAME_BYTES_MAX;

/// The text is no name for a network. Whoever named it is to blame; choose another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no network name: {reason}; write it like a domain name in lower case, such as xinjiang.example"
)]
pub struct NetworkNameError {
    /// What was given, shortened.
    pub text: String,
    /// The rule it breaks.
    pub reason: &'static str,
}

/// Whether `text` may name a network: lower-case letters, digits and inner hyphens between dots (RFC 1123, section
/// 2.1), at most as long as a certificate can hold.
pub(crate) fn check_network_name(text: &str) -> Result<(), NetworkNameError> {
    let refuse = |reason| {
        let text = text.chars().filter(|c| !c.is_control()).take(NETWORK_NAME_BYTES_MAX).collect();
        Err(NetworkNameError { text, reason })
    };
    if text.len() > NETWORK_NAME_BYTES_MAX {
        return refuse("it is too long");
    }
    match host_name_fault(text) {
        Some(fault) => refuse(fault),
        None => Ok(()),
    }
}

/// What is wrong with `text` as a lower-case host name, if anything.
pub(crate) fn host_name_fault(text: &str) -> Option<&'static str> {
    if text.len() > 253 {
        return Some("it is too long");
    }
    text.split('.').find_map(|part| {
        if part.is_empty() {
            Some("a part of it is empty")
        } else if part.len() > 63 {
            Some("a part of it is longer than 63 bytes")
        } else if !part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            Some("only a-z, 0-9, - and dots may stand in it")
        } else if part.starts_with('-') || part.ends_with('-') {
            Some("a part of it begins or ends with a hyphen")
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_name_names_a_network_and_nothing_else_does() {
        assert_eq!(check_network_name("xinjiang.example"), Ok(()));
        assert_eq!(check_network_name("demo"), Ok(()));
        let long = "a".repeat(65);
        for text in ["", ".", "a..b", "Xinjiang", "新疆", "a b", "a\nversion 2", "-a", "a-.b", long.as_str()]
        {
            assert!(check_network_name(text).is_err(), "{text:?} was taken");
        }
    }
}
