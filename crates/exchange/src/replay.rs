//! Making a state anew from the facts of a journal, in which an older state may stand condensed.

use crate::condensed::Condensed;
use crate::fact::Fact;
use crate::state::State;

/// How far the recalling has come.
#[derive(Default)]
pub(crate) enum Replaying {
    /// Nothing was recalled yet.
    #[default]
    Fresh,
    /// Facts as they happened are being recalled.
    History,
    /// The journal begins with a condensed state. Its history is gone, so whatever is left of it counts.
    Beginning,
    /// A state is being said once more after its history: it counts only when it is whole.
    Again(alloc::boxed::Box<State>),
}

impl Replaying {
    /// Takes in a fact of the journal, in the order in which it was written.
    pub(crate) fn recall(&mut self, state: &mut State, fact: &Fact) {
        let Fact::Condensed(part) = fact else {
            // What was being said once more when its writer stopped was never finished: it counts for nothing.
            *self = Self::History;
            return state.apply(fact, 0);
        };
        if let Condensed::Entered { index, .. } = part {
            // Where the record of the original is damaged, the copy is all there is: no number is given twice.
            state.next_index = state.next_index.max(index + 1);
        }
        match (core::mem::take(self), part) {
            // Of segments that were kept; the copy that keeps them comes after them.
            (Self::Fresh, Condensed::Continued | Condensed::Key { .. }) => {}
            (Self::Fresh, part) => {
                state.apply_part(part);
                *self = Self::Beginning;
            }
            (_, Condensed::Begin { .. }) => {
                let mut again = alloc::boxed::Box::new(State::new(state.ledger));
                again.apply_part(part);
                *self = Self::Again(again);
            }
            (Self::Beginning, Condensed::End) => *self = Self::History,
            (Self::Beginning, part) => {
                state.apply_part(part);
                *self = Self::Beginning;
            }
            (Self::Again(again), Condensed::End) => {
                *state = *again;
                *self = Self::History;
            }
            (Self::Again(mut again), part) => {
                again.apply_part(part);
                *self = Self::Again(again);
            }
            // Without its beginning it is no state.
            (Self::History, _) => *self = Self::History,
        }
    }
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
