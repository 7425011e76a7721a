//! The signed directory (root, divisions), and the plan of a network.

use crate::{parts, text};
use std::sync::OnceLock;
use yizhan_document::Digest;
use yizhan_hierarchy::{Branch, Directory, Division, Draft, NetworkPlan, Parcel, Policy, Root, TrustAnchor};
use yizhan_identity::{NoteSigner, SigningKey};

fn authority() -> &'static NoteSigner {
    static AUTHORITY: OnceLock<NoteSigner> = OnceLock::new();
    AUTHORITY.get_or_init(|| {
        let key = SigningKey::generate().expect("random bytes");
        NoteSigner::new("authority.xinjiang.example", key).expect("a good name")
    })
}

/// The text of a delegated list; or a policy; or the text of a root, the CA certificate, the policy if the root names one, then the
/// division files. Digests and signature are put right.
pub(crate) fn directory(data: &[u8]) -> bool {
    let parts = parts(data);
    let anchor = TrustAnchor::new(vec![authority().verifier()], 1).expect("a good anchor");
    let now = "2026-11-20T08:00:01Z".parse().expect("a time");
    // As it came: nobody known signed it.
    assert!(Directory::from_parts(data, |_| None, &[], &anchor, now).is_err());
    let divisions: Vec<_> = parts.iter().skip(2).map(|file| Division::from_json(file)).collect();
    for division in divisions.iter().flatten() {
        let json = division.to_json().expect("a division that was read can be written");
        let again = Division::from_json(&json).expect("and reads again");
        assert_eq!(again, *division);
    }
    if let Some(branch) = text(parts[0]).and_then(|text| Branch::parse(text).ok()) {
        assert_eq!(Branch::parse(&branch.to_text()).as_ref(), Ok(&branch));
        return true;
    }
    if let Ok(policy) = Policy::from_json(parts[0]) {
        assert_eq!(policy.to_json().expect("a policy that was read can be written"), parts[0]);
        return true;
    }
    let Some(root) = text(parts[0]).and_then(|text| Root::parse(text).ok()) else { return false };
    assert_eq!(Root::parse(&root.to_text()).as_ref(), Ok(&root));
    let Some(ca) = parts.get(1) else { return false };
    let mut sealed = root;
    sealed.ca = Digest::of(ca);
    let policy = sealed.policy.and_then(|_| parts.get(2));
    sealed.policy = policy.map(|policy| Digest::of(policy));
    let files = parts.iter().skip(2 + usize::from(policy.is_some()));
    for (listed, file) in sealed.divisions.iter_mut().zip(files.clone()) {
        listed.1 = Digest::of(file);
    }
    let files: Vec<_> = sealed.divisions.iter().map(|(node, _)| *node).zip(files).collect();
    let file = |node| files.iter().find(|(listed, _)| *listed == node).map(|(_, file)| file.to_vec());
    let text = sealed.to_text();
    let mut note = format!("{text}\n{}", authority().sign(&text)).into_bytes();
    if let Some(policy) = policy {
        note.push(0x1e);
        note.extend_from_slice(policy);
    }
    let Ok(directory) = Directory::from_parts(&note, file, ca, &anchor, now) else { return false };
    routes_end(&directory);
    dispatch_is_decided(&directory);
    let draft = Draft::following(&directory, now, now.plus_ms(1000));
    assert!(draft.render().is_ok());
    true
}

/// A version as a tar archive, as it is published and kept.
pub(crate) fn archive(data: &[u8]) -> bool {
    let Ok(parcel) = Parcel::from_tar(data) else { return false };
    let archive = parcel.to_tar().expect("what was read can be written");
    assert_eq!(Parcel::from_tar(&archive).expect("and reads again"), parcel);
    if let Ok(head) = parcel.claimed_head() {
        assert_eq!(head.to_bytes(), parcel.root, "signed texts have one form");
    }
    let anchor = TrustAnchor::new(vec![authority().verifier()], 1).expect("a good anchor");
    let now = "2026-11-20T08:00:01Z".parse().expect("a time");
    assert!(parcel.verify(&anchor, &[], now, 0).is_err(), "nobody known signed it");
    true
}

/// From every node to every other: no loop, and nobody sends to himself.
fn routes_end(directory: &Directory) {
    let nodes: Vec<_> = directory.divisions().map(|division| division.node).take(12).collect();
    for from in &nodes {
        for to in &nodes {
            let mut at = *from;
            let mut hops = 0;
            while at != *to {
                let Ok(hop) = directory.next_hop(at, *to, &|_| true) else { break };
                assert_ne!(hop.node, at);
                at = hop.node;
                hops += 1;
                assert!(hops <= 2 * directory.divisions().len(), "a route from {from} to {to} goes round");
            }
        }
    }
}

/// From every office to every other: whoever is told of a document past a level is neither its sender nor its recipient.
fn dispatch_is_decided(directory: &Directory) {
    let offices = directory.divisions().flat_map(|division| {
        division.offices.iter().map(|record| record.address(division.node)).collect::<Vec<_>>()
    });
    let offices: Vec<_> = offices.take(12).collect();
    for from in &offices {
        for to in &offices {
            if let Ok(Some(told)) = directory.check_dispatch(from, &[to]) {
                assert!(!told.nodes.is_empty() && told.destinations.contains(&to.node));
                assert!(!told.nodes.contains(&from.node) && !told.nodes.contains(&to.node));
            }
        }
    }
}

/// A plan in TOML.
pub(crate) fn plan(data: &[u8]) -> bool {
    let Some(plan) = text(data).and_then(|text| NetworkPlan::from_toml(text).ok()) else { return false };
    assert!(plan.check().is_ok(), "a plan was read that does not stand its own check");
    for node in &plan.nodes {
        let _ = (plan.ports(node.id), plan.endpoint(node.id, "127.0.0.1"));
    }
    true
}
