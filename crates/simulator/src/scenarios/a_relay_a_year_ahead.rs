//! A relay's clock is a year ahead, so that every deadline has passed for it. Nothing expires by a clock that disagrees with
//! its neighbours'; a relay that believed its own would end every document it cannot hand on at once.

use super::*;

/// A year, in milliseconds.
const YEAR_MS: i64 = 365 * 24 * 3600 * 1000;

#[test]
fn no_document_expires_by_a_clock_that_disagrees_with_its_neighbours() {
    let mut world = seven();
    world.stations.get_mut(&node("6531")).unwrap().skew_ms = YEAR_MS;
    restart(&mut world, "6531", false);
    pass(&mut world, 15_000);
    apart(&mut world, "6531", "653101");
    pass(&mut world, 11_000);
    hand_in(&mut world, "652301", &["653101"]);
    pass(&mut world, 60_000);
    restart(&mut world, "6531", false);
    pass(&mut world, 60_000);
    together(&mut world, "6531", "653101");
    let survey = at_the_end(world);
    assert_eq!(entries(&survey, "6531", "AcceptanceRejectionExpiry"), 0);
    assert_eq!(entries(&survey, "653101", "ContentConsignment"), 1);
}
