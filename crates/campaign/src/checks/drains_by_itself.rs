//! The network drains by itself: after the last fault everything arrives and every receipt comes home, and nobody helps.

use super::Clerks;
use crate::book::{Book, Promise};
use crate::clerk::until;
use crate::failure::Failure;
use yizhan_desk::Stage;

/// Items of a queue that are asked for.
const ITEMS: usize = 10;

/// Waits until all is taken, each origin knows of it, and nothing waits anywhere.
pub async fn check(clerks: &Clerks, book: &Book) -> Result<(), Failure> {
    let promises = book.open().promises.clone();
    for promise in &promises {
        arrived(clerks, promise).await?;
    }
    until("everything that was promised is taken", || async { Ok((book.under_way() == 0).then_some(())) })
        .await?;
    for clerk in clerks.values() {
        until(&format!("nothing waits at {}", clerk.node), || async {
            let waiting = match clerk.desk().await {
                Ok(desk) => desk.queue(ITEMS).await.ok(),
                Err(_) => None,
            };
            Ok(waiting.filter(Vec::is_empty).map(drop))
        })
        .await?;
    }
    Ok(())
}

/// Waits until the origin of a document has the receipt that it lies in the inbox it was sent to.
pub async fn arrived(clerks: &Clerks, promise: &Promise) -> Result<(), Failure> {
    let Some(clerk) = clerks.get(&promise.paper.from) else { return Ok(()) };
    let what = format!("{} from {} arrives at {}", promise.id, promise.paper.from, promise.paper.to);
    until(&what, || async {
        let Ok(desk) = clerk.desk().await else { return Ok(None) };
        let Ok(track) = desk.track(promise.id).await else { return Ok(None) };
        let stages = track.destinations.iter().map(|at| at.state);
        let stage = stages.fold(None, |_, stage| Some(stage));
        match stage {
            Some(Stage::Delivered | Stage::HandedOver | Stage::SignedFor) => Ok(Some(())),
            Some(Stage::Failed | Stage::Expired) => {
                Err(Failure::broken("nothing is lost", format!("{what}: it was given up: {track:?}")))
            }
            _ => Ok(None),
        }
    })
    .await
}
