//! Urgency of a document: 紧急程度 of GB/T 9704 and of telegrams.

use serde::{Deserialize, Serialize};

/// How urgent a document is. The order is that of transmission: later variants overtake earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Urgency {
    /// No urgency is marked.
    #[default]
    Normal,
    /// 平急, telegrams only.
    RoutineUrgent,
    /// 加急
    Urgent,
    /// 特急
    MostUrgent,
    /// 特提, telegrams only.
    Flash,
}

impl Urgency {
    /// All of them, the least urgent first.
    pub const ALL: [Self; 5] =
        [Self::Normal, Self::RoutineUrgent, Self::Urgent, Self::MostUrgent, Self::Flash];

    /// The name in formats and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::RoutineUrgent => "routine-urgent",
            Self::Urgent => "urgent",
            Self::MostUrgent => "most-urgent",
            Self::Flash => "flash",
        }
    }

    /// The term on the document.
    pub fn chinese(self) -> &'static str {
        match self {
            Self::Normal => "",
            Self::RoutineUrgent => "平急",
            Self::Urgent => "加急",
            Self::MostUrgent => "特急",
            Self::Flash => "特提",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flash_overtakes_everything_and_both_scripts_agree() {
        assert_eq!(Urgency::ALL.iter().max(), Some(&Urgency::Flash));
        let terms: Vec<_> = Urgency::ALL.iter().map(|u| (u.as_str(), u.chinese())).collect();
        assert_eq!(
            terms,
            [
                ("normal", ""),
                ("routine-urgent", "平急"),
                ("urgent", "加急"),
                ("most-urgent", "特急"),
                ("flash", "特提")
            ]
        );
        for urgency in Urgency::ALL {
            assert_eq!(serde_json::to_string(&urgency).unwrap(), format!("\"{}\"", urgency.as_str()));
        }
    }
}
