//! A link falls between two slips of one envelope: one destination has it, the other not yet. Custody is counted for each
//! destination; a relay that counted envelopes would let the second slip go with the first.

use super::*;

#[test]
fn both_destinations_get_the_document_once_wherever_the_link_falls() {
    for after in (5..600).step_by(7) {
        let mut world = seven();
        hand_in(&mut world, "652301", &["653101", "653130"]);
        pass(&mut world, after);
        apart(&mut world, "6531", "653130");
        pass(&mut world, 5_000);
        together(&mut world, "6531", "653130");
        let survey = at_the_end(world);
        for destination in ["653101", "653130"] {
            assert_eq!(
                entries(&survey, destination, "ContentConsignment"),
                1,
                "{destination}, after {after}"
            );
            assert_eq!(entries(&survey, destination, "RelayAcceptance"), 1, "{destination}, after {after}");
        }
        assert_eq!(
            entries(&survey, "6531", "RelayAcceptance"),
            1,
            "one offer brought both slips, after {after}"
        );
    }
}

#[test]
fn a_link_that_carries_both_slips_and_falls_leaves_neither_behind() {
    for after in (5..600).step_by(7) {
        let mut world = seven();
        hand_in(&mut world, "652301", &["653101", "653130"]);
        pass(&mut world, after);
        world.strike(crate::faults::Fault::Flap { one: node("65"), other: node("6531") });
        let survey = at_the_end(world);
        assert_eq!(entries(&survey, "6531", "RelayAcceptance"), 1, "after {after}");
        for destination in ["653101", "653130"] {
            assert_eq!(
                entries(&survey, destination, "ContentConsignment"),
                1,
                "{destination}, after {after}"
            );
        }
    }
}
