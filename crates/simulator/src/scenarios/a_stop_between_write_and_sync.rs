//! A process stops between write and sync; the next one reads from memory of the machine what no disk has, and then the power
//! goes. What recovery found is made durable before a word about it; a node that skipped that would lose what it named.

use super::*;

#[test]
fn nothing_that_was_named_is_lost_whenever_the_power_goes() {
    for after in (0..500).step_by(11) {
        for then in [1, 3, 10, 40, 200, 1_000] {
            for stopped in ["652301", "6523"] {
                let mut world = seven();
                let document = hand_in(&mut world, "652301", &["653101"]);
                pass(&mut world, after);
                restart(&mut world, stopped, false);
                pass(&mut world, then);
                restart(&mut world, stopped, true);
                let what = format!("{stopped}, {after} and {then}");
                // Whoever was told nothing hands in again, by its key.
                pass(&mut world, 1);
                if !world.out.book.told.contains_key(&document) {
                    world.out.agenda.at(world.out.now, Happening::HandIn { document });
                }
                let survey = at_the_end(world);
                assert_eq!(entries(&survey, "652301", "SubmissionAcceptance"), 1, "{what}");
                assert_eq!(entries(&survey, "653101", "ContentConsignment"), 1, "{what}");
            }
        }
    }
}
