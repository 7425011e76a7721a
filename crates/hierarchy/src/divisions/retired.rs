//! Codes out of use: what became of them, so that the codes in old documents resolve for ever.

use super::{DivisionTable, ListedDivision, TableError};
use crate::limits::DEPTH_MAX;
use yizhan_document::NodeId;

/// A code, or a name of a code, that is not in use any more.
///
/// Years are those of the yearly lists of the Ministry of Civil Affairs, which show the state at the end of a year: in use
/// from a day of `since` to a day of `until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetiredCode {
    /// The code.
    pub code: NodeId,
    /// What it was called; empty for a code that another list uses for a division in use.
    pub name: String,
    /// The year it began; none if before 1982 or not known.
    pub since: Option<u16>,
    /// The year it ended; none if it never was in the ministry's lists.
    pub until: Option<u16>,
    /// The one that followed it: the only one, or among several the one that carries its name on. May be out of use too.
    pub successor: Option<NodeId>,
    /// Others that got a part of it.
    pub shares: Vec<NodeId>,
}

/// A code and the division it means today.
#[derive(Clone, Debug)]
pub struct ResolvedCode<'a> {
    /// The division in use.
    pub division: &'a ListedDivision,
    /// The codes out of use on the way to it, the one asked for first; empty if that is in use.
    pub steps: Vec<&'a RetiredCode>,
}

/// Why a text means no division. Whoever wrote it is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// A name. Names repeat: the country has 28 that several counties share.
    #[error("divisions are addressed by code, not by name; {name} is {}", listed(.codes))]
    Name {
        /// The name.
        name: String,
        /// Every division of this name.
        codes: Vec<NodeId>,
    },
    /// Neither in use nor known to have been since 2000.
    #[error(
        "there is no division {text} in the table of 2023-06-30; write a code of GB/T 2260, such as 65 or 652301"
    )]
    Unknown {
        /// What was written, shortened.
        text: String,
    },
    /// Out of use, and no single division followed.
    #[error("{code} {name} was divided in {until} among {}; name the one that is meant", listed(.among))]
    Divided {
        /// The code.
        code: NodeId,
        /// What it was called.
        name: String,
        /// When it ended.
        until: u16,
        /// Who got a part.
        among: Vec<NodeId>,
    },
}

fn listed(codes: &[NodeId]) -> String {
    codes.iter().map(NodeId::to_string).collect::<Vec<_>>().join(", ")
}

impl DivisionTable {
    /// The division in use that a written code means: padding is taken off (`652300` is 6523, `441900` is 4419), and codes
    /// out of use are followed to their successor.
    pub fn resolve(&self, written: &str) -> Result<ResolvedCode<'_>, CodeError> {
        let unknown = || {
            let codes: Vec<NodeId> = self.named(written).map(|division| division.code).collect();
            if codes.is_empty() {
                let text = written.chars().filter(|c| !c.is_control()).take(64).collect();
                CodeError::Unknown { text }
            } else {
                CodeError::Name { name: written.to_owned(), codes }
            }
        };
        let code: NodeId = unpadded(written).parse().map_err(|_| unknown())?;
        if let Some(division) = self.division(code) {
            return Ok(ResolvedCode { division, steps: Vec::new() });
        }
        let row = self.retired.get(&code).ok_or_else(unknown)?;
        // `check` has followed every row to its end already, so only this error is left.
        let (steps, end) = self.follow(row).map_err(|_| unknown())?;
        let last = steps.last().copied().unwrap_or(row);
        end.map(|division| ResolvedCode { division, steps }).ok_or_else(|| CodeError::Divided {
            code: last.code,
            name: last.name.clone(),
            until: last.until.unwrap_or_default(),
            among: last.shares.clone(),
        })
    }

    /// Former names of a code in use, the oldest first.
    pub fn former_names(&self, code: NodeId) -> &[RetiredCode] {
        self.renamed.get(&code).map(Vec::as_slice).unwrap_or_default()
    }

    /// What `code` was called at the end of `year`; none if it was not in use then, or not known to be.
    pub fn name_in(&self, code: NodeId, year: u16) -> Option<&str> {
        let stood = |row: &&RetiredCode| {
            row.since.is_none_or(|since| since <= year) && row.until.is_some_and(|until| year < until)
        };
        let former = self.former_names(code).iter().chain(self.retired.get(&code)).find(stood);
        let division = || self.division(code).filter(|found| found.since.is_none_or(|since| since <= year));
        former.map(|row| row.name.as_str()).or_else(|| division().map(|found| found.name.as_str()))
    }

    /// The way from a code out of use through its successors, and the division at its end, if one there is.
    pub(super) fn follow<'a>(
        &'a self,
        row: &'a RetiredCode,
    ) -> Result<(Vec<&'a RetiredCode>, Option<&'a ListedDivision>), TableError> {
        let next = |at: &&'a RetiredCode| self.retired.get(&at.successor?);
        let steps: Vec<_> = std::iter::successors(Some(row), next).take(DEPTH_MAX + 1).collect();
        if steps.len() > DEPTH_MAX {
            return Err(TableError::Cycle { code: row.code });
        }
        let end = steps.last().and_then(|last| self.division(last.successor?));
        Ok((steps, end))
    }
}

/// The code without the zeros that lists pad it with: two digits for each of the first three levels, three for each of the
/// next two.
fn unpadded(written: &str) -> &str {
    if !written.bytes().all(|byte| byte.is_ascii_digit()) {
        return written;
    }
    let levels = [(12, 9, "000"), (9, 6, "000"), (6, 4, "00"), (4, 2, "00")];
    levels.into_iter().fold(written, |code, (long, short, zeros)| {
        if code.len() == long && code.ends_with(zeros) { code.get(..short).unwrap_or(code) } else { code }
    })
}
