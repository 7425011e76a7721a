//! Tests of what may cross.

use super::*;
use crate::agreement::SignedAgreement;
use crate::anchor::TrustAnchor;
use crate::draft::Draft;
use crate::edit::Edit;
use crate::flags::PlanFlags;
use crate::joined_sample::*;
use crate::limits::GRACE_MS;
use crate::plan::NetworkPlan;
use crate::policy_edit::PolicyEdit;
use crate::sample::{authority, draft_of, expires, issued, node, other_authority};
use yizhan_identity::CertificateAuthority;

fn office(text: &str) -> OfficeAddress {
    text.parse().unwrap()
}

fn crossing(
    directory: &Directory,
    from: &str,
    to: &str,
    level: Classification,
    now: WallTime,
) -> Result<(), CrossingRefused> {
    directory.check_crossing(&office(from), &[&office(to)], level, now)
}

#[test]
fn a_document_crosses_where_a_line_lets_it_and_only_as_long_as_the_agreement_is_in_force() {
    let directory = held();
    let (now, to) = (issued(), "gov-office@p-6523");
    let cross = |from: &str, to: &str, level| crossing(&directory, from, to, level, now);
    let open = Classification::Unclassified;
    assert_eq!(cross("gov-office@652301", to, Classification::Internal), Ok(()));
    assert_eq!(
        cross("gov-office@652301", "gov-office@65", Classification::Secret),
        Ok(()),
        "no matter of it"
    );
    for (from, to, level) in [
        ("gov-office@652301", to, Classification::Confidential),
        ("gov-office@65", to, open),
        ("gov-office@652301", "gov-office@p-65", open),
    ] {
        assert!(matches!(cross(from, to, level), Err(CrossingRefused::NoLine { .. })), "{from} {to}");
    }
    // The other way as its own directory has it.
    let there = theirs(
        &joining(&Draft { version: 2, ..their_draft() }, &agreement(), &second(&their_second())).unwrap(),
    );
    let there =
        there.verify(&TrustAnchor::new(vec![their_authority().verifier()], 1).unwrap(), &[], now, 0).unwrap();
    assert_eq!(crossing(&there, "gov-office@p-6523", "gov-office@652301", open, now), Ok(()));
    assert!(crossing(&there, "gov-office@p-65", "gov-office@652301", open, now).is_err());

    let not_in_force =
        |directory: &Directory, now| match crossing(directory, "gov-office@652301", to, open, now) {
            Err(CrossingRefused::NotInForce { standing, .. }) => standing.as_str(),
            other => panic!("{other:?}"),
        };
    assert_eq!(not_in_force(&directory, issued().plus_ms(100 * DAY_MS)), "expired");
    // Their directory does not name it yet.
    assert_eq!(not_in_force(&believed(&second(&their_draft())), now), "not-named");
    let short = Draft { expires: issued().plus_ms(DAY_MS), ..their_second() };
    let late = believed(&second(&short));
    assert_eq!(not_in_force(&late, issued().plus_ms(31 * DAY_MS)), "their-directory-expired");
    // Ended by either side, from the moment that it names.
    let mut ending = Draft::following(&directory, issued(), expires());
    ending.apply(Edit::EndAgreement(PARTY.to_owned(), now.plus_ms(DAY_MS))).unwrap();
    let ended = believed(&ours(&ending));
    assert_eq!(crossing(&ended, "gov-office@652301", to, open, now), Ok(()));
    assert_eq!(not_in_force(&ended, now.plus_ms(DAY_MS)), "ended");
    let mut there = their_second();
    there.apply(Edit::EndAgreement(GOV.to_owned(), now)).unwrap();
    assert_eq!(not_in_force(&believed(&second(&there)), now), "ended");

    // An office with chosen senders is reached by a line that names it, and by no other.
    let mut chosen = their_second();
    let senders = PolicyEdit::Senders(office(to), vec!["below p-65".parse().unwrap()]);
    chosen.apply(Edit::Policy(senders)).unwrap();
    let refused = crossing(&believed(&second(&chosen)), "gov-office@652301", to, open, now);
    assert!(matches!(refused, Err(CrossingRefused::ChosenSenders { .. })), "{refused:?}");
}

#[test]
fn the_nodes_with_the_link_carry_what_a_line_lets_cross_for_thirty_days_after_the_end_and_nothing_for_third_networks()
 {
    let directory = held();
    let carry = |me: &str, from: &str, to: &str, level, now| {
        directory.may_carry(node(me), node(from), [node(to)].into_iter(), level, now)
    };
    let (open, end) = (Classification::Unclassified, issued().plus_ms(100 * DAY_MS));
    for joint in ["65", "p-65"] {
        assert!(carry(joint, "652301", "p-6523", Classification::Internal, issued()));
        assert!(carry(joint, "p-6523", "652301", open, end));
        assert!(!carry(joint, "652301", "p-6523", Classification::Secret, issued()), "{joint}");
        assert!(!carry(joint, "652301", "p-65", open, issued()), "{joint}");
        assert!(carry(joint, "652301", "p-6523", open, end.plus_ms(GRACE_MS - 1)));
        assert!(!carry(joint, "652301", "p-6523", open, end.plus_ms(GRACE_MS)));
        // What is of one network only.
        assert!(carry(joint, "652301", "653101", Classification::TopSecret, end.plus_ms(GRACE_MS)));
    }
    assert!(carry("6523", "652301", "p-65", open, issued()), "others have no link to hold it to");

    // A third network is joined as well: nothing goes from the one to the other through here.
    let third = other_authority("third.example/authority");
    let ca = CertificateAuthority::create("third.example", issued(), 10).unwrap();
    let flags = PlanFlags {
        network: Some("third.example".to_owned()),
        base_port: Some(6600),
        roots: vec!["t-65".into()],
        ..PlanFlags::default()
    };
    let draft = draft_of(&NetworkPlan::from_flags(&flags).unwrap(), &ca);
    let mut agreement = unsigned();
    agreement.parties[0] = agreement.parties[1].clone();
    agreement.parties[0].network = "third.example".to_owned();
    agreement.parties[0].node = node("t-65");
    agreement.parties[0].anchor = TrustAnchor::new(vec![third.verifier()], 1).unwrap();
    agreement.crossings = ["xinjiang.example below 65 to t-65", "third.example t-65 to below 65"]
        .iter()
        .map(|line| line.parse().unwrap())
        .collect();
    let mut signed = SignedAgreement::unsigned(agreement).unwrap();
    signed.sign(&authority()).unwrap();
    signed.sign(&third).unwrap();
    let mut both = Draft::following(&directory, issued(), expires());
    both.apply(Edit::Join(Box::new(part(GOV, &signed, &draft.render().unwrap().signed(&[third])).unwrap())))
        .unwrap();
    let both = believed(&ours(&both));
    let carry =
        |from: &str, to: &str| both.may_carry(node("65"), node(from), [node(to)].into_iter(), open, issued());
    assert!(carry("652301", "t-65") && carry("p-6523", "652301"));
    assert!(!carry("p-6523", "t-65") && !carry("t-65", "p-6523"));
}
