//! Tests of the text of an agreement and of its signatures.

use super::*;
use crate::sample::{authority, expires, issued, node, other_authority};
use proptest::prelude::*;

fn other() -> NoteSigner {
    use std::sync::OnceLock;
    static OTHER: OnceLock<NoteSigner> = OnceLock::new();
    OTHER.get_or_init(|| other_authority("party.example/authority")).clone()
}

fn agreement() -> Agreement {
    let party = |network: &str, root: &str, signer: NoteSigner| Party {
        network: network.to_owned(),
        node: node(root),
        anchor: TrustAnchor::new(vec![signer.verifier()], 1).unwrap(),
    };
    let crossings = ["xinjiang.example below 65 to p-65 upto internal", "party.example p-65 to below 65"];
    Agreement {
        version: 1,
        issued: issued(),
        expires: expires(),
        parties: [party("party.example", "p-65", other()), party("xinjiang.example", "65", authority())],
        crossings: crossings.iter().map(|line| line.parse().unwrap()).collect(),
    }
}

#[test]
fn the_text_is_the_published_one() {
    let text = format!(
        "yizhan agreement v1\nversion 1\nissued 2026-11-20T08:00:00.000Z\nexpires 2027-11-20T08:00:00.000Z\n\
         network party.example\nnode p-65\nthreshold 1\nauthority {}\n\
         network xinjiang.example\nnode 65\nthreshold 1\nauthority {}\n\
         cross party.example p-65 to below 65\ncross xinjiang.example below 65 to p-65 upto internal\n",
        other().verifier(),
        authority().verifier()
    );
    assert_eq!(agreement().to_text(), text);
    assert_eq!(Agreement::parse(&text), Ok(agreement()));
}

#[test]
fn another_spelling_and_what_contradicts_itself_are_refused_each_for_its_reason() {
    let text = agreement().to_text();
    let parse = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        Agreement::parse(&text.replacen(from, to, 1)).unwrap_err()
    };
    assert_eq!(parse("v1", "v2"), AgreementError::Heading);
    assert_eq!(parse("version 1", "version 01"), AgreementError::Spelling);
    let line = "cross party.example p-65 to below 65\n";
    assert_eq!(parse(line, &format!("{line}{line}")), AgreementError::Spelling);
    assert!(matches!(parse("threshold 1\n", ""), AgreementError::Line(_)));
    assert!(matches!(parse("threshold 1", "threshold 2"), AgreementError::Anchor { .. }));
    assert!(matches!(parse("cross party.example", "cross other.example"), AgreementError::Stranger { .. }));
    assert_eq!(parse("node p-65", "node 65"), AgreementError::OneNode { node: node("65") });
    assert!(matches!(parse("2027-11-20", "2025-11-20"), AgreementError::Lifetime { .. }));
    assert_eq!(parse("network party.example", "network z.example"), AgreementError::Order);
    let nothing = Agreement { crossings: BTreeSet::new(), ..agreement() };
    assert_eq!(Agreement::parse(&nothing.to_text()), Err(AgreementError::Nothing));
    let mut swapped = agreement();
    swapped.parties.reverse();
    assert_eq!(Agreement::parse(&swapped.to_text()), Err(AgreementError::Order));
}

#[test]
fn both_sides_have_to_sign_and_nobody_else_can() {
    let mut signed = SignedAgreement::unsigned(agreement()).unwrap();
    let missing = |signed: &SignedAgreement| match signed.check_signatures() {
        Err(AgreementError::Signatures { network, have: 0, need: 1 }) => Some(network),
        Ok(()) => None,
        other => panic!("{other:?}"),
    };
    assert_eq!(missing(&signed).as_deref(), Some("party.example"));
    let carried = |signed: &SignedAgreement| SignedAgreement::parse(signed.to_text().as_bytes()).unwrap();
    assert_eq!(carried(&signed), signed);
    signed.sign(&authority()).unwrap();
    assert_eq!(missing(&signed).as_deref(), Some("party.example"));
    let mut signed = carried(&signed);
    assert!(matches!(signed.sign(&other_authority("x.example")), Err(AgreementError::NoAuthority { .. })));
    signed.sign(&other()).unwrap();
    signed.sign(&other()).unwrap();
    assert_eq!((missing(&signed), signed.note.signatures.len()), (None, 2));
    // A text that was changed after it was signed.
    let changed = signed.to_text().replacen("upto internal", "upto secret", 1);
    assert!(missing(&SignedAgreement::parse(changed.as_bytes()).unwrap()).is_some());
}

proptest! {
    #[test]
    fn no_change_of_a_byte_is_read_as_the_same_agreement(at in 0usize..600, by in 1u8..) {
        let mut bytes = agreement().to_text().into_bytes();
        let at = at % bytes.len();
        bytes[at] ^= by;
        if let Ok(text) = String::from_utf8(bytes)
            && let Ok(read) = Agreement::parse(&text)
        {
            prop_assert_eq!(read.to_text(), text);
            prop_assert_ne!(read, agreement());
        }
    }
}
