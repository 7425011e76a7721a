//! Following the documents of one origin: every receipt, as the origin gets it, until all are signed for.

use super::fault::DemoFault;
use super::world::{World, patiently};
use crate::failure::Failure;
use futures_util::{FutureExt, StreamExt};
use std::time::Duration;
use yizhan_desk::{DeskClient, Stage};
use yizhan_document::{EnvelopeId, NodeId};

/// How long to wait for an event before asking anyway: a node that was started again does not repeat the events of before.
const TICK: Duration = Duration::from_millis(250);

/// Follows until every document that `origin` is to send is signed for at every destination.
pub(super) async fn follow(world: &World, origin: NodeId) -> Result<(), DemoFault> {
    let expected = world.errands_from(origin);
    // One turn for each life of the node.
    loop {
        let connect = async || {
            let client = world.client(origin).await?;
            let events = client.events(0).await?;
            Ok((client, events))
        };
        let (client, mut events) = patiently(connect).await.map_err(DemoFault::of(origin))?;
        loop {
            let known = world.tally.borrow().sent.len();
            match look(world, &client, origin).await {
                Ok(done) if done == expected => return Ok(()),
                Ok(_) => {}
                Err(DemoFault::Node { source: Failure::Desk(error), .. }) if error.retryable() => break,
                Err(fault) => return Err(fault),
            }
            tokio::select! {
                event = events.next() => match event {
                    // What else has happened already is seen by the same look.
                    Some(Ok(_)) => while let Some(Some(Ok(_))) = events.next().now_or_never() {},
                    Some(Err(_)) | None => break,
                },
                () = world.until(|tally| tally.sent.len() != known) => {}
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }
}

/// Asks after all documents of the origin, shows what is new, and tells how many are done.
async fn look(world: &World, client: &DeskClient, origin: NodeId) -> Result<usize, DemoFault> {
    let ids: Vec<EnvelopeId> = {
        let tally = world.tally.borrow();
        tally.sent.keys().filter(|id| id.origin == origin).copied().collect()
    };
    let mut done = 0;
    for id in ids {
        let signed_for = |stage: Option<&Stage>| stage == Some(&Stage::SignedFor);
        let all_signed = {
            let tally = world.tally.borrow();
            let ways = tally.sent.get(&id).map(|sent| &sent.ways);
            ways.is_some_and(|ways| ways.keys().all(|node| signed_for(tally.stages.get(&(id, *node)))))
        };
        if all_signed {
            done += 1;
            continue;
        }
        let track = client.track(id).await.map_err(|error| DemoFault::of(origin)(error.into()))?;
        for receipt in &track.receipts {
            let place = (receipt.ledger, receipt.index);
            let new = !world.tally.borrow().receipts.contains_key(&place);
            if new {
                world.show.receipt(id, receipt);
                world.note(|tally| {
                    tally.receipts.insert(place, (id, receipt.clone()));
                });
            }
        }
        for destination in &track.destinations {
            if destination.state.is_final() && destination.state != Stage::SignedFor {
                return Err(DemoFault::NotSignedFor {
                    id,
                    destination: destination.node,
                    stage: destination.state,
                });
            }
        }
        world.note(|tally| {
            tally.stages.extend(track.destinations.iter().map(|to| ((id, to.node), to.state)));
        });
        if track.destinations.iter().all(|to| to.state == Stage::SignedFor) {
            done += 1;
        }
    }
    Ok(done)
}
