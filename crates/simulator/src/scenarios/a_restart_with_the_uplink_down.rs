//! A node is restarted, by a power cut, while its uplink is down: it recovers by itself, takes documents on, delivers within
//! its reach, and hands the rest on once the uplink is back. A node that needed a neighbour to recover would stand still.

use super::*;

#[test]
fn what_was_accepted_before_and_after_the_restart_arrives_once_the_uplink_is_back() {
    let mut world = seven();
    apart(&mut world, "65", "6523");
    pass(&mut world, 11_000);
    let before = hand_in(&mut world, "6523", &["653101"]);
    pass(&mut world, 1_000);
    restart(&mut world, "6523", true);
    let after = hand_in(&mut world, "6523", &["652301", "653101"]);
    pass(&mut world, 30_000);
    assert!([before, after].iter().all(|document| world.out.book.told.contains_key(document)));
    let near = world.stations[&node("652301")].process.as_ref().unwrap().core.state().inboxes().len();
    assert_eq!(near, 1, "what needs no uplink has arrived");
    restart(&mut world, "6523", true);
    together(&mut world, "65", "6523");
    let survey = at_the_end(world);
    assert_eq!(entries(&survey, "653101", "ContentConsignment"), 2);
    assert_eq!(entries(&survey, "652301", "ContentConsignment"), 1);
}
