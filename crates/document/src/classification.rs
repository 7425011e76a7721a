//! Classification level of a document: 密级. Nothing above the policy of node and link is carried.

use serde::{Deserialize, Serialize};

/// The classification level, the lowest first. 机密 is `Secret`, 秘密 is `Confidential`: swapping them is a classic bug.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Classification {
    /// 非密
    #[default]
    Unclassified,
    /// 内部
    Internal,
    /// 秘密
    Confidential,
    /// 机密
    Secret,
    /// 绝密
    TopSecret,
}

impl Classification {
    /// All of them, the lowest first.
    pub const ALL: [Self; 5] =
        [Self::Unclassified, Self::Internal, Self::Confidential, Self::Secret, Self::TopSecret];

    /// The name in formats and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unclassified => "unclassified",
            Self::Internal => "internal",
            Self::Confidential => "confidential",
            Self::Secret => "secret",
            Self::TopSecret => "top-secret",
        }
    }

    /// The term on the document.
    pub fn chinese(self) -> &'static str {
        match self {
            Self::Unclassified => "非密",
            Self::Internal => "内部",
            Self::Confidential => "秘密",
            Self::Secret => "机密",
            Self::TopSecret => "绝密",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_scripts_agree_and_secret_is_not_confidential() {
        let terms: Vec<_> = Classification::ALL.iter().map(|c| (c.as_str(), c.chinese())).collect();
        assert_eq!(
            terms,
            [
                ("unclassified", "非密"),
                ("internal", "内部"),
                ("confidential", "秘密"),
                ("secret", "机密"),
                ("top-secret", "绝密")
            ]
        );
        assert!(Classification::Secret > Classification::Confidential);
        for level in Classification::ALL {
            assert_eq!(serde_json::to_string(&level).unwrap(), format!("\"{}\"", level.as_str()));
        }
    }
}
