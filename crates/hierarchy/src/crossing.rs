//! Crossings: what may go from one network into another, such as `gov.example below 65 to p-65 upto internal`.

use crate::area::{Area, AreaError};
use crate::network_name::{NetworkNameError, check_network_name};
use crate::tree::Tree;
use std::fmt;
use std::str::FromStr;
use yizhan_document::{Classification, NodeId, OfficeAddress};

/// A line of an agreement: who in one network may send to whom in the other, up to which classification.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Crossing {
    /// The network that it leads out of.
    pub network: String,
    /// Who may send, in that network.
    pub from: Area,
    /// To whom, in the other one.
    pub to: Area,
    /// The highest classification. A line that names none lets pass what is not classified.
    pub most: Classification,
}

impl Crossing {
    /// Whether it lets a document go from an office to another.
    pub(crate) fn lets(
        &self,
        tree: &Tree,
        from: &OfficeAddress,
        to: &OfficeAddress,
        level: Classification,
    ) -> bool {
        level <= self.most && self.from.covers(tree, from) && self.to.covers(tree, to)
    }

    /// The same by what a relay sees of it: offices are inside the envelope.
    pub(crate) fn lets_nodes(&self, tree: &Tree, from: NodeId, to: NodeId, level: Classification) -> bool {
        level <= self.most && self.from.reaches(tree, from) && self.to.reaches(tree, to)
    }
}

const TO: &str = " to ";
const UPTO: &str = " upto ";

impl fmt::Display for Crossing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{TO}{}", self.network, self.from, self.to)?;
        match self.most {
            Classification::Unclassified => Ok(()),
            most => write!(f, "{UPTO}{}", most.as_str()),
        }
    }
}

impl fmt::Debug for Crossing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Crossing {
    type Err = CrossingError;

    fn from_str(text: &str) -> Result<Self, CrossingError> {
        let (line, most) = match text.split_once(UPTO) {
            None => (text, Classification::Unclassified),
            Some((line, level)) => {
                let known = Classification::ALL.into_iter().skip(1).find(|known| known.as_str() == level);
                (line, known.ok_or(CrossingError::Classification)?)
            }
        };
        let (network, areas) = line.split_once(' ').ok_or(CrossingError::Form)?;
        let (from, to) = areas.split_once(TO).ok_or(CrossingError::Form)?;
        check_network_name(network)?;
        Ok(Self { network: network.to_owned(), from: from.parse()?, to: to.parse()?, most })
    }
}

/// Why a text is no crossing. Whoever wrote it is to blame; it helps to correct it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrossingError {
    /// Not of the form of one.
    #[error("what may cross is written `NETWORK AREA to AREA`, perhaps with ` upto CLASSIFICATION` behind")]
    Form,
    /// No classification above unclassified, which is not written.
    #[error(
        "behind `upto` stands internal, confidential, secret or top-secret; without it nothing classified crosses"
    )]
    Classification,
    /// No name of a network.
    #[error(transparent)]
    Network(#[from] NetworkNameError),
    /// One of the areas is none.
    #[error(transparent)]
    Area(#[from] AreaError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_crossing_is_written_in_one_way_and_what_is_no_crossing_is_refused() {
        for text in [
            "gov.example below 65 to p-65",
            "gov.example counties of 65 to gov-office@p-65 upto internal",
            "p 65 to 66 upto top-secret",
        ] {
            assert_eq!(text.parse::<Crossing>().unwrap().to_string(), text);
        }
        for text in [
            "gov.example below 65",
            "gov.example below 65 to p-65 upto unclassified",
            "gov.example below 65 to p-65 upto high",
            "gov.example below 65 to p-65 upto internal upto secret",
            "gov.example to p-65",
            "GOV below 65 to p-65",
            "gov.example 65 to 66 to 67",
            "",
        ] {
            assert!(text.parse::<Crossing>().is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn whatever_reads_as_a_crossing_is_written_back_the_same(text in "[a-z.]{1,9} (below |counties of |)[0-9a-z@-]{1,9} to (below |)[0-9a-z-]{1,7}( upto (internal|secret|unclassified|x))?") {
            if let Ok(crossing) = text.parse::<Crossing>() {
                prop_assert_eq!(crossing.to_string(), text);
            }
        }
    }
}
