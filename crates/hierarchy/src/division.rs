//! One division of the directory: its node, its place in the tree, its keys and its offices.

use crate::endpoint::Endpoint;
use crate::json_forms::{as_base64, as_text};
use crate::limits;
use crate::tree::Place;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yizhan_document::{Classification, NodeId, OfficeAddress, OfficeName};
use yizhan_identity::{NoteVerifier, OpeningPublicKey};

/// What the directory says of one node; the content of `divisions/<node>.json`.
///
/// Unknown members are refused: a reader that skipped one might skip a restriction. New members therefore come with a
/// new heading of the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Division {
    /// The node.
    pub node: NodeId,
    /// The node above it; none for the root of a tree.
    pub parent: Option<NodeId>,
    /// Who stands in when the parent is away, the most preferred first. Each is nearer to its root than this node is.
    pub backup_parents: Vec<NodeId>,
    /// Nodes it talks to directly besides its parent and children. One of the two has to name the other.
    pub direct_links: Vec<NodeId>,
    /// What people call the division, by language tag (BCP 47).
    pub names: BTreeMap<String, String>,
    /// Where its neighbours reach it, the most preferred first; empty if it only calls out.
    pub endpoints: Vec<Endpoint>,
    /// The key that signs its ledger's checkpoints.
    #[serde(with = "as_text")]
    pub ledger: NoteVerifier,
    /// The key it cosigns its neighbours' checkpoints with.
    #[serde(with = "as_text")]
    pub witness: NoteVerifier,
    /// The key that envelopes for it are closed to.
    pub opening: OpeningPublicKey,
    /// The highest classification it may carry.
    pub max_classification: Classification,
    /// The offices it serves.
    pub offices: Vec<OfficeRecord>,
}

/// What the directory says of one office.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficeRecord {
    /// Its name within the node.
    pub office: OfficeName,
    /// What people call it, by language tag.
    pub names: BTreeMap<String, String>,
    /// The certificate of its signing key, in DER.
    #[serde(with = "as_base64")]
    pub certificate: Vec<u8>,
    /// Whether the node holds the signing key for it, so that its signatures prove less; auditors can read it here.
    pub custodial: bool,
    /// Whether it may send and receive.
    pub state: OfficeState,
}

/// Whether an office may send and receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfficeState {
    /// It sends and receives.
    Active,
    /// It neither sends nor receives, and is not forgotten.
    Suspended,
}

impl Division {
    /// Reads the file of a division and checks what can be checked on it alone.
    pub fn from_json(bytes: &[u8]) -> Result<Self, DivisionError> {
        if bytes.len() > limits::DIVISION_BYTES_MAX {
            return Err(DivisionError::TooMany { what: "bytes", most: limits::DIVISION_BYTES_MAX });
        }
        let division: Self = serde_json::from_slice(bytes).map_err(DivisionError::Json)?;
        division.check()?;
        Ok(division)
    }

    /// The bytes of its file: indented JSON and a line feed.
    pub fn to_json(&self) -> Result<Vec<u8>, DivisionError> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(DivisionError::Json)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Checks names, counts and kinds of keys. What concerns several divisions, and the certificates, is checked with the
    /// directory as a whole.
    pub fn check(&self) -> Result<(), DivisionError> {
        let counts = [
            ("backup parents", self.backup_parents.len(), limits::BACKUP_PARENTS_MAX),
            ("direct links", self.direct_links.len(), limits::DIRECT_LINKS_MAX),
            ("endpoints", self.endpoints.len(), limits::ENDPOINTS_MAX),
            ("offices", self.offices.len(), limits::OFFICES_MAX),
        ];
        if let Some((what, _, most)) = counts.into_iter().find(|(_, count, most)| count > most) {
            return Err(DivisionError::TooMany { what, most });
        }
        check_names(&self.names)
            .map_err(|reason| DivisionError::Names { of: self.node.to_string(), reason })?;
        if self.ledger.is_cosigner() {
            return Err(DivisionError::KeyKind { member: "ledger", wanted: "a signing key (type 0x01)" });
        }
        if !self.witness.is_cosigner() {
            return Err(DivisionError::KeyKind {
                member: "witness",
                wanted: "a cosignature key (type 0x04)",
            });
        }
        for (position, record) in self.offices.iter().enumerate() {
            if self.offices.iter().take(position).any(|earlier| earlier.office == record.office) {
                return Err(DivisionError::OfficeTwice { office: record.office.clone() });
            }
            check_names(&record.names)
                .map_err(|reason| DivisionError::Names { of: record.office.to_string(), reason })?;
        }
        Ok(())
    }

    /// The record of an office, whatever its state.
    pub fn office(&self, office: &OfficeName) -> Option<&OfficeRecord> {
        self.offices.iter().find(|record| record.office == *office)
    }

    /// The name in `language`, else in Chinese, else in English, else any there is, else the node id.
    pub fn name(&self, language: &str) -> &str {
        name_in(&self.names, language).unwrap_or(self.node.as_str())
    }

    /// Its place in the tree.
    pub(crate) fn place(&self) -> Place<'_> {
        Place {
            node: self.node,
            parent: self.parent,
            backup_parents: &self.backup_parents,
            direct_links: &self.direct_links,
        }
    }
}

impl OfficeRecord {
    /// The name in `language`, else in Chinese, else in English, else any there is, else the office's short name.
    pub fn name(&self, language: &str) -> &str {
        name_in(&self.names, language).unwrap_or(self.office.as_str())
    }

    /// Its address at `node`.
    pub fn address(&self, node: NodeId) -> OfficeAddress {
        OfficeAddress { office: self.office.clone(), node }
    }
}

/// Why a division is refused. Whoever drafted the directory is to blame: correct the division and sign anew.
#[derive(Debug, thiserror::Error)]
pub enum DivisionError {
    /// Not the JSON of a division.
    #[error("it is not the JSON of a division: {0}")]
    Json(#[source] serde_json::Error),
    /// More of something than is allowed.
    #[error("it has more than {most} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// The division or an office of it is not properly named.
    #[error("the names of `{of}`: {reason}")]
    Names {
        /// Node or office.
        of: String,
        /// What is wrong with them.
        reason: NameError,
    },
    /// A key of the wrong kind.
    #[error("its `{member}` is not {wanted}")]
    KeyKind {
        /// The member that holds it.
        member: &'static str,
        /// What belongs there.
        wanted: &'static str,
    },
    /// Two offices of one name.
    #[error("the office `{office}` stands in it twice")]
    OfficeTwice {
        /// The office.
        office: OfficeName,
    },
}

/// Why names for people are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is none.
    #[error("at least one is needed")]
    Missing,
    /// In too many languages.
    #[error("they are in more than {} languages", limits::LANGUAGES_MAX)]
    TooMany,
    /// A language tag that is none.
    #[error("a language tag is written like zh, ug or zh-Hant (BCP 47)")]
    Language,
    /// Empty, or only white space.
    #[error("one is empty")]
    Empty,
    /// Too long.
    #[error("one is longer than {} bytes", limits::NAME_BYTES_MAX)]
    TooLong,
    /// A character that could make a list lie about what it shows.
    #[error("control characters and marks that reorder text are not allowed")]
    Invisible,
}

/// Checks names for people: there is one, tags are tags, nothing in them plays tricks on a screen.
pub(crate) fn check_names(names: &BTreeMap<String, String>) -> Result<(), NameError> {
    if names.is_empty() {
        return Err(NameError::Missing);
    }
    if names.len() > limits::LANGUAGES_MAX {
        return Err(NameError::TooMany);
    }
    for (language, name) in names {
        let subtags = language
            .split('-')
            .all(|t| (1..=8).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric()));
        let primary = language.split('-').next().unwrap_or_default();
        let primary_fits =
            (2..=8).contains(&primary.len()) && primary.bytes().all(|b| b.is_ascii_lowercase());
        if !subtags || !primary_fits || language.len() > limits::LANGUAGE_BYTES_MAX {
            return Err(NameError::Language);
        }
        if name.trim().is_empty() {
            return Err(NameError::Empty);
        }
        if name.len() > limits::NAME_BYTES_MAX {
            return Err(NameError::TooLong);
        }
        // Embeddings, overrides and isolates of UAX #9; Uyghur and Kazakh names need none of them.
        if name
            .chars()
            .any(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
        {
            return Err(NameError::Invisible);
        }
    }
    Ok(())
}

fn name_in<'a>(names: &'a BTreeMap<String, String>, language: &str) -> Option<&'a str> {
    [language, "zh", "en"]
        .into_iter()
        .find_map(|l| names.get(l))
        .or_else(|| names.values().next())
        .map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn names(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(l, n)| ((*l).to_owned(), (*n).to_owned())).collect()
    }

    #[test]
    fn a_division_reads_back_as_written_with_the_members_in_their_order() {
        let draft = sample::demo_draft();
        for division in draft.divisions.values() {
            let bytes = division.to_json().unwrap();
            assert_eq!(&Division::from_json(&bytes).unwrap(), division);
        }
        let text = String::from_utf8(draft.divisions[&sample::node("652301")].to_json().unwrap()).unwrap();
        assert!(text.starts_with("{\n  \"node\": \"652301\",\n  \"parent\": \"6523\",\n"), "{text}");
        assert!(
            text.contains("\"max_classification\": \"unclassified\"")
                && text.contains("\"state\": \"active\"")
        );
    }

    #[test]
    fn an_unknown_member_is_refused_and_so_is_what_follows_the_object() {
        let division = sample::demo_draft().divisions[&sample::node("65")].clone();
        let text = String::from_utf8(division.to_json().unwrap()).unwrap();
        let more = text.replacen('{', "{\"revoked\": true,", 1);
        assert!(matches!(Division::from_json(more.as_bytes()), Err(DivisionError::Json(_))));
        assert!(matches!(Division::from_json(format!("{text}{{}}").as_bytes()), Err(DivisionError::Json(_))));
        let twice = text.replacen('{', "{\"node\": \"66\",", 1);
        assert!(matches!(Division::from_json(twice.as_bytes()), Err(DivisionError::Json(_))));
    }

    #[test]
    fn keys_of_the_wrong_kind_are_refused() {
        let mut division = sample::demo_draft().divisions[&sample::node("65")].clone();
        std::mem::swap(&mut division.ledger, &mut division.witness);
        assert!(matches!(division.check(), Err(DivisionError::KeyKind { member: "ledger", .. })));
        division.ledger = division.witness.clone();
        assert!(matches!(division.check(), Err(DivisionError::KeyKind { member: "witness", .. })));
    }

    #[test]
    fn an_office_stands_in_a_division_once() {
        let mut division = sample::demo_draft().divisions[&sample::node("65")].clone();
        let again = division.offices[0].clone();
        division.offices.push(again);
        assert!(matches!(division.check(), Err(DivisionError::OfficeTwice { .. })));
    }

    #[test]
    fn names_in_every_script_are_taken_and_tricks_are_not() {
        let good = [
            ("zh", "昌吉市"),
            ("en", "Changji"),
            ("ug", "سانجى شەھىرى"),
            ("zh-Hant", "昌吉市"),
            ("und", "652301"),
        ];
        assert_eq!(check_names(&names(&good)), Ok(()));
        assert_eq!(check_names(&names(&[])), Err(NameError::Missing));
        assert_eq!(check_names(&names(&[("zh", " ")])), Err(NameError::Empty));
        assert_eq!(check_names(&names(&[("中文", "昌吉市")])), Err(NameError::Language));
        assert_eq!(check_names(&names(&[("zh-", "昌吉市")])), Err(NameError::Language));
        assert_eq!(check_names(&names(&[("z", "昌吉市")])), Err(NameError::Language));
        assert_eq!(check_names(&names(&[("en", "Changji\u{202e}ijgnahC")])), Err(NameError::Invisible));
        assert_eq!(check_names(&names(&[("en", "Changji\n")])), Err(NameError::Invisible));
        assert_eq!(check_names(&names(&[("en", &"x".repeat(257))])), Err(NameError::TooLong));
    }

    #[test]
    fn a_name_falls_back_to_a_language_there_is() {
        let mut division = sample::demo_draft().divisions[&sample::node("652301")].clone();
        assert_eq!(division.name("en"), "Changji City");
        assert_eq!(division.name("ug"), "昌吉市");
        division.names = names(&[("ug", "سانجى")]);
        assert_eq!(division.name("fr"), "سانجى");
    }
}
