//! What a node that holds a part asks for, looks at and keeps of a new version.

use super::*;
use crate::config::Hold;
use crate::network::create_network;
use crate::versions::holding::kept;
use yizhan_document::WallTime;
use yizhan_hierarchy::{Edit, NetworkPlan, TrustAnchor};
use yizhan_identity::{NoteSigner, SigningKey};

const PARENT: &str = "6523";

fn node(text: &str) -> NodeId {
    text.parse().unwrap()
}

fn now() -> WallTime {
    "2026-11-20T08:00:00Z".parse().unwrap()
}

/// Version 1 of a directory, whole, with its files; and the next one with something changed.
struct Made {
    anchor: TrustAnchor,
    whole: Directory,
    first: Parcel,
    next: Parcel,
}

fn made(edit: Edit) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let network = folder.path().join("net");
    create_network(&NetworkPlan { base_port: 0, ..NetworkPlan::demo() }, &network, now()).unwrap();
    let config = crate::Config::load(&network.join("nodes/65/node.toml")).unwrap();
    let vkeys = config.directory.authorities.iter().map(String::as_str);
    let anchor = TrustAnchor::from_vkeys(vkeys, config.directory.threshold).unwrap();
    let whole = Directory::load(&config.directory.folder, &anchor, now()).unwrap();
    let first = Parcel::read(&config.directory.folder).unwrap();
    let pem = std::fs::read_to_string(network.join("authority/authority.pem")).unwrap();
    let key = SigningKey::from_text(&pem).unwrap();
    let authority = NoteSigner::new(format!("{}/authority", whole.network), key).unwrap();
    let next = whole.edited([edit], now(), now().plus_ms(86_400_000)).unwrap();
    Made { anchor, whole, first, next: next.render().unwrap().signed(&[authority]) }
}

/// How a version was fetched: what was asked for, one after the other, and what came of it.
struct Fetched {
    asked: Vec<Vec<NodeId>>,
    parcel: Parcel,
}

impl Made {
    fn part_of(&self, me: &str) -> Directory {
        self.whole.reduced_to(&self.whole.needed_by(node(me)))
    }

    fn acceptance<'a>(&'a self, held: &'a Directory) -> Acceptance<'a> {
        Acceptance { anchor: &self.anchor, held, now: now() }
    }

    fn answer(&self, wanted: &DirectoryWanted) -> DirectoryPart {
        let root = if wanted.divisions.is_empty() { self.next.root.clone() } else { Vec::new() };
        let file = |node: &NodeId| DivisionFile { node: *node, content: self.next.files[node].clone() };
        DirectoryPart {
            version: wanted.version,
            delegated: wanted.delegated,
            root_from: 0,
            root_bytes: u32::try_from(root.len()).unwrap(),
            ca: if root.is_empty() { Vec::new() } else { self.next.ca.clone() },
            root,
            files: wanted.divisions.iter().map(file).collect(),
        }
    }

    fn fetch(&self, fetch: &mut Fetch, held: &Directory, asked: &mut Vec<Vec<NodeId>>) {
        loop {
            let wanted = fetch.wanted(0);
            asked.push(wanted.divisions.clone());
            if fetch.take(self.answer(&wanted), &self.acceptance(held)).unwrap() {
                return;
            }
        }
    }

    /// Fetches the next version for a node that holds this part.
    fn fetched(&self, me: &str, held: &Directory) -> Fetched {
        let (edition, mut asked) = (Edition { version: 2, delegated: 0 }, Vec::new());
        let mut fetch = Fetch::begin(node(PARENT), edition, None, 0).for_part_of(node(me));
        self.fetch(&mut fetch, held, &mut asked);
        let mut first = self.first.clone();
        first.reduce_to(held);
        Fetched { asked, parcel: fetch.assemble(first, held) }
    }
}

#[test]
fn every_file_that_changed_is_looked_at_and_only_what_is_held_is_kept() {
    let made = made(Edit::Name(node("653130"), "ug".into(), "چىرا".into()));
    let held = made.part_of("652301");
    let Fetched { asked, parcel } = made.fetched("652301", &held);
    assert_eq!(asked, [vec![], vec![node("653130")]]);
    assert_eq!(parcel.files.keys().copied().collect::<Vec<_>>(), ["65", "6523", "652301"].map(node));
    let taken = made.acceptance(&held).whole(&parcel).unwrap();
    assert_eq!((taken.version, taken.divisions().len(), taken.listed_divisions()), (2, 3, 7));
    let kept = |hold| kept(hold, node("652301"), Some(&held), &taken);
    assert_eq!(kept(Hold::Part).unwrap(), held.needed_by(node("652301")));
    assert_eq!(kept(Hold::Whole), None);
}

#[test]
fn a_subtree_that_comes_below_it_is_fetched_though_the_files_of_its_nodes_did_not_change() {
    let made = made(Edit::Parent(node("6531"), Some(node("6523"))));
    let held = made.part_of("6523");
    let Fetched { asked, parcel } = made.fetched("6523", &held);
    // Only the file of 6531 changed; looked at, it brings two counties along, and is needed itself now.
    assert_eq!(asked, [vec![], vec![node("6531")], ["6531", "653101", "653130"].map(node).to_vec()]);
    let taken = made.acceptance(&held).whole(&parcel).unwrap();
    assert!(
        taken.holds_all() && taken.is_own(node("653101")) && taken.parent(node("6531")) == Some(node("6523"))
    );
    // Whoever has no share in it looks at the file alone.
    let held = made.part_of("652301");
    assert_eq!(made.fetched("652301", &held).asked, [vec![], vec![node("6531")]]);
}

#[test]
fn whoever_has_nobody_above_it_any_more_fetches_all() {
    let made = made(Edit::Parent(node("6531"), None));
    let held = made.part_of("6531");
    let asked = made.fetched("6531", &held).asked;
    assert_eq!(asked, [vec![], vec![node("6531")], ["6523", "652301", "652324"].map(node).to_vec()]);
}

#[test]
fn what_was_kept_and_cannot_be_read_back_is_fetched_anew() {
    let made = made(Edit::Name(node("653130"), "ug".into(), "چىرا".into()));
    for held in [made.whole.clone(), made.part_of("652301")] {
        let edition = Edition { version: 2, delegated: 0 };
        let begun = Fetch::begin(node(PARENT), edition, None, 0);
        let mut fetch = if held.holds_all() { begun } else { begun.for_part_of(node("652301")) };
        let mut asked = Vec::new();
        made.fetch(&mut fetch, &held, &mut asked);
        assert!(fetch.fetch_all(), "what did not change is missing too");
        made.fetch(&mut fetch, &held, &mut asked);
        assert!(!fetch.fetch_all(), "and is here now");
        let taken = made.acceptance(&held).whole(&fetch.assemble(Parcel::default(), &held)).unwrap();
        assert_eq!((taken.version, taken.divisions().len()), (2, held.divisions().len()));
    }
}

#[test]
fn a_file_that_is_no_division_is_refused_though_it_would_be_looked_at_alone() {
    let made = made(Edit::Name(node("653130"), "ug".into(), "چىرا".into()));
    let held = made.part_of("652301");
    let mut fetch =
        Fetch::begin(node(PARENT), Edition { version: 2, delegated: 0 }, None, 0).for_part_of(node("652301"));
    let take =
        |fetch: &mut Fetch, part| fetch.take(part, &made.acceptance(&held)).map_err(|refused| refused.code());
    let wanted = fetch.wanted(0);
    assert_eq!(take(&mut fetch, made.answer(&wanted)), Ok(false));
    let wanted = fetch.wanted(0);
    let mut forged = made.answer(&wanted);
    forged.files[0].content = made.first.files[&node("653130")].clone();
    assert_eq!(take(&mut fetch, forged.clone()), Err("mixed-versions"));
    forged.files[0].content.push(b' ');
    assert_eq!(take(&mut fetch, forged), Err("tampered-division"));
    let other = DirectoryPart {
        files: vec![DivisionFile { node: node("65"), content: made.next.files[&node("65")].clone() }],
        ..made.answer(&wanted)
    };
    assert_eq!(take(&mut fetch, other), Err("not-sent"), "what was not asked for brings nothing nearer");
}

#[test]
fn a_node_that_becomes_known_while_a_version_comes_mixes_no_versions() {
    let far = node("653130");
    let made = made(Edit::Name(far, "ug".into(), "چىرا".into()));
    let held = made.part_of("652301");
    let mut fetch =
        Fetch::begin(node(PARENT), Edition { version: 2, delegated: 0 }, None, 0).for_part_of(node("652301"));
    made.fetch(&mut fetch, &held, &mut Vec::new());
    // Fetched meanwhile, as the version that is held lists it.
    let (more, refused) = held.with_files(&BTreeMap::from([(far, made.first.files[&far].clone())]));
    assert!(refused.is_empty() && more.division(far).is_some());
    let mut first = made.first.clone();
    first.reduce_to(&more);
    let taken = made.acceptance(&more).whole(&fetch.assemble(first, &more)).unwrap();
    assert_eq!((taken.version, taken.is_absent(far)), (2, true));
}

#[test]
fn a_node_that_becomes_known_while_a_version_comes_stays_known_by_that_version() {
    let far = node("653130");
    let made = made(Edit::Name(far, "ug".into(), "چىرا".into()));
    let held = made.part_of("652301");
    let (mut asked, edition) = (Vec::new(), Edition { version: 2, delegated: 0 });
    let mut fetch = Fetch::begin(node(PARENT), edition, None, 0).for_part_of(node("652301"));
    made.fetch(&mut fetch, &held, &mut asked);
    assert!(!fetch.fetch_known(&held));
    let (more, _) = held.with_files(&BTreeMap::from([(far, made.first.files[&far].clone())]));
    assert!(fetch.fetch_known(&more));
    made.fetch(&mut fetch, &more, &mut asked);
    assert_eq!(asked, [vec![], vec![far], vec![far]]);
    assert!(!fetch.fetch_known(&more));
    let mut first = made.first.clone();
    first.reduce_to(&more);
    let taken = made.acceptance(&more).whole(&fetch.assemble(first, &more)).unwrap();
    assert_eq!(taken.division(far).map(|division| division.node), Some(far));
}
