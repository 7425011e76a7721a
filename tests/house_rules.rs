//! The house rules as a test: who may use whom, the three walls, small rooms with honest names.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lines of a file, at the most.
const FILE_LINES_MAX: usize = 400;
/// Files that may be longer, with their bound; this list only shrinks.
const LONGER_FILES: &[(&str, usize)] = &[];
/// Names for rooms that say nothing.
const BANNED_NAMES: &[&str] =
    &["util", "utils", "common", "helper", "helpers", "manager", "misc", "types", "core", "shared_stuff"];

/// Who may use whom; data flows downwards. A crate may use fewer than it may.
fn layers() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut layers = BTreeMap::from([
        ("planted", vec![]),
        ("document", vec![]),
        ("identity", vec!["document"]),
        ("protocol", vec!["document"]),
        ("hierarchy", vec!["document", "identity"]),
        ("envelope", vec!["document", "identity"]),
        ("ledger", vec!["document", "identity"]),
        ("exchange", vec!["document", "identity", "hierarchy", "protocol", "envelope", "ledger"]),
        // `protocol`: the journal keeps proofs in the very form in which neighbours sent them (docs/decisions/0005).
        ("journal", vec!["document", "exchange", "ledger", "protocol"]),
        ("spool", vec!["journal", "document", "exchange", "ledger", "protocol"]),
        ("link", vec!["document", "identity", "protocol"]),
        ("desk", vec!["document", "ledger"]),
        (
            "simulator",
            vec![
                "exchange",
                "journal",
                "document",
                "identity",
                "hierarchy",
                "protocol",
                "envelope",
                "ledger",
            ],
        ),
        ("audit", vec!["document", "identity", "hierarchy", "ledger"]),
        (
            "node",
            vec![
                "document",
                "identity",
                "hierarchy",
                "protocol",
                "envelope",
                "ledger",
                "exchange",
                "journal",
                "spool",
                "link",
                "desk",
            ],
        ),
        (
            "campaign",
            vec!["desk", "audit", "document", "hierarchy", "ledger", "exchange", "journal", "spool"],
        ),
        ("cli", vec!["node", "desk", "audit", "document", "identity", "hierarchy", "ledger"]),
    ]);
    // Any room may have a bug planted; there is nothing in that crate that a room could come to rest on.
    layers.iter_mut().filter(|(name, _)| **name != "planted").for_each(|(_, uses)| uses.push("planted"));
    layers
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Every Rust file below a folder, with its path from the root.
fn rust_files(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((name, read(&path)));
            }
        }
    }
    found.sort();
    found
}

/// The `yizhan-*` crates in one table of a crate's manifest.
fn uses(manifest: &str, table: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut found = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.trim() == format!("[{table}]");
        } else if inside && let Some(rest) = line.trim().strip_prefix("yizhan-") {
            found.insert(rest.split(['.', ' ', '=']).next().unwrap_or_default().to_owned());
        }
    }
    found
}

#[test]
fn dependencies_point_downwards_only() {
    let layers = layers();
    let crates: BTreeSet<String> = std::fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(
        crates,
        layers.keys().map(|name| (*name).to_owned()).collect(),
        "crates and layer table differ"
    );
    for (name, allowed) in &layers {
        let manifest = read(&root().join("crates").join(name).join("Cargo.toml"));
        for used in uses(&manifest, "dependencies") {
            assert!(allowed.contains(&used.as_str()), "{name} must not use {used}");
        }
    }
}

#[test]
fn each_wall_that_a_dependency_could_break_stands() {
    let tree = |package: &str| {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "-p", package])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let names = |tree: &str| -> BTreeSet<String> {
        tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
    };
    let forbidden = [
        ("yizhan-audit", vec!["yizhan-envelope", "yizhan-exchange", "yizhan-node", "tokio"]),
        ("yizhan-exchange", vec!["tokio", "quinn", "sled", "rustls"]),
        ("yizhan-journal", vec!["tokio", "sled"]),
        ("yizhan-simulator", vec!["tokio", "quinn", "sled"]),
        ("yizhan-link", vec!["yizhan-exchange", "yizhan-spool", "sled"]),
        ("yizhan-spool", vec!["yizhan-link", "quinn"]),
        ("yizhan-desk", vec!["yizhan-exchange", "yizhan-spool", "sled", "quinn"]),
    ];
    for (package, walls) in forbidden {
        let used = names(&tree(package));
        assert!(used.contains(package), "cargo tree said nothing of {package}");
        for wall in walls {
            assert!(!used.contains(wall), "{package} reaches {wall}");
        }
    }
}

#[test]
fn the_rules_are_no_std_and_name_no_clock_random_source_or_io() {
    let lib = read(&root().join("crates/exchange/src/lib.rs"));
    assert!(lib.lines().any(|line| line.trim() == "#![no_std]"));
    let banned = [
        "std::",
        "SystemTime",
        "Instant",
        "SystemRandom",
        "ring::",
        "println!",
        "eprintln!",
        "extern crate std",
        "HashMap",
        "HashSet",
        "tokio",
        "Uuid",
        "rand::",
    ];
    for (name, text) in rust_files("crates/exchange/src") {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            // A name that only ends like a banned one, as `string::` does, is another name.
            let names = |word: &str| {
                code.match_indices(word).any(|(at, _)| {
                    !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
                })
            };
            for word in banned {
                assert!(!names(word), "{name}:{} names {word}", number + 1);
            }
        }
    }
}

#[test]
fn only_the_clock_room_reads_the_time() {
    for (name, text) in rust_files("crates") {
        if name == "crates/node/src/clock.rs" || name.contains("/tests/") {
            continue;
        }
        let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
        let tests = code.iter().position(|line| line.contains("#[cfg(test)]")).unwrap_or(code.len());
        for line in code.iter().take(tests) {
            let reads = line.contains("SystemTime::now") || line.contains("Instant::now()");
            assert!(!reads || name.ends_with("_tests.rs"), "{name} reads the clock: {line}");
        }
    }
}

#[test]
fn every_room_says_its_purpose_first_stays_small_and_has_an_honest_name() {
    for (name, text) in
        ["crates", "tests", "benches", "examples", "fuzz/src"].into_iter().flat_map(rust_files)
    {
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("//! "), "{name} does not say its purpose in its first line");
        let bound =
            LONGER_FILES.iter().find(|(file, _)| *file == name).map_or(FILE_LINES_MAX, |(_, lines)| *lines);
        let lines = text.lines().count();
        assert!(lines <= bound, "{name} has {lines} lines, at most {bound}");
        let path = Path::new(&name);
        for part in path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()) {
            let stem = part.trim_end_matches(".rs");
            assert!(!BANNED_NAMES.contains(&stem), "{name}: `{stem}` says nothing");
        }
    }
}

#[test]
fn nothing_is_left_undone_or_ignored() {
    let words = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("#[ig", "nore"),
        concat!("FIX", "ME"),
    ];
    for (name, text) in
        ["crates", "tests", "benches", "examples", "fuzz/src"].into_iter().flat_map(rust_files)
    {
        for word in words {
            assert!(!text.contains(word), "{name} contains {word}");
        }
    }
}

#[test]
fn every_crate_stands_in_the_architecture_and_every_crate_there_exists() {
    let architecture = read(&root().join("ARCHITECTURE.md"));
    for name in layers().keys() {
        assert!(
            architecture.contains(&format!("`crates/{name}`")),
            "ARCHITECTURE.md does not name crates/{name}"
        );
    }
    for part in architecture.split("`crates/").skip(1) {
        let path = part.split('`').next().unwrap_or_default();
        assert!(
            root().join("crates").join(path).exists(),
            "ARCHITECTURE.md names crates/{path}, which is not there"
        );
    }
}

#[test]
fn every_requirement_of_the_protocol_is_numbered_once_and_cited_by_code() {
    let protocol = read(&root().join("docs/protocol.md"));
    let numbers: Vec<&str> = protocol
        .lines()
        .filter_map(|line| line.strip_prefix("**MUST-"))
        .filter_map(|rest| rest.split("**").next())
        .map(|number| number.trim_end_matches('.'))
        .collect();
    assert!(numbers.len() >= 20, "docs/protocol.md has only {} requirements", numbers.len());
    let unique: BTreeSet<&&str> = numbers.iter().collect();
    assert_eq!(unique.len(), numbers.len(), "a requirement is numbered twice");
    let sources: String = ["crates", "tests"]
        .into_iter()
        .flat_map(rust_files)
        .map(|(_, text)| text)
        .collect::<Vec<_>>()
        .join("\n");
    for number in numbers {
        assert!(sources.contains(&format!("MUST-{number}")), "no code or test cites MUST-{number}");
    }
}

#[test]
fn no_build_of_the_product_holds_a_planted_bug() {
    let manifests = layers().into_keys().map(|name| format!("crates/{name}/Cargo.toml"));
    for name in manifests.chain(["Cargo.toml".to_owned()]) {
        let uses_it = |line: &&str| line.contains("planted") && line.contains("feature");
        let manifest = read(&root().join(&name));
        let allowed = usize::from(name == "crates/planted/Cargo.toml");
        let found = manifest.lines().filter(|line| !line.starts_with('#')).filter(uses_it).count();
        assert_eq!(found, 0, "{name} switches planted bugs on");
        let features = manifest.matches("\nplanted = [").count();
        assert_eq!(features, allowed, "{name}: only crates/planted has the feature, and nothing turns it on");
    }
    let bugs = read(&root().join("crates/planted/src/bugs.rs"));
    let lines = bugs.lines().filter(|line| line.contains("\" breaks \""));
    let mut names: Vec<&str> = lines.filter_map(|line| line.split('"').nth(1)).collect();
    assert!(names.len() >= 20, "only {names:?}");
    names.push("YIZHAN_PLANTED");
    let program = std::fs::read(env!("CARGO_BIN_EXE_yizhan")).unwrap();
    let program = String::from_utf8_lossy(&program);
    for name in names {
        assert!(!program.contains(name), "the program knows the planted bug {name}");
    }
}

#[test]
fn no_private_key_and_no_path_of_a_machine_is_committed() {
    let output = Command::new("git").args(["ls-files"]).current_dir(root()).output();
    let Ok(output) = output else {
        assert!(std::env::var_os("CI").is_none(), "a tool is missing, and CI must not skip");
        eprintln!("skipped: git is not installed");
        return;
    };
    let key = concat!("BEGIN ", "PRIVATE KEY");
    for name in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(text) = std::fs::read_to_string(root().join(name)) else { continue };
        let quoted = name.ends_with(".rs") || name.ends_with(".md");
        assert!(quoted || !text.contains(key), "{name} holds a private key");
        for home in [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/wo", "rk/")] {
            assert!(!text.contains(home), "{name} names a path of a machine");
        }
    }
}
