//! `yizhan agreement draft`: what two networks are to agree on, as a text that nobody has signed.

use super::show::Shown;
use super::write;
use crate::commands::directory::{pair, read, vkey};
use crate::failure::Failure;
use crate::output::Output;
use clap::Args;
use std::collections::BTreeSet;
use std::path::PathBuf;
use yizhan_hierarchy::{Agreement, Crossing, Party, SignedAgreement, TrustAnchor};
use yizhan_identity::NoteVerifier;
use yizhan_node::Clock;

const DAY_MS: u64 = 24 * 3600 * 1000;

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Draft {
    /// The file; it must not be there yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A network and its node that has the link, the root of its tree; given for both
    #[arg(long, value_name = "NETWORK=NODE", required = true)]
    join: Vec<String>,
    /// An authority of a network, which the other one believes about its directory: its vkey, or a file with it
    #[arg(long, value_name = "NETWORK=VKEY|FILE", required = true)]
    authority: Vec<String>,
    /// How many of its authorities have to sign; without it all that are named
    #[arg(long, value_name = "NETWORK=K")]
    threshold: Vec<String>,
    /// What may cross out of a network: 'NETWORK AREA to AREA', perhaps with ' upto CLASSIFICATION' behind. An area is 652301,
    /// gov-office@65, 'below 65', 'counties of 65', 'prefectures of 65' or 'children of 65'
    #[arg(long, value_name = "LINE", required = true)]
    cross: Vec<Crossing>,
    /// The number of the agreement, for people; the next one where an earlier is replaced
    #[arg(long, value_name = "N", default_value_t = 1)]
    number: u64,
    /// For how many days it is good
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    days: u64,
}

pub(super) fn run(draft: &Draft, output: Output) -> Result<(), Failure> {
    if draft.file.exists() {
        return Err(Failure::Usage(format!("{} is there already; name another file", draft.file.display())));
    }
    let mut parties = draft.join.iter().map(|given| party(draft, given)).collect::<Result<Vec<_>, _>>()?;
    parties.sort_by(|one, other| one.network.cmp(&other.network));
    let named = |network: &str| parties.iter().any(|party| party.network == network);
    for given in draft.authority.iter().chain(&draft.threshold) {
        let (network, _) = pair(given, '=')?;
        if !named(network) {
            return Err(Failure::Usage(format!("{network} is not joined here: --join {network}=NODE")));
        }
    }
    let parties: [Party; 2] = parties
        .try_into()
        .map_err(|_| Failure::Usage("an agreement is of two networks: give --join twice".to_owned()))?;
    let issued = Clock::start().wall();
    let crossings: BTreeSet<Crossing> = draft.cross.iter().cloned().collect();
    let expires = issued.plus_ms(draft.days.saturating_mul(DAY_MS));
    let agreement = Agreement { version: draft.number, issued, expires, parties, crossings };
    let agreement = SignedAgreement::unsigned(agreement).map_err(|e| Failure::Usage(e.to_string()))?;
    write(&draft.file, &agreement)?;
    output.show(&Shown::of(&draft.file, &agreement), Shown::words)
}

fn party(draft: &Draft, given: &str) -> Result<Party, Failure> {
    let (network, node) = pair(given, '=')?;
    let of = |given: &&String| given.split_once('=').is_some_and(|(named, _)| named == network);
    let mut authorities = Vec::new();
    for given in draft.authority.iter().filter(of) {
        let (_, key) = pair(given, '=')?;
        authorities.push(read::<NoteVerifier>(&vkey(key)?)?);
    }
    authorities.sort();
    let threshold = match draft.threshold.iter().rfind(of) {
        Some(given) => read(pair(given, '=')?.1)?,
        None => authorities.len(),
    };
    let anchor = TrustAnchor { authorities, threshold };
    Ok(Party { network: network.to_owned(), node: read(node)?, anchor })
}
