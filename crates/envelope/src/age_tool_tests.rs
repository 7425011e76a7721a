//! Tests with programs that are not ours: `age` opens what was closed here, `tar` reads what is in it.

use crate::example::{CMS, close};
use crate::member::{END, header_block};
use crate::{close_attachment, limits::ATTACHMENT_CONTENT_BYTES_MAX, open_attachment};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output};
use yizhan_identity::OpeningKey;

/// `age -d` of `file`, or `None` where age is not installed.
fn age_decrypt(folder: &Path, key: &OpeningKey, file: &[u8]) -> Option<Output> {
    std::fs::write(folder.join("key"), key.to_text().as_bytes()).unwrap();
    std::fs::write(folder.join("file.age"), file).unwrap();
    run(Command::new("age").args(["-d", "-i", "key", "file.age"]).current_dir(folder))
}

fn run(command: &mut Command) -> Option<Output> {
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "a tool is missing, and CI must not skip");
            eprintln!("skipped: {} cannot be run: {error}", command.get_program().display());
            None
        }
    }
}

#[test]
fn age_opens_slip_and_body_for_each_destination_and_tar_reads_the_members() {
    let folder = tempfile::tempdir().unwrap();
    for size in [0, 1, 65_535, 65_536, 65_537, 131_072] {
        let files = [vec![6; size], "附件".into()];
        let example = close(&files, 3);
        for (slip, opener) in example.slips.iter().zip(&example.openers) {
            let file = [slip.header.as_slice(), &example.body].concat();
            let Some(output) = age_decrypt(folder.path(), opener, &file) else { return };
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

            let mut archive = tar::Archive::new(output.stdout.as_slice());
            let mut members = Vec::new();
            for entry in archive.entries().unwrap() {
                let mut entry = entry.unwrap();
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                members.push((entry.path().unwrap().display().to_string(), content));
            }
            let wanted = [
                ("1", files[0].as_slice()),
                ("2", &files[1]),
                ("manifest", example.manifest_text.as_bytes()),
                ("manifest.p7s", CMS),
            ];
            assert!(members.iter().map(|(name, content)| (name.as_str(), content.as_slice())).eq(wanted));
        }
        let plain = age_decrypt(
            folder.path(),
            &example.openers[0],
            &[&example.slips[0].header[..], &example.body].concat(),
        );
        std::fs::write(folder.path().join("plain.tar"), plain.unwrap().stdout).unwrap();
        let Some(listed) = run(Command::new("tar").args(["-tf", "plain.tar"]).current_dir(folder.path()))
        else {
            return;
        };
        assert_eq!(String::from_utf8(listed.stdout).unwrap(), "1\n2\nmanifest\nmanifest.p7s\n");
        assert_eq!(String::from_utf8(listed.stderr).unwrap(), "");
    }
}

#[test]
fn age_refuses_a_slip_of_another_destination_and_a_body_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let example = close(&[vec![6; 100_000]], 2);
    let whole = [example.slips[0].header.as_slice(), &example.body].concat();
    let Some(other) = age_decrypt(folder.path(), &example.openers[1], &whole) else { return };
    assert!(!other.status.success());
    let cut = age_decrypt(folder.path(), &example.openers[0], &whole[..whole.len() - 1]).unwrap();
    assert!(!cut.status.success());
}

#[test]
fn age_opens_an_attachment_and_what_age_closed_opens_here() {
    let folder = tempfile::tempdir().unwrap();
    let key = OpeningKey::generate().unwrap();
    for size in [0, 1, 2000, ATTACHMENT_CONTENT_BYTES_MAX] {
        let content = vec![4; size];
        let file = close_attachment(&content, &key.public()).unwrap();
        let Some(output) = age_decrypt(folder.path(), &key, &file) else { return };
        assert!(output.status.success() && output.stdout == content);

        std::fs::write(folder.path().join("plain"), &content).unwrap();
        let recipient = key.public().to_string();
        let closed =
            run(Command::new("age").args(["-r", &recipient, "plain"]).current_dir(folder.path())).unwrap();
        assert!(closed.status.success());
        assert_eq!(*open_attachment(&closed.stdout, &key).unwrap(), content);
    }
}

#[test]
fn tar_reads_a_file_larger_than_eight_gibibytes() {
    let folder = tempfile::tempdir().unwrap();
    let size = (1 << 33) + 512;
    // A hole in the file system stands for the content.
    let path = folder.path().join("large.tar");
    std::fs::write(&path, header_block("1", size).unwrap()).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(512 + size + END.len() as u64).unwrap();
    let Some(listed) = run(Command::new("tar").args(["-n", "-tvf"]).arg(&path)) else { return };
    let line = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(String::from_utf8(listed.stderr).unwrap(), "");
    assert!(
        line.starts_with("-rw-r--r-- 0/0") && line.contains(" 8589935104 ") && line.ends_with(" 1\n"),
        "{line}"
    );
}
