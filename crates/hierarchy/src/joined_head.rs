//! What the signed texts of a directory hold of another network: the agreement, its CA certificate, its own signed texts.
//!
//! As bytes each follows the own texts behind a group separator (U+001D), with a record separator (U+001E) between agreement,
//! certificate in PEM, and the other network's own texts, byte for byte as they are in its own directory. What that network
//! has of third ones is not among them.

use crate::agreement::{Agreement, Party, SignedAgreement};
use crate::head::{Head, SEPARATOR};
use crate::joined_error::JoinedError;
use crate::limits;
use crate::root::{NamedAgreement, Root};
use crate::verification::DirectoryError;
use yizhan_document::{Digest, WallTime};
use yizhan_identity::{SignedNote, certificate_from_pem, certificate_to_pem};

/// What stands before the part of each other network.
pub(crate) const GROUP_SEPARATOR: u8 = 0x1d;

/// The part of one other network, read and verified: it brings the anchor that it is verified with along, signed by both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedHead {
    /// What was agreed on.
    pub agreement: Agreement,
    /// When this side ended it.
    pub ended: Option<WallTime>,
    /// The certificate of the other network's CA, in DER.
    pub ca: Vec<u8>,
    /// The other network's root, policy and delegated lists.
    pub head: Head,
    /// The name of the other network.
    pub network: String,
    note: SignedNote,
}

impl JoinedHead {
    /// From an agreement and what the other network's directory is: its signed texts, of which the own ones are taken, and its
    /// CA certificate in DER.
    pub fn new(
        agreement: &SignedAgreement,
        network: &str,
        texts: &[u8],
        ca: &[u8],
    ) -> Result<Self, DirectoryError> {
        let named = NamedAgreement { digest: agreement.agreement.digest(), ended: None };
        Self::read(named, network, &group(&agreement.note, ca, own_texts(texts)))
    }

    /// Reads the part that belongs to an agreement as the root of `network` names it. Nothing is believed of it that was not
    /// signed as it has to be (MUST-57).
    pub(crate) fn read(named: NamedAgreement, network: &str, bytes: &[u8]) -> Result<Self, DirectoryError> {
        let digest = named.digest;
        let mut texts = bytes.splitn(3, |byte| *byte == SEPARATOR);
        let mut next = || texts.next().ok_or(JoinedError::Missing { digest });
        let (note, pem, texts) = (next()?, next()?, next()?);
        let refused = |reason| JoinedError::Agreement { digest, reason };
        let signed = SignedAgreement::parse(note).map_err(refused)?;
        if Digest::of(signed.note.text.as_bytes()) != digest {
            return Err(JoinedError::Tampered { digest }.into());
        }
        signed.check_signatures().map_err(refused)?;
        let SignedAgreement { agreement, note } = signed;
        let party = agreement.other(network);
        let party = party.ok_or_else(|| JoinedError::Elsewhere { digest, network: network.to_owned() })?;
        let head = their_head(party, texts)?;
        let pem = Some(pem).filter(|pem| pem.len() <= limits::CA_PEM_BYTES_MAX).unwrap_or_default();
        let ca = std::str::from_utf8(pem).ok().and_then(|pem| certificate_from_pem(pem).ok());
        let ca = ca.filter(|ca| Digest::of(ca) == head.root.ca).ok_or_else(|| JoinedError::Refused {
            network: party.network.clone(),
            reason: Box::new(DirectoryError::CaMismatch.into()),
        })?;
        let network = party.network.clone();
        Ok(Self { agreement, ended: named.ended, ca, head, network, note })
    }

    /// The bytes, with all signatures.
    pub fn to_bytes(&self) -> Vec<u8> {
        group(&self.note, &self.ca, &self.head.to_bytes())
    }

    /// The same agreement with another state of the other network.
    pub(crate) fn with(self, head: Head, ca: Vec<u8>) -> Self {
        Self { head, ca, ..self }
    }

    /// The agreement as the own root names it.
    pub fn named(&self) -> NamedAgreement {
        NamedAgreement { digest: self.digest(), ended: self.ended }
    }

    /// The digest of the agreement's text.
    pub fn digest(&self) -> Digest {
        Digest::of(self.note.text.as_bytes())
    }

    /// The agreement as both signed it.
    pub fn note(&self) -> &SignedNote {
        &self.note
    }

    /// The other network in the agreement.
    pub fn party(&self) -> Option<&Party> {
        self.agreement.party(&self.network)
    }

    /// What the other network's root says of the agreement; none if it does not name it.
    pub fn named_there(&self) -> Option<NamedAgreement> {
        let digest = self.digest();
        self.head.root.agreements.iter().find(|named| named.digest == digest).copied()
    }
}

/// All parts, in the order in which the root names their agreements.
pub(crate) fn read_all<'a>(
    root: &Root,
    groups: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<JoinedHead>, DirectoryError> {
    let mut groups = groups.fuse();
    let mut read = |named: &NamedAgreement| {
        let bytes = groups.next().ok_or(JoinedError::Missing { digest: named.digest })?;
        JoinedHead::read(*named, &root.network, bytes)
    };
    let joined = root.agreements.iter().map(&mut read).collect::<Result<Vec<_>, _>>()?;
    if groups.next().is_some() {
        return Err(JoinedError::Unasked.into());
    }
    for (at, one) in joined.iter().enumerate() {
        if joined.iter().take(at).any(|earlier| earlier.network == one.network) {
            return Err(JoinedError::Twice { network: one.network.clone() }.into());
        }
    }
    Ok(joined)
}

/// Of the texts of a directory those of its own network.
pub(crate) fn own_texts(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == GROUP_SEPARATOR).next().unwrap_or_default()
}

/// One part as bytes.
pub(crate) fn group(agreement: &SignedNote, ca: &[u8], texts: &[u8]) -> Vec<u8> {
    let (note, pem) = (agreement.to_text(), certificate_to_pem(ca));
    [note.as_bytes(), pem.as_bytes(), texts].join(&SEPARATOR)
}

/// Their own texts, verified with the anchor that both sides signed.
fn their_head(party: &Party, texts: &[u8]) -> Result<Head, JoinedError> {
    let network = || party.network.clone();
    let refused =
        |reason: DirectoryError| JoinedError::Refused { network: network(), reason: Box::new(reason.into()) };
    let counts = |what| Err(JoinedError::Counts { network: network(), what });
    if texts.len() > limits::JOINED_TEXTS_BYTES_MAX {
        return counts("bytes of signed texts");
    }
    let head = Head::believed_alone(texts, &party.anchor, &[]).map_err(refused)?;
    if head.root.network != party.network {
        return Err(JoinedError::OtherNetwork { network: network(), found: head.root.network });
    }
    let lists = head.edition().delegated;
    if head.root.version > limits::JOINED_VERSION_MAX || lists > limits::JOINED_LISTS_MAX {
        return counts("versions");
    }
    if head.listed().len() > limits::JOINED_DIVISIONS_MAX {
        return counts("divisions");
    }
    if head.branches.len() > limits::JOINED_DELEGATIONS_MAX {
        return counts("delegated subtrees");
    }
    Ok(head)
}
