//! Permanent ids: ledger, envelope, unit of custody.

use crate::address::textual;
use crate::{AddressError, NodeId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// How often the origin has tried a destination anew; 0 is the first try. Only the origin opens attempts.
pub type Attempt = u16;

/// A node's ledger in one epoch; text form `652301.0`. A new epoch begins after a restore from a backup.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerId {
    /// The node that keeps the ledger.
    pub node: NodeId,
    /// Which of its ledgers, counted from 0.
    pub epoch: u32,
}

/// The highest epoch that a ledger may have: far above any number of disks that one node can lose.
pub const EPOCH_MAX: u32 = (1 << 20) - 1;
/// Numbers of offers on one link in one epoch: 2^44, far above what any link can carry.
const NUMBERS_IN_AN_EPOCH_BITS: u32 = 44;

impl LedgerId {
    /// The number of the first offer that its node makes on a link in this epoch. A node that lost its disk does not know which
    /// numbers it gave, so each epoch has a range of its own, in which numbers have no gaps.
    pub fn first_offer(self) -> u64 {
        u64::from(self.epoch.min(EPOCH_MAX)) << NUMBERS_IN_AN_EPOCH_BITS
    }

    /// The epoch of its giver in which an offer got this number.
    pub fn epoch_of_offer(number: u64) -> u32 {
        u32::try_from(number >> NUMBERS_IN_AN_EPOCH_BITS).unwrap_or(EPOCH_MAX)
    }
}

/// The permanent id of an envelope: origin node, its ledger epoch, a counter; text form `652301.0.42`. Never reused,
/// and the same for every resend.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvelopeId {
    /// The node that accepted the submission.
    pub origin: NodeId,
    /// The epoch of its ledger then.
    pub epoch: u32,
    /// Counts the envelopes of that ledger, from 0.
    pub counter: u64,
}

impl EnvelopeId {
    /// The ledger that holds the envelope's `SubmissionAcceptance`.
    pub fn ledger(&self) -> LedgerId {
        LedgerId { node: self.origin, epoch: self.epoch }
    }
}

/// The unit of custody: one envelope for one destination in one attempt; text form `652301.0.42/653101/0`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit {
    /// The envelope.
    pub envelope: EnvelopeId,
    /// The node it is for.
    pub destination: NodeId,
    /// Which try.
    pub attempt: Attempt,
}

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The parts do not fit the form.
    #[error("this is no {what}; it is written {form}")]
    Form {
        /// What was wanted.
        what: &'static str,
        /// An example.
        form: &'static str,
    },
    /// The node in it is not one.
    #[error(transparent)]
    Address(#[from] AddressError),
}

impl FromStr for LedgerId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = IdError::Form { what: "ledger id", form: "652301.0" };
        let (node, epoch) = text.split_once('.').ok_or(wrong.clone())?;
        Ok(Self { node: node.parse()?, epoch: number(epoch).ok_or(wrong)? })
    }
}

impl FromStr for EnvelopeId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = IdError::Form { what: "envelope id", form: "652301.0.42" };
        let (ledger, counter) = text.rsplit_once('.').ok_or(wrong.clone())?;
        let ledger: LedgerId = ledger.parse()?;
        Ok(Self { origin: ledger.node, epoch: ledger.epoch, counter: number(counter).ok_or(wrong)? })
    }
}

impl FromStr for Unit {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError::Form { what: "unit of custody", form: "652301.0.42/653101/0" };
        let (rest, attempt) = text.rsplit_once('/').ok_or_else(wrong)?;
        let (envelope, destination) = rest.split_once('/').ok_or_else(wrong)?;
        Ok(Self {
            envelope: envelope.parse()?,
            destination: destination.parse()?,
            attempt: number(attempt).ok_or_else(wrong)?,
        })
    }
}

/// Decimal without sign or leading zeros, so that every id has one textual form.
fn number<N: FromStr>(text: &str) -> Option<N> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    canonical.then(|| text.parse().ok()).flatten()
}

textual!(LedgerId, "a ledger id", |this, f| write!(f, "{}.{}", this.node, this.epoch));
textual!(EnvelopeId, "an envelope id", |this, f| write!(
    f,
    "{}.{}.{}",
    this.origin, this.epoch, this.counter
));
textual!(Unit, "a unit of custody", |this, f| write!(
    f,
    "{}/{}/{}",
    this.envelope, this.destination, this.attempt
));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_epoch_has_numbers_of_its_own_for_offers() {
        let node = "6523".parse().unwrap();
        let first = |epoch| LedgerId { node, epoch }.first_offer();
        assert_eq!((first(0), first(1)), (0, 1 << 44));
        for epoch in [0, 1, 2, EPOCH_MAX - 1] {
            assert_eq!(LedgerId::epoch_of_offer(first(epoch)), epoch);
            assert_eq!(LedgerId::epoch_of_offer(first(epoch + 1) - 1), epoch);
        }
    }

    #[test]
    fn every_id_has_exactly_one_textual_form() {
        let unit: Unit = "652301.0.42/653101/0".parse().unwrap();
        assert_eq!(unit.to_string(), "652301.0.42/653101/0");
        for text in [
            "652301.0",
            "652301.00.42",
            "652301.0.042",
            "652301.0.+4",
            "652301.0.",
            ".0.1",
            "652301.4294967296.1",
        ] {
            assert!(text.parse::<EnvelopeId>().is_err(), "{text} was taken");
        }
        for text in ["652301.0.42/653101", "652301.0.42/653101/65536", "652301.0.42//0"] {
            assert!(text.parse::<Unit>().is_err(), "{text} was taken");
        }
    }
}
