//! Keeps the node's ledger: appends what is durable, signs one checkpoint a batch, proves, gathers cosignatures, publishes.

use std::path::Path;
use yizhan_document::{Digest, LedgerId, WallTime};
use yizhan_identity::{Cosigner, NoteSigner, NoteVerifier};
use yizhan_ledger::{
    Checkpoint, CheckpointError, Head, Log, LogError, Receipt, Settlement, SignedCheckpoint, origin_of,
    sign_checkpoint, verifier_keys_text,
};
use yizhan_protocol::{Cosign, Hello, ProofBundle, ProvenEntry};

/// Signed checkpoints kept while cosignatures for them may come, at the most.
const CHECKPOINTS_KEPT_MAX: usize = 256;

/// The ledger of a node and the keys that speak for it.
pub(crate) struct LedgerKeeper {
    network: String,
    ledger: LedgerId,
    log: Log,
    signer: NoteSigner,
    cosigner: Cosigner,
    /// The newest signed checkpoint; every word of the node is proven under it.
    current: SignedCheckpoint,
    /// Older ones that were shown to neighbours, for their cosignatures.
    shown: std::collections::VecDeque<SignedCheckpoint>,
    /// The largest checkpoint that has a cosignature.
    witnessed: Option<SignedCheckpoint>,
    published: Option<String>,
}

/// Why the ledger cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The log says so.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An entry came out of order: a fault of this program, and nothing more may be promised.
    #[error("entry {got} came where entry {wanted} belongs; the node stops before it says anything wrong")]
    OutOfOrder {
        /// What came.
        got: u64,
        /// What belonged there.
        wanted: u64,
    },
    /// A cosignature is not good.
    #[error(transparent)]
    Cosignature(#[from] CheckpointError),
    /// A cosignature for a checkpoint that is not remembered.
    #[error("a cosignature for size {0} of this ledger, which is not remembered")]
    UnknownCheckpoint(u64),
    /// The verifier key file cannot be written.
    #[error("the verifier key cannot be written beside the ledger: {0}")]
    KeyFile(#[source] yizhan_spool::DiskError),
}

impl KeeperError {
    /// Whether files of the ledger are not what was written.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Log(LogError::Damaged { .. }))
    }

    /// Whether only space is missing: what was to be written can be written later.
    pub(crate) fn is_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::Log(LogError::Io { source, .. }) if matches!(source.kind(), StorageFull | QuotaExceeded))
    }
}

impl LedgerKeeper {
    /// Keeps `log`. Signs its present head at once: every entry in it is durable.
    pub(crate) fn new(
        network: &str,
        ledger: LedgerId,
        log: Log,
        signer: NoteSigner,
        cosigner: Cosigner,
    ) -> Self {
        let current = sign_checkpoint(&signer, log.size(), log.root());
        let network = network.to_owned();
        let shown = std::collections::VecDeque::new();
        Self { network, ledger, log, signer, cosigner, current, shown, witnessed: None, published: None }
    }

    /// Takes up the checkpoint that was published before the last stop, with the cosignatures that it has.
    pub(crate) fn remember(&mut self, note: &[u8], witnesses: &[NoteVerifier]) {
        let Ok(signed) = SignedCheckpoint::verify(note, &self.signer.verifier()) else { return };
        let Checkpoint { size, root, .. } = *signed.checkpoint();
        let holds = self.log.root_at(size).is_ok_and(|own| own == root);
        if !holds || !witnesses.iter().any(|witness| signed.cosigned_by(witness).is_some()) {
            return;
        }
        if size == self.current.checkpoint().size {
            self.current = signed.clone();
        }
        self.witnessed = Some(signed);
    }

    /// Writes the verifier key beside the ledger, so that a copied folder can be checked.
    pub(crate) fn write_vkey(&self, folder: &Path) -> Result<(), KeeperError> {
        yizhan_spool::create_folder(folder).map_err(KeeperError::KeyFile)?;
        let text = verifier_keys_text(&[self.signer.verifier()]);
        yizhan_spool::write_atomically(&folder.join("vkey"), text.as_bytes()).map_err(KeeperError::KeyFile)
    }

    /// Takes a durable entry in.
    pub(crate) fn append(&mut self, index: u64, entry: &[u8]) -> Result<(), KeeperError> {
        let wanted = self.log.size();
        if index != wanted {
            return Err(KeeperError::OutOfOrder { got: index, wanted });
        }
        self.log.append(entry)?;
        Ok(())
    }

    /// Signs a checkpoint over all that was taken in: one signature for the whole batch.
    pub(crate) fn seal(&mut self) -> Result<(), KeeperError> {
        if self.log.size() == self.current.checkpoint().size {
            return Ok(());
        }
        let next = sign_checkpoint(&self.signer, self.log.size(), self.log.root());
        self.shown.push_back(std::mem::replace(&mut self.current, next));
        if self.shown.len() > CHECKPOINTS_KEPT_MAX {
            self.shown.pop_front();
        }
        Ok(())
    }

    /// Full tiles that are not known to be durable yet.
    pub(crate) fn settlement(&self) -> Result<Settlement, KeeperError> {
        Ok(self.log.settlement()?)
    }

    /// They are durable now; tells how many entries such tiles hold, and the root over these.
    pub(crate) fn settled(&mut self, settlement: &Settlement) -> Result<(u64, Digest), KeeperError> {
        self.log.settled(settlement);
        Ok((settlement.size(), self.log.root_at(settlement.size())?))
    }

    /// Size and root of the newest checkpoint.
    pub(crate) fn head(&self) -> Head {
        let Checkpoint { size, root, .. } = *self.current.checkpoint();
        Head { ledger: self.ledger, size, root }
    }

    /// The newest checkpoint, as a signed note.
    pub(crate) fn checkpoint(&self) -> String {
        self.current.to_text()
    }

    /// A checkpoint that this node signed and that its ledger does not have, or one of a later epoch: it was set back, or told two
    /// histories. What it did not sign says nothing, and what it said in an earlier epoch is over.
    pub(crate) fn said_beyond(&self, note: &[u8]) -> Option<Checkpoint> {
        let ledger = self.own_ledger(note)?;
        let key =
            NoteVerifier::of_log(origin_of(&self.network, ledger), self.signer.verifier().public()).ok()?;
        let said = SignedCheckpoint::verify(note, &key).ok()?;
        let said = said.checkpoint().clone();
        let holds = self.log.root_at(said.size).is_ok_and(|root| root == said.root);
        (ledger > self.ledger || ledger == self.ledger && !holds).then_some(said)
    }

    /// How far a neighbour cosigned this ledger, by its hello; what it cosigned in an earlier epoch does not count.
    pub(crate) fn witnessed_by(&self, hello: &Hello) -> u64 {
        let of_another = self.own_ledger(&hello.remembered).is_some_and(|ledger| ledger != self.ledger);
        if of_another || hello.witnessed > self.log.size() { 0 } else { hello.witnessed }
    }

    /// The ledger of this node that a note speaks of, whoever signed it.
    fn own_ledger(&self, note: &[u8]) -> Option<LedgerId> {
        let ledger = Checkpoint::from_unverified_note(note).ok()?.ledger()?;
        Some(ledger).filter(|ledger| ledger.node == self.ledger.node)
    }

    /// Entries with proofs under the newest checkpoint.
    pub(crate) fn bundle(&self, indexes: &[u64]) -> Result<ProofBundle, KeeperError> {
        self.bundle_under(&self.current, indexes)
    }

    /// Entries with proofs under the largest cosigned checkpoint, those that can be read; none if that does not cover them all.
    pub(crate) fn witnessed_bundle(&self, indexes: &[u64]) -> Result<Option<ProofBundle>, KeeperError> {
        let covers = |index: &u64| self.is_witnessed(*index);
        match &self.witnessed {
            Some(witnessed) if indexes.iter().all(covers) => self.readable_under(witnessed, indexes),
            _ => Ok(None),
        }
    }

    fn bundle_under(&self, under: &SignedCheckpoint, indexes: &[u64]) -> Result<ProofBundle, KeeperError> {
        let size = under.checkpoint().size;
        let entries = indexes.iter().map(|index| {
            let (entry, path) = (self.log.entry(*index)?, self.log.inclusion(*index, size)?);
            Ok(ProvenEntry { index: *index, entry, path, attachment: Vec::new() })
        });
        let entries = entries.collect::<Result<_, LogError>>()?;
        Ok(ProofBundle { ledger: self.ledger, checkpoint: under.to_text().into_bytes(), entries })
    }

    /// [`Self::bundle`] of those that can be read and proven; none if no entry can. Only where one cannot, each is tried by itself.
    pub(crate) fn bundle_of_readable(&self, indexes: &[u64]) -> Result<Option<ProofBundle>, KeeperError> {
        self.readable_under(&self.current, indexes)
    }

    fn readable_under(
        &self,
        under: &SignedCheckpoint,
        indexes: &[u64],
    ) -> Result<Option<ProofBundle>, KeeperError> {
        match self.bundle_under(under, indexes) {
            Ok(bundle) => Ok(Some(bundle)),
            Err(_) => match self.readable(indexes) {
                readable if readable.is_empty() => Ok(None),
                readable => self.bundle_under(under, &readable).map(Some),
            },
        }
    }

    /// Those of these entries that can be read and proven; the others are named. Once the journal was reclaimed, a damaged tile
    /// is a hole: it must not keep the node from everything else.
    pub(crate) fn readable(&self, indexes: &[u64]) -> Vec<u64> {
        let size = self.current.checkpoint().size;
        let reads = |index: &u64| match self.log.entry(*index).and_then(|_| self.log.inclusion(*index, size))
        {
            Ok(_) => true,
            Err(error) => {
                tracing::error!(index, %error, "ALARM: an entry of the ledger cannot be read; put its files back from a copy");
                false
            }
        };
        indexes.iter().copied().filter(reads).collect()
    }

    /// The consistency path from an earlier size to the newest checkpoint.
    pub(crate) fn consistency(&self, from: u64) -> Result<Vec<Digest>, KeeperError> {
        Ok(self.log.consistency(from, self.current.checkpoint().size)?)
    }

    /// The bytes of an entry.
    pub(crate) fn entry(&self, index: u64) -> Result<Vec<u8>, KeeperError> {
        Ok(self.log.entry(index)?)
    }

    /// A receipt: under the largest cosigned checkpoint that covers it, or else under the newest. Tells which.
    pub(crate) fn receipt(&self, index: u64) -> Result<(Receipt, bool), KeeperError> {
        let covering = self.witnessed.as_ref().filter(|witnessed| index < witnessed.checkpoint().size);
        let checkpoint = covering.unwrap_or(&self.current);
        let size = checkpoint.checkpoint().size;
        let receipt = Receipt {
            entry: self.log.entry(index)?,
            index,
            path: self.log.inclusion(index, size)?,
            checkpoint: checkpoint.to_text(),
        };
        Ok((receipt, covering.is_some()))
    }

    /// Whether a cosigned checkpoint covers an entry.
    pub(crate) fn is_witnessed(&self, index: u64) -> bool {
        self.witnessed.as_ref().is_some_and(|witnessed| index < witnessed.checkpoint().size)
    }

    /// The signature line of the ledger's key for a statement of this node. Its first line has to say what it is: nobody may take
    /// it for a checkpoint, whose first line is the name of the ledger.
    pub(crate) fn sign(&self, text: &str) -> String {
        self.signer.sign(text)
    }

    /// Cosigns the head of a neighbour, which is of the network of this name.
    pub(crate) fn cosign(&self, network: &str, head: Head, at: WallTime) -> String {
        let origin = origin_of(network, head.ledger);
        let text = Checkpoint { origin, size: head.size, root: head.root }.to_text();
        self.cosigner.cosign(&text, at.as_seconds())
    }

    /// Takes a neighbour's cosignature of this ledger.
    pub(crate) fn add_cosignature(
        &mut self,
        cosign: &Cosign,
        witness: &NoteVerifier,
    ) -> Result<(), KeeperError> {
        let size = cosign.size;
        let fits = |shown: &SignedCheckpoint| {
            shown.checkpoint().size == size && shown.checkpoint().root == cosign.root
        };
        let found = if fits(&self.current) {
            Some(&mut self.current)
        } else {
            self.shown.iter_mut().rev().find(|shown| fits(shown))
        };
        let checkpoint = found.ok_or(KeeperError::UnknownCheckpoint(size))?;
        checkpoint.add_cosignature(&cosign.line, std::slice::from_ref(witness))?;
        let checkpoint = checkpoint.clone();
        if self.witnessed.as_ref().is_none_or(|known| known.checkpoint().size <= size) {
            self.witnessed = Some(checkpoint);
        }
        Ok(())
    }

    /// Publishes tiles and checkpoint, if there is anything new to publish.
    pub(crate) fn publish(&mut self) -> Result<(), KeeperError> {
        let note = self.current.to_text();
        if self.log.size() == 0 || self.published.as_ref() == Some(&note) {
            return Ok(());
        }
        self.log.publish(&note)?;
        self.published = Some(note);
        Ok(())
    }
}
