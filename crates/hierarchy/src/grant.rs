//! Grants: who may dispatch past a level, and to whom: `65 to counties of 65` (直发), `652301 to above with notice` (直报).

use crate::area::{Area, AreaError};
use crate::json_forms::json_as_text;
use crate::tree::Tree;
use std::fmt;
use std::str::FromStr;
use yizhan_document::OfficeAddress;

/// A line of the policy that lets somebody dispatch past the level in between, whatever the rule for everybody is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant {
    /// Who may.
    pub from: Area,
    /// To whom.
    pub to: Granted,
    /// Whether the level passed over is told.
    pub notice: bool,
}

/// To whom somebody may dispatch past a level.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Granted {
    /// To whoever is above: a direct-report point. A node of that name cannot be granted anything.
    Above,
    /// To an area.
    Area(Area),
}

impl Grant {
    /// A direct-report point (直报点): its offices report past the levels above it.
    pub fn report_point(from: Area, notice: bool) -> Self {
        Self { from, to: Granted::Above, notice }
    }

    /// Whether it lets documents go to this office, which lies above the sender or below it; that `from` means the sender has
    /// been looked at.
    pub(crate) fn reaches(&self, tree: &Tree, to: &OfficeAddress, upwards: bool) -> bool {
        match &self.to {
            Granted::Above => upwards,
            Granted::Area(area) => area.covers(tree, to),
        }
    }

    /// The areas that it names.
    pub(crate) fn areas(&self) -> impl Iterator<Item = &Area> {
        let to = if let Granted::Area(area) = &self.to { Some(area) } else { None };
        std::iter::once(&self.from).chain(to)
    }
}

const TO: &str = " to ";
const ABOVE: &str = "above";
const NOTICE: &str = " with notice";

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{TO}", self.from)?;
        match &self.to {
            Granted::Above => f.write_str(ABOVE)?,
            Granted::Area(area) => write!(f, "{area}")?,
        }
        f.write_str(if self.notice { NOTICE } else { "" })
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let (line, notice) = match text.strip_suffix(NOTICE) {
            Some(line) => (line, true),
            None => (text, false),
        };
        let (from, to) = line.split_once(TO).ok_or(GrantError::Form)?;
        let to = if to == ABOVE { Granted::Above } else { Granted::Area(to.parse()?) };
        Ok(Self { from: from.parse()?, to, notice })
    }
}

/// Why a text is no grant. Whoever wrote it is to blame; it helps to correct it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// Not of the form of one.
    #[error(
        "a grant is written `65 to counties of 65`, or `652301 to above` for a direct-report point, then perhaps `with notice`"
    )]
    Form,
    /// One side of it is no area.
    #[error(transparent)]
    Area(#[from] AreaError),
}

json_as_text!(Grant);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_written_in_one_way() {
        for text in [
            "65 to counties of 65",
            "652301 to above",
            "652301 to above with notice",
            "below 6523 to archive@65 with notice",
            "gov-office@65 to below 65",
        ] {
            assert_eq!(text.parse::<Grant>().unwrap().to_string(), text);
        }
        let point = Grant::report_point("652301".parse().unwrap(), true);
        assert_eq!(point.to_string(), "652301 to above with notice");
        for text in [
            "",
            "65",
            "65 to ",
            "Above to 65",
            "65 to above without notice",
            "65  to above",
            "65 to 6523 to 652301",
        ] {
            assert!(text.parse::<Grant>().is_err(), "{text:?} was taken");
        }
    }
}
