//! Group commit on real files, and on a folder that fails.

use crate::{Commit, Committer, JournalReader, RealFolder, SubmitError};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use yizhan_journal::{Folder, Journal, JournalOptions, RawRecord};

/// Real files whose appends or syncs fail when told to; counts syncs.
#[derive(Clone)]
struct Faulty {
    real: RealFolder,
    full: Arc<AtomicBool>,
    broken: Arc<AtomicBool>,
    syncs: Arc<AtomicUsize>,
}

impl Faulty {
    fn new(path: &Path) -> Self {
        let real = RealFolder::open(path).unwrap();
        Self { real, full: Arc::default(), broken: Arc::default(), syncs: Arc::default() }
    }
}

impl Folder for Faulty {
    fn list(&self) -> io::Result<Vec<String>> {
        self.real.list()
    }
    fn len(&self, name: &str) -> io::Result<u64> {
        self.real.len(name)
    }
    fn create(&mut self, name: &str) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.real.create(name)
    }
    fn append(&mut self, name: &str, pieces: &[&[u8]]) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) {
            self.real.append(name, &pieces[..1])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.real.append(name, pieces)
    }
    fn shorten(&mut self, name: &str, len: u64) -> io::Result<()> {
        self.real.shorten(name, len)
    }
    fn sync(&mut self, name: &str) -> io::Result<()> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(io::Error::other("medium error"));
        }
        self.syncs.fetch_add(1, Ordering::SeqCst);
        self.real.sync(name)
    }
    fn read(&self, name: &str, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        self.real.read(name, offset, len)
    }
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.real.rename(from, to)
    }
    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.real.remove(name)
    }
}

fn open<F: Folder>(folder: F) -> (Journal<F>, Vec<RawRecord>) {
    let mut seen = Vec::new();
    let (journal, report) = Journal::open(folder, JournalOptions::new(3), &mut |_, kind, payload| {
        seen.push(RawRecord { kind, payload: payload.to_vec() });
        Ok(())
    })
    .unwrap();
    assert_eq!((report.damaged, report.torn_tail), (vec![], None));
    (journal, seen)
}

fn batch(ticket: u64) -> Vec<RawRecord> {
    vec![
        RawRecord { kind: 1, payload: ticket.to_be_bytes().to_vec() },
        RawRecord { kind: 2, payload: vec![7; 40] },
    ]
}

#[test]
fn each_ticket_is_told_once_in_order_with_locations_that_read() {
    let temp = tempfile::tempdir().unwrap();
    let folder = RealFolder::open(temp.path()).unwrap();
    let (journal, _) = open(folder.clone());
    let reader = JournalReader::new(folder, journal.reader());
    let (send, told) = mpsc::channel();
    let committer = Committer::spawn(journal, move |commit| send.send(commit).unwrap()).unwrap();
    let tickets: Vec<u64> = (0..1000).collect();
    tickets.iter().for_each(|ticket| committer.submit(batch(*ticket), *ticket).unwrap());
    let position = committer.close().unwrap();
    let mut seen = Vec::new();
    let mut last = 0;
    for commit in told {
        let Commit::Durable(group) = commit else { panic!("{commit:?}") };
        assert!(group.sequence > last);
        last = group.sequence;
        assert_eq!(group.tickets.len(), group.batches.len());
        for ((ticket, locations), records) in group.tickets.into_iter().zip(group.batches) {
            assert_eq!(records, batch(ticket));
            for (location, record) in locations.iter().zip(&records) {
                assert_eq!(reader.read(*location).unwrap(), (record.kind, record.payload.clone()));
            }
            seen.push(ticket);
        }
    }
    assert_eq!(seen, tickets);
    assert!(last < position.sequence, "the clean stop comes last");
    let (journal, seen) = open(RealFolder::open(temp.path()).unwrap());
    assert_eq!((journal.position(), seen.len()), (position, 2000));
}

#[test]
fn what_gathers_while_the_callback_works_is_one_group_with_one_sync() {
    let temp = tempfile::tempdir().unwrap();
    let folder = Faulty::new(temp.path());
    let syncs = folder.syncs.clone();
    let (journal, _) = open(folder);
    let (send, told) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    let committer = Committer::spawn(journal, move |commit| {
        send.send(commit).unwrap();
        wait.recv().unwrap();
    })
    .unwrap();
    committer.submit(batch(0), 0).unwrap();
    let Ok(Commit::Durable(first)) = told.recv() else { panic!("the first group") };
    assert_eq!(first.tickets.len(), 1);
    let before = syncs.load(Ordering::SeqCst);
    (1..=100).for_each(|ticket| committer.submit(batch(ticket), ticket).unwrap());
    go.send(()).unwrap();
    let Ok(Commit::Durable(second)) = told.recv() else { panic!("the second group") };
    assert_eq!((second.tickets.len(), second.sequence), (100, first.sequence + 1));
    assert_eq!(syncs.load(Ordering::SeqCst) - before, 1);
    go.send(()).unwrap();
    committer.close().unwrap();
}

#[test]
fn a_failed_sync_is_told_once_and_ends_everything() {
    let temp = tempfile::tempdir().unwrap();
    let folder = Faulty::new(temp.path());
    let broken = folder.broken.clone();
    let (journal, _) = open(folder);
    let (send, told) = mpsc::channel();
    let committer = Committer::spawn(journal, move |commit| send.send(commit).unwrap()).unwrap();
    committer.submit(batch(0), 0).unwrap();
    assert!(matches!(told.recv(), Ok(Commit::Durable(_))));
    broken.store(true, Ordering::SeqCst);
    committer.submit(batch(1), 1).unwrap();
    let Ok(Commit::Failed { tickets, error }) = told.recv() else { panic!("the disk failed") };
    assert_eq!(tickets, [1]);
    assert!(error.needs_restart());
    assert!(told.recv().is_err(), "told twice");
    assert!(matches!(committer.submit(batch(2), 2), Err(SubmitError::Stopped)));
    assert!(committer.close().is_err());
}

#[test]
fn a_full_disk_is_waited_for_and_the_journal_shows_no_trace_of_it() {
    let temp = tempfile::tempdir().unwrap();
    let folder = Faulty::new(temp.path());
    let full = folder.full.clone();
    let (journal, _) = open(folder);
    let (send, told) = mpsc::channel();
    let committer = Committer::spawn(journal, move |commit| send.send(commit).unwrap()).unwrap();
    for ticket in 0..4 {
        full.store(ticket % 2 == 1, Ordering::SeqCst);
        committer.submit(batch(ticket), ticket).unwrap();
        if ticket % 2 == 1 {
            let Ok(Commit::Full { error }) = told.recv() else { panic!("the disk is full") };
            assert!(error.is_full());
            full.store(false, Ordering::SeqCst);
        }
        let Ok(Commit::Durable(group)) = told.recv() else { panic!("there is room") };
        assert_eq!(group.tickets[0].0, ticket);
    }
    committer.close().unwrap();
    let (_, seen) = open(RealFolder::open(temp.path()).unwrap());
    assert_eq!(seen, (0..4).flat_map(batch).collect::<Vec<_>>());
}

#[test]
fn a_stop_does_not_wait_for_room() {
    let temp = tempfile::tempdir().unwrap();
    let folder = Faulty::new(temp.path());
    folder.full.store(true, Ordering::SeqCst);
    let (journal, _) = open(folder);
    let (send, told) = mpsc::channel();
    let committer = Committer::spawn(journal, move |commit| send.send(commit).unwrap()).unwrap();
    committer.submit(batch(1), 1).unwrap();
    assert!(matches!(told.recv(), Ok(Commit::Full { .. })));
    assert!(committer.close().is_err());
    let Ok(Commit::Failed { tickets, error }) = told.recv() else { panic!("given up") };
    assert!(tickets == [1] && error.is_full());
    assert!(open(RealFolder::open(temp.path()).unwrap()).1.is_empty());
}

#[test]
fn a_panicking_callback_leaves_nobody_waiting() {
    let temp = tempfile::tempdir().unwrap();
    let (journal, _) = open(RealFolder::open(temp.path()).unwrap());
    let committer = Committer::spawn(journal, |_| panic!("planted")).unwrap();
    let mut ticket = 0;
    // Ends, because the thread does.
    while committer.submit(batch(ticket), ticket).is_ok() {
        ticket += 1;
        std::thread::yield_now();
    }
    assert!(committer.close().is_err());
}

#[test]
fn dropping_commits_what_is_waiting_but_is_no_clean_stop() {
    let temp = tempfile::tempdir().unwrap();
    let (journal, _) = open(RealFolder::open(temp.path()).unwrap());
    let committer = Committer::spawn(journal, |_| {}).unwrap();
    (0..50).for_each(|ticket| committer.submit(batch(ticket), ticket).unwrap());
    drop(committer);
    let mut count = 0;
    let (_, report) =
        Journal::open(RealFolder::open(temp.path()).unwrap(), JournalOptions::new(3), &mut |_, _, _| {
            count += 1;
            Ok(())
        })
        .unwrap();
    assert!(report.unclean);
    assert_eq!(count, 100);
}

#[test]
fn a_full_disk_holds_nobody_up_who_submits() {
    let temp = tempfile::tempdir().unwrap();
    let folder = Faulty::new(temp.path());
    folder.full.store(true, Ordering::SeqCst);
    let (journal, _) = open(folder);
    let (send, told) = mpsc::channel();
    let committer = Committer::spawn(journal, move |commit| send.send(commit).unwrap_or_default()).unwrap();
    let (tell, done) = mpsc::channel();
    let submitting = std::thread::spawn(move || {
        // More than wait otherwise: whoever is in the middle of this has not heard yet that the disk is full.
        (0..5_000).for_each(|ticket| committer.submit(batch(ticket), ticket).unwrap());
        tell.send(()).unwrap();
        committer
    });
    done.recv_timeout(Duration::from_secs(60)).expect("whoever submits is held up by the full disk");
    assert!(matches!(told.recv(), Ok(Commit::Full { .. })));
    assert!(submitting.join().unwrap().close().is_err());
}
