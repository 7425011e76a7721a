//! The clock of a relay jumps two months ahead while its links are up and its neighbours had found it right. What waits there for
//! a county that is away has not come to its deadline by that: it arrives when the county is back, and what is really overdue ends,
//! though the clock was wrong in between.

use super::*;

/// Two months, in milliseconds.
const JUMP_MS: i64 = 60 * 24 * 3600 * 1000;

#[test]
fn no_document_expires_by_a_clock_that_went_wrong_after_its_neighbours_agreed_with_it() {
    for (jump, back) in [(JUMP_MS, true), (JUMP_MS, false), (-JUMP_MS, true)] {
        let mut world = seven();
        apart(&mut world, "6531", "653101");
        pass(&mut world, 11_000);
        hand_in(&mut world, "652301", &["653101"]);
        pass(&mut world, 5_000);
        world.set_clock(node("6531"), jump);
        // Its uplink breaks and comes again: that hello does not agree.
        pass(&mut world, 10_000);
        apart(&mut world, "65", "6531");
        pass(&mut world, 2_000);
        together(&mut world, "65", "6531");
        pass(&mut world, 10_000);
        if back {
            world.set_clock(node("6531"), 0);
        }
        pass(&mut world, 60_000);
        together(&mut world, "6531", "653101");
        let survey = at_the_end(world);
        assert_eq!(entries(&survey, "6531", "AcceptanceRejectionExpiry"), 0, "{jump}, {back}");
        assert_eq!(entries(&survey, "653101", "ContentConsignment"), 1, "{jump}, {back}");
    }
}
