//! The delivery certificate of a document: "n of m delivered, k signed for", signed by its origin, with the receipts that prove it
//! and the missing ones by name. `docs/receipts.md` says how other programs check it.

use crate::checkpoint::ledger_of;
use crate::limits::CERTIFICATE_BYTES_MAX;
use crate::proof::Receipt;
use crate::standing::{DestinationStanding, PlacedEntry, Standing, standings};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::str::FromStr;
use yizhan_document::limits::DESTINATIONS_MAX;
use yizhan_document::{Digest, EnvelopeId, LedgerId, WallTime};
use yizhan_identity::{NoteError, SignedNote};

const FIRST_LINE: &str = "yizhan delivery certificate v1";

/// A certificate as it is handed out and stored: one JSON object. Nothing in it is believed before it is checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryCertificate {
    /// The statement as a signed note (C2SP `signed-note`) under the key of the origin's ledger.
    pub certificate: String,
    /// The receipts that it rests on, ascending by ledger and index.
    pub receipts: Vec<CertifiedReceipt>,
}

/// A receipt within a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertifiedReceipt {
    /// The entry, byte for byte as it was hashed.
    pub entry: String,
    /// Its proof in the C2SP `tlog-proof` form.
    pub proof: String,
}

/// What a certificate states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryStatement {
    /// The network.
    pub network: String,
    /// The ledger of the origin whose key signs.
    pub ledger: LedgerId,
    /// The document.
    pub document: EnvelopeId,
    /// Digest of its header.
    pub envelope: Digest,
    /// When it was stated, by the origin's clock: what came later is not in it.
    pub time: WallTime,
    /// How many receipts it rests on.
    pub receipts: u64,
    /// What they are, see [`Self::of`].
    pub digest: Digest,
    /// Every destination, ascending.
    pub destinations: Vec<DestinationStanding>,
}

/// Who states, and when.
#[derive(Clone, Debug)]
pub struct Stating {
    /// The network.
    pub network: String,
    /// The ledger whose key signs.
    pub ledger: LedgerId,
    /// Now, by the clock of its node.
    pub time: WallTime,
}

/// Why there is no certificate, or something is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The `SubmissionAcceptance` is not among the receipts: only the origin of a document can certify its delivery.
    #[error("{document} was not accepted in this ledger; ask the node {} for its certificate", document.origin)]
    NotTheOrigin {
        /// The document.
        document: EnvelopeId,
    },
    /// A line is not what stands at its place.
    #[error("this is no delivery certificate: line {line} is not what is written there")]
    Line {
        /// The line, counted from 1.
        line: usize,
    },
    /// The note around the statement.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The JSON around it.
    #[error("this is no delivery certificate: {0}")]
    Json(String),
}

impl DeliveryStatement {
    /// What entries about a document come to, and which of them are needed. `digest` is SHA-256 over one line for each of these,
    /// ascending by ledger and index: ledger, index and leaf hash, separated by spaces.
    pub fn of(
        stating: &Stating,
        document: EnvelopeId,
        entries: &[PlacedEntry],
    ) -> Result<(Self, Vec<PlacedEntry>), CertificateError> {
        let elsewhere = CertificateError::NotTheOrigin { document };
        if stating.ledger.node != document.origin {
            return Err(elsewhere);
        }
        let (destinations, evidence) = standings(document, entries).ok_or_else(|| elsewhere.clone())?;
        let mut needed: Vec<PlacedEntry> =
            entries.iter().filter(|placed| evidence.contains(&placed.at)).cloned().collect();
        needed.sort_by_key(|placed| placed.at);
        needed.dedup_by_key(|placed| placed.at);
        let accepted = needed.iter().find(|placed| placed.at.ledger == document.ledger());
        let envelope = accepted.and_then(|placed| placed.entry.event.header_digest()).ok_or(elsewhere)?;
        let mut lines = String::new();
        for PlacedEntry { at, .. } in &needed {
            push_line(&mut lines, format_args!("{} {} {}", at.ledger, at.index, at.leaf));
        }
        let statement = Self {
            network: stating.network.clone(),
            ledger: stating.ledger,
            document,
            envelope,
            time: stating.time,
            receipts: needed.len() as u64,
            digest: Digest::of(lines.as_bytes()),
            destinations,
        };
        Ok((statement, needed))
    }

    /// To how many destinations it was delivered.
    pub fn delivered(&self) -> usize {
        self.destinations.iter().filter(|destination| destination.standing.is_delivered()).count()
    }

    /// At how many every office signed for it.
    pub fn signed_for(&self) -> usize {
        self.destinations.iter().filter(|destination| destination.standing == Standing::SignedFor).count()
    }

    /// The destinations that it was not delivered to.
    pub fn missing(&self) -> impl Iterator<Item = &DestinationStanding> {
        self.destinations.iter().filter(|destination| destination.standing.is_missing())
    }

    /// The canonical text.
    pub fn to_text(&self) -> String {
        let Self { network, ledger, document, envelope, time, receipts, digest, destinations } = self;
        let mut text = format!(
            "{FIRST_LINE}\nnetwork {network}\nledger {ledger}\ndocument {document}\nenvelope {envelope}\ntime {time}\n\
             receipts {receipts} {digest}\ndelivered {} of {}\nsigned-for {}\n",
            self.delivered(),
            destinations.len(),
            self.signed_for()
        );
        for DestinationStanding { node, standing, holder, since } in destinations {
            push_line(&mut text, format_args!("{node} {} {holder} {since}", standing.as_str()));
        }
        text
    }

    /// Reads the canonical text; anything that would not be written again byte for byte is refused.
    pub fn from_text(text: &str) -> Result<Self, CertificateError> {
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
        let mut value = |name: &str| {
            let (line, text) = lines.next().ok_or(CertificateError::Line { line: 1 })?;
            text.strip_prefix(name).map(|value| (line, value)).ok_or(CertificateError::Line { line })
        };
        value(FIRST_LINE)?;
        let network = value("network ")?.1.to_owned();
        let (ledger, document) = (read(value("ledger ")?)?, read(value("document ")?)?);
        let (envelope, time) = (read(value("envelope ")?)?, read(value("time ")?)?);
        let (line, receipts) = value("receipts ")?;
        let (receipts, digest) = receipts.split_once(' ').ok_or(CertificateError::Line { line })?;
        let (receipts, digest) = (read((line, receipts))?, read((line, digest))?);
        let counts = (value("delivered ")?.0, value("signed-for ")?.0);
        let destinations =
            lines.take(DESTINATIONS_MAX + 1).map(read_destination).collect::<Result<Vec<_>, _>>()?;
        let statement = Self { network, ledger, document, envelope, time, receipts, digest, destinations };
        // The counts, the order of nothing and the spelling of everything are seen here.
        let written = statement.to_text();
        if written != text {
            let differs = written.lines().zip(text.lines()).position(|(written, given)| written != given);
            return Err(CertificateError::Line { line: differs.map_or(counts.0, |at| at + 1) });
        }
        Ok(statement)
    }
}

impl DeliveryCertificate {
    /// Certifies how a document fares, from the receipts at hand; `sign` gives the signature line for a text. Receipts that are
    /// not needed are left out.
    pub fn certify(
        stating: &Stating,
        document: EnvelopeId,
        receipts: &[(LedgerId, Receipt)],
        sign: impl FnOnce(&str) -> String,
    ) -> Result<Self, CertificateError> {
        let placed = |(ledger, receipt): &(LedgerId, Receipt)| {
            PlacedEntry::read(*ledger, receipt.index, &receipt.entry)
        };
        let entries: Vec<PlacedEntry> = receipts.iter().filter_map(placed).collect();
        let (statement, needed) = DeliveryStatement::of(stating, document, &entries)?;
        let needed: BTreeSet<_> = needed.iter().map(|placed| (placed.at.ledger, placed.at.index)).collect();
        let mut given: Vec<&(LedgerId, Receipt)> =
            receipts.iter().filter(|(ledger, receipt)| needed.contains(&(*ledger, receipt.index))).collect();
        given.sort_by_key(|(ledger, receipt)| (*ledger, receipt.index));
        given.dedup_by_key(|(ledger, receipt)| (*ledger, receipt.index));
        let certified = |(_, receipt): &(LedgerId, Receipt)| {
            let entry = String::from_utf8(receipt.entry.clone());
            let entry = entry.map_err(|error| CertificateError::Json(error.to_string()))?;
            Ok(CertifiedReceipt { entry, proof: receipt.to_proof() })
        };
        let receipts = given.into_iter().map(certified).collect::<Result<Vec<_>, CertificateError>>()?;
        let text = statement.to_text();
        let certificate = format!("{text}\n{}", sign(&text));
        Ok(Self { certificate, receipts })
    }

    /// Reads the file of a certificate.
    pub fn from_json(bytes: &[u8]) -> Result<Self, CertificateError> {
        if bytes.len() as u64 > CERTIFICATE_BYTES_MAX {
            return Err(CertificateError::Json(format!("it is longer than {CERTIFICATE_BYTES_MAX} bytes")));
        }
        serde_json::from_slice(bytes).map_err(|error| CertificateError::Json(error.to_string()))
    }

    /// The bytes of its file: indented JSON and a line feed.
    pub fn to_json(&self) -> Result<Vec<u8>, CertificateError> {
        let json = serde_json::to_vec_pretty(self);
        let mut bytes = json.map_err(|error| CertificateError::Json(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The note and what it states, with no signature checked.
    pub fn unverified(&self) -> Result<(SignedNote, DeliveryStatement), CertificateError> {
        let note = SignedNote::parse(self.certificate.as_bytes())?;
        let statement = DeliveryStatement::from_text(&note.text)?;
        Ok((note, statement))
    }
}

impl CertifiedReceipt {
    /// The ledger that its checkpoint names, unchecked: with a network.
    pub fn claimed_ledger(&self) -> Option<LedgerId> {
        let (_, note) = self.proof.split_once("\n\n")?;
        ledger_of(note.lines().next()?).map(|(_, ledger)| ledger)
    }
}

fn read<T: FromStr>((line, text): (usize, &str)) -> Result<T, CertificateError> {
    text.parse().map_err(|_| CertificateError::Line { line })
}

fn read_destination((line, text): (usize, &str)) -> Result<DestinationStanding, CertificateError> {
    let wrong = || CertificateError::Line { line };
    let mut words = text.split(' ');
    let mut word = || words.next().ok_or_else(wrong);
    let (node, standing, holder, since) = (word()?, word()?, word()?, word()?);
    let standing = Standing::ALL.into_iter().find(|known| known.as_str() == standing).ok_or_else(wrong)?;
    Ok(DestinationStanding {
        node: read((line, node))?,
        standing,
        holder: read((line, holder))?,
        since: read((line, since))?,
    })
}

fn push_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    text.write_fmt(line).unwrap_or_default();
    text.push('\n');
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
