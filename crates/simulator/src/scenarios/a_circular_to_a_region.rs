//! A circular of a region to all its counties, three of which are down. Its body goes over each link once; the delivery certificate
//! names exactly the three, each with whoever holds it; when they come up, it arrives without anybody's help.

use super::*;
use crate::shapes::region_of_xinjiang;
use crate::survey::Holdings;
use std::collections::BTreeMap;
use yizhan_document::{Digest, EnvelopeId, Groups, LedgerId, OfficeAddress, WallTime};
use yizhan_envelope::limits::PIECE_BYTES;
use yizhan_ledger::{DeliveryStatement, PlacedEntry, Standing, Stating};

/// Pieces of the body, of 1 MiB each.
const PIECES: u64 = 3;
/// Two counties under their prefectures, and one city right under the region.
const DOWN: [(&str, &str); 3] = [("652302", "6523"), ("653112", "6531"), ("659007", "65")];

/// Hands a circular in at the region, addressed to its counties as its clerk would address it.
fn circular(world: &mut World) -> u64 {
    let from: OfficeAddress = "gov-office@65".parse().unwrap();
    let groups = Groups { to: vec!["counties of 65".parse().unwrap()], cc: Vec::new() };
    let resolved = world.out.directory.resolve(&from, &[], &[], &groups).unwrap();
    let to: Vec<NodeId> = resolved.to.iter().map(|office| office.node).collect();
    assert_eq!((to.len(), resolved.left_out.len()), (108, 0));
    let plain = Document::plain(0, from.node, &to, &from.office);
    let document = world.out.book.add(Document { pieces: PIECES, ..plain });
    world.out.agenda.at(world.out.now, Happening::HandIn { document });
    document
}

/// What the region states of the circular from what lies on its disk.
fn stated(entries: &[PlacedEntry], network: &str, id: EnvelopeId) -> DeliveryStatement {
    let stating = Stating { network: network.to_owned(), ledger: id.ledger(), time: WallTime::EPOCH };
    let (statement, needed) = DeliveryStatement::of(&stating, id, entries).unwrap();
    assert_eq!(
        DeliveryStatement::of(&stating, id, &needed).unwrap().0,
        statement,
        "by what it carries alone"
    );
    statement
}

fn certificate(world: &World, id: EnvelopeId) -> DeliveryStatement {
    let folder = &world.stations[&node("65")].folder;
    let network = &world.out.directory.network;
    let held = Holdings::of(LedgerId { node: node("65"), epoch: 0 }, folder, network).unwrap();
    stated(&held.placed_entries(), network, id)
}

/// Bytes of the body on every link and direction that it went over.
fn crossed(world: &World, envelope: Digest) -> BTreeMap<(NodeId, NodeId), u64> {
    let of_it = world.out.wire.traffic.all().filter(|(of, ..)| *of == envelope);
    of_it.map(|(_, link, bytes)| (link, bytes)).collect()
}

/// Each link that leads to one of these counties, with the body on it once.
fn once_on_each_way_to(world: &World, counties: &[NodeId]) -> BTreeMap<(NodeId, NodeId), u64> {
    let tree = world.out.directory.tree();
    let up =
        |county: &NodeId| std::iter::successors(Some(*county), |at| tree.parent(*at)).collect::<Vec<_>>();
    let ways = counties.iter().flat_map(|county| {
        let way = up(county);
        way.iter()
            .zip(way.iter().skip(1))
            .map(|(below, above)| ((*above, *below), PIECES * PIECE_BYTES))
            .collect::<Vec<_>>()
    });
    ways.collect()
}

#[test]
fn its_body_crosses_each_link_once_and_the_certificate_names_those_that_are_down_until_they_have_it() {
    let mut world = connected(region_of_xinjiang());
    let down = DOWN.map(|(county, _)| node(county));
    down.iter().for_each(|county| assert!(world.take_down(*county)));
    pass(&mut world, 15_000);
    let document = circular(&mut world);
    pass(&mut world, 120_000);
    let id = world.out.book.told[&document];

    let statement = certificate(&world, id);
    assert_eq!((statement.delivered(), statement.destinations.len()), (105, 108));
    let missing: Vec<_> = statement.missing().map(|of| (of.node, of.holder, of.standing)).collect();
    let held = |(county, holder): (&str, &str)| {
        let standing = if holder == "65" { Standing::Accepted } else { Standing::AtNode };
        (node(county), node(holder), standing)
    };
    assert_eq!(missing, DOWN.map(held));
    let counties: Vec<NodeId> = statement.destinations.iter().map(|of| of.node).collect();
    let there: Vec<NodeId> = counties.iter().copied().filter(|county| !down.contains(county)).collect();
    assert_eq!(crossed(&world, statement.envelope), once_on_each_way_to(&world, &there));

    down.iter().for_each(|county| world.bring_up(*county));
    pass(&mut world, 120_000);
    assert_eq!(crossed(&world, statement.envelope), once_on_each_way_to(&world, &counties));
    let network = world.out.directory.network.clone();
    let survey = at_the_end(world);
    let complete = stated(&survey.nodes[&node("65")].placed_entries(), &network, id);
    assert_eq!((complete.delivered(), complete.missing().count()), (108, 0));
    assert_eq!(complete.envelope, statement.envelope);
    let relays: usize = survey
        .nodes
        .keys()
        .filter(|at| at.as_str().len() == 4)
        .map(|at| entries(&survey, at.as_str(), "RelayAcceptance"))
        .sum();
    assert_eq!(relays, 14, "each prefecture took custody of all its counties at once");
}
