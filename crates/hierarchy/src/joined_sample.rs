//! Two networks for tests: that of the other samples, and one of a Party tree, with an agreement that both signed.

use crate::agreement::{Agreement, Party, SignedAgreement};
use crate::anchor::TrustAnchor;
use crate::directory::Directory;
use crate::draft::{Draft, DraftJoined};
use crate::edit::Edit;
use crate::flags::PlanFlags;
use crate::joined_head::JoinedHead;
use crate::parcel::Parcel;
use crate::plan::NetworkPlan;
use crate::sample::{anchor, authority, demo_draft, draft_of, issued, node, other_authority};
use crate::verification::DirectoryError;
use std::sync::OnceLock;
use yizhan_identity::{CertificateAuthority, NoteSigner};

pub(crate) const GOV: &str = "xinjiang.example";
pub(crate) const PARTY: &str = "party.example";
pub(crate) const DAY_MS: u64 = 24 * 3600 * 1000;

/// The authority of the other network.
pub(crate) fn their_authority() -> NoteSigner {
    static AUTHORITY: OnceLock<NoteSigner> = OnceLock::new();
    AUTHORITY.get_or_init(|| other_authority("party.example/authority")).clone()
}

/// Version 1 of the other network's directory: p-65 and p-6523.
pub(crate) fn their_draft() -> Draft {
    static DRAFT: OnceLock<Draft> = OnceLock::new();
    let draft = || {
        let ca = CertificateAuthority::create(PARTY, issued(), 10).unwrap();
        let flags = PlanFlags {
            network: Some(PARTY.to_owned()),
            base_port: Some(6500),
            roots: vec!["p-65".into()],
            prefectures: vec!["p-6523".into()],
            ..PlanFlags::default()
        };
        draft_of(&NetworkPlan::from_flags(&flags).unwrap(), &ca)
    };
    DRAFT.get_or_init(draft).clone()
}

pub(crate) fn agreement() -> SignedAgreement {
    static AGREEMENT: OnceLock<SignedAgreement> = OnceLock::new();
    AGREEMENT.get_or_init(|| signed(unsigned())).clone()
}

pub(crate) fn unsigned() -> Agreement {
    let party = |network: &str, root: &str, signer: NoteSigner| Party {
        network: network.to_owned(),
        node: node(root),
        anchor: TrustAnchor::new(vec![signer.verifier()], 1).unwrap(),
    };
    let crossings =
        ["xinjiang.example below 65 to p-6523 upto internal", "party.example below p-65 to 652301"];
    Agreement {
        version: 1,
        issued: issued(),
        expires: issued().plus_ms(100 * DAY_MS),
        parties: [party(PARTY, "p-65", their_authority()), party(GOV, "65", authority())],
        crossings: crossings.iter().map(|line| line.parse().unwrap()).collect(),
    }
}

pub(crate) fn signed(agreement: Agreement) -> SignedAgreement {
    let mut signed = SignedAgreement::unsigned(agreement).unwrap();
    signed.sign(&authority()).unwrap();
    signed.sign(&their_authority()).unwrap();
    signed
}

/// What is to be joined to the directory of a network.
pub(crate) fn part(
    of: &str,
    agreement: &SignedAgreement,
    theirs: &Parcel,
) -> Result<DraftJoined, DirectoryError> {
    let part = JoinedHead::new(agreement, of, &theirs.root, &theirs.ca)?;
    let mut files = theirs.files.clone();
    files.retain(|node, _| part.head.digest_of(*node).is_some());
    Ok(DraftJoined { part, files })
}

pub(crate) fn joining(
    draft: &Draft,
    agreement: &SignedAgreement,
    theirs: &Parcel,
) -> Result<Draft, DirectoryError> {
    let mut draft = draft.clone();
    draft.apply(Edit::Join(Box::new(part(&draft.network, agreement, theirs)?))).unwrap();
    Ok(draft)
}

pub(crate) fn ours(draft: &Draft) -> Parcel {
    draft.render().unwrap().signed(&[authority()])
}

pub(crate) fn theirs(draft: &Draft) -> Parcel {
    draft.render().unwrap().signed(&[their_authority()])
}

/// Version 2 of the other network, which names the agreement, and goes on with the later changes.
pub(crate) fn their_second() -> Draft {
    joining(&Draft { version: 2, ..their_draft() }, &agreement(), &ours(&demo_draft())).unwrap()
}

/// Version 2 of the own network with a version of the other.
pub(crate) fn second(of_theirs: &Draft) -> Parcel {
    ours(&joining(&Draft { version: 2, ..demo_draft() }, &agreement(), &theirs(of_theirs)).unwrap())
}

pub(crate) fn believed(parcel: &Parcel) -> Directory {
    parcel.verify(&anchor(), &[], issued(), 0).unwrap()
}

/// The own directory with version 2 of both, in force.
pub(crate) fn held() -> Directory {
    believed(&second(&their_second()))
}
