//! The network that worlds are made of: real keys, certificates and signatures, made once for each process. They do not
//! influence a run: nothing signed with them takes part in it.

use crate::random::Random;
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, OnceLock};
use yizhan_document::{Classification, NodeId, OfficeAddress, WallTime};
use yizhan_hierarchy::{
    Directory, Division, Draft, Edit, NetworkPlan, OfficeRecord, OfficeState, PlannedNode, Policy,
    TrustAnchor,
};
use yizhan_identity::{CertificateAuthority, Cosigner, NoteSigner, OfficeKey, OpeningKey, SigningKey};

/// Wall-clock time when a world begins: 2026-11-20T08:00:00Z, in milliseconds.
pub(crate) const BEGINNING_MS: u64 = 1_795_161_600_000;

const DAYS: u32 = 1800;
const DAY_MS: u64 = 24 * 3600 * 1000;
/// Shapes of moderate trees, and of those whose size is given.
const SHAPES: usize = 64;
const LARGE_SHAPES: usize = 8;
/// Levels of a tree, at the most: country, region, prefecture, county, town, and one to spare.
const LEVELS_MAX: u64 = 6;

/// Region, two prefectures, four counties; two offices at each.
pub fn network_of_seven() -> Arc<Directory> {
    static DIRECTORY: OnceLock<Arc<Directory>> = OnceLock::new();
    let make = || {
        let mut plan = NetworkPlan::demo();
        // The region has a government office and an archive; the others get the same.
        let offices = plan.nodes.first().map(|region| region.offices.clone()).unwrap_or_default();
        plan.nodes.iter_mut().for_each(|node| node.offices = offices.clone());
        match directory_of(&plan) {
            Ok(directory) => Arc::new(directory),
            #[expect(clippy::panic, reason = "without its network no test can begin; the message says why")]
            Err(error) => panic!("the network of the simulator cannot be made: {error}"),
        }
    };
    Arc::clone(DIRECTORY.get_or_init(make))
}

/// Networks of many shapes, made when they are first asked for: random trees, drawn from a pool, since keys take time.
#[derive(Debug)]
pub struct Trees {
    nodes: Option<usize>,
    made: Vec<OnceLock<Arc<Directory>>>,
}

impl Trees {
    /// Trees of so many nodes, or else of 3 to 40, the median 8.
    pub fn new(nodes: Option<usize>) -> Self {
        let shapes = if nodes.is_some() { LARGE_SHAPES } else { SHAPES };
        Self { nodes, made: (0..shapes).map(|_| OnceLock::new()).collect() }
    }

    /// The network of a seed. The first shape is the one with seven nodes that the demonstration has.
    pub fn of_seed(&self, seed: u64) -> Arc<Directory> {
        let shape = seed % self.made.len().max(1) as u64;
        let make = || {
            if shape == 0 && self.nodes.is_none() {
                return network_of_seven();
            }
            let mut random = Random::new(shape ^ 0x7472_6565);
            let size = self.nodes.unwrap_or_else(|| drawn_size(&mut random));
            match directory_of(&tree_plan(size, &mut random)) {
                Ok(directory) => Arc::new(directory),
                #[expect(
                    clippy::panic,
                    reason = "without its network no world can begin; the message says why"
                )]
                Err(error) => panic!("a network of {size} nodes cannot be made: {error}"),
            }
        };
        // The pool is not empty, and the shape is one of it.
        let cell = usize::try_from(shape).ok().and_then(|shape| self.made.get(shape));
        cell.map_or_else(network_of_seven, |cell| Arc::clone(cell.get_or_init(make)))
    }
}

/// A signed and checked directory for a plan, with keys of its own.
pub fn directory_of(plan: &NetworkPlan) -> Result<Directory, Box<dyn Error>> {
    let (draft, authority) = drafted(plan)?;
    let anchor = TrustAnchor::new(vec![authority.verifier()], 1)?;
    Ok(draft.render()?.signed(&[authority]).verify(&anchor, &[], draft.issued, 0)?)
}

/// The directory of a plan before it is signed, and the authority that is to sign it.
pub(crate) fn drafted(plan: &NetworkPlan) -> Result<(Draft, NoteSigner), Box<dyn Error>> {
    let now = WallTime::from_ms(BEGINNING_MS);
    let ca = CertificateAuthority::create(&plan.network, now, 10)?;
    let authority = NoteSigner::new(format!("authority.{}", plan.network), SigningKey::generate()?)?;
    let divisions = plan.nodes.iter().map(|planned| Ok((planned.id, division(plan, planned, &ca, now)?)));
    let draft = Draft {
        network: plan.network.clone(),
        version: 1,
        issued: now,
        expires: now.plus_ms(u64::from(DAYS) * DAY_MS),
        threshold: 1,
        ca: ca.certificate_der().to_vec(),
        revoked: std::collections::BTreeSet::new(),
        delegations: BTreeMap::new(),
        policy: Policy::default(),
        joined: BTreeMap::new(),
        divisions: divisions.collect::<Result<BTreeMap<NodeId, Division>, Box<dyn Error>>>()?,
    };
    Ok((draft, authority))
}

/// The version after a directory, with one change. Whoever signs it is new, too: nobody in a world looks at that.
pub(crate) fn changed(directory: &Directory, edit: Edit, now: WallTime) -> Result<Directory, Box<dyn Error>> {
    let authority = NoteSigner::new(format!("authority.{}", directory.network), SigningKey::generate()?)?;
    let draft = directory.edited([edit], now, now.plus_ms(u64::from(DAYS) * DAY_MS))?;
    let anchor = TrustAnchor::new(vec![authority.verifier()], 1)?;
    Ok(draft.render()?.signed(&[authority]).verify(&anchor, &[], now, 0)?)
}

fn drawn_size(random: &mut Random) -> usize {
    let size = match random.below(100) {
        0..25 => random.within(3..=6),
        25..80 => random.within(7..=12),
        _ => random.within(13..=40),
    };
    usize::try_from(size).unwrap_or(7)
}

/// A random tree under one region, of any shape and at most six levels.
fn tree_plan(size: usize, random: &mut Random) -> NetworkPlan {
    let offices =
        NetworkPlan::demo().nodes.into_iter().next().map(|region| region.offices).unwrap_or_default();
    let mut levels: Vec<(NodeId, u64)> = Vec::new();
    let mut nodes = Vec::new();
    for number in 0..size {
        let Ok(id) = format!("n{number}").parse::<NodeId>() else { continue };
        let above: Vec<(NodeId, u64)> =
            levels.iter().copied().filter(|(_, level)| *level < LEVELS_MAX).collect();
        let parent = random.pick(&above).copied();
        levels.push((id, parent.map_or(1, |(_, level)| level + 1)));
        nodes.push(PlannedNode {
            id,
            parent: parent.map(|(parent, _)| parent),
            names: BTreeMap::from([("en".to_owned(), format!("Division {number}"))]),
            offices: offices.clone(),
            backup_parents: Vec::new(),
            direct_links: Vec::new(),
        });
    }
    NetworkPlan { nodes, ..NetworkPlan::demo() }
}

fn division(
    plan: &NetworkPlan,
    planned: &PlannedNode,
    ca: &CertificateAuthority,
    now: WallTime,
) -> Result<Division, Box<dyn Error>> {
    let node = planned.id;
    let offices = planned.offices.iter().map(|office| {
        let address = OfficeAddress { office: office.office.clone(), node };
        Ok(OfficeRecord {
            office: office.office.clone(),
            names: office.names.clone(),
            certificate: ca.issue_office(&address, &OfficeKey::generate()?, now, DAYS)?,
            custodial: true,
            state: OfficeState::Active,
        })
    });
    let ledger = format!("{}/{node}.0", plan.network);
    Ok(Division {
        node,
        parent: planned.parent,
        backup_parents: planned.backup_parents.clone(),
        direct_links: planned.direct_links.clone(),
        names: planned.names.clone(),
        endpoints: plan.endpoint(node, "127.0.0.1")?.into_iter().collect(),
        ledger: NoteSigner::new(ledger, SigningKey::generate()?)?.verifier(),
        witness: Cosigner::new(format!("{}/{node}/witness", plan.network), SigningKey::generate()?)?
            .verifier(),
        opening: OpeningKey::generate()?.public(),
        max_classification: Classification::Unclassified,
        offices: offices.collect::<Result<_, Box<dyn Error>>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_have_the_size_asked_for_and_else_a_median_of_at_least_seven_nodes() {
        assert_eq!(Trees::new(Some(100)).of_seed(3).divisions().len(), 100);
        let trees = Trees::new(None);
        let mut sizes: Vec<usize> =
            (0..SHAPES as u64).map(|seed| trees.of_seed(seed).divisions().len()).collect();
        sizes.sort_unstable();
        assert!(sizes[0] >= 3 && sizes[SHAPES / 2] >= 7 && sizes[SHAPES - 1] <= 40, "{sizes:?}");
    }

    #[test]
    fn the_network_has_seven_nodes_with_two_offices_each() {
        let directory = network_of_seven();
        assert_eq!(directory.divisions().len(), 7);
        assert!(directory.divisions().all(|division| division.offices.len() == 2));
        assert_eq!(directory.parent("652301".parse().unwrap()), Some("6523".parse().unwrap()));
    }
}
