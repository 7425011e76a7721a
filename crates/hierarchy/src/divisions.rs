//! The administrative divisions of the country as a table: who administers whom, and what became of old codes.
//!
//! The rows come from public data by way of `divisions/generate.py`; state of 2023-06-30, mainland only. A code is a label:
//! the parent of every division is written down, since the prefix of a code misleads in each of the cases that
//! `divisions/README.md` lists.

mod counts;
mod planning;
mod retired;
mod rows;

pub use counts::DivisionCounts;
pub use retired::{CodeError, ResolvedCode, RetiredCode};
pub use rows::{DivisionKind, ListedDivision, TableError};

use std::collections::BTreeMap;
use yizhan_document::NodeId;

const DIVISIONS: &str = include_str!("../divisions/divisions.tsv");
const RETIRED: &str = include_str!("../divisions/retired.tsv");
const OVERLAY: &str = include_str!("../divisions/xpcc.tsv");

/// Provinces, prefectures and counties, the overlay of the XPCC, and the codes and names out of use since 2000.
#[derive(Clone, Debug)]
pub struct DivisionTable {
    divisions: BTreeMap<NodeId, ListedDivision>,
    /// Ascending by code below each parent.
    children: BTreeMap<NodeId, Vec<NodeId>>,
    /// Codes out of use, and other codes of divisions that are in use.
    retired: BTreeMap<NodeId, RetiredCode>,
    /// Former names of codes that are in use, the oldest first.
    renamed: BTreeMap<NodeId, Vec<RetiredCode>>,
}

impl DivisionTable {
    /// The table that comes with this program. Reading it takes a few milliseconds: keep it.
    pub fn built_in() -> Result<Self, TableError> {
        Self::parse(DIVISIONS, RETIRED, OVERLAY)
    }

    /// Reads a table: divisions, codes out of use, overlay, each as `divisions/README.md` describes it. Checks that every
    /// code stands once, every parent and successor is there, and no code is padded.
    pub fn parse(divisions: &str, retired: &str, overlay: &str) -> Result<Self, TableError> {
        let listed = rows::divisions(divisions)?.into_iter().chain(rows::overlay(overlay)?);
        let mut table = Self {
            divisions: BTreeMap::new(),
            children: BTreeMap::new(),
            retired: BTreeMap::new(),
            renamed: BTreeMap::new(),
        };
        for division in listed {
            let code = division.code;
            if let Some(parent) = division.parent {
                table.children.entry(parent).or_default().push(code);
            }
            if table.divisions.insert(code, division).is_some() {
                return Err(TableError::Twice { code });
            }
        }
        for (kind, row) in rows::retired(retired)? {
            let code = row.code;
            match kind {
                rows::RetiredKind::Renamed => table.renamed.entry(code).or_default().push(row),
                rows::RetiredKind::Code if table.divisions.contains_key(&code) => {
                    return Err(TableError::Twice { code });
                }
                rows::RetiredKind::Code => {
                    if table.retired.insert(code, row).is_some() {
                        return Err(TableError::Twice { code });
                    }
                }
            }
        }
        table.children.values_mut().for_each(|children| children.sort());
        table.check()?;
        Ok(table)
    }

    /// How many divisions are in use, development zones and overlay counted.
    pub fn len(&self) -> usize {
        self.divisions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.divisions.is_empty()
    }

    /// All divisions in use, ascending by code as text.
    pub fn divisions(&self) -> impl Iterator<Item = &ListedDivision> {
        self.divisions.values()
    }

    /// All codes out of use, ascending.
    pub fn retired(&self) -> impl Iterator<Item = &RetiredCode> {
        self.retired.values()
    }

    /// The division of a code in use, written without padding.
    pub fn division(&self, code: NodeId) -> Option<&ListedDivision> {
        self.divisions.get(&code)
    }

    /// Who administers `code`; none above a province, the root of the overlay, or an unknown code.
    pub fn parent(&self, code: NodeId) -> Option<&ListedDivision> {
        self.division(self.division(code)?.parent?)
    }

    /// Whom `code` administers without anyone between, ascending.
    pub fn children(&self, code: NodeId) -> impl Iterator<Item = &ListedDivision> {
        let children = self.children.get(&code).into_iter().flatten();
        children.filter_map(|child| self.division(*child))
    }

    /// The provinces, autonomous regions and municipalities, ascending. The root of the overlay is none of them.
    pub fn provinces(&self) -> impl Iterator<Item = &ListedDivision> {
        self.divisions().filter(|division| division.kind == DivisionKind::Province)
    }

    /// `code` and everything below it, each parent before its children; empty if there is no such code. Development zones
    /// (statistics only; 管委会 that do exchange documents) are in it if `zones` says so.
    pub fn tree_of(&self, code: NodeId, zones: bool) -> Vec<&ListedDivision> {
        let mut found = Vec::new();
        let mut left: Vec<&ListedDivision> = self.division(code).into_iter().collect();
        while let Some(division) = left.pop() {
            if zones || division.kind != DivisionKind::DevelopmentZone {
                found.push(division);
                let first = left.len();
                left.extend(self.children(division.code));
                if let Some(children) = left.get_mut(first..) {
                    children.reverse();
                }
            }
        }
        found
    }

    /// Every division that is called `name`, in full. Several are: a name is for people to read, never an address.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a ListedDivision> {
        self.divisions().filter(move |division| division.name == name)
    }

    /// Parents, successors and cities are there; nobody is above itself, and no code succeeds itself.
    fn check(&self) -> Result<(), TableError> {
        for division in self.divisions.values() {
            let named = [division.parent, division.city];
            if let Some(other) = named.into_iter().flatten().find(|other| self.division(*other).is_none()) {
                return Err(TableError::Missing { code: division.code, other });
            }
            let up = std::iter::successors(Some(division), |at| self.parent(at.code));
            if up.take(crate::limits::DEPTH_MAX + 1).count() > crate::limits::DEPTH_MAX {
                return Err(TableError::Cycle { code: division.code });
            }
        }
        for row in self.retired.values() {
            let named = row.successor.iter().chain(&row.shares);
            let known = |code: &NodeId| self.divisions.contains_key(code) || self.retired.contains_key(code);
            if let Some(other) = named.copied().find(|other| !known(other)) {
                return Err(TableError::Missing { code: row.code, other });
            }
            self.follow(row)?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "divisions/table_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "divisions/trap_tests.rs"]
mod trap_tests;
