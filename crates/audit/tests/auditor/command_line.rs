//! The real binary: arguments, output, exit codes.

use crate::world::{World, header, node, unit};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use yizhan_ledger::tiles::FolderTiles;
use yizhan_ledger::{Log, Receipt};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_yizhan-audit")).args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// `verify` over all nodes' data folders.
fn verify(world: &World, more: &[&str]) -> Output {
    let directory = world.folder.path().join("directory");
    let authority = world.authority.verifier().to_string();
    let mut arguments =
        vec!["verify", "--directory", directory.to_str().unwrap(), "--authority", authority.as_str()];
    arguments.extend(more);
    let folders: Vec<_> = world.publish().iter().map(|folder| folder.parent().unwrap().to_owned()).collect();
    arguments.extend(folders.iter().map(|folder| folder.to_str().unwrap()));
    run(&arguments)
}

#[test]
fn a_good_network_gives_exit_code_0_and_the_verdict_first() {
    let mut world = World::new();
    world.deliver(0);
    let output = verify(&world, &[]);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.starts_with("ALL GOOD 完好\n1 of 1 chains verified"), "{text}");
    assert!(text.contains("SignedFor 签收"), "{text}");
    assert!(
        text.contains("RelayAcceptance 接转 from 6523, offer 0  [65.0 #1]  proven by both sides, witnessed"),
        "{text}"
    );
}

#[test]
fn the_json_is_one_object_with_the_fields_of_the_report() {
    let mut world = World::new();
    let id = world.deliver(0);
    let json: Value = serde_json::from_slice(&verify(&world, &["--json"]).stdout).unwrap();
    assert_eq!((&json["chains"], &json["chains_verified"]), (&1.into(), &1.into()));
    assert_eq!(json["documents"][0]["id"], id.to_string());
    let chain = &json["documents"][0]["destinations"][0];
    assert_eq!((&chain["node"], &chain["verdict"]["is"]), (&"6531".into(), &"complete".into()));
    assert_eq!(chain["hops"][1]["kind"], "RelayAcceptance");
    assert_eq!(json["ledgers"].as_array().unwrap().len(), 7);
    assert_eq!(json["problems"], Value::Array(Vec::new()));
}

#[test]
fn something_missing_gives_exit_code_1_and_something_forged_2() {
    let mut world = World::new();
    world.deliver(0);
    let (id, _) = world.submit("652301", 70, 1, &["65"]);
    let output = verify(&world, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("MISSING 下落不明: last held by 652301"), "{}", text(&output));
    // Not yet due, it is under way.
    assert_eq!(verify(&world, &["--at", "2026-11-20T08:10:00Z"]).status.code(), Some(0));
    // The other document is fine.
    let other = verify(&world, &["--document", "652301.0.0", "--json"]);
    let json: Value = serde_json::from_slice(&other.stdout).unwrap();
    assert_eq!((other.status.code(), json["documents"].as_array().unwrap().len()), (Some(0), 1));
    assert_eq!(verify(&world, &["--document", "652301.0.77"]).status.code(), Some(1));

    let event = yizhan_ledger::Event::AcceptanceRejectionExpiry {
        id,
        envelope: header(id),
        units: vec![unit("65", 0)],
    };
    world.enter("653130", 80, event);
    let output = verify(&world, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("WRONG [end-without-custody] 653130.0 #1"), "{}", text(&output));
}

#[test]
fn wrong_arguments_give_exit_code_64_and_say_what_is_wrong() {
    let world = World::new();
    let folder = world.publish().remove(0);
    let (folder, directory) = (folder.to_str().unwrap(), world.folder.path().join("directory"));
    let directory = directory.to_str().unwrap();
    let key = world.authority.verifier().to_string();
    let stranger = World::new().authority.verifier().to_string();
    for arguments in [
        vec![],
        vec!["verify"],
        vec!["verify", "--directory", directory, "--authority", &key],
        vec!["verify", "--directory", directory, "--authority", "nonsense", folder],
        vec!["verify", "--directory", directory, "--authority", &stranger, folder],
        vec!["verify", "--directory", directory, "--authority", &key, "--threshold", "2", folder],
        vec!["verify", "--directory", "/nonexistent", "--authority", &key, folder],
        vec!["verify", "--directory", directory, "--authority", &key, "/nonexistent"],
        vec!["verify", "--directory", directory, "--authority", &key, "--document", "x", folder],
        vec!["show", directory],
    ] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
    assert_eq!(run(&["--help"]).status.code(), Some(0));
}

#[test]
fn without_a_directory_each_ledger_is_checked_by_itself_and_nothing_more_is_claimed() {
    let mut world = World::new();
    world.deliver(0);
    let folders = world.publish();
    let mut arguments = vec!["verify", "--json"];
    arguments.extend(folders.iter().map(|folder| folder.to_str().unwrap()));
    let output = run(&arguments);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &said["ok"], &said["alone"]), (Some(0), &true.into(), &true.into()));
    assert!(said["ledgers"].as_array().unwrap().iter().all(|ledger| ledger["key_given"] == false));
    assert!(said.get("chains_verified").is_none(), "chains take the directory's keys");

    let checkpoint = folders[0].join("checkpoint");
    let mut bytes = fs::read(&checkpoint).unwrap();
    let root = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 4;
    bytes[root] ^= 1;
    fs::write(&checkpoint, bytes).unwrap();
    assert_eq!(run(&arguments).status.code(), Some(2));
    // A question about a document is not answered without keys from elsewhere.
    arguments.extend(["--document", "652301.0.0"]);
    assert_eq!(run(&arguments).status.code(), Some(64));
}

#[test]
fn the_authority_may_be_a_file_of_keys() {
    let mut world = World::new();
    world.deliver(0);
    let file = world.folder.path().join("authority.vkey");
    fs::write(&file, format!("{}\n", world.authority.verifier())).unwrap();
    let directory = world.folder.path().join("directory");
    let folders = world.publish();
    let mut arguments = vec!["verify", "--authority", file.to_str().unwrap(), "--directory"];
    arguments.push(directory.to_str().unwrap());
    arguments.extend(folders.iter().map(|folder| folder.to_str().unwrap()));
    assert_eq!(run(&arguments).status.code(), Some(0));
}

/// Exports the receipt for one entry, as a node would.
fn export(world: &World, of: &str, index: u64, into: &Path) {
    let folder = world.ledger_folder(of);
    let (log, _) = Log::open(FolderTiles::new(&folder)).unwrap();
    let receipt = Receipt {
        entry: log.entry(index).unwrap(),
        index,
        path: log.inclusion(index, log.size()).unwrap(),
        checkpoint: fs::read_to_string(folder.join("checkpoint")).unwrap(),
    };
    fs::write(into.join("receipt.tlog-proof"), receipt.to_proof()).unwrap();
    fs::write(into.join("receipt.json"), receipt.entry).unwrap();
}

#[test]
fn a_receipt_is_checked_and_a_changed_one_refused() {
    let mut world = World::new();
    world.deliver(0);
    world.scribes.get_mut(&node("6531")).unwrap().witnesses = vec![node("65")];
    world.publish();
    let folder = world.folder.path();
    export(&world, "6531", 4, folder);
    let (proof, entry) = (folder.join("receipt.tlog-proof"), folder.join("receipt.json"));
    let (directory, key) = (folder.join("directory"), world.authority.verifier().to_string());
    let check = |more: &[&str]| {
        let mut arguments =
            vec!["receipt", "--directory", directory.to_str().unwrap(), "--authority", key.as_str()];
        arguments.extend([proof.to_str().unwrap(), "--entry", entry.to_str().unwrap()]);
        arguments.extend(more);
        run(&arguments)
    };
    let output = check(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(
        text(&output).starts_with("GOOD 有效: 6531 6531 号驿站 entered SignedFor 签收"),
        "{}",
        text(&output)
    );
    assert!(text(&output).contains("cosigned (见证) by 65"), "{}", text(&output));
    let json: Value = serde_json::from_slice(&check(&["--json"]).stdout).unwrap();
    assert_eq!((&json["ledger"], &json["entry"]["kind"]), (&"6531.0".into(), &"SignedFor".into()));

    let original = fs::read_to_string(&entry).unwrap();
    fs::write(&entry, original.replacen("SignedFor", "Refused", 1)).unwrap();
    let output = check(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).starts_with("NOT VALID 无效"), "{}", text(&output));
    let json: Value = serde_json::from_slice(&check(&["--json"]).stdout).unwrap();
    assert!(json["refused"].is_string());
}

#[test]
fn a_ledger_is_shown_as_it_stands() {
    let mut world = World::new();
    world.deliver(0);
    world.publish();
    let folder = world.ledger_folder("6531");
    let output = run(&["show", folder.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        text(&output).contains("#4 2026-11-20T08:01:01.000Z SignedFor 652301.0.0 for 6531/0"),
        "{}",
        text(&output)
    );
    let output = run(&["show", folder.to_str().unwrap(), "--json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&json["ledger"], &json["size"], &json["entries_have_root"]),
        (&"6531.0".into(), &5.into(), &true.into())
    );
    assert_eq!(json["entries"][4]["kind"], "SignedFor");
}

/// The program in `docs/receipts.md`, which shares no code with this repository.
fn program_of_a_stranger() -> String {
    let text = include_str!("../../../../docs/receipts.md");
    let (_, rest) = text.split_once("```python\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_program_in_the_documentation_comes_to_the_same_result() {
    let has = Command::new("python3").args(["-c", "import cryptography"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "a tool is missing, and CI must not skip");
        eprintln!("skipped: python3 with the package cryptography is not installed");
        return;
    }
    let mut world = World::new();
    for counter in 0..30 {
        world.deliver(counter);
    }
    world.publish();
    let folder = world.folder.path();
    let program = folder.join("check.py");
    fs::write(&program, program_of_a_stranger()).unwrap();
    let key = world.scribes[&node("6531")].signer.verifier().to_string();
    let (proof, entry) = (folder.join("receipt.tlog-proof"), folder.join("receipt.json"));
    let check =
        || Command::new("python3").args([&program, &proof, &entry]).arg(&key).output().unwrap().status;
    for index in [0, 1, 77, 120] {
        export(&world, "6531", index, folder);
        assert!(check().success(), "entry {index}");
        let bytes = fs::read(&entry).unwrap();
        fs::write(&entry, [bytes.as_slice(), b"\n"].concat()).unwrap();
        assert!(!check().success(), "a changed entry {index}");
    }
}
