//! What is durable is durable under its name: the order of syncs, renames and new names, as the kernel is asked for them.
//!
//! A power cut on ext4 shows little of this, since it writes a new name together with what was synced in the file; other file
//! systems do not. So strace watches the calls.
#![cfg(test)]
#![allow(clippy::print_stderr, reason = "this is test code in a file of its own")]

use std::io::Write;
use std::path::Path;
use std::process::Command;
use yizhan_document::Digest;
use yizhan_journal::Folder;
use yizhan_spool::{BodyStore, RealFolder};

/// The name of the test that strace watches.
const WATCHED: &str = "segments_and_bodies_are_written_and_renamed";
const FOLDER: &str = "YIZHAN_TEST_FOLDER";

/// Writes and renames what a node does, in the folder that the environment names or in one of its own.
#[test]
fn segments_and_bodies_are_written_and_renamed() {
    let own = tempfile::tempdir().unwrap();
    let given = std::env::var_os(FOLDER);
    let at = given.as_ref().map_or(own.path(), Path::new);
    let (journal, bodies) = (at.join("journal"), at.join("bodies"));
    std::fs::create_dir(&journal).unwrap();
    let mut folder = RealFolder::open(&journal).unwrap();
    for name in ["1.new", "2.seg"] {
        folder.create(name).unwrap();
        folder.append(name, &[b"batch"]).unwrap();
        folder.sync(name).unwrap();
    }
    folder.rename("1.new", "1.seg").unwrap();
    assert_eq!(folder.list().unwrap(), ["1.seg", "2.seg"]);

    let store = BodyStore::open(&bodies).unwrap();
    let (closed, came) = (Digest::of(b"closed here"), Digest::of(b"came in"));
    let mut closing = store.closing().unwrap();
    closing.write_all(b"body").unwrap();
    closing.finish_as(closed).unwrap();
    let mut incoming = store.incoming(came, 4).unwrap();
    incoming.append(b"body").unwrap();
    incoming.finish().unwrap();
    assert!(store.contains(closed) && store.contains(came));
}

#[test]
fn a_file_is_synced_before_it_is_renamed_and_its_folder_after_each_new_name() {
    if let Err(error) = Command::new("strace").arg("--version").output() {
        assert!(std::env::var_os("CI").is_none(), "CI must not skip: strace: {error}");
        eprintln!("skipped: strace: {error}");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let (report, folder) = (place.path().join("report"), place.path().join("node"));
    std::fs::create_dir(&folder).unwrap();
    let watched = Command::new("strace")
        .args(["-f", "-y", "-qq", "-e", "trace=openat,rename,fsync,fdatasync", "-e", "signal=none", "-o"])
        .arg(&report)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", WATCHED])
        .env(FOLDER, &folder)
        .output()
        .unwrap();
    assert!(watched.status.success(), "{}", String::from_utf8_lossy(&watched.stdout));
    let text = std::fs::read_to_string(&report).unwrap();
    let folder = folder.to_str().unwrap();
    let calls: Vec<Call<'_>> = text.lines().filter_map(|line| Call::read(line, folder)).collect();
    let (mut names, mut renames) = (0, 0);
    for (at, call) in calls.iter().enumerate() {
        // A part is nothing before it is renamed.
        let counts = |name: &str| !name.ends_with(".part");
        let name = match call {
            Call::Create(name) if counts(name) => *name,
            Call::Rename(from, to) => {
                let synced = calls.iter().take(at).any(|call| *call == Call::Sync(from));
                assert!(synced, "{from} was not synced before it became {to}:\n{text}");
                renames += 1;
                *to
            }
            _ => continue,
        };
        names += 1;
        let parent = name.rsplit_once('/').map_or("", |(parent, _)| parent);
        let next = calls.iter().skip(at + 1).find(|call| matches!(call, Call::Sync(_)));
        assert_eq!(next, Some(&Call::Sync(parent)), "the name {name} was not made durable:\n{text}");
    }
    assert_eq!((names, renames), (5, 3), "{text}");
}

/// A call of the watched process that is of interest.
#[derive(Debug, PartialEq, Eq)]
enum Call<'a> {
    Create(&'a str),
    Rename(&'a str, &'a str),
    Sync(&'a str),
}

impl<'a> Call<'a> {
    /// Reads a line such as `17 fsync(4</folder/journal>) = 0`; nothing if it concerns nothing in the folder.
    fn read(line: &'a str, folder: &str) -> Option<Self> {
        let call = line.split_once(' ')?.1.trim_start();
        let quoted = |nth: usize| call.split('"').nth(nth * 2 + 1).filter(|path| path.starts_with(folder));
        if call.starts_with("openat(") && call.contains("O_CREAT") {
            return quoted(0).map(Self::Create);
        }
        if call.starts_with("rename(") {
            return Some(Self::Rename(quoted(0)?, quoted(1)?));
        }
        let synced = call.starts_with("fsync(") || call.starts_with("fdatasync(");
        let path = call.split_once('<')?.1.split_once('>')?.0;
        (synced && path.starts_with(folder)).then_some(Self::Sync(path))
    }
}
