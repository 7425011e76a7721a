//! The canonical workload of one trial: a few documents both ways, small and large, until all have arrived and everybody knows.

use crate::book::{Paper, Promise};
use crate::failure::{Doing, Failure};
use crate::papers::Size;
use crate::random::Random;
use crate::world::{COUNTY, REGION, RELAY, World};
use std::sync::Arc;
use tokio::task::JoinSet;

/// The documents of an errand: up and down through the relay, to the relay, and one whose body is a file.
const DOCUMENTS: [(&str, &str, Size); 5] = [
    (COUNTY, REGION, Size::Small),
    (REGION, COUNTY, Size::Small),
    (COUNTY, RELAY, Size::Small),
    (COUNTY, REGION, Size::Filed),
    (REGION, COUNTY, Size::Filed),
];

/// Documents that are being handed in.
#[derive(Debug)]
pub struct Errand {
    handing_in: JoinSet<Result<Promise, Failure>>,
    promises: Vec<Promise>,
}

impl Errand {
    /// Begins to hand the documents in, all at once; nodes that are away are asked until they are back.
    pub fn begin(world: &World, random: &mut Random) -> Result<Self, Failure> {
        let mut handing_in = JoinSet::new();
        for (from, to, size) in DOCUMENTS {
            let paper: Paper = world.paper(from, to, size, random)?;
            let (clerks, book) = (Arc::clone(&world.clerks), Arc::clone(&world.book));
            handing_in.spawn(async move {
                let clerk = clerks.get(from).ok_or_else(|| Failure::unable(from, "there is no such node"))?;
                clerk.hand_in(&book, &paper).await
            });
        }
        Ok(Self { handing_in, promises: Vec::new() })
    }

    /// Waits until all are answered for, have arrived, were taken, and each origin knows. May be given up and called again.
    pub async fn done(&mut self, world: &World) -> Result<(), Failure> {
        while let Some(handed_in) = self.handing_in.join_next().await {
            self.promises.push(handed_in.doing("handing in")??);
        }
        for promise in &self.promises {
            world.arrived(promise).await?;
        }
        Ok(())
    }

    /// Hands all in once more: each answer must be the one that was given.
    pub async fn same_answers(&self, world: &World) -> Result<(), Failure> {
        for promise in &self.promises {
            world.clerk(&promise.paper.from)?.hand_in(&world.book, &promise.paper).await?;
        }
        Ok(())
    }
}
