//! The rows of the table as they stand in the files: tab-separated, `#` for remarks, one line of headings.

use super::retired::RetiredCode;
use serde::Serialize;
use yizhan_document::{AddressError, NodeId};

/// One division in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedDivision {
    /// Its code of GB/T 2260 without padding (2, 4 or 6 digits), or the overlay's own id. A label, not the route.
    pub code: NodeId,
    /// What it is.
    pub kind: DivisionKind,
    /// Who administers it; none for a province and for the root of the overlay.
    pub parent: Option<NodeId>,
    /// Its full Chinese name. Not unique.
    pub name: String,
    /// The year in which code and division began; none if before 1982 or not known.
    pub since: Option<u16>,
    /// For a division (师) of the XPCC: the city that is one administration with it (师市合一).
    pub city: Option<NodeId>,
}

/// What a division is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DivisionKind {
    /// 省级: province, autonomous region, municipality.
    Province,
    /// 地级: city, prefecture (地区), autonomous prefecture, league.
    Prefecture,
    /// 县级: county, district, county-level city, banner.
    County,
    /// Of county rank, but none of these: islands, forest district, administrative committee.
    Other,
    /// A development zone (管委会) that only the statistics count as a county.
    DevelopmentZone,
    /// 新疆生产建设兵团, the root of the overlay.
    Corps,
    /// A division (师) of it.
    CorpsDivision,
}

/// Why a table cannot be used. Whoever made the file is to blame; the one in this program is tested.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// A line that does not say what it should.
    #[error("line {line} of the table of divisions: no {column} as it should be")]
    Line {
        /// Counted from 1.
        line: usize,
        /// The column.
        column: &'static str,
    },
    /// A code that cannot be a node id.
    #[error("line {line} of the table of divisions: {reason}")]
    Code {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        reason: AddressError,
    },
    /// A code that stands twice, or both in use and out of use.
    #[error("{code} stands twice in the table of divisions")]
    Twice {
        /// The code.
        code: NodeId,
    },
    /// A parent, successor or city that is not there.
    #[error("{code} names {other}, which is not in the table of divisions")]
    Missing {
        /// The code.
        code: NodeId,
        /// What it names.
        other: NodeId,
    },
    /// A division above itself, or a code that follows itself.
    #[error("{code} comes back to itself in the table of divisions")]
    Cycle {
        /// The code.
        code: NodeId,
    },
}

/// What a row of the second file is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RetiredKind {
    /// A code that is not in use (any more).
    Code,
    /// A former name of a code in use.
    Renamed,
}

pub(super) fn divisions(text: &str) -> Result<Vec<ListedDivision>, TableError> {
    let kind = |fields: &Fields<'_>| match fields.text("kind") {
        "1" => Ok(DivisionKind::Province),
        "2" => Ok(DivisionKind::Prefecture),
        "3" => Ok(DivisionKind::County),
        "3o" => Ok(DivisionKind::Other),
        "3z" => Ok(DivisionKind::DevelopmentZone),
        _ => Err(fields.wrong("kind")),
    };
    let row = |fields: Fields<'_>| {
        let kind = kind(&fields)?;
        let parent = fields.code_if_any("parent")?;
        if parent.is_none() != (kind == DivisionKind::Province) {
            return Err(fields.wrong("parent"));
        }
        let (name, since) = (fields.name()?, fields.year("since")?);
        Ok(ListedDivision { code: fields.code("code")?, kind, parent, name, since, city: None })
    };
    fields(text, &["kind", "code", "parent", "name", "since"]).map(row).collect()
}

pub(super) fn overlay(text: &str) -> Result<Vec<ListedDivision>, TableError> {
    let row = |fields: Fields<'_>| {
        let parent = fields.code_if_any("parent")?;
        let kind = if parent.is_none() { DivisionKind::Corps } else { DivisionKind::CorpsDivision };
        let (name, city) = (fields.name()?, fields.code_if_any("city")?);
        Ok(ListedDivision { code: fields.code("code")?, kind, parent, name, since: None, city })
    };
    fields(text, &["code", "parent", "name", "city"]).map(row).collect()
}

pub(super) fn retired(text: &str) -> Result<Vec<(RetiredKind, RetiredCode)>, TableError> {
    let row = |fields: Fields<'_>| {
        let kind = match fields.text("kind") {
            "retired" | "alias" => RetiredKind::Code,
            "renamed" => RetiredKind::Renamed,
            _ => return Err(fields.wrong("kind")),
        };
        let shares = fields.text("shares").split(',').filter(|share| !share.is_empty());
        let row = RetiredCode {
            code: fields.code("code")?,
            name: fields.text("name").to_owned(),
            since: fields.year("since")?,
            until: fields.year("until")?,
            successor: fields.code_if_any("successor")?,
            shares: shares.map(|share| fields.parsed(share)).collect::<Result<_, _>>()?,
        };
        Ok((kind, row))
    };
    fields(text, &["kind", "code", "name", "since", "until", "successor", "shares"]).map(row).collect()
}

/// One line, with the names of its columns.
struct Fields<'a> {
    line: usize,
    columns: &'static [&'static str],
    texts: Vec<&'a str>,
}

/// The lines that are rows. Columns at the end of a line may be left out.
fn fields<'a>(text: &'a str, columns: &'static [&'static str]) -> impl Iterator<Item = Fields<'a>> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#')).skip(1);
    lines.map(move |(line, text)| Fields { line, columns, texts: text.split('\t').collect() })
}

impl Fields<'_> {
    fn text(&self, column: &str) -> &str {
        let at = self.columns.iter().position(|named| *named == column);
        at.and_then(|at| self.texts.get(at)).copied().unwrap_or_default()
    }

    fn wrong(&self, column: &'static str) -> TableError {
        TableError::Line { line: self.line, column }
    }

    fn parsed(&self, code: &str) -> Result<NodeId, TableError> {
        // Two keys for one division would be two divisions: no code in the table is padded.
        if code.len() > 2 && code.ends_with("00") {
            return Err(self.wrong("unpadded code"));
        }
        code.parse().map_err(|reason| TableError::Code { line: self.line, reason })
    }

    fn code(&self, column: &'static str) -> Result<NodeId, TableError> {
        self.parsed(self.text(column))
    }

    fn code_if_any(&self, column: &'static str) -> Result<Option<NodeId>, TableError> {
        let text = self.text(column);
        (!text.is_empty()).then(|| self.parsed(text)).transpose()
    }

    fn name(&self) -> Result<String, TableError> {
        let name = self.text("name");
        if name.is_empty() { Err(self.wrong("name")) } else { Ok(name.to_owned()) }
    }

    fn year(&self, column: &'static str) -> Result<Option<u16>, TableError> {
        let text = self.text(column);
        (!text.is_empty()).then(|| text.parse().map_err(|_| self.wrong(column))).transpose()
    }
}
