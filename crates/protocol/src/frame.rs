//! The frames of protocol version 1.

use serde::{Deserialize, Serialize};
use yizhan_document::{Attempt, Digest, LedgerId, NodeId};

/// Everything one neighbour says to another. Variants are only ever appended: their order is the wire format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frame {
    /// The first frame of each side; a neighbour is up only after its own.
    Hello(Hello),
    /// An envelope for custody.
    Offer(Box<Offer>),
    /// The body of an offer, please, from this piece on.
    Wanted(Wanted),
    /// Custody taken of a batch of offers, with proof.
    Custody(Box<Custody>),
    /// Custody refused; the offerer keeps it.
    Rejection(Box<Rejection>),
    /// Receipts on their way to an origin.
    ReceiptsHome(Box<ReceiptsHome>),
    /// The origin holds these receipts durably.
    Kept(Kept),
    /// A cosignature on a checkpoint of the receiver's ledger.
    Cosign(Cosign),
    /// A recall on its way to a destination.
    Recall(Box<Recall>),
    /// Which version of the directory the sender holds.
    DirectoryHeld(DirectoryHeld),
    /// A part of that version, please.
    DirectoryWanted(DirectoryWanted),
    /// The part.
    DirectoryPart(Box<DirectoryPart>),
    /// A node began a new epoch of its ledger: the `EpochOpened` with which that begins, proven. It spreads from neighbour to
    /// neighbour.
    EpochOpened(Box<ProofBundle>),
}

/// Who speaks, and in which state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol versions it speaks, ascending.
    pub versions: Vec<u16>,
    /// The node; must be the one of its certificate.
    pub node: NodeId,
    /// Its current ledger.
    pub ledger: LedgerId,
    /// Its last signed checkpoint (a signed note), empty before the first.
    #[serde(with = "serde_bytes")]
    pub checkpoint: Vec<u8>,
    /// The size of the receiver's ledger that it last cosigned (0: none), so that the first consistency proof starts there.
    pub witnessed: u64,
    /// The directory version it goes by.
    pub directory: u64,
    /// Its wall clock in milliseconds, so that neighbours notice a wrong one.
    pub clock_ms: u64,
    /// The newest checkpoint of the receiver's ledger that it has seen (a signed note), empty if none: a receiver that was set
    /// back learns by its own signature that it has said more than it knows.
    #[serde(with = "serde_bytes")]
    pub remembered: Vec<u8>,
}

/// An envelope offered for custody: everything but a large body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The gap-free number of this offer on this link in this direction.
    pub link: u64,
    /// The header's bytes, verbatim.
    #[serde(with = "serde_bytes")]
    pub header: Vec<u8>,
    /// The slips that go this way.
    pub slips: Vec<OfferedSlip>,
    /// Proof of origin: the `SubmissionAcceptance`.
    pub origin: ProofBundle,
    /// The offerer's own acceptance, on which the next one rests (the same as `origin` at the origin).
    pub custody: ProofBundle,
    /// The nodes that had custody so far, origin first, offerer last: stops loops.
    pub path: Vec<NodeId>,
    /// Where the body is.
    pub body: BodyPlace,
}

/// A slip with its place in the header's list of destinations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedSlip {
    /// Index of the destination in the header.
    pub index: u32,
    /// Which try.
    pub attempt: Attempt,
    /// The age header.
    #[serde(with = "serde_bytes")]
    pub header: Vec<u8>,
    /// Its path to the header's slip root.
    pub path: Vec<Digest>,
}

/// The body of an offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BodyPlace {
    /// Here, whole.
    Inline(#[serde(with = "serde_bytes")] Vec<u8>),
    /// On a stream of its own, when wanted.
    Stream,
}

/// A request for the body of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The offer.
    pub link: u64,
    /// Digest of the envelope's header.
    pub envelope: Digest,
    /// The first piece that is missing.
    pub from_piece: u64,
}

/// What stands at the head of a body stream; the bytes from `from_piece` on follow it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyHead {
    /// The offer.
    pub link: u64,
    /// Digest of the envelope's header.
    pub envelope: Digest,
    /// The piece with which the bytes begin.
    pub from_piece: u64,
    /// The leaf hashes of all pieces; they must give the root in the header.
    pub pieces: Vec<Digest>,
}

/// Entries of one ledger, proven under one checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofBundle {
    /// The ledger.
    pub ledger: LedgerId,
    /// The signed checkpoint (a signed note, with whatever cosignatures it has).
    #[serde(with = "serde_bytes")]
    pub checkpoint: Vec<u8>,
    /// The entries.
    pub entries: Vec<ProvenEntry>,
}

/// One entry with its inclusion path under the bundle's checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvenEntry {
    /// Its index.
    pub index: u64,
    /// Its bytes, verbatim.
    #[serde(with = "serde_bytes")]
    pub entry: Vec<u8>,
    /// Its path to the checkpoint's root.
    pub path: Vec<Digest>,
    /// What travels closed to the origin beside it (an age file), empty as a rule.
    #[serde(with = "serde_bytes")]
    pub attachment: Vec<u8>,
}

/// Custody taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custody {
    /// The acceptances, under one checkpoint.
    pub proof: ProofBundle,
    /// Which offer each acceptance answers.
    pub acknowledged: Vec<Acknowledgement>,
    /// The size from which `consistency` leads to the checkpoint: that of the head shown before on this connection, at first
    /// what the receiver cosigned last, as its hello named it; 0 if there is neither.
    pub consistent_from: u64,
    /// The RFC 6962 consistency path.
    pub consistency: Vec<Digest>,
}

/// An offer and the entry that accepts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// The offer.
    pub link: u64,
    /// Index of the acceptance in the ledger of the proof.
    pub index: u64,
}

/// Custody refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The offer.
    pub link: u64,
    /// Digest of the refused header.
    pub envelope: Digest,
    /// A stable code, such as `loop`, `damaged`, `no-route`, `full`.
    pub reason: String,
    /// Whether to offer it again later.
    pub retry: bool,
    /// The `RelayRejection` entry where there is one: none for what may simply be tried again, and none where the offer itself
    /// is not believed.
    pub proof: Option<ProofBundle>,
}

/// Receipts on their way to the origin that waits for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptsHome {
    /// The node they are for.
    pub origin: NodeId,
    /// How many hops they may still go.
    pub hops_left: u8,
    /// The receipts.
    pub proof: ProofBundle,
}

/// The origin's word that it holds receipts durably; the ledger that made them need not send them again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The node that made the receipts: where this goes.
    pub maker: NodeId,
    /// Who holds them.
    pub origin: NodeId,
    /// How many hops this may still go.
    pub hops_left: u8,
    /// The ledger.
    pub ledger: LedgerId,
    /// The indexes of the entries.
    pub indexes: Vec<u64>,
}

/// A cosignature for the receiver's checkpoint, or the wish to be shown its ledger anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cosign {
    /// The ledger that was cosigned.
    pub ledger: LedgerId,
    /// Its size.
    pub size: u64,
    /// Its root.
    pub root: Digest,
    /// The signature line of the note (C2SP tlog-cosignature); empty where `again` is set.
    pub line: String,
    /// Whether a later checkpoint was not believed, so that the ledger is to be shown anew from this size.
    pub again: bool,
}

/// An origin's recall of a document, on its way to one of its destinations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recall {
    /// The destination it is for.
    pub destination: NodeId,
    /// How many hops it may still go.
    pub hops_left: u8,
    /// The `SubmissionAcceptance` and the `RecallRequested`, which has the reason as its attachment, closed to the destination.
    pub proof: ProofBundle,
}

/// The newest version of the directory that the sender holds; said on every connection, and again when it changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryHeld {
    /// The version.
    pub version: u64,
    /// The digest of its root's text, so that two of one number are noticed.
    pub root: Digest,
    /// The list of each delegated subtree, ascending; delegates renew them without a new root.
    pub delegated: Vec<ListHeld>,
}

/// The list of a delegated subtree that the sender holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListHeld {
    /// The division whose subtree it is.
    pub node: NodeId,
    /// Its version.
    pub version: u64,
    /// The digest of its text.
    pub digest: Digest,
}

/// A request for a part of a version of the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryWanted {
    /// The version.
    pub version: u64,
    /// Which state of it: the sum of the versions of its delegated lists.
    pub delegated: u64,
    /// The divisions whose files are wanted, ascending; none: the root and, with its first piece, the CA certificate.
    pub divisions: Vec<NodeId>,
    /// From which byte on the root is wanted.
    pub root_from: u32,
}

/// A part of a version of the directory, as far as it fits; what is missing is asked for again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryPart {
    /// The version.
    pub version: u64,
    /// Which state of it: the sum of the versions of its delegated lists.
    pub delegated: u64,
    /// A piece of the signed root, and of the delegated lists that follow it, where it was asked for; else empty.
    #[serde(with = "serde_bytes")]
    pub root: Vec<u8>,
    /// At which byte of the root the piece begins.
    pub root_from: u32,
    /// How many bytes the whole root has.
    pub root_bytes: u32,
    /// The CA certificate in DER, beside the root; else empty.
    #[serde(with = "serde_bytes")]
    pub ca: Vec<u8>,
    /// Files of divisions that were asked for. Where root and files are empty, the sender does not hold the version any more.
    pub files: Vec<DivisionFile>,
}

/// The file of one division, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DivisionFile {
    /// The division.
    pub node: NodeId,
    /// Its file.
    #[serde(with = "serde_bytes")]
    pub content: Vec<u8>,
}
