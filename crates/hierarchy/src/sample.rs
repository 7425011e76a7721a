//! Directories for tests: real keys, real certificates, made afresh.

use crate::anchor::TrustAnchor;
use crate::directory::Directory;
use crate::division::{Division, OfficeRecord, OfficeState};
use crate::draft::Draft;
use crate::plan::NetworkPlan;
use std::sync::OnceLock;
use yizhan_document::{Classification, NodeId, OfficeAddress, WallTime};
use yizhan_identity::{CertificateAuthority, Cosigner, NoteSigner, OfficeKey, OpeningKey, SigningKey};

pub(crate) fn node(text: &str) -> NodeId {
    text.parse().unwrap()
}

/// When the sample directories are issued.
pub(crate) fn issued() -> WallTime {
    "2026-11-20T08:00:00Z".parse().unwrap()
}

pub(crate) fn expires() -> WallTime {
    "2027-11-20T08:00:00Z".parse().unwrap()
}

pub(crate) fn signer(name: &str, key: SigningKey) -> NoteSigner {
    NoteSigner::new(name, key).unwrap()
}

/// The one authority of the sample network, the same for all tests of a run.
pub(crate) fn authority() -> NoteSigner {
    static AUTHORITY: OnceLock<NoteSigner> = OnceLock::new();
    AUTHORITY.get_or_init(|| other_authority("authority.xinjiang.example")).clone()
}

pub(crate) fn other_authority(name: &str) -> NoteSigner {
    signer(name, SigningKey::generate().unwrap())
}

pub(crate) fn anchor() -> TrustAnchor {
    TrustAnchor::new(vec![authority().verifier()], 1).unwrap()
}

/// The CA of the sample network, the same for all tests of a run.
pub(crate) fn ca() -> &'static CertificateAuthority {
    static CA: OnceLock<CertificateAuthority> = OnceLock::new();
    CA.get_or_init(|| CertificateAuthority::create("xinjiang.example", issued(), 10).unwrap())
}

/// A certificate for `office` from `ca`.
pub(crate) fn certificate(ca: &CertificateAuthority, office: &str) -> Vec<u8> {
    let office: OfficeAddress = office.parse().unwrap();
    ca.issue_office(&office, &OfficeKey::generate().unwrap(), issued(), 365).unwrap()
}

/// Version 1 of the demonstration network's directory, the same for all tests of a run.
pub(crate) fn demo_draft() -> Draft {
    static DRAFT: OnceLock<Draft> = OnceLock::new();
    DRAFT.get_or_init(|| draft(&NetworkPlan::demo())).clone()
}

/// Version 1 of the directory of a planned network.
pub(crate) fn draft(plan: &NetworkPlan) -> Draft {
    draft_of(plan, ca())
}

/// The same of a network with this CA.
pub(crate) fn draft_of(plan: &NetworkPlan, ca: &CertificateAuthority) -> Draft {
    let divisions = plan.nodes.iter().map(|planned| {
        let id = planned.id;
        let key = || SigningKey::generate().unwrap();
        let record = |office: &crate::plan::PlannedOffice| OfficeRecord {
            office: office.office.clone(),
            names: office.names.clone(),
            certificate: certificate(ca, &format!("{}@{id}", office.office)),
            custodial: true,
            state: OfficeState::Active,
        };
        let division = Division {
            node: id,
            parent: planned.parent,
            backup_parents: planned.backup_parents.clone(),
            direct_links: planned.direct_links.clone(),
            names: planned.names.clone(),
            endpoints: plan.endpoint(id, "127.0.0.1").unwrap().into_iter().collect(),
            ledger: signer(&format!("{id}.xinjiang.example/ledger/0"), key()).verifier(),
            witness: Cosigner::new(format!("{id}.xinjiang.example/witness"), key()).unwrap().verifier(),
            opening: OpeningKey::generate().unwrap().public(),
            max_classification: Classification::Unclassified,
            offices: planned.offices.iter().map(record).collect(),
        };
        (id, division)
    });
    Draft {
        network: plan.network.clone(),
        version: 1,
        issued: issued(),
        expires: expires(),
        threshold: 1,
        ca: ca.certificate_der().to_vec(),
        revoked: std::collections::BTreeSet::new(),
        delegations: std::collections::BTreeMap::new(),
        policy: crate::Policy::default(),
        joined: std::collections::BTreeMap::new(),
        divisions: divisions.collect(),
    }
}

/// A draft signed by the sample's authority and read back.
pub(crate) fn believed(draft: &Draft) -> Directory {
    draft.render().unwrap().signed(&[authority()]).verify(&anchor(), &[], issued(), 0).unwrap()
}
