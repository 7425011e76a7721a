//! Reading server-sent events (HTML Living Standard, section 9.2.6) as far as a node sends them: lines of `data`, an empty
//! line after each event, comments in between.

use super::ClientError;
use crate::NodeEvent;
use crate::limits::EVENT_LINE_BYTES_MAX;
use futures_util::Stream;
use reqwest::Response;
use std::collections::VecDeque;
use std::path::PathBuf;

/// The events in an answer of `/v1/events`; an error ends the stream.
pub(super) fn events(
    response: Response,
    socket: PathBuf,
) -> impl Stream<Item = Result<NodeEvent, ClientError>> {
    let start = (response, Feed::default(), VecDeque::new());
    futures_util::stream::try_unfold(start, move |(mut response, mut feed, mut ready)| {
        let socket = socket.clone();
        async move {
            loop {
                if let Some(event) = ready.pop_front() {
                    return Ok(Some((event, (response, feed, ready))));
                }
                match response.chunk().await.map_err(|error| ClientError::of(error, &socket))? {
                    Some(bytes) => ready.extend(feed.take_in(&bytes)?),
                    None => return Ok(None),
                }
            }
        }
    })
}

/// What was read of the line and event under way.
#[derive(Default)]
struct Feed {
    line: Vec<u8>,
    data: Vec<u8>,
}

impl Feed {
    /// Takes bytes in and gives the events that they complete.
    fn take_in(&mut self, bytes: &[u8]) -> Result<Vec<NodeEvent>, ClientError> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            self.extend_line(line)?;
            events.extend(self.end_line()?);
            rest = after.get(1..).unwrap_or_default();
        }
        self.extend_line(rest)?;
        Ok(events)
    }

    fn extend_line(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        if self.line.len() + self.data.len() + bytes.len() > EVENT_LINE_BYTES_MAX {
            return Err(ClientError::TooLarge);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self) -> Result<Option<NodeEvent>, ClientError> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        if let Some(data) = line.strip_prefix(b"data:") {
            // Several lines of data are joined by line ends, which JSON ignores.
            self.data.extend_from_slice(data);
            self.data.push(b'\n');
        }
        if !line.is_empty() || self.data.is_empty() {
            return Ok(None);
        }
        let data = std::mem::take(&mut self.data);
        serde_json::from_slice(&data).map(Some).map_err(ClientError::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = concat!(
        ": keep-alive\n\n",
        "id: 1\ndata: {\"sequence\":1,\"time\":\"2026-11-20T08:00:00.000Z\",\"envelope\":\"652301.0.42\",",
        "\"kind\":\"ContentConsignment\",\"node\":\"653101\"}\n\n",
        "data: {\"sequence\":2,\"time\":\"2026-11-20T08:00:00.000Z\",\"envelope\":\"652301.0.42\",\r\n",
        "data: \"kind\":\"SignedFor\",\"node\":\"653101\",\"unit\":\"652301.0.42/653101/0\"}\r\n\r\n",
        "data: {\"cut off\""
    );

    #[test]
    fn events_are_read_however_the_bytes_are_cut() {
        for size in [1, 2, 3, 7, 64, TWO.len()] {
            let mut feed = Feed::default();
            let mut events = Vec::new();
            for piece in TWO.as_bytes().chunks(size) {
                events.extend(feed.take_in(piece).unwrap());
            }
            assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2]);
            assert_eq!(events[1].unit, Some("652301.0.42/653101/0".parse().unwrap()));
        }
    }

    #[test]
    fn an_endless_line_and_what_is_no_event_are_refused() {
        let endless = Feed::default().take_in(&vec![b'x'; EVENT_LINE_BYTES_MAX + 1]);
        assert!(matches!(endless, Err(ClientError::TooLarge)));
        assert!(matches!(Feed::default().take_in(b"data: {}\n\n"), Err(ClientError::Unreadable(_))));
    }
}
