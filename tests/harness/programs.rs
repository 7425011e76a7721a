//! Programs that are not `yizhan`: the auditor beside it, and tools of others that may be missing.

use super::{Network, Said, good, path_text, said};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Once;

/// Makes the auditor once, if nobody has yet.
static AUDITOR: Once = Once::new();

/// The auditor. `cargo test --workspace` has built it beside `yizhan`; where it was not built, it is now.
pub(crate) fn auditor() -> Command {
    let yizhan = Path::new(env!("CARGO_BIN_EXE_yizhan"));
    let auditor = yizhan.with_file_name("yizhan-audit");
    AUDITOR.call_once(|| {
        if !auditor.exists() {
            let folder = yizhan.parent().unwrap_or(Path::new("."));
            let target = folder.parent().unwrap_or(Path::new("."));
            let mut build = Command::new(env!("CARGO"));
            build.args(["build", "--quiet", "-p", "yizhan-audit", "--target-dir", path_text(target)]);
            if folder.file_name().is_some_and(|name| name == "release") {
                build.arg("--release");
            }
            let built = said(build.current_dir(env!("CARGO_MANIFEST_DIR")));
            assert_eq!(built.code, 0, "yizhan-audit cannot be built: {built:?}");
        }
    });
    let mut command = Command::new(auditor);
    command.stdin(Stdio::null());
    command
}

/// Whether a program of somebody else can be run. If not, the test says so and passes, but never where `CI` is set.
pub(crate) fn is_there(program: &str, asked: &str) -> bool {
    nothing_is_missing(yizhan_campaign::programs::missing(program, asked))
}

/// Whether a test has what it needs. If not, it says so and passes, but never where `CI` is set.
pub(crate) fn nothing_is_missing(why: Option<String>) -> bool {
    let Some(why) = why else { return true };
    let continuous = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!continuous, "this must not be skipped: {why}");
    eprintln!("skipped: {why}");
    false
}

impl Network {
    /// Asks the auditor about the ledgers in these folders, with the directory and the authority of this network.
    pub(crate) fn audited(&self, ledgers: &[PathBuf]) -> Said {
        said(auditor().arg("verify").args(self.trust()).arg("--json").args(ledgers))
    }

    /// Asks the auditor about an exported receipt.
    pub(crate) fn audited_receipt(&self, proof: &Path, entry: &Path) -> Said {
        let mut command = auditor();
        command.arg("receipt").args(self.trust()).arg("--json").arg(proof).arg("--entry").arg(entry);
        said(&mut command)
    }

    /// Asks the auditor about a delivery certificate.
    pub(crate) fn audited_certificate(&self, certificate: &Path) -> Said {
        said(auditor().arg("certificate").args(self.trust()).arg("--json").arg(certificate))
    }

    /// The key of a node's ledger, as the signed directory gives it.
    pub(crate) fn ledger_key(&self, node: &str) -> String {
        good(yizhan_campaign::network::Network::ledger_key(self, node))
    }

    /// Verifies a ledger with the key in the directory.
    pub(crate) fn verified(&self, node: &str, folder: &Path) -> Said {
        self.said(&["ledger", "verify", path_text(folder), "--vkey", &self.ledger_key(node), "--json"])
    }

    fn trust(&self) -> [PathBuf; 4] {
        let folder = self.folder();
        [
            "--directory".into(),
            folder.join("directory"),
            "--authority".into(),
            folder.join("authority/authority.vkey"),
        ]
    }
}
