//! Standard output: data, for people or as JSON.

use crate::failure::Failure;
use serde::Serialize;
use std::io::{self, Write};

/// Where data goes, and in which form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// JSON if `json`.
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether JSON was asked for.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Shows a value: as JSON, or as `words` puts it.
    pub(crate) fn show<T: Serialize>(
        self,
        value: &T,
        words: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        if self.json { self.object(value) } else { self.text(&words(value)) }
    }

    /// One JSON value, indented, and a line feed.
    pub(crate) fn object<T: Serialize>(self, value: &T) -> Result<(), Failure> {
        let json = serde_json::to_string_pretty(value).map_err(|error| Failure::Output(error.into()))?;
        self.text(&json)
    }

    /// One JSON value on one line: for what comes bit by bit.
    pub(crate) fn line_of_json<T: Serialize>(self, value: &T) -> Result<(), Failure> {
        let json = serde_json::to_string(value).map_err(|error| Failure::Output(error.into()))?;
        self.text(&json)
    }

    /// Text, ended by one line feed.
    pub(crate) fn text(self, text: &str) -> Result<(), Failure> {
        let text = text.trim_end_matches('\n');
        let mut out = io::stdout().lock();
        writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Failure::Output)
    }
}

/// Talk: what is good to know and no data. It goes to standard error, and nobody can be told if that is gone.
pub(crate) fn say(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}
