//! Scenarios with names: each is one deterministic story that once went wrong in other systems, told by hand and held to its
//! outcome, in documents and receipts.

mod a_circular_to_a_region;
mod a_clock_that_jumps;
mod a_damaged_last_record_below_a_witnessed_checkpoint;
mod a_disk_lost_for_good;
mod a_link_that_falls_between_two_slips;
mod a_neighbour_that_speaks_for_an_origin;
mod a_parent_gone_for_good;
mod a_relay_a_year_ahead;
mod a_relay_whose_disk_dies;
mod a_restart_with_the_uplink_down;
mod a_route_that_flips_back;
mod a_stop_between_write_and_sync;
mod an_urgent_document_behind_a_backlog;
mod two_full_nodes_facing_each_other;
mod two_histories;
mod two_joined_trees;

use crate::book::Document;
use crate::happening::Happening;
use crate::network::network_of_seven;
use crate::plan::Plan;
use crate::survey::Survey;
use crate::world::World;
use std::sync::Arc;
use yizhan_document::NodeId;
use yizhan_hierarchy::Directory;
use yizhan_ledger::Event;

/// A node by its name.
fn node(name: &str) -> NodeId {
    name.parse().unwrap()
}

/// A world of seven nodes in which nothing happens but what the scenario does, all connected.
fn seven() -> World {
    connected(network_of_seven())
}

/// Such a world of other nodes.
fn connected(directory: Arc<Directory>) -> World {
    let mut world = World::new(1, &Plan::by_hand(), directory, usize::MAX);
    world.until(1_000);
    world
}

/// A clerk hands in a plain document now; tells its number.
fn hand_in(world: &mut World, from: &str, to: &[&str]) -> u64 {
    let to: Vec<NodeId> = to.iter().map(|name| node(name)).collect();
    let office = world.out.directory.division(to[0]).unwrap().offices[0].office.clone();
    let document = world.out.book.add(Document::plain(0, node(from), &to, &office));
    world.out.agenda.at(world.out.now, Happening::HandIn { document });
    document
}

/// Lets so many milliseconds pass.
fn pass(world: &mut World, ms: u64) {
    world.until(world.out.now + ms);
}

/// Lets time pass until something is so; it has to be so within a minute.
fn until_so(world: &mut World, so: impl Fn(&World) -> bool) {
    let end = world.out.now + 60_000;
    while !so(world) {
        assert!(world.out.now < end, "it never came to it");
        pass(world, 1);
    }
}

/// Keeps two neighbours apart until [`together`].
fn apart(world: &mut World, one: &str, other: &str) {
    world.out.wire.block(world.out.now, &mut world.out.agenda, node(one), node(other));
}

/// Lets two neighbours that were kept apart meet again.
fn together(world: &mut World, one: &str, other: &str) {
    world.out.wire.unblock(world.out.now, &mut world.out.agenda, node(one), node(other));
}

/// Ends a node, with or without its power, and starts it at once.
fn restart(world: &mut World, name: &str, power: bool) {
    assert!(world.stop(node(name), power, "by hand"));
    world.start(node(name));
}

/// Runs to rest, cuts all power; every check of the simulator holds. Tells what all disks hold.
fn at_the_end(mut world: World) -> Survey {
    let survey = world.finish();
    let outcome = world.outcome();
    assert!(outcome.failures.is_empty(), "{outcome}");
    let survey = survey.unwrap();
    finds_every_entry(&survey);
    survey
}

/// What the checks look entries up by leaves none out.
fn finds_every_entry(survey: &Survey) {
    let nodes = || survey.nodes.keys().copied();
    let all = |counts: fn(&Event) -> bool| {
        nodes().flat_map(|node| survey.entries(node)).filter(|entry| counts(&entry.event)).count()
    };
    let ever = survey.all().flat_map(|(_, held)| held.entries());
    let accepted = ever.filter(|entry| matches!(entry.event, Event::RelayAcceptance { .. })).count();
    assert_eq!(nodes().map(|node| survey.accepted_from(node).count()).sum::<usize>(), accepted);
    let of_an_envelope = all(|event| event.envelope_id().is_some());
    assert_eq!(nodes().map(|node| survey.of_origin(node).count()).sum::<usize>(), of_an_envelope);
    for node in nodes() {
        let mut found = survey.of_origin(node);
        assert!(found.all(|(by, index, entry)| survey.entries(by).nth(index as usize) == Some(entry)));
    }
}

/// How many entries of a kind a node made.
fn entries(survey: &Survey, name: &str, kind: &str) -> usize {
    survey.entries(node(name)).filter(|entry| entry.event.kind() == kind).count()
}

/// The attempt under which a node consigned its only document.
fn consigned_attempt(survey: &Survey, name: &str) -> u16 {
    let consigned = survey.entries(node(name)).filter_map(|entry| match &entry.event {
        Event::ContentConsignment { attempt, .. } => Some(*attempt),
        _ => None,
    });
    let attempts: Vec<u16> = consigned.collect();
    assert_eq!(attempts.len(), 1, "{name} consigned {attempts:?}");
    attempts[0]
}
