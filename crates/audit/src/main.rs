//! `yizhan-audit`: checks copied ledgers and exported receipts, offline.

use anyhow::{Context, bail};
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use yizhan_audit::{
    Severity, ShowError, limits, render_certificate, render_receipt, render_report, show_ledger,
    verify_alone, verify_certificate, verify_network, verify_receipt,
};
use yizhan_document::{EnvelopeId, WallTime};
use yizhan_hierarchy::{Directory, TrustAnchor};
use yizhan_identity::NoteVerifier;

/// Nothing is missing, late, forged or damaged.
const GOOD: u8 = 0;
/// Something is missing, late or not provided.
const INCOMPLETE: u8 = 1;
/// Something is forged or damaged.
const FORGED: u8 = 2;
/// The arguments, or the files they name, cannot be used, or the output cannot be written (EX_USAGE of sysexits.h).
const USAGE: u8 = 64;

/// Who held which document, when, and who was late: proven from copied ledgers, without trusting any node.
#[derive(Parser)]
#[command(name = "yizhan-audit", version)]
#[command(
    after_help = "Exit codes: 0 all good; 1 something is missing, late or not provided; 2 something is forged or \
                        damaged; 64 the arguments or the files they name cannot be used, or the output \
                        cannot be written."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check ledgers and give every document a verdict.
    ///
    /// Without --directory and --authority each ledger is checked by itself, with the key that lies in it: that shows damage,
    /// but neither whose ledgers they are nor what they say of each other.
    Verify {
        #[command(flatten)]
        trust: Trust,
        /// `ledger` folders, or data folders of nodes that contain one.
        #[arg(required = true, value_name = "LEDGER_FOLDER")]
        ledgers: Vec<PathBuf>,
        /// Report on this document alone, such as 652301.0.42.
        #[arg(long, value_name = "ID")]
        document: Option<EnvelopeId>,
        /// The time of the audit (RFC 3339): what is not yet due then is under way, not missing.
        #[arg(long, value_name = "TIME")]
        at: Option<WallTime>,
        /// One JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Check one exported receipt.
    Receipt {
        #[command(flatten)]
        trust: Trust,
        /// The proof, a `.tlog-proof` file.
        proof: PathBuf,
        /// The entry it proves, byte for byte.
        #[arg(long, value_name = "FILE")]
        entry: PathBuf,
        /// One JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Check a delivery certificate: its signature, each receipt in it, and that these come to what it states.
    ///
    /// Exit code 1 if it is good and names somebody who does not have the document.
    Certificate {
        #[command(flatten)]
        trust: Trust,
        /// The certificate, as `yizhan certificate --out` wrote it.
        #[arg(value_name = "FILE")]
        certificate: PathBuf,
        /// One JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Show what a ledger holds, without checking any signature.
    Show {
        /// A `ledger` folder, or the data folder of a node.
        #[arg(value_name = "LEDGER_FOLDER")]
        ledger: PathBuf,
        /// One JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
}

/// Whom to believe.
#[derive(Args)]
struct Trust {
    /// The folder of the signed directory. One that has expired will do: it still says who was who.
    #[arg(long, value_name = "DIR", requires = "authority")]
    directory: Option<PathBuf>,
    /// A key of the authority that signed it, or a file of such keys, one a line; may be repeated.
    #[arg(long, value_name = "VKEY_OR_FILE", requires = "directory")]
    authority: Vec<String>,
    /// How many of these keys must have signed it.
    #[arg(long, default_value_t = 1, value_name = "N")]
    threshold: usize,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // Nobody is left to tell if this fails.
            drop(error.print());
            return ExitCode::from(if asked { GOOD } else { USAGE });
        }
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let outcome = run(arguments.command, &mut out).and_then(|code| Ok((code, out.flush()?).0));
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // Who closed the output has seen enough and is told nothing more.
            let closed = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
            if !error.downcast_ref::<io::Error>().is_some_and(closed) {
                drop(writeln!(io::stderr(), "yizhan-audit: {error:#}"));
            }
            ExitCode::from(USAGE)
        }
    }
}

fn run(command: Command, out: &mut dyn Write) -> anyhow::Result<u8> {
    match command {
        Command::Verify { trust, ledgers, document, at, json } => {
            if let Some(missing) = ledgers.iter().find(|folder| !folder.is_dir()) {
                bail!("{} is no folder", missing.display());
            }
            if trust.directory.is_none() {
                if document.is_some() || at.is_some() {
                    bail!(
                        "--document and --at need --directory and --authority: chains are judged with the directory's keys"
                    );
                }
                return alone(&ledgers, json, out);
            }
            let directory = trust.load()?;
            let mut report = verify_network(&directory, &ledgers, at);
            let mut code = code(report.severity());
            if let Some(id) = document {
                report = report.only(id);
                code = self::code(report.severity());
                if report.documents.is_empty() {
                    drop(writeln!(io::stderr(), "yizhan-audit: no ledger given knows a document {id}"));
                    code = code.max(INCOMPLETE);
                }
            }
            if json {
                write_json(out, &report)?;
            } else {
                write!(out, "{}", render_report(&report, &directory))?;
            }
            Ok(code)
        }
        Command::Receipt { trust, proof, entry, json } => {
            let directory = trust.load()?;
            let proof = read(&proof, yizhan_ledger::limits::PROOF_BYTES_MAX as u64)?;
            let entry = read(&entry, yizhan_ledger::ENTRY_BYTES_MAX as u64)?;
            match verify_receipt(&directory, &proof, entry) {
                Ok(finding) if json => write_json(out, &finding)?,
                Ok(finding) => write!(out, "{}", render_receipt(&finding, &directory))?,
                Err(error) => return refused(&error, json, out),
            }
            Ok(GOOD)
        }
        Command::Certificate { trust, certificate, json } => {
            let directory = trust.load()?;
            let file = read(&certificate, yizhan_ledger::limits::CERTIFICATE_BYTES_MAX)?;
            match verify_certificate(&directory, &file) {
                Ok(finding) => {
                    match json {
                        true => write_json(out, &finding)?,
                        false => write!(out, "{}", render_certificate(&finding, &directory))?,
                    }
                    Ok(if finding.missing.is_empty() { GOOD } else { INCOMPLETE })
                }
                Err(error) => refused(&error, json, out),
            }
        }
        Command::Show { ledger, json } => match show_ledger(&ledger, json, out) {
            Ok(()) => Ok(GOOD),
            Err(ShowError::Io(error)) => Err(error.into()),
            Err(error) => Err(error.into()),
        },
    }
}

/// Says why something is not believed.
fn refused(error: &dyn std::fmt::Display, json: bool, out: &mut dyn Write) -> anyhow::Result<u8> {
    match json {
        true => write_json(out, &serde_json::json!({ "refused": error.to_string() }))?,
        false => writeln!(out, "NOT VALID 无效: {error}")?,
    }
    Ok(FORGED)
}

/// Each ledger by itself.
fn alone(ledgers: &[PathBuf], json: bool, out: &mut dyn Write) -> anyhow::Result<u8> {
    let findings: Vec<_> = ledgers.iter().map(|folder| verify_alone(folder, &[])).collect();
    let ok = findings.iter().all(|finding| finding.ok);
    if json {
        write_json(out, &serde_json::json!({ "ok": ok, "alone": true, "ledgers": findings }))?;
    } else {
        findings.iter().try_for_each(|finding| writeln!(out, "{finding}"))?;
        writeln!(out, "No chain was judged 未判定: for that give --directory and --authority.")?;
    }
    Ok(if ok { GOOD } else { FORGED })
}

fn code(severity: Severity) -> u8 {
    match severity {
        Severity::Notice => GOOD,
        Severity::Incomplete => INCOMPLETE,
        Severity::Forged => FORGED,
    }
}

impl Trust {
    fn load(&self) -> anyhow::Result<Directory> {
        let Some(folder) = &self.directory else {
            bail!("say whom to believe: --directory DIR --authority VKEY_OR_FILE");
        };
        let mut keys: Vec<NoteVerifier> = Vec::new();
        for given in &self.authority {
            match given.parse() {
                Ok(key) => keys.push(key),
                Err(_) => keys.extend(read_keys(Path::new(given))?),
            }
        }
        let anchor = TrustAnchor::new(keys, self.threshold)?;
        // No clock: what was signed stays evidence after it expired.
        Directory::load(folder, &anchor, WallTime::EPOCH)
            .with_context(|| format!("the directory in {} is not believed", folder.display()))
    }
}

fn read_keys(path: &Path) -> anyhow::Result<Vec<NoteVerifier>> {
    let wanted = "--authority is a key as the authority gave it out (name+id+base64) or a file of such keys";
    let bytes = read(path, limits::KEY_FILE_BYTES_MAX).context(wanted)?;
    let text = String::from_utf8(bytes).context(wanted)?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| line.trim().parse().with_context(|| format!("{}: {wanted}", path.display()))).collect()
}

/// Reads a file that may have so many bytes.
fn read(path: &Path, most: u64) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("cannot read {}", path.display());
    let file = std::fs::File::open(path).with_context(cannot)?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).with_context(cannot)?;
    if bytes.len() as u64 > most {
        bail!("{} is longer than {most} bytes, which no such file is", path.display());
    }
    Ok(bytes)
}

fn write_json(out: &mut dyn Write, value: &impl serde::Serialize) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    writeln!(out)?;
    Ok(())
}
