//! The network that worlds are made of: real keys, certificates and signatures, made once for each process. They do not
//! influence a run: nothing signed with them takes part in it.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, OnceLock};
use yizhan_document::{Classification, NodeId, OfficeAddress, WallTime};
use yizhan_hierarchy::{
    Directory, Division, Draft, NetworkPlan, OfficeRecord, OfficeState, PlannedNode, TrustAnchor,
};
use yizhan_identity::{CertificateAuthority, Cosigner, NoteSigner, OfficeKey, OpeningKey, SigningKey};

/// Wall-clock time when a world begins: 2026-11-20T08:00:00Z, in milliseconds.
pub(crate) const BEGINNING_MS: u64 = 1_795_161_600_000;

const DAYS: u32 = 1800;

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

/// A signed and checked directory for a plan, with keys of its own.
pub fn directory_of(plan: &NetworkPlan) -> Result<Directory, Box<dyn Error>> {
    let now = WallTime::from_ms(BEGINNING_MS);
    let ca = CertificateAuthority::create(&plan.network, now, 10)?;
    let authority = NoteSigner::new(format!("authority.{}", plan.network), SigningKey::generate()?)?;
    let divisions = plan.nodes.iter().map(|planned| Ok((planned.id, division(plan, planned, &ca, now)?)));
    let draft = Draft {
        network: plan.network.clone(),
        version: 1,
        issued: now,
        expires: now.plus_ms(u64::from(DAYS) * 24 * 3600 * 1000),
        threshold: 1,
        ca: ca.certificate_der().to_vec(),
        divisions: divisions.collect::<Result<BTreeMap<NodeId, Division>, Box<dyn Error>>>()?,
    };
    let rendered = draft.render()?;
    let anchor = TrustAnchor::new(vec![authority.verifier()], 1)?;
    let note = rendered.root_note(&[authority]);
    let file = |node| rendered.files.get(&node).cloned();
    Ok(Directory::from_parts(note.as_bytes(), file, &rendered.ca, &anchor, now)?)
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
    fn the_network_has_seven_nodes_with_two_offices_each() {
        let directory = network_of_seven();
        assert_eq!(directory.divisions().len(), 7);
        assert!(directory.divisions().all(|division| division.offices.len() == 2));
        assert_eq!(directory.parent("652301".parse().unwrap()), Some("6523".parse().unwrap()));
    }
}
