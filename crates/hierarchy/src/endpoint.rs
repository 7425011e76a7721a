//! Endpoints: where a node listens for its neighbours, as host and port.

use crate::limits::ENDPOINT_BYTES_MAX;
use crate::network_name::host_name_fault;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Where a node listens: `127.0.0.1:4501`, `[2001:db8::1]:4501` or `652301.xinjiang.example:4501`. Written in one way
/// only, so that equal places are equal texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// The host: an IP address without brackets, or a host name.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The UDP port; never 0.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// The text is no endpoint. Whoever wrote the division is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no endpoint: {reason}; write host:port, such as 127.0.0.1:4501 or [2001:db8::1]:4501")]
pub struct EndpointError {
    /// What was given, shortened.
    pub text: String,
    /// The rule it breaks.
    pub reason: &'static str,
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        parse(text).map_err(|reason| {
            let text = text.chars().filter(|c| !c.is_control()).take(80).collect();
            EndpointError { text, reason }
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::json_forms::as_text::deserialize(deserializer)
    }
}

fn parse(text: &str) -> Result<Endpoint, &'static str> {
    if text.len() > ENDPOINT_BYTES_MAX {
        return Err("it is too long");
    }
    let (written, port) = text.rsplit_once(':').ok_or("it has no port")?;
    if port.starts_with('0') || !port.bytes().all(|b| b.is_ascii_digit()) {
        return Err("its port is no number from 1 to 65535");
    }
    let port = port.parse().map_err(|_| "its port is no number from 1 to 65535")?;
    let host = match written.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').ok_or("a bracket is not closed")?,
        None => written,
    };
    if let Ok(address) = host.parse::<IpAddr>() {
        if address.is_ipv6() == (written == host) {
            return Err("brackets stand around an IPv6 address, and nothing else");
        }
        if address.is_unspecified() || address.is_multicast() {
            return Err("nobody can be reached at that address");
        }
        if address.to_string() != host {
            return Err("the address is not in its shortest form");
        }
    } else {
        if written != host {
            return Err("brackets stand around an IPv6 address, and nothing else");
        }
        if let Some(fault) = host_name_fault(host) {
            return Err(fault);
        }
        // RFC 3696, section 2: a top-level name is never all digits; what looks so is an address with a slip of the pen.
        if host.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
            return Err("it is neither an IP address nor a host name");
        }
    }
    Ok(Endpoint { host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_host_names_read_back_as_written() {
        for text in ["127.0.0.1:4501", "[2001:db8::1]:4501", "652301.xinjiang.example:65535", "localhost:1"] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), text);
            let json = serde_json::to_string(&endpoint).unwrap();
            assert_eq!(serde_json::from_str::<Endpoint>(&json).unwrap(), endpoint);
        }
        assert_eq!("[::1]:7".parse::<Endpoint>().unwrap().host(), "::1");
    }

    #[test]
    fn what_nobody_can_reach_or_what_has_a_second_spelling_is_refused() {
        let long = format!("{}:1", "a.".repeat(200));
        for text in [
            "",
            "127.0.0.1",
            "127.0.0.1:0",
            "127.0.0.1:065",
            "127.0.0.1:65536",
            "127.0.0.1:+1",
            "0.0.0.0:4501",
            "[::]:4501",
            "224.0.0.1:4501",
            "127.0.0.01:4501",
            "::1:4501",
            "[127.0.0.1]:4501",
            "[2001:db8:0::1]:4501",
            "[::1:4501",
            "[host]:4501",
            "Host.example:4501",
            "ho st:4501",
            ":4501",
            "256.1.1.1:4501",
            long.as_str(),
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text:?} was taken");
        }
    }
}
