//! `yizhan agreement show` and `verify`: what was agreed on, and who has signed it.

use super::read;
use crate::failure::Failure;
use crate::output::Output;
use crate::table::{moment, shown};
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};
use yizhan_document::{Digest, NodeId, WallTime};
use yizhan_hierarchy::{Party, SignedAgreement};

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Show {
    /// The file of the agreement
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// An agreement as it is shown.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    file: PathBuf,
    /// The digest of its text, by which roots name it.
    digest: Digest,
    version: u64,
    issued: WallTime,
    expires: WallTime,
    parties: Vec<ShownParty>,
    crossings: Vec<String>,
    /// Whether enough authorities of both networks have signed.
    complete: bool,
}

#[derive(Debug, Serialize)]
struct ShownParty {
    network: String,
    node: NodeId,
    authorities: Vec<String>,
    threshold: usize,
    /// Those of the authorities that have signed.
    signed: Vec<String>,
    missing: usize,
}

pub(super) fn run(show: &Show, output: Output) -> Result<(), Failure> {
    output.show(&Shown::of(&show.file, &read(&show.file)?), Shown::words)
}

pub(super) fn verify(show: &Show, output: Output) -> Result<(), Failure> {
    let agreement = read(&show.file)?;
    agreement.check_signatures().map_err(|e| Failure::NotAsItShouldBe(e.to_string()))?;
    output.show(&Shown::of(&show.file, &agreement), Shown::words)
}

impl Shown {
    /// From what a file holds.
    pub(super) fn of(file: &Path, signed: &SignedAgreement) -> Self {
        let agreement = &signed.agreement;
        let party = |party: &Party| {
            let (have, need) = signed.signatures(party);
            let authorities = party.anchor.authorities.iter();
            let by = authorities.clone().filter(|authority| signed.note.verified_by(authority));
            ShownParty {
                network: party.network.clone(),
                node: party.node,
                signed: by.map(|authority| authority.name().to_owned()).collect(),
                authorities: authorities.map(ToString::to_string).collect(),
                threshold: need,
                missing: need.saturating_sub(have),
            }
        };
        Self {
            file: file.to_owned(),
            digest: agreement.digest(),
            version: agreement.version,
            issued: agreement.issued,
            expires: agreement.expires,
            parties: agreement.parties.iter().map(party).collect(),
            crossings: agreement.crossings.iter().map(ToString::to_string).collect(),
            complete: signed.check_signatures().is_ok(),
        }
    }

    /// For people, with what to do next.
    pub(super) fn words(&self) -> String {
        let mut text = format!(
            "Agreement 互通协议 version {}, issued {}, expires {}\ndigest {}\n",
            self.version,
            moment(self.issued),
            moment(self.expires),
            self.digest
        );
        for ShownParty { network, node, authorities, threshold, signed, missing } in &self.parties {
            let signed = if signed.is_empty() { "nobody 无".to_owned() } else { signed.join(", ") };
            text.push_str(&format!(
                "{} joins at 接口 {node}: {threshold} of its {} authorities sign; signed 已签署 by {}",
                shown(network),
                authorities.len(),
                shown(&signed),
            ));
            text.push_str(&if *missing > 0 {
                format!("; {missing} missing 尚缺\n")
            } else {
                "\n".to_owned()
            });
        }
        self.crossings
            .iter()
            .for_each(|line| text.push_str(&format!("May cross 准许互通: {}\n", shown(line))));
        let file = self.file.display();
        text.push_str(&if self.complete {
            format!("complete: each network drafts it in: yizhan directory edit DRAFT --agreement {file} --other DIRECTORY")
        } else {
            format!("next: yizhan agreement sign {file} --key FILE")
        });
        text
    }
}
