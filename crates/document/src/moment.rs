//! Wall-clock time as it is signed, stored and shown: milliseconds since 1970, in UTC.

use crate::address::textual;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment of wall-clock time, in milliseconds since 1970-01-01T00:00:00Z; text form RFC 3339 with milliseconds and
/// `Z`. Only what is signed, stored or shown uses it; waiting uses uptime.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(u64);

/// 9999-12-31T23:59:59.999Z, the last moment RFC 3339 can write.
const MS_MAX: u64 = 253_402_300_799_999;

impl WallTime {
    /// The earliest moment there is.
    pub const EPOCH: Self = Self(0);

    /// From milliseconds since 1970; moments after the year 9999 are cut to its end.
    pub fn from_ms(ms: u64) -> Self {
        Self(ms.min(MS_MAX))
    }

    /// Milliseconds since 1970.
    pub fn as_ms(self) -> u64 {
        self.0
    }

    /// Whole seconds since 1970.
    pub fn as_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// This moment and `ms` milliseconds.
    pub fn plus_ms(self, ms: u64) -> Self {
        Self::from_ms(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment; 0 if it is later.
    pub fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The text is no RFC 3339 time of this era.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time is written like 2026-11-20T08:00:00Z (RFC 3339)")]
pub struct MomentError;

impl FromStr for WallTime {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| MomentError)?;
        let ms = parsed.unix_timestamp_nanos() / 1_000_000;
        u64::try_from(ms).map(Self::from_ms).map_err(|_| MomentError)
    }
}

textual!(WallTime, "an RFC 3339 time", |this, f| {
    let nanos = i128::from(this.0) * 1_000_000;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|_| fmt::Error)?;
    let (date, clock) = (at.date(), at.time());
    write!(
        f,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second(),
        clock.millisecond()
    )
});

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_year_9999_is_the_end_of_time() {
        assert_eq!(WallTime::from_ms(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn a_time_with_an_offset_is_the_same_moment_in_utc() {
        let moment: WallTime = "2026-11-20T16:00:00+08:00".parse().unwrap();
        assert_eq!(moment.to_string(), "2026-11-20T08:00:00.000Z");
        assert!("1960-01-01T00:00:00Z".parse::<WallTime>().is_err());
    }

    proptest! {
        #[test]
        fn a_moment_reads_back_as_written(ms in 0..=MS_MAX) {
            let moment = WallTime::from_ms(ms);
            prop_assert_eq!(moment.to_string().parse::<WallTime>().unwrap(), moment);
        }
    }
}
