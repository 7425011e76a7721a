//! Tests of networks that are joined: what is believed of the other one, and every attack with its reason.

use super::*;
use crate::acceptance::{Acceptance, VersionRefused};
use crate::anchor::TrustAnchor;
use crate::changes::changes;
use crate::delegation::Delegation;
use crate::draft::Draft;
use crate::edit::{Edit, EditError};
use crate::joined_sample::*;
use crate::outline::Outline;
use crate::parcel::Parcel;
use crate::sample::{anchor, authority, demo_draft, expires, issued, node, other_authority};

/// A change to the own texts and those of joined networks.
type Groups<'a> = dyn Fn(Vec<&[u8]>) -> Vec<Vec<u8>> + 'a;

/// What becomes of a parcel that is offered to whoever holds a directory with `kept` as its bytes.
fn offered(
    held: &Directory,
    kept: &Parcel,
    parcel: &Parcel,
    now: WallTime,
) -> Result<Directory, VersionRefused> {
    let acceptance = Acceptance { anchor: &anchor(), held, now };
    let parcel = acceptance.completed(parcel.clone(), || Some(kept.clone()))?;
    acceptance.whole(&parcel)
}

/// The held version with another state of the other network put into it, as it comes over the link to it.
fn over_the_link(held: &Directory, kept: &Parcel, theirs: &Parcel) -> Parcel {
    let root = held.texts_with(PARTY, &theirs.root, &theirs.ca).unwrap();
    let mut files = kept.files.clone();
    files.extend(theirs.files.clone());
    Parcel { root, ca: kept.ca.clone(), files, outline: Outline::default(), is_part: false }
}

#[test]
fn both_trees_are_one_directory_and_each_node_is_of_its_own_network() {
    let directory = held();
    assert_eq!((directory.network_of(node("652301")), directory.network_of(node("p-6523"))), (GOV, PARTY));
    let way = directory.route(node("652301"), node("p-6523")).unwrap();
    let nodes: Vec<String> = way.iter().map(|hop| hop.node.to_string()).collect();
    assert_eq!(nodes, ["6523", "65", "p-65", "p-6523"]);
    assert!(directory.neighbours(node("65")).contains(&node("p-65")));
    assert_eq!(directory.roots().collect::<Vec<_>>(), [node("65")]);
    assert!(directory.divisions().all(|division| !division.node.as_str().starts_with('p')));
    assert_eq!(directory.divisions_of_all().count(), directory.divisions().len() + 2);
    directory.check_offices(node("p-6523")).unwrap();
    assert_eq!(directory.edition().to_string(), "2.2000000000");
    assert_eq!(directory.joined()[0].standing(issued()), Standing::InForce);
    // The other network's own part alone: its view of this one is no part of what is held here.
    assert!(directory.part_of(node("p-65")).joined().is_empty());
    let groups = directory.members(&"children of p-65".parse().unwrap(), None);
    assert!(matches!(groups, Err(crate::groups::ResolveError::Elsewhere { .. })), "{groups:?}");
    // A draft of the next version takes it along, byte for byte.
    let next = Draft::following(&directory, issued(), expires()).render().unwrap();
    assert_eq!(
        next.check().unwrap().joined,
        directory.joined().iter().map(|one| one.part().clone()).collect::<Vec<_>>()
    );
}

#[test]
fn a_version_is_written_and_read_in_a_folder_and_an_archive_with_the_other_network_in_it() {
    let (folder, parcel) = (tempfile::tempdir().unwrap(), second(&their_second()));
    assert_eq!(Parcel::from_tar(&parcel.to_tar().unwrap()).unwrap(), parcel);
    parcel.publish(folder.path()).unwrap();
    assert_eq!(Directory::load(folder.path(), &anchor(), issued()).unwrap(), held());
    assert_eq!(Parcel::read(folder.path()).unwrap(), parcel);
    let draft = tempfile::tempdir().unwrap();
    let following = Draft::following(&believed(&parcel), issued(), expires());
    following.write(draft.path()).unwrap();
    crate::draft::Rendered::sign(draft.path(), &authority()).unwrap();
    assert_eq!(Directory::load(draft.path(), &anchor(), issued()).unwrap().version, 3);
    assert_eq!(Draft::read(draft.path()).unwrap().joined, following.joined);
}

#[test]
fn an_agreement_that_one_side_alone_signed_or_that_the_root_does_not_name_is_refused() {
    let refused = |error: DirectoryError| error.code();
    let mut half = crate::SignedAgreement::unsigned(unsigned()).unwrap();
    half.sign(&authority()).unwrap();
    let parcel = theirs(&their_second());
    assert_eq!(part(GOV, &half, &parcel).map(|_| ()).map_err(refused), Err("agreement-signatures"));
    // Between two other networks.
    assert_eq!(
        part("third.example", &agreement(), &parcel).map(|_| ()).map_err(refused),
        Err("agreement-elsewhere")
    );
    // Another agreement than the one that the root names, one too many, none.
    let good = second(&their_second());
    let with = |change: &Groups<'_>| {
        let groups = change(good.root.split(|byte| *byte == crate::joined_head::GROUP_SEPARATOR).collect());
        let root = groups.join(&crate::joined_head::GROUP_SEPARATOR);
        Parcel { root, ..good.clone() }.verify(&anchor(), &[], issued(), 0).map(|_| ()).map_err(refused)
    };
    let owned = |texts: Vec<&[u8]>| texts.into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>();
    assert_eq!(with(&owned), Ok(()));
    assert_eq!(with(&|texts| owned(texts[..1].to_vec())), Err("agreement-missing"));
    assert_eq!(with(&|texts| owned(vec![texts[0], texts[1], texts[1]])), Err("agreement-elsewhere"));
    let later = signed(Agreement { version: 2, ..unsigned() });
    let other = part(GOV, &later, &parcel).unwrap().part.to_bytes();
    assert_eq!(with(&|texts| vec![texts[0].to_vec(), other.clone()]), Err("agreement-tampered"));
}

#[test]
fn another_ca_another_network_clashing_ids_and_a_joint_that_is_no_root_are_refused_each_with_its_reason() {
    let join = |theirs: &Parcel| {
        joining(&Draft { version: 2, ..demo_draft() }, &agreement(), theirs)
            .and_then(|draft| draft.render().unwrap().check().map(|_| ()))
            .map_err(|error| error.code())
    };
    let good = theirs(&their_second());
    assert_eq!(join(&good), Ok(()));
    let wrong_ca = Parcel { ca: crate::sample::ca().certificate_der().to_vec(), ..good.clone() };
    assert_eq!(join(&wrong_ca), Err("joined-tampered-ca"));
    // Signed by the wrong authority; of another network under the right one.
    assert_eq!(join(&their_second().render().unwrap().signed(&[authority()])), Err("joined-signatures"));
    let renamed = Draft { network: "other.example".into(), joined: BTreeMap::new(), ..their_second() };
    assert_eq!(join(&theirs(&renamed)), Err("joined-other-network"));
    // A node of theirs that is called as one of ours.
    let mut clashing = their_draft();
    let mut county = clashing.divisions[&node("p-6523")].clone();
    county.node = node("652301");
    clashing.divisions.insert(county.node, county);
    assert_eq!(join(&theirs(&clashing)), Err("joined-clash"));
    let mut below = their_draft();
    below.divisions.get_mut(&node("p-65")).unwrap().parent = Some(node("p-6523"));
    below.divisions.get_mut(&node("p-6523")).unwrap().parent = None;
    assert_eq!(join(&theirs(&below)), Err("joined-root"));
    let mut far = their_draft();
    far.version = crate::limits::JOINED_VERSION_MAX + 1;
    assert_eq!(join(&theirs(&far)), Err("joined-counts"));
    // More than leaves room for the own network.
    let mut large = their_draft();
    let root = large.divisions[&node("p-65")].clone();
    for nth in 0..crate::limits::JOINED_DIVISIONS_MAX {
        let id = node(&format!("p-{nth}x"));
        large.divisions.insert(id, Division { node: id, parent: Some(root.node), ..root.clone() });
    }
    assert_eq!(join(&theirs(&large)), Err("joined-counts"));
    // An address that is taken already.
    let mut taken = their_draft();
    let address = demo_draft().divisions[&node("65")].endpoints.clone();
    taken.divisions.get_mut(&node("p-65")).unwrap().endpoints = address;
    assert_eq!(join(&theirs(&taken)), Err("shared-endpoint"));
}

#[test]
fn the_other_networks_later_versions_are_taken_without_a_word_of_the_own_authorities_and_earlier_ones_never()
{
    let (kept, held) = (second(&their_second()), held());
    let third = Draft { version: 3, ..their_second() };
    let link = |held: &Directory, kept: &Parcel, theirs_now: &Parcel, now| {
        offered(held, kept, &over_the_link(held, kept, theirs_now), now)
    };
    let code =
        |result: Result<Directory, VersionRefused>| result.map(|_| ()).map_err(|refused| refused.code());
    let newer = link(&held, &kept, &theirs(&third), issued()).unwrap();
    assert_eq!((newer.version, newer.part_of(node("p-65")).version), (2, 3));
    assert_eq!(newer.edition().to_string(), "2.3000000000");
    assert!(newer.edition() > held.edition());
    // The same again, an older one, two of one number, one that takes a revocation back, one that has expired, a stranger's.
    assert_eq!(code(link(&held, &kept, &theirs(&their_second()), issued())), Err("held"));
    let newer_kept = over_the_link(&held, &kept, &theirs(&third));
    assert_eq!(code(link(&newer, &newer_kept, &theirs(&their_second()), issued())), Err("joined-rollback"));
    let two = Draft { threshold: 1, expires: expires().plus_ms(1), ..their_second() };
    assert_eq!(code(link(&held, &kept, &theirs(&two), issued())), Err("joined-two-of-one-version"));
    let expired = Draft { expires: issued().plus_ms(1), ..third.clone() };
    assert_eq!(code(link(&held, &kept, &theirs(&expired), issued().plus_ms(2))), Err("joined-expired"));
    let forged = third.render().unwrap().signed(&[authority()]);
    assert_eq!(code(link(&held, &kept, &forged, issued())), Err("joined-signatures"));
    let revoking = Draft { revoked: [other_authority("x.example").verifier()].into(), ..third.clone() };
    let revoked = link(&held, &kept, &theirs(&revoking), issued()).unwrap();
    let revoked_kept = over_the_link(&held, &kept, &theirs(&revoking));
    let back = Draft { version: 4, ..their_second() };
    assert_eq!(code(link(&revoked, &revoked_kept, &theirs(&back), issued())), Err("joined-unrevoked"));
    // A file of the version before.
    let mut mixed = over_the_link(&held, &kept, &theirs(&Draft { version: 3, ..their_second() }));
    mixed.files.insert(node("p-65"), b"{}".to_vec());
    assert_eq!(code(offered(&held, &kept, &mixed, issued())), Err("tampered-division"));
}

#[test]
fn a_new_own_root_is_taken_whatever_it_has_of_the_other_network_and_a_delegated_list_of_theirs_alone_is_news()
{
    let (kept, held) = (second(&their_second()), held());
    let third = Draft { version: 3, ..their_second() };
    let newer = over_the_link(&held, &kept, &theirs(&third));
    let held = offered(&held, &kept, &newer, issued()).unwrap();
    // Drafted where their third version was not known yet: it stays.
    let own = ours(&Draft {
        version: 3,
        ..joining(&demo_draft(), &agreement(), &theirs(&their_second())).unwrap()
    });
    let taken = offered(&held, &newer, &own, issued()).unwrap();
    assert_eq!((taken.version, taken.part_of(node("p-65")).version), (3, 3));

    let delegate = other_authority("party.example/p-65/delegate");
    let delegation = Delegation {
        node: node("p-65"),
        threshold: 1,
        from: 1,
        expires: expires(),
        codes: vec![node("p-65")],
        delegates: vec![delegate.verifier()],
    };
    let mut fourth = Draft { version: 4, ..their_second() };
    fourth.apply(Edit::Delegate(Box::new(delegation))).unwrap();
    let by = [(node("p-65"), delegate)];
    let lists = |draft: &Draft| draft.render().unwrap().signed_by(&[their_authority()], &by);
    let parcel = over_the_link(&held, &newer, &lists(&fourth));
    let delegated = offered(&held, &newer, &parcel, issued()).unwrap();
    assert_eq!(delegated.edition().to_string(), "2.4000000001");
    fourth.delegations.get_mut(&node("p-65")).unwrap().version = 2;
    let renewed =
        offered(&delegated, &parcel, &over_the_link(&delegated, &parcel, &lists(&fourth)), issued());
    assert_eq!(renewed.unwrap().edition().to_string(), "2.4000000002");
}

#[test]
fn a_root_that_drops_an_agreement_drops_the_network_and_other_keys_in_a_new_one_begin_anew() {
    let (kept, held) = (second(&their_second()), held());
    let mut third = Draft::following(&held, issued(), expires());
    third.apply(Edit::DropAgreement(PARTY.to_owned())).unwrap();
    assert_eq!(
        third.clone().apply(Edit::DropAgreement(PARTY.to_owned())),
        Err(EditError::NotJoined(PARTY.to_owned()))
    );
    let dropped = offered(&held, &kept, &ours(&third), issued()).unwrap();
    assert!(dropped.joined().is_empty() && dropped.division(node("p-65")).is_none());
    assert_eq!(dropped.edition().to_string(), "3");
    assert!(third.render().unwrap().root_text.starts_with("yizhan directory v1\n"));
    let named: Vec<String> =
        changes(&Draft::of(&held), &third).iter().map(|change| change.what.clone()).collect();
    assert!(named.contains(&"joined network party.example, agreement".to_owned()), "{named:?}");
    assert!(named.contains(&"joined network party.example crosses".to_owned()), "{named:?}");

    // Their authority's key was lost: both sign an agreement that names another one, whose versions begin low.
    let stranger = other_authority("party.example/second");
    let mut agreement = Agreement { version: 2, ..unsigned() };
    agreement.parties[0].anchor = TrustAnchor::new(vec![stranger.verifier()], 1).unwrap();
    let mut signed = crate::SignedAgreement::unsigned(agreement).unwrap();
    signed.sign(&authority()).unwrap();
    signed.sign(&stranger).unwrap();
    let anew = their_draft().render().unwrap().signed(&[stranger]);
    let third = ours(&joining(&Draft { version: 3, ..demo_draft() }, &signed, &anew).unwrap());
    let taken = offered(&held, &kept, &third, issued()).unwrap();
    assert_eq!((taken.version, taken.part_of(node("p-65")).version), (3, 1));
}

#[test]
fn a_line_that_names_nobody_is_found_before_anybody_drafts_it_in() {
    let mut agreement = unsigned();
    agreement.crossings.insert("xinjiang.example 659999 to p-65".parse().unwrap());
    let joined = part(GOV, &signed(agreement), &theirs(&their_second())).unwrap();
    let refused = demo_draft().apply(Edit::Join(Box::new(joined)));
    assert!(matches!(refused, Err(EditError::NobodyCrosses { node: found, .. }) if found == node("659999")));
}
