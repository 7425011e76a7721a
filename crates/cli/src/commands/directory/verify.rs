//! `yizhan directory verify`: a version is checked by itself, with the authorities that a node or the command line names.

use super::source::{anchor, parcel};
use crate::failure::Failure;
use crate::output::Output;
use crate::reach::Reach;
use crate::table::moment;
use clap::Args;
use serde::Serialize;
use std::fs;
use std::path::Path;
use yizhan_document::{Digest, NodeId, WallTime};
use yizhan_hierarchy::{Parcel, TrustAnchor, limits::GRACE_MS};
use yizhan_node::Clock;

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Verify {
    /// A folder, a tar archive, or the number of a version that the node keeps
    #[arg(value_name = "FOLDER|FILE.tar|VERSION")]
    which: String,
    /// An authority: its vkey, or a file with it; else those of the node or network that is named
    #[arg(long, value_name = "VKEY|FILE")]
    authority: Vec<String>,
    /// How many of them have to have signed
    #[arg(long, value_name = "K", default_value_t = 1, requires = "authority")]
    threshold: usize,
    #[command(flatten)]
    reach: Reach,
}

/// A version that verified.
#[derive(Debug, Serialize)]
pub(super) struct Verified {
    /// The network.
    pub(super) network: String,
    /// The version.
    pub(super) version: u64,
    /// The digest of the root's text.
    pub(super) root: Digest,
    /// When it was issued.
    pub(super) issued: WallTime,
    /// When it expires.
    pub(super) expires: WallTime,
    /// Whether it lives on grace.
    pub(super) expired: bool,
    /// The configured authorities that signed it.
    pub(super) signers: Vec<String>,
    /// How many divisions it has.
    pub(super) divisions: usize,
    /// The lists of delegated subtrees.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) delegated: Vec<VerifiedList>,
    /// The joined networks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) joined: Vec<VerifiedJoined>,
}

/// A joined network that verified, by the agreement that both sides signed.
#[derive(Debug, Serialize)]
pub(super) struct VerifiedJoined {
    /// Its name.
    pub(super) network: String,
    /// The version of its own directory.
    version: u64,
    /// The number of the agreement.
    agreement: u64,
    /// Whether anything new may cross: `in-force`, or why not.
    standing: &'static str,
    /// How many divisions it has.
    divisions: usize,
}

impl VerifiedJoined {
    /// As it stands in a line.
    pub(super) fn words(&self) -> String {
        let Self { network, version, agreement, standing, divisions } = self;
        format!(
            "joined 互通 {network} version {version}: {divisions} divisions, agreement {agreement} {standing}"
        )
    }
}

/// The list of a delegated subtree that verified.
#[derive(Debug, Serialize)]
pub(super) struct VerifiedList {
    /// The node whose subtree it is.
    pub(super) node: NodeId,
    /// Its version.
    version: u64,
    /// When it or the delegation expires.
    expires: WallTime,
    /// Whether it lives on grace, or longer.
    expired: bool,
    /// The delegates that signed it.
    signers: Vec<String>,
    /// How many divisions it has.
    divisions: usize,
}

impl VerifiedList {
    /// As it stands in a line.
    pub(super) fn words(&self) -> String {
        let Self { node, version, divisions, .. } = self;
        let grace = if self.expired { " EXPIRED 已过期" } else { "" };
        let (signers, expires) = (self.signers.join(", "), moment(self.expires));
        format!(
            "list of {node} version {version}: {divisions} divisions, signed by {signers}, expires {expires}{grace}"
        )
    }
}

pub(super) fn run(verify: &Verify, output: Output) -> Result<(), Failure> {
    let anchor = match verify.authority.as_slice() {
        [] => anchor(&verify.reach.config()?)?,
        given => {
            let vkeys = given.iter().map(|given| vkey(given)).collect::<Result<Vec<_>, _>>()?;
            TrustAnchor::from_vkeys(vkeys.iter().map(String::as_str), verify.threshold)?
        }
    };
    let verified = verified(&parcel(&verify.which, &verify.reach)?, &anchor)?;
    output.show(&verified, words)
}

/// Checks a version, and says who signed it.
pub(super) fn verified(parcel: &Parcel, anchor: &TrustAnchor) -> Result<Verified, Failure> {
    let now = Clock::start().wall();
    let directory = parcel.verify(anchor, &[], now, GRACE_MS)?;
    let head = parcel.claimed_head()?;
    let note = head.notes().next();
    let signed =
        anchor.authorities.iter().filter(|authority| note.is_some_and(|note| note.verified_by(authority)));
    let lists = directory.delegations().iter().zip(&head.branches).zip(head.notes().skip(1));
    let delegated = lists.map(|((delegation, branch), note)| {
        let signed = delegation.delegates.iter().filter(|delegate| note.verified_by(delegate));
        let expires = branch.expires.min(delegation.expires);
        VerifiedList {
            node: branch.node,
            version: branch.version,
            expires,
            expired: now >= expires,
            signers: signed.map(|delegate| delegate.name().to_owned()).collect(),
            divisions: branch.divisions.len(),
        }
    });
    let joined = directory.joined().iter().map(|joined| VerifiedJoined {
        network: joined.network().to_owned(),
        version: joined.directory.version,
        agreement: joined.agreement().version,
        standing: joined.standing(now).as_str(),
        divisions: joined.directory.divisions().len(),
    });
    Ok(Verified {
        network: directory.network.clone(),
        version: directory.version,
        root: directory.stamp().root,
        issued: directory.issued,
        expires: directory.expires,
        expired: directory.is_expired(now),
        signers: signed.map(|authority| authority.name().to_owned()).collect(),
        divisions: directory.listed_divisions(),
        delegated: delegated.collect(),
        joined: joined.collect(),
    })
}

/// A vkey, or the content of a file with it.
pub(crate) fn vkey(given: &str) -> Result<String, Failure> {
    let path = Path::new(given);
    if path.exists() {
        return fs::read_to_string(path).map_err(Failure::file(path, "cannot be read"));
    }
    Ok(given.to_owned())
}

fn words(verified: &Verified) -> String {
    let grace = if verified.expired { " EXPIRED 已过期, gone by for 30 days after" } else { "" };
    let lists = verified.delegated.iter().map(VerifiedList::words);
    let lists = lists.chain(verified.joined.iter().map(VerifiedJoined::words));
    let lists: String = lists.map(|line| format!("\n{line}")).collect();
    format!(
        "Version {} of {} verifies 验证通过: {} divisions, signed by {}\nissued {}, expires {}{grace}\nroot {}{lists}",
        verified.version,
        verified.network,
        verified.divisions,
        verified.signers.join(", "),
        moment(verified.issued),
        moment(verified.expires),
        verified.root
    )
}
