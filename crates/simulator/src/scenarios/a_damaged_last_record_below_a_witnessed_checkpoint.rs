//! The last record of a journal is damaged, below a checkpoint that neighbours have cosigned. To the journal it looks like the
//! torn tail of a power cut; all neighbours remember more. The node is told at first contact, stops, and tells no second
//! history; one that believed its own disk alone would give used numbers anew.

use super::*;

/// A relay that was killed so long after a document was handed in, and whose last record was damaged; nothing if that cost it
/// no entry that all neighbours remember. (One that remembers less may be shown a second history before another tells the
/// node: that is the limit of what a memory can do.)
fn damaged(after: u64) -> Option<World> {
    let mut world = seven();
    hand_in(&mut world, "652301", &["653101"]);
    pass(&mut world, after);
    let relay = node("6523");
    assert!(world.stop(relay, false, "by hand"));
    world.stations[&relay].folder.damage_last_byte();
    world.out.distrusted.insert(relay);
    world.start(relay);
    let known = world.stations[&relay].process.as_ref().unwrap().ledger.size();
    let remembers = |name: &str| {
        let process = world.stations[&node(name)].process.as_ref().unwrap();
        process.store.remembered.get(&relay).is_some_and(|head| head.size > known)
    };
    ["65", "652301", "652324"].into_iter().all(remembers).then_some(world)
}

#[test]
fn the_node_is_told_by_its_neighbours_and_stops_before_it_shows_a_second_history() {
    let worlds: Vec<World> = (100..3_000).step_by(10).filter_map(damaged).collect();
    assert!(worlds.len() >= 5, "only {} moments hit such a record", worlds.len());
    for mut world in worlds {
        let relay = node("6523");
        pass(&mut world, 60_000);
        assert_eq!(world.out.failures, [], "no second history, and no word that was not on disk");
        assert!(world.out.set_back.contains(&relay), "a neighbour's memory tells it");
        assert!(world.stations[&relay].process.is_none(), "it waits for a person");
    }
}
