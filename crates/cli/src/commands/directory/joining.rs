//! The flags of `yizhan directory edit` that join another network, or end that.

use super::edit::{pair, read};
use super::source::parcel;
use crate::commands::agreement;
use crate::failure::Failure;
use crate::reach::Reach;
use clap::Args;
use std::path::PathBuf;
use yizhan_document::WallTime;
use yizhan_hierarchy::{DraftJoined, Edit as Made, JoinedHead};

#[derive(Debug, Args)]
#[group(skip)]
#[command(
    next_help_heading = "Another network 互通, joined by an agreement that the authorities of both signed"
)]
pub(super) struct JoiningFlags {
    /// The agreement by which another network is joined, or one that takes the place of the one before
    #[arg(long, value_name = "FILE", requires = "other")]
    agreement: Option<PathBuf>,
    /// The other network's directory as it is signed: a folder or a tar archive. Later versions of it come by themselves
    #[arg(long, value_name = "FOLDER|FILE.tar", requires = "agreement")]
    other: Option<String>,
    /// End the agreement with a network (终止), now or at a time: nothing new is handed in by it, and what was accepted before goes on
    /// to its end. Drop it 30 days later
    #[arg(long, value_name = "NETWORK[=TIME]")]
    end_agreement: Vec<String>,
    /// Name the agreement with a network no more: its nodes are known no more, and what is under way to or from them ends only by its
    /// deadline
    #[arg(long, value_name = "NETWORK")]
    drop_agreement: Vec<String>,
}

impl JoiningFlags {
    /// The changes that are meant for the directory of `network`.
    pub(super) fn made(&self, network: &str, now: WallTime, reach: &Reach) -> Result<Vec<Made>, Failure> {
        let mut made: Vec<Made> = self.drop_agreement.iter().cloned().map(Made::DropAgreement).collect();
        if let (Some(file), Some(other)) = (&self.agreement, &self.other) {
            let (signed, theirs) = (agreement::read(file)?, parcel(other, reach)?);
            let part = JoinedHead::new(&signed, network, &theirs.root, &theirs.ca)?;
            let mut files = theirs.files;
            files.retain(|node, _| part.head.digest_of(*node).is_some());
            made.push(Made::Join(Box::new(DraftJoined { part, files })));
        }
        for given in &self.end_agreement {
            let (network, at) = match given.contains('=') {
                true => pair(given, '=').and_then(|(network, at)| Ok((network, read(at)?)))?,
                false => (given.as_str(), now),
            };
            made.push(Made::EndAgreement(network.to_owned(), at));
        }
        Ok(made)
    }
}
