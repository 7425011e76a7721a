//! The disk of a relay dies with a unit in its custody. The relay says so, and the origin, which keeps its copy until the
//! unit has ended, opens a new attempt; an origin that let go when the first relay took over could not.

use super::*;

#[test]
fn the_origin_opens_a_new_attempt_and_the_document_arrives() {
    let mut world = seven();
    apart(&mut world, "65", "6523");
    pass(&mut world, 11_000);
    hand_in(&mut world, "652301", &["653101"]);
    pass(&mut world, 2_000);
    world.strike(crate::faults::Fault::Damage { node: node("6523") });
    assert_eq!(world.faults, 1, "the relay had the unit in custody");
    together(&mut world, "65", "6523");
    let survey = at_the_end(world);
    assert_eq!(entries(&survey, "6523", "RelayFailure"), 1);
    assert_eq!(entries(&survey, "652301", "SubmissionAcceptance"), 1);
    assert_eq!(consigned_attempt(&survey, "653101"), 1);
}
