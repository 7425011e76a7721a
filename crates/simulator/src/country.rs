//! The whole country at once: one circular to all counties, thousands of documents up, down and across, and some nodes down at any
//! time; then how much went over the links, over how many hops, and how long it took.

use crate::book::Document;
use crate::happening::Happening;
use crate::network::BEGINNING_MS;
use crate::outcome::Failure;
use crate::plan::{FaultCounts, Plan};
use crate::random::Random;
use crate::shapes::{COUNTRY, country as network};
use crate::survey::Survey;
use crate::world::World;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use yizhan_document::{Digest, Group, NodeId, OfficeName};
use yizhan_hierarchy::Directory;
use yizhan_ledger::{DeliveryStatement, Event, Stating};

/// For so long documents are handed in and nodes go down, in virtual milliseconds.
const ACTIVE_MS: u64 = 300_000;
/// Within so many all documents are handed in.
const HANDED_IN_MS: u64 = 200_000;
/// When the circular is.
const CIRCULAR_MS: u64 = 20_000;
/// How long a node that went down stays so on average, in milliseconds: see `down_ms` in `faults.rs`.
const DOWN_MS_MEAN: u64 = 4_025;

/// Journals of this length are condensed only when they have doubled: at any moment, as those of small worlds are, the hubs' would
/// be read from end to end some hundred times.
const CONDENSED_FREELY_BYTES: u64 = 128 * 1024;

/// What a run of the country is made of.
#[derive(Clone, Copy, Debug)]
pub struct CountryPlan {
    /// From which everything else follows.
    pub seed: u64,
    /// Documents of one or two destinations each, besides the circular.
    pub documents: u64,
    /// Of a thousand nodes so many are down at any time, on average.
    pub down_per_mille: u64,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct CountryReport {
    /// The seed.
    pub seed: u64,
    /// Nodes.
    pub nodes: u64,
    /// Links between them.
    pub links: u64,
    /// How often a node went down.
    pub outages: u64,
    /// Of a thousand nodes so many were down at any time while documents were under way, on average.
    pub down_per_mille: u64,
    /// The circular.
    pub circular: Transport,
    /// To how many destinations it was delivered by the delivery certificate that its origin would give.
    pub certified: u64,
    /// All other documents together.
    pub documents: Transport,
    /// How long it took until everything was at rest, in virtual milliseconds.
    pub virtual_ms: u64,
    /// How many things happened.
    pub happenings: u64,
    /// Entries in all ledgers together.
    pub entries: u64,
    /// Every promise that was broken.
    pub failures: Vec<Failure>,
}

/// How documents were carried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Transport {
    /// Documents.
    pub documents: u64,
    /// Destinations, of all of them.
    pub destinations: u64,
    /// Of these, so many have a `ContentConsignment`.
    pub delivered: u64,
    /// Links and directions that bodies went over, counted for each document.
    pub crossings: u64,
    /// Bytes of bodies that went over links.
    pub body_bytes: u64,
    /// Bytes if each body had gone once over each link between origin and destinations.
    pub ideal_bytes: u64,
    /// Links and directions that bodies would have gone over then.
    pub ideal_crossings: u64,
    /// On so many links and directions more than one body of a document went.
    pub crossings_again: u64,
    /// The most bytes of one body on one link and direction, in bodies: 1 if it was never sent again.
    pub most_bodies_on_a_link: u64,
    /// Hops to a destination, the median and the most.
    pub hops_median: u64,
    /// The most.
    pub hops_most: u64,
    /// Virtual milliseconds from acceptance until half of the destinations had it.
    pub ms_50: u64,
    /// Until 99 of a hundred had it.
    pub ms_99: u64,
    /// Until all had it.
    pub ms_100: u64,
}

/// Runs the country.
pub fn run_country(plan: &CountryPlan) -> CountryReport {
    let directory = network();
    let nodes = directory.tree().len() as u64;
    let outages = (nodes * plan.down_per_mille * ACTIVE_MS / 1000).div_ceil(DOWN_MS_MEAN);
    let faults =
        FaultCounts { power_cuts: outages / 2, kills: outages - outages / 2, ..FaultCounts::default() };
    let world_plan = Plan {
        faults,
        active_ms: ACTIVE_MS,
        clerks_act: false,
        condensed_freely_bytes: CONDENSED_FREELY_BYTES,
        ..Plan::calm(0)
    };
    let mut world = World::new(plan.seed, &world_plan, directory, 0);
    let circular = hand_everything_in(&mut world, plan);
    let survey = world.finish();
    let carried = survey.map(|survey| Carried::of(&world, &survey, circular)).transpose();
    let (certified, circular, documents) = match carried {
        Ok(Some(carried)) => (
            carried.certified,
            carried.transport(&world, |number| number == circular),
            carried.transport(&world, |number| number != circular),
        ),
        // A promise was broken on the way; it is told.
        Ok(None) => (0, Transport::default(), Transport::default()),
        Err(reason) => {
            world.out.fail("nothing_lost", reason);
            (0, Transport::default(), Transport::default())
        }
    };
    if certified != circular.destinations {
        let what = format!("the circular went to {} and {certified} are certified", circular.destinations);
        world.out.fail("nothing_lost", what);
    }
    let links = world.out.wire.pairs().len() as u64;
    let outcome = world.outcome();
    CountryReport {
        seed: plan.seed,
        nodes,
        links,
        outages: outcome.faults,
        down_per_mille: (outcome.faults * DOWN_MS_MEAN * 1000 + nodes * ACTIVE_MS / 2) / (nodes * ACTIVE_MS),
        circular,
        certified,
        documents,
        virtual_ms: outcome.virtual_ms,
        happenings: outcome.happenings,
        entries: outcome.entries,
        failures: outcome.failures,
    }
}

/// Puts the circular and all documents on the agenda; gives the number of the circular.
fn hand_everything_in(world: &mut World, plan: &CountryPlan) -> u64 {
    let directory = world.out.directory.clone();
    let office = OfficeName::gov_office();
    let mut random = Random::new(plan.seed ^ 0x636f_756e_7472_7900);
    let counties = counties(&directory);
    let from = directory.roots().next();
    let plain = from.map(|from| Document::plain(0, from, &counties, &office));
    let circular = plain.map_or(u64::MAX, |plain| world.out.book.add(Document { pieces: 1, ..plain }));
    world.out.agenda.at(CIRCULAR_MS, Happening::HandIn { document: circular });
    let nodes = directory.tree().nodes().to_vec();
    for _ in 0..plan.documents {
        let some: Vec<NodeId> = (0..3).filter_map(|_| random.pick(&nodes).copied()).collect();
        let Some((from, to)) = some.split_first() else { break };
        let to = if random.chance(800) { to.get(..1).unwrap_or(to) } else { to };
        let document = world.out.book.add(Document::plain(0, *from, to, &office));
        world.out.agenda.at(random.within(1_000..=HANDED_IN_MS), Happening::HandIn { document });
    }
    world.out.checks.queues_stay_bounded.documents =
        usize::try_from(world.out.book.len()).unwrap_or(usize::MAX);
    circular
}

fn counties(directory: &Directory) -> Vec<NodeId> {
    let group = format!("counties of {COUNTRY}").parse::<Group>().ok();
    let members = group.and_then(|group| directory.members(&group, None).ok());
    members.map(|members| members.offices.into_iter().map(|office| office.node).collect()).unwrap_or_default()
}

/// What all disks tell of each document.
struct Carried {
    documents: BTreeMap<u64, Acceptance>,
    consigned: BTreeMap<Digest, Vec<Consignment>>,
    bodies: BTreeMap<Digest, Vec<u64>>,
    certified: u64,
}

struct Acceptance {
    envelope: Digest,
    from: NodeId,
    to: Vec<NodeId>,
    size: u64,
    at_ms: u64,
}

struct Consignment {
    at_ms: u64,
    hops: u64,
}

impl Carried {
    fn of(world: &World, survey: &Survey, circular: u64) -> Result<Self, String> {
        let mut carried = Self {
            documents: BTreeMap::new(),
            consigned: BTreeMap::new(),
            bodies: BTreeMap::new(),
            certified: 0,
        };
        for (node, station) in &world.stations {
            let true_ms =
                |wall: u64| wall.saturating_add_signed(-station.skew_ms).saturating_sub(BEGINNING_MS);
            for entry in survey.entries(*node) {
                let at_ms = true_ms(entry.time.as_ms());
                match &entry.event {
                    Event::SubmissionAcceptance { envelope, manifest, to, size, .. } => {
                        let Some(document) = world.out.book.by_manifest(*manifest) else { continue };
                        let acceptance = Acceptance {
                            envelope: *envelope,
                            from: *node,
                            to: to.clone(),
                            size: *size,
                            at_ms,
                        };
                        carried.documents.insert(document.number, acceptance);
                    }
                    Event::ContentConsignment { envelope, .. } => {
                        let below =
                            |event: &Event| survey.entry(event.rests_on()?.ledger, event.rests_on()?.index);
                        let way =
                            std::iter::successors(below(&entry.event), |(entry, _)| below(&entry.event));
                        let relay = |(entry, _): &(&yizhan_ledger::Entry, Digest)| {
                            matches!(entry.event, Event::RelayAcceptance { .. })
                        };
                        let hops = way.filter(relay).count() as u64;
                        carried.consigned.entry(*envelope).or_default().push(Consignment { at_ms, hops });
                    }
                    _ => {}
                }
            }
        }
        carried.certified = certified(world, survey, circular)?;
        for (envelope, _, bytes) in world.out.wire.traffic.all() {
            carried.bodies.entry(envelope).or_default().push(bytes);
        }
        Ok(carried)
    }

    fn transport(&self, world: &World, which: impl Fn(u64) -> bool) -> Transport {
        let mut transport = Transport::default();
        let (mut times, mut hops) = (Vec::new(), Vec::new());
        for (_, acceptance) in self.documents.iter().filter(|(number, _)| which(**number)) {
            let Acceptance { envelope, from, to, size, at_ms } = acceptance;
            transport.documents += 1;
            transport.destinations += to.len() as u64;
            let links = links_to(&world.out.directory, *from, to);
            transport.ideal_crossings += links;
            transport.ideal_bytes += size * links;
            for bytes in self.bodies.get(envelope).into_iter().flatten() {
                transport.crossings += 1;
                transport.body_bytes += bytes;
                transport.crossings_again += u64::from(bytes > size);
                transport.most_bodies_on_a_link =
                    transport.most_bodies_on_a_link.max(bytes.div_ceil((*size).max(1)));
            }
            for consignment in self.consigned.get(envelope).into_iter().flatten() {
                times.push(consignment.at_ms.saturating_sub(*at_ms));
                hops.push(consignment.hops);
            }
        }
        transport.delivered = times.len() as u64;
        (transport.hops_median, transport.hops_most) = (share(&mut hops, 500), share(&mut hops, 1000));
        (transport.ms_50, transport.ms_99) = (share(&mut times, 500), share(&mut times, 990));
        transport.ms_100 = share(&mut times, 1000);
        transport
    }
}

/// To how many destinations the origin of a document can certify that it was delivered, from what lies on its disk alone.
fn certified(world: &World, survey: &Survey, document: u64) -> Result<u64, String> {
    let id = world.out.book.told.get(&document).ok_or("the circular was not accepted")?;
    let held = survey.nodes.get(&id.origin).ok_or("the origin of the circular has no disk")?;
    let stating =
        Stating { network: world.out.directory.network.clone(), ledger: id.ledger(), time: world.out.wall() };
    let (statement, _) =
        DeliveryStatement::of(&stating, *id, &held.placed_entries()).map_err(|error| error.to_string())?;
    Ok(statement.delivered() as u64)
}

/// How many links lie between an origin and its destinations, each counted once.
fn links_to(directory: &Directory, from: NodeId, to: &[NodeId]) -> u64 {
    let mut links = BTreeSet::new();
    for to in to {
        let hops = directory.route(from, *to).unwrap_or_default();
        let mut way: Vec<NodeId> =
            hops.into_iter().map(|hop| hop.node).filter(|node| *node != from).collect();
        way.insert(0, from);
        links.extend(way.iter().copied().zip(way.iter().skip(1).copied()));
    }
    links.len() as u64
}

/// The value that so many of a thousand do not exceed.
fn share(values: &mut [u64], per_mille: usize) -> u64 {
    values.sort_unstable();
    let place = (values.len() * per_mille).div_ceil(1000).saturating_sub(1);
    values.get(place).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::region_of_xinjiang;

    #[test]
    fn a_share_is_the_value_that_so_many_do_not_exceed() {
        let mut values: Vec<u64> = (1..=200).rev().collect();
        assert_eq!(
            (share(&mut values, 500), share(&mut values, 990), share(&mut values, 1000)),
            (100, 198, 200)
        );
        assert_eq!(share(&mut [], 500), 0);
    }

    #[test]
    fn a_link_that_leads_to_several_is_counted_once() {
        let directory = region_of_xinjiang();
        let node = |text: &str| text.parse::<NodeId>().unwrap();
        let to = [node("652301"), node("652302"), node("659001"), node("65")];
        assert_eq!(links_to(&directory, node("65"), &to), 4);
        assert_eq!(links_to(&directory, node("652301"), &[node("653101")]), 4);
    }
}
