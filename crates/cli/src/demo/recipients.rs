//! The recipients: each takes what comes, compares every byte with what was sent, and signs for it.

use super::errands::Errand;
use super::fault::DemoFault;
use super::world::{Taken, World, patiently};
use crate::archive::Unpacked;
use crate::commands::inbox::take_into;
use crate::failure::Failure;
use futures_util::{FutureExt, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;
use yizhan_desk::limits::PAGE_ITEMS_MAX;
use yizhan_desk::{ActRequest, DeskClient, InboxItem};
use yizhan_document::{Act, EnvelopeId, OfficeAddress};

/// How long to wait for an event before looking anyway.
const TICK: Duration = Duration::from_millis(250);
/// How much of two files is compared at once, in bytes.
const STEP_BYTES: usize = 256 * 1024;

/// Receives until everything that is meant for `office` is taken and signed for.
pub(super) async fn attend(world: &World, office: &OfficeAddress) -> Result<(), DemoFault> {
    let expected = world.errands_to(office);
    let mut done = BTreeSet::new();
    // One turn for each life of the node.
    loop {
        let connect = async || {
            let client = world.client(office.node).await?;
            let events = client.events(0).await?;
            Ok((client, events))
        };
        let (client, mut events) = patiently(connect).await.map_err(DemoFault::of(office.node))?;
        loop {
            let known = world.tally.borrow().sent.len();
            match look(world, &client, office, &mut done).await {
                Ok(()) if done.len() == expected => return Ok(()),
                Ok(()) => {}
                Err(DemoFault::Node { source: Failure::Desk(error), .. }) if error.retryable() => break,
                Err(fault) => return Err(fault),
            }
            tokio::select! {
                event = events.next() => match event {
                    Some(Ok(_)) => while let Some(Some(Ok(_))) = events.next().now_or_never() {},
                    Some(Err(_)) | None => break,
                },
                // It may arrive before its sender was answered; then its id becomes known only now.
                () = world.until(|tally| tally.sent.len() != known) => {}
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }
}

/// Counts what lies in all inboxes: each document that was meant for an office once, and nothing else.
pub(super) async fn count_inboxes(world: &World) -> Result<(), DemoFault> {
    let offices: BTreeSet<&OfficeAddress> = world.errands.iter().flat_map(|errand| &errand.to).collect();
    for office in offices {
        let items = patiently(async || {
            Ok(world.client(office.node).await?.inbox(&office.office, 0, PAGE_ITEMS_MAX).await?)
        });
        let items = items.await.map_err(DemoFault::of(office.node))?;
        let mut times: BTreeMap<EnvelopeId, usize> = BTreeMap::new();
        items.iter().for_each(|item| *times.entry(item.id).or_default() += 1);
        let expected: BTreeSet<EnvelopeId> = {
            let tally = world.tally.borrow();
            let meant = tally.sent.iter().filter(|(_, sent)| {
                world.errands.get(sent.errand).is_some_and(|errand| errand.to.contains(office))
            });
            meant.map(|(id, _)| *id).collect()
        };
        world.note(|tally| {
            let counted =
                expected.iter().map(|id| ((*id, office.clone()), times.get(id).copied().unwrap_or(0)));
            tally.inboxes.extend(counted);
        });
        let wrong = expected
            .iter()
            .chain(times.keys())
            .find(|id| times.get(id).copied().unwrap_or(0) != usize::from(expected.contains(id)));
        if let Some(id) = wrong {
            let (times, expected) = (times.get(id).copied().unwrap_or(0), usize::from(expected.contains(id)));
            return Err(DemoFault::NotOnce { office: office.clone(), id: *id, times, expected });
        }
    }
    Ok(())
}

async fn look(
    world: &World,
    client: &DeskClient,
    office: &OfficeAddress,
    done: &mut BTreeSet<EnvelopeId>,
) -> Result<(), DemoFault> {
    let items = client.inbox(&office.office, 0, PAGE_ITEMS_MAX).await;
    for item in items.map_err(|error| DemoFault::of(office.node)(error.into()))? {
        let errand = {
            let tally = world.tally.borrow();
            tally.sent.get(&item.id).and_then(|sent| world.errands.get(sent.errand))
        };
        if let Some(errand) = errand.filter(|_| !done.contains(&item.id)) {
            receive(world, client, office, &item, errand).await?;
            done.insert(item.id);
        }
    }
    Ok(())
}

/// Takes a document, compares it and signs for it. Whatever of this was done before the node was killed is not done again.
async fn receive(
    world: &World,
    client: &DeskClient,
    office: &OfficeAddress,
    item: &InboxItem,
    errand: &Errand,
) -> Result<(), DemoFault> {
    let place = (item.id, office.clone());
    if !world.tally.borrow().taken.contains_key(&place) {
        let folder = world.folder.join("taken").join(office.to_string()).join(item.id.to_string());
        let unpacked =
            take_into(client, &office.office, item.id, &folder).await.map_err(DemoFault::of(office.node))?;
        let equal = compare(errand, unpacked).await?;
        let words = if equal { "every byte as it was sent" } else { "NOT AS IT WAS SENT" };
        world.show.line(&format!("{:<12} {:<7} taken by {office}: {words}", item.id, office.node));
        world.note(|tally| {
            tally.taken.insert(place.clone(), Taken { equal, arrived: item.arrived, signed: false });
        });
    }
    let request = ActRequest { act: Act::SignedFor, person: "值班员".to_owned(), reason: String::new() };
    let signed = client.act(&office.office, item.id, &request).await;
    signed.map_err(|error| DemoFault::of(office.node)(error.into()))?;
    world.note(|tally| {
        if let Some(taken) = tally.taken.get_mut(&place) {
            taken.signed = true;
        }
    });
    Ok(())
}

/// Whether a document is what was sent: sender, title, names and every byte of every file.
async fn compare(errand: &Errand, unpacked: Unpacked) -> Result<bool, DemoFault> {
    let Unpacked { manifest, files } = unpacked;
    let names = errand.files.iter().filter_map(|file| file.file_name()?.to_str());
    let said = manifest.from == errand.from
        && manifest.to == errand.to
        && manifest.label == errand.label
        && manifest.parts.iter().map(|part| part.name.as_str()).eq(names)
        && files.len() == errand.files.len();
    let pairs: Vec<(PathBuf, PathBuf)> = errand.files.iter().cloned().zip(files).collect();
    let comparing = tokio::task::spawn_blocking(move || {
        pairs.iter().try_fold(true, |equal, (sent, taken)| Ok(equal && same_bytes(sent, taken)?))
    });
    let same: Result<bool, DemoFault> =
        comparing.await.map_err(|fault| DemoFault::Step(Failure::Runtime(fault.into())))?;
    Ok(said && same?)
}

fn same_bytes(sent: &Path, taken: &Path) -> Result<bool, DemoFault> {
    let open = |path: &Path| File::open(path).map(BufReader::new).map_err(DemoFault::file(path));
    let (mut first, mut second) = (open(sent)?, open(taken)?);
    let (mut a, mut b) = (Vec::with_capacity(STEP_BYTES), Vec::with_capacity(STEP_BYTES));
    loop {
        a.clear();
        b.clear();
        (&mut first).take(STEP_BYTES as u64).read_to_end(&mut a).map_err(DemoFault::file(sent))?;
        (&mut second).take(STEP_BYTES as u64).read_to_end(&mut b).map_err(DemoFault::file(taken))?;
        if a != b || a.is_empty() {
            return Ok(a == b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn files_are_the_same_only_if_every_byte_is() {
        let folder = tempfile::tempdir().unwrap();
        let sent = folder.path().join("sent");
        let taken = folder.path().join("taken");
        let content: Vec<u8> = (0..STEP_BYTES + 5).map(|n| (n % 251) as u8).collect();
        fs::write(&sent, &content).unwrap();
        fs::write(&taken, &content).unwrap();
        assert!(same_bytes(&sent, &taken).unwrap());
        let mut changed = content.clone();
        *changed.last_mut().unwrap() ^= 1;
        fs::write(&taken, &changed).unwrap();
        assert!(!same_bytes(&sent, &taken).unwrap());
        fs::write(&taken, &content[..STEP_BYTES]).unwrap();
        assert!(!same_bytes(&sent, &taken).unwrap());
        fs::write(&sent, []).unwrap();
        fs::write(&taken, []).unwrap();
        assert!(same_bytes(&sent, &taken).unwrap());
    }
}
