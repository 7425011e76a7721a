//! Clerks who recall what they handed in: at random, sometimes again, until they are told that it is entered.

use crate::happening::Happening;
use crate::outside::Outside;
use crate::random::Random;
use crate::station::{Process, Question};
use std::collections::BTreeMap;
use yizhan_document::NodeId;
use yizhan_exchange::Answer;

/// How long after its acceptance a document is recalled, in milliseconds, at the most.
const RECALL_MS_MAX: u64 = 15_000;

/// What clerks who recall remember. Their dice are their own, so that worlds without recalls are what they were.
#[derive(Debug)]
pub(crate) struct Recalling {
    random: Random,
    per_mille: u64,
    /// The entry by which a document was recalled.
    told: BTreeMap<u64, u64>,
}

impl Recalling {
    pub(crate) fn new(per_mille: u64, seed: u64) -> Self {
        Self { random: Random::new(seed ^ 0x7265_6361_6c6c), per_mille, told: BTreeMap::new() }
    }
}

impl Outside {
    /// A document was accepted, perhaps one that is not to go out after all.
    pub(crate) fn perhaps_recall(&mut self, document: u64) {
        let Recalling { random, per_mille, .. } = &mut self.clerks.recalling;
        let fresh = !self.book.told.contains_key(&document);
        if fresh && self.now < self.clerks.until && random.chance(*per_mille) {
            // At once, while it is on its way, or when it has been read.
            let wait = if random.chance(300) { 0 } else { random.within(1..=RECALL_MS_MAX) };
            self.agenda.at(self.now + 1 + wait, Happening::Recall { document });
        }
    }

    /// The disk of a node is lost, with what its offices recalled.
    pub(crate) fn recalls_are_lost(&mut self, node: NodeId) {
        let book = &self.book;
        let of_it = |document: &u64| book.document(*document).is_some_and(|document| document.from == node);
        self.clerks.recalling.told.retain(|document, _| !of_it(document));
    }

    /// A clerk goes to the desk to recall a document.
    pub(crate) fn recall(&mut self, process: Option<&mut Process>, document: u64) {
        match process {
            Some(process) => process.ask(self, Question::Recall { document }),
            None => self.recall_soon(document),
        }
    }

    /// Nobody answered, or not yet: once more, as long as there is time.
    pub(crate) fn recall_soon(&mut self, document: u64) {
        if self.now < self.clerks.until {
            let at = self.now + self.clerks.recalling.random.within(1..=3_000);
            self.agenda.at(at, Happening::Recall { document });
        }
    }

    pub(crate) fn recall_answered(&mut self, node: NodeId, document: u64, answer: &Answer) {
        match answer {
            Answer::Recalling { index } => {
                let first = *self.clerks.recalling.told.entry(document).or_insert(*index);
                if first != *index {
                    let what = format!("document {document} was recalled by entries {first} and {index}");
                    self.fail_at(node, "nothing_twice", what);
                }
                if self.clerks.recalling.random.chance(200) {
                    self.recall_soon(document);
                }
            }
            Answer::Refused { reason: "busy" | "full" } => self.recall_soon(document),
            other => {
                let what = format!("document {document} cannot be recalled: {other:?}");
                self.fail_at(node, "nothing_lost", what);
            }
        }
    }
}
