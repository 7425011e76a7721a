//! The policy at the door of a node: what is refused with which words, and who tells whom of what passes a level over.

use super::*;
use crate::config::Config;
use crate::keys::Keys;
use crate::network::create_network;
use std::sync::Arc;
use tempfile::TempDir;
use yizhan_envelope::Header;
use yizhan_hierarchy::{Edit, NetworkPlan, OfficeState, PolicyEdit, SkipRule, TrustAnchor};
use yizhan_identity::{NoteSigner, SigningKey};
use yizhan_spool::BodyStore;

const REGION: &str = "65";
const NETWORK: &str = "xinjiang.example";

fn now() -> WallTime {
    "2026-11-20T08:00:00Z".parse().unwrap()
}

/// The demonstration network on disk, and what closes documents at its region under a changed directory.
fn closer(edits: Vec<Edit>) -> (TempDir, Closer) {
    let folder = tempfile::tempdir().unwrap();
    let plan = NetworkPlan { base_port: 0, ..NetworkPlan::demo() };
    create_network(&plan, &folder.path().join("net"), now()).unwrap();
    let config = config(&folder);
    let vkeys = config.directory.authorities.iter().map(String::as_str);
    let anchor = TrustAnchor::from_vkeys(vkeys, config.directory.threshold).unwrap();
    let directory = Directory::load(&config.directory.folder, &anchor, now()).unwrap();
    let pem = std::fs::read_to_string(folder.path().join("net/authority/authority.pem")).unwrap();
    let signer =
        NoteSigner::new(format!("{NETWORK}/authority"), SigningKey::from_text(&pem).unwrap()).unwrap();
    let draft = directory.edited(edits, now(), now().plus_ms(365 * 86_400_000)).unwrap();
    let parcel = draft.render().unwrap().signed(&[signer]);
    let directory = Arc::new(parcel.verify(&anchor, &[], now(), 0).unwrap());
    let offices = Arc::new(Keys::load(&config).unwrap().offices);
    let bodies = Arc::new(BodyStore::open(&folder.path().join("bodies")).unwrap());
    (folder, Closer { me: REGION.parse().unwrap(), directory, offices, bodies, keys: Arc::default() })
}

fn config(folder: &TempDir) -> Config {
    Config::load(&folder.path().join(format!("net/nodes/{REGION}/node.toml"))).unwrap()
}

fn laid_down(down: SkipRule) -> Edit {
    Edit::Policy(PolicyEdit::SkipLevelDown(down))
}

fn submission(from: &str, to: &[&str]) -> Submission {
    Submission {
        from: from.parse().unwrap(),
        to: to.iter().map(|to| to.parse().unwrap()).collect(),
        cc: Vec::new(),
        groups: Groups::default(),
        label: Label { title: "关于做好防汛工作的通知".into(), ..Label::default() },
        deadline: None,
        files: vec![FileDeclaration { name: "通知.txt".parse().unwrap(), size: 4 }],
        key: None,
    }
}

const COUNTIES: [&str; 2] = ["gov-office@652301", "gov-office@653130"];

fn document() -> EnvelopeId {
    EnvelopeId { origin: REGION.parse().unwrap(), epoch: 0, counter: 17 }
}

#[test]
fn a_notice_says_which_document_went_where_and_nothing_of_what_it_is() {
    let nodes = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let passed_over = PassedOver { nodes: nodes(&["6523", "6531"]), destinations: nodes(&["652301"]) };
    let of = document();
    let text = notice_text(&passed_over, of, now(), 5);
    let facts = format!(
        "document {of}\nfrom 65\npast 6523 6531\nto 652301\ntime 2026-11-20T08:00:00.000Z\ndirectory 5\n"
    );
    assert_eq!(text.split_once("\n\n").unwrap().1, facts);
}

/// MUST-46.
#[test]
fn what_the_policy_refuses_is_refused_at_the_door_with_what_to_do() {
    let (_folder, closer) = closer(vec![laid_down(SkipRule::Refuse)]);
    let refused = closer.destinations(&submission("gov-office@65", &COUNTIES), now()).err().unwrap();
    assert_eq!((refused.code, refused.retryable), (DoorCode::Dispatch, false));
    assert!(refused.detail.contains("passes over 6523"), "{refused}");
    assert!(refused.fix.contains("send it to 6523") && refused.fix.contains("copy recipients"), "{refused}");
    let prefectures = ["gov-office@6523", "gov-office@6531"];
    let taken = closer.destinations(&submission("gov-office@65", &[COUNTIES, prefectures].concat()), now());
    assert!(taken.ok().unwrap().passed_over.is_none());
}

/// MUST-47: the notice goes to all levels passed over, from the government office, or from whoever sends where that cannot sign.
#[test]
fn a_notice_is_closed_to_every_level_passed_over_and_told_by_an_office_that_can_sign() {
    let (folder, closer) = closer(vec![laid_down(SkipRule::Notify)]);
    let sender = submission("archive@65", &COUNTIES);
    let addressed = closer.destinations(&sender, now()).ok().unwrap();
    let passed_over = addressed.passed_over.unwrap();
    assert_eq!(closer.teller(&sender.from), office_of(closer.me));
    let mut offices = Keys::load(&config(&folder)).unwrap().offices;
    offices.remove(&OfficeName::gov_office());
    let without = Closer { offices: Arc::new(offices), ..closer.clone() };
    assert_eq!(without.teller(&sender.from), sender.from);
    for closer in [&closer, &without] {
        let id = EnvelopeId { counter: 18, ..document() };
        let reserve = |to: Vec<NodeId>| Ok(Reserved { id, numbers: (0..to.len() as u64).collect() });
        let notice =
            closer.close_notice(&passed_over, (document(), &sender.from), 2, now(), reserve).unwrap();
        let prefectures: Vec<NodeId> = ["6523", "6531"].map(|node| node.parse().unwrap()).into();
        assert_eq!(notice.sent(), SentNotice { id, to: prefectures.clone() });
        let header = Header::from_bytes(&notice.closed.stored.header).unwrap();
        assert_eq!(header.to.iter().map(|to| to.node).collect::<Vec<_>>(), prefectures);
        assert!(matches!(
            notice.before(1, Ask::Abandon { request: 1 }),
            Ask::Many(asks) if matches!(asks[..], [Ask::Notice { request: 2, of: 1, .. }, Ask::Abandon { .. }])
        ));
    }
}

#[test]
fn a_document_past_a_level_that_cannot_be_told_is_refused() {
    let suspend = Edit::OfficeState("gov-office@6531".parse().unwrap(), OfficeState::Suspended);
    let (_folder, closer) = closer(vec![laid_down(SkipRule::Notify), suspend]);
    let refused = closer.destinations(&submission("gov-office@65", &COUNTIES), now()).err().unwrap();
    assert_eq!(refused.code, DoorCode::Dispatch);
    assert!(refused.detail.contains("6531, which has to be told, and cannot be"), "{refused}");
    let one = closer.destinations(&submission("gov-office@65", &COUNTIES[..1]), now());
    assert!(one.ok().unwrap().passed_over.is_some());
}
