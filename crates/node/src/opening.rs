//! Opens a document at its destination: slip, body, manifest, signature of the office, recipients of this node.

use crate::card::Card;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;
use yizhan_document::{Digest, NodeId, OfficeAddress};
use yizhan_envelope::{
    AttachmentError, FileKey, Header, NullSink, OfficeSignature, OpenError, OwnBox, Slip, SlipError,
    SlipOpener, StreamError, open_attachment, open_body,
};
use yizhan_exchange::Office;
use yizhan_hierarchy::{Directory, Edition, RecipientError};
use yizhan_identity::{CmsVerifier, OpeningKey};
use yizhan_journal::{StoredBody, StoredEnvelope};
use yizhan_planted::{Bug, on};

/// What opening needs.
pub(crate) struct Opener {
    /// This node.
    pub(crate) me: NodeId,
    /// The directory.
    pub(crate) directory: Arc<Directory>,
    /// The key that opens slips.
    pub(crate) key: Arc<OpeningKey>,
    slips: SlipOpener,
    /// By network: each has its own authority.
    signatures: BTreeMap<String, CmsVerifier>,
    cards: OwnBox,
}

/// A document that was opened and is in order.
pub(crate) struct OpenedDocument {
    /// The offices of this node that it is for.
    pub(crate) offices: Vec<Office>,
    /// What an inbox shows of it, closed to this node.
    pub(crate) card: Vec<u8>,
}

/// Why a document cannot be delivered; the code stands in the ledger.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliveryError {
    /// There is no slip for this node.
    #[error("the envelope has no slip for this node")]
    NoSlip,
    /// The slip does not open.
    #[error(transparent)]
    Slip(#[from] SlipError),
    /// The body does not open, or is not what was signed.
    #[error(transparent)]
    Body(#[from] OpenError),
    /// The office's signature is not good, or another office signed.
    #[error("the office's signature is not good: {0}")]
    Signature(String),
    /// No office of this node is a recipient.
    #[error("the document names no active office of this node")]
    NoOffice,
    /// The document goes by a later directory than this node, which does not know its offices yet.
    #[error(
        "the document goes by version {document} of the directory or a list under it, this node still by {here}: {reason}"
    )]
    Behind {
        /// The version the document goes by.
        document: u64,
        /// What this node goes by.
        here: Edition,
        /// What is not in order by that.
        reason: String,
    },
    /// This node itself failed; the document is not to blame.
    #[error("this node cannot open the document now: {0}")]
    Node(String),
}

impl DeliveryError {
    /// Whether this node is to blame, so that nothing may be said of the document.
    pub(crate) fn is_this_nodes(&self) -> bool {
        matches!(
            self,
            Self::Node(_)
                | Self::Behind { .. }
                | Self::Body(OpenError::Stream(StreamError::Read(_)) | OpenError::Sink(_))
        )
    }

    /// The stable code for the ledger.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NoSlip | Self::Slip(_) => "slip",
            Self::Body(_) => "body",
            Self::Signature(_) => "signature",
            Self::NoOffice => "no-office",
            Self::Node(_) | Self::Behind { .. } => "node",
        }
    }
}

impl Opener {
    /// Opens for the node `me` with its key. Fails only where the machine gives no randomness.
    pub(crate) fn new(
        me: NodeId,
        directory: Arc<Directory>,
        key: Arc<OpeningKey>,
    ) -> Result<Self, AttachmentError> {
        let slips = SlipOpener::new(Arc::clone(&key));
        let networks = directory.joined().iter().map(|joined| &*joined.directory).chain([&*directory]);
        let verifier = |one: &Directory| (one.network.clone(), CmsVerifier::new(&one.network, &one.ca));
        let signatures = networks.map(verifier).collect();
        let cards = OwnBox::new(&key)?;
        Ok(Self { me, directory, key, slips, signatures, cards })
    }

    /// Opens a stored envelope whose large body, if it has one, is `file`.
    pub(crate) fn open(
        &self,
        stored: &StoredEnvelope,
        file: Option<File>,
    ) -> Result<OpenedDocument, DeliveryError> {
        let header = Header::from_bytes(&stored.header).map_err(|e| DeliveryError::Node(e.to_string()))?;
        self.open_by(&header, stored, file).map_err(|error| {
            // An office that came with the later version is no reason to fail the document: that version is on its way.
            let judged_by_offices = matches!(error, DeliveryError::Signature(_) | DeliveryError::NoOffice);
            if judged_by_offices && self.may_be_behind(&header) {
                let here = self.directory.part_of(header.id.origin).edition();
                let document = header.directory;
                return DeliveryError::Behind { document, here, reason: error.to_string() };
            }
            error
        })
    }

    /// Whether the document may go by something later than this node does: another version, or a list that delegates of its
    /// origin or of this node have renewed since, which no version counts.
    fn may_be_behind(&self, header: &Header) -> bool {
        let renewed = |node| self.directory.list_over(node).is_some_and(|list| list.issued < header.created);
        // Versions in documents are those of the origin's network.
        let here = self.directory.part_of(header.id.origin).version;
        header.directory > here || header.directory == here && (renewed(header.id.origin) || renewed(self.me))
    }

    fn open_by(
        &self,
        header: &Header,
        stored: &StoredEnvelope,
        file: Option<File>,
    ) -> Result<OpenedDocument, DeliveryError> {
        let key = self.file_key(stored, header)?;
        let opened = match (&stored.body, file) {
            (StoredBody::Inline(bytes), _) => open_body(bytes.as_slice(), &key, header, &mut NullSink)?,
            (StoredBody::File { .. }, Some(file)) => {
                open_body(BufReader::with_capacity(1 << 17, file), &key, header, &mut NullSink)?
            }
            (StoredBody::File { .. }, None) => return Err(DeliveryError::Node("its body is missing".into())),
        };
        if !on(Bug::OfficeSignatureIgnored) {
            self.check_signature(
                &opened.manifest.from,
                header.id.origin,
                &opened.manifest_text,
                &opened.signature,
            )?;
        }
        let manifest = &opened.manifest;
        let here = |office: &&OfficeAddress| office.node == self.me && self.directory.office(office).is_ok();
        let offices: Vec<Office> = manifest
            .recipients()
            .filter(here)
            .map(|office| Office {
                name: office.office.clone(),
                commitment: manifest.office_commitment(office),
            })
            .collect();
        if offices.is_empty() {
            return Err(DeliveryError::NoOffice);
        }
        let card = Card::of(manifest, Digest::of(opened.manifest_text.as_bytes()));
        let card = self.cards.close(&card.to_bytes()).map_err(|e| DeliveryError::Node(e.to_string()))?;
        Ok(OpenedDocument { offices, card })
    }

    /// The key that opens the body, for handing the document to an office.
    pub(crate) fn file_key(
        &self,
        stored: &StoredEnvelope,
        header: &Header,
    ) -> Result<Arc<FileKey>, DeliveryError> {
        Ok(self.slips.open(&self.slip(stored, header)?, header)?)
    }

    /// The card of a document that lies in an inbox.
    pub(crate) fn card(&self, closed: &[u8]) -> Result<Card, AttachmentError> {
        // Before there were boxes, cards were closed as age files.
        let plain = self.cards.open(closed).unwrap_or_else(|| open_attachment(closed, &self.key))?;
        Card::from_bytes(&plain).map_err(|_| AttachmentError::Damaged)
    }

    fn slip(&self, stored: &StoredEnvelope, header: &Header) -> Result<Slip, DeliveryError> {
        let mine = header.index_of(&self.me).ok_or(DeliveryError::NoSlip)?;
        let slip = stored.slips.iter().find(|slip| slip.index == mine).ok_or(DeliveryError::NoSlip)?;
        Ok(Slip { index: slip.index, header: slip.header.clone(), path: slip.path.clone() })
    }

    /// The manifest is signed by the office it names as sender, which the envelope's origin serves, with the certificate
    /// that the directory holds for it.
    fn check_signature(
        &self,
        from: &OfficeAddress,
        origin: NodeId,
        manifest: &str,
        signature: &OfficeSignature,
    ) -> Result<(), DeliveryError> {
        let wrong = |reason: String| DeliveryError::Signature(reason);
        let (text, cms) = (signature.signed_text(manifest).as_bytes(), signature.cms.as_slice());
        let network = self.directory.network_of(from.node);
        let signatures =
            self.signatures.get(network).ok_or_else(|| wrong(format!("{network} is not known")))?;
        // The tree over a batch comes with each of its documents.
        let signed = match &signature.batch {
            Some(_) => signatures.verify_recurring(text, cms),
            None => signatures.verify(text, cms),
        };
        let signed = signed.map_err(|e| wrong(e.to_string()))?;
        let record = self.directory.office(from).map_err(|e| match e {
            // Its origin was known when it came, and is fetched again; of another node's office the document could not be.
            RecipientError::Absent { .. } if from.node == origin => DeliveryError::Node(e.to_string()),
            other => wrong(other.to_string()),
        })?;
        if signed.office != *from || from.node != origin {
            return Err(wrong("it is another office's".into()));
        }
        if signed.certificate != record.certificate {
            return Err(wrong("its certificate is not the one in the directory".into()));
        }
        Ok(())
    }
}
