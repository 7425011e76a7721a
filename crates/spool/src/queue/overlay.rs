//! Changes that are not in the database yet: in memory, seen by every read, and often taken back before they are written.

use super::changes::Change;
use super::key::Space;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An index and a key in it.
pub(crate) type Place = (Space, Vec<u8>);

/// What is to be written at one place.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    /// The value, or `None` to remove it.
    pub(crate) value: Option<Vec<u8>>,
    /// Nothing was ever written there: to remove it is to forget it.
    first: bool,
}

/// What is to be written, by its place.
pub(crate) type PendingChanges = HashMap<Place, Pending>;

/// The changes that wait.
#[derive(Default)]
pub(crate) struct Overlay {
    layers: Mutex<Layers>,
}

#[derive(Default)]
struct Layers {
    fresh: PendingChanges,
    /// Those that are being written now; reads still look here.
    leaving: Arc<PendingChanges>,
}

impl Overlay {
    /// Takes changes in, in their order; tells how many wait before and after.
    pub(crate) fn put(&self, changes: Vec<Change>) -> (usize, usize) {
        let mut layers = self.layers();
        let before = layers.fresh.len();
        for Change { space, key, value, first } in changes {
            match layers.fresh.entry((space, key)) {
                Entry::Occupied(known) if value.is_none() && known.get().first => drop(known.remove()),
                // A second value for a place that the database does not know yet leaves it unknown there.
                Entry::Occupied(mut known) => known.get_mut().value = value,
                Entry::Vacant(place) => {
                    place.insert(Pending { value, first });
                }
            }
        }
        (before, layers.fresh.len())
    }

    /// What waits for a place: a value, its removal, or nothing, and then the database knows.
    pub(crate) fn get(&self, place: &Place) -> Option<Option<Vec<u8>>> {
        let layers = self.layers();
        let waiting = layers.fresh.get(place).or_else(|| layers.leaving.get(place));
        waiting.map(|pending| pending.value.clone())
    }

    /// What is to be written now. Reads see it until [`Self::left`].
    pub(crate) fn leave(&self) -> Arc<PendingChanges> {
        let mut layers = self.layers();
        layers.leaving = Arc::new(std::mem::take(&mut layers.fresh));
        Arc::clone(&layers.leaving)
    }

    /// All of it is in the database.
    pub(crate) fn left(&self) {
        self.layers().leaving = Arc::default();
    }

    fn layers(&self) -> MutexGuard<'_, Layers> {
        // Each change is taken in as a whole; nothing that holds this lock can leave one half done.
        self.layers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(key: u8, value: Option<u8>, first: bool) -> Change {
        Change { space: Space::Holdings, key: vec![key], value: value.map(|value| vec![value]), first }
    }

    fn place(key: u8) -> Place {
        (Space::Holdings, vec![key])
    }

    #[test]
    fn what_was_never_written_is_forgotten_when_it_is_removed() {
        let overlay = Overlay::default();
        assert_eq!(overlay.put(vec![change(1, Some(1), true), change(1, Some(2), false)]), (0, 1));
        assert_eq!(overlay.get(&place(1)), Some(Some(vec![2])));
        assert_eq!(overlay.put(vec![change(1, None, false)]), (1, 0));
        assert_eq!(overlay.get(&place(1)), None);
    }

    #[test]
    fn what_may_have_been_written_is_removed_there_too() {
        let overlay = Overlay::default();
        overlay.put(vec![change(1, Some(1), true), change(2, Some(1), false)]);
        overlay.put(vec![change(2, None, false)]);
        assert_eq!(overlay.get(&place(2)), Some(None), "the database may know it from before");
        let leaving = overlay.leave();
        assert_eq!(leaving.len(), 2);
        assert_eq!(overlay.get(&place(1)), Some(Some(vec![1])), "seen while it is written");
        overlay.put(vec![change(1, None, false)]);
        assert_eq!(overlay.get(&place(1)), Some(None), "the newer change goes first");
        overlay.left();
        assert_eq!(overlay.leave().len(), 1, "it is on its way to the database, so it is removed from there");
    }
}
