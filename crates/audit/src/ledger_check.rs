//! One ledger by itself: whose it is, whether the directory's key signed it, whether its files bear its checkpoint out.

use crate::ledger_copy::{LedgerCopy, ledger_folder};
use crate::problem::{Fault, Problem, Problems, Severity};
use crate::report::{LedgerFinding, WitnessedBy};
use std::path::Path;
use yizhan_document::{Digest, LedgerId, WallTime};
use yizhan_hierarchy::Directory;
use yizhan_identity::{NoteError, NoteVerifier, SignedNote};
use yizhan_ledger::tiles::{CHECKPOINT_PATH, FolderTiles, TileStore, VKEY_PATH};
use yizhan_ledger::{Checkpoint, SignedCheckpoint, ledger_of, origin_of, verify_ledger};

/// The key that has to sign a ledger's checkpoints: the one that the directory gives its node, under the name of that
/// ledger. `None` if the directory has no such node.
pub fn ledger_key(directory: &Directory, ledger: LedgerId) -> Option<Result<NoteVerifier, NoteError>> {
    let key = &directory.division(ledger.node)?.ledger;
    let name = origin_of(directory.network_of(ledger.node), ledger);
    if key.name() == name {
        return Some(Ok(key.clone()));
    }
    // The text form of a key is name+id+base64, and its id is over name, newline, type and key (C2SP signed-note).
    let text = key.to_string();
    let base64 = text.splitn(3, '+').nth(2).unwrap_or_default();
    let digest = Digest::of_all(&[name.as_bytes(), b"\n", &[1], &key.public().0]);
    let id: String = digest.to_string().chars().take(8).collect();
    Some(format!("{name}+{id}+{base64}").parse())
}

/// Who cosigned a checkpoint: nodes of the directory other than the ledger's own.
pub(crate) fn cosigners(
    directory: &Directory,
    ledger: LedgerId,
    signed: &SignedCheckpoint,
) -> Vec<WitnessedBy> {
    let others = directory.divisions_of_all().filter(|division| division.node != ledger.node);
    let cosigned = others.filter_map(|division| {
        let time = WallTime::from_ms(signed.cosigned_by(&division.witness)?.saturating_mul(1000));
        Some(WitnessedBy { node: division.node, time })
    });
    cosigned.collect()
}

/// Checks the ledger in `given`. Its content comes back only where it may be believed.
pub(crate) fn check_ledger(directory: &Directory, given: &Path) -> (LedgerFinding, Option<LedgerCopy>) {
    let folder = ledger_folder(given);
    let mut finding = LedgerFinding {
        folder: folder.clone(),
        ledger: None,
        size: 0,
        root: None,
        checkpoint_ok: false,
        witnessed_by: Vec::new(),
        problems: Vec::new(),
    };
    let mut problems = Problems::default();
    let copy = identify(directory, &folder, &mut finding)
        .map_err(|problem| problems.push(problem))
        .ok()
        .and_then(|(copy, key)| examine(directory, copy, key, &mut finding, &mut problems));
    let (list, left_out) = problems.finish();
    finding.problems = list;
    if left_out > 0 {
        let text = format!("{left_out} more of the kinds above");
        finding.problems.push(Problem::of(Fault::LedgerDamaged, finding.ledger, text));
    }
    (finding, copy)
}

/// Which ledger the folder says it holds, and the key to check it with.
fn identify(
    directory: &Directory,
    folder: &Path,
    finding: &mut LedgerFinding,
) -> Result<(LedgerCopy, NoteVerifier), Problem> {
    let nothing = |text: String| Problem::of(Fault::NoLedger, None, text);
    let note = FolderTiles::new(folder).read(CHECKPOINT_PATH);
    let note =
        note.map_err(|e| nothing(format!("{} cannot be read: {e}", folder.join(CHECKPOINT_PATH).display())))?;
    let note =
        note.ok_or_else(|| nothing(format!("{} holds no ledger: there is no checkpoint", folder.display())))?;
    let checkpoint =
        Checkpoint::from_unverified_note(&note).map_err(|e| nothing(format!("the checkpoint: {e}")))?;
    let Some((network, id)) = ledger_of(&checkpoint.origin) else {
        return Err(nothing(format!(
            "the checkpoint is of `{}`, which is no ledger of a node",
            checkpoint.origin
        )));
    };
    let of_node = directory.network_of(id.node);
    if network != of_node {
        return Err(nothing(format!("the ledger is of the network {network}, not of {of_node}")));
    }
    (finding.ledger, finding.size, finding.root) = (Some(id), checkpoint.size, Some(checkpoint.root));
    let unknown =
        || Problem::of(Fault::UnknownNode, Some(id), format!("the directory has no node {}", id.node));
    let key = ledger_key(directory, id).ok_or_else(unknown)?;
    let key = key.map_err(|e| Problem::of(Fault::UnknownNode, Some(id), e.to_string()))?;
    Ok((LedgerCopy::new(folder, id, checkpoint.size, checkpoint.root), key))
}

fn examine(
    directory: &Directory,
    mut copy: LedgerCopy,
    key: NoteVerifier,
    finding: &mut LedgerFinding,
    problems: &mut Problems,
) -> Option<LedgerCopy> {
    let id = copy.id;
    let note = copy.tiles().read(CHECKPOINT_PATH).ok().flatten().unwrap_or_default();
    let lines = SignedNote::parse(&note).map(|note| note.signatures).unwrap_or_default();
    let others = directory.divisions_of_all().filter(|division| division.node != id.node);
    let named = others.filter(|division| lines.iter().any(|line| line.name == division.witness.name()));
    let trusted: Vec<NoteVerifier> =
        std::iter::once(key.clone()).chain(named.map(|division| division.witness.clone())).collect();
    verify_ledger(copy.tiles(), &trusted, &mut |problem| problems.push(found(id, &problem)));
    // Refused here, it was refused and reported there too.
    let signed = SignedCheckpoint::verify(&note, &key).ok()?;
    let checkpoint = signed.checkpoint();
    if (checkpoint.size, checkpoint.root) != (copy.size, copy.root) {
        problems.push(Problem::of(
            Fault::LedgerDamaged,
            Some(id),
            "the checkpoint changed while it was read",
        ));
        return None;
    }
    finding.witnessed_by = cosigners(directory, id, &signed);
    finding.checkpoint_ok = copy.settle();
    if !finding.checkpoint_ok {
        let text =
            format!("the folder does not hold the {} entries that the signed checkpoint covers", copy.size);
        problems.push(Problem::of(Fault::LedgerDamaged, Some(id), text));
    }
    finding.checkpoint_ok.then_some(copy)
}

/// What the ledger crate found, in the auditor's kinds.
fn found(ledger: LedgerId, problem: &yizhan_ledger::Problem) -> Problem {
    use yizhan_ledger::Problem as Found;
    let fault = match problem {
        Found::Checkpoint(_) => Fault::CheckpointRefused,
        Found::Keys(_) | Found::Key { .. } => Fault::KeyInFolder,
        Found::Cosignature { .. } => Fault::CosignatureWrong,
        Found::Entry { .. } => Fault::EntryRefused,
        _ => Fault::LedgerDamaged,
    };
    let index = match problem {
        Found::Leaf { index, .. } | Found::Entry { index, .. } => Some(*index),
        _ => None,
    };
    let found = Problem { index, ..Problem::of(fault, Some(ledger), problem.to_string()) };
    match problem {
        // The key that counts is the directory's; a copy without the other one lacks nothing.
        Found::Missing { path } if path == VKEY_PATH => {
            Problem { fault: Fault::KeyInFolder, severity: Severity::Notice, ..found }
        }
        _ => found,
    }
}
