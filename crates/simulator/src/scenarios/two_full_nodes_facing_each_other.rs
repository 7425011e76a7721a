//! Two full nodes face each other, each with documents for the other. The rooms that are kept back are graded: what comes from
//! above is taken when what comes from below is not. Nodes that refused both ways would wait for each other for ever.

use super::*;
use yizhan_exchange::Room;

fn both(world: &mut World, room: Room) {
    ["6523", "652301"].iter().for_each(|name| world.set_room(node(name), room));
}

fn arrived(world: &World, name: &str) -> usize {
    world.stations[&node(name)].process.as_ref().unwrap().core.state().inboxes().len()
}

/// Documents in both directions, each in the custody of one of the two, which are full and apart, and then meet.
fn facing(room: Room) -> World {
    let mut world = seven();
    apart(&mut world, "6523", "652301");
    pass(&mut world, 11_000);
    hand_in(&mut world, "65", &["652301"]);
    hand_in(&mut world, "652301", &["65"]);
    pass(&mut world, 2_000);
    both(&mut world, room);
    pass(&mut world, 2_000);
    together(&mut world, "6523", "652301");
    pass(&mut world, 120_000);
    world
}

#[test]
fn what_comes_from_above_still_arrives_and_what_goes_up_waits_for_room() {
    let mut world = facing(Room::OnlyFromAbove);
    assert_eq!((arrived(&world, "652301"), arrived(&world, "65")), (1, 0));
    both(&mut world, Room::Ample);
    let survey = at_the_end(world);
    assert_eq!(entries(&survey, "65", "ContentConsignment"), 1);
    assert_eq!(entries(&survey, "652301", "ContentConsignment"), 1);
}

#[test]
fn with_no_room_at_all_nothing_moves_and_nothing_is_lost() {
    for room in [Room::NoDocuments, Room::Nothing] {
        let mut world = facing(room);
        assert_eq!((arrived(&world, "652301"), arrived(&world, "65")), (0, 0), "{room:?}");
        both(&mut world, Room::Ample);
        let survey = at_the_end(world);
        assert_eq!(entries(&survey, "65", "ContentConsignment"), 1, "{room:?}");
        assert_eq!(entries(&survey, "652301", "ContentConsignment"), 1, "{room:?}");
    }
}
