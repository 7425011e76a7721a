//! Agreements: the text by which the authorities of two networks join their trees, and what may cross.

use crate::anchor::{AnchorError, TrustAnchor};
use crate::crossing::Crossing;
use crate::limits;
use crate::lines::{LineError, Lines};
use crate::network_name::{NetworkNameError, check_network_name};
use std::collections::BTreeSet;
use yizhan_document::{Digest, NodeId, WallTime};
use yizhan_identity::{NoteError, NoteSigner, SignedNote};

/// The first line. A reader refuses every other one.
const HEADING: &str = "yizhan agreement v1";

/// What two authorities agree on: one line for each fact, in a fixed order, each written in one way only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Counts what these two have agreed on, for people.
    pub version: u64,
    /// When it was signed.
    pub issued: WallTime,
    /// From when on nothing new is handed in by it.
    pub expires: WallTime,
    /// The two networks, ascending by name.
    pub parties: [Party; 2],
    /// What may cross; what no line lets cross may not.
    pub crossings: BTreeSet<Crossing>,
}

/// One of the two networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// The network.
    pub network: String,
    /// The node that has the link to the other network: the root of a tree.
    pub node: NodeId,
    /// Whose signatures the other network believes about this one's directory: its own trust anchor for it.
    pub anchor: TrustAnchor,
}

impl Agreement {
    /// Reads the text.
    pub fn parse(text: &str) -> Result<Self, AgreementError> {
        check_bytes(text.len())?;
        let mut lines = Lines::of(text);
        if lines.next() != Some(HEADING) {
            return Err(AgreementError::Heading);
        }
        let agreement = Self {
            version: lines.field("version")?,
            issued: lines.field("issued")?,
            expires: lines.field("expires")?,
            parties: [party(&mut lines)?, party(&mut lines)?],
            crossings: crossings(&mut lines)?,
        };
        agreement.check()?;
        // Also lines that stand twice or in another order.
        if agreement.to_text() != text {
            return Err(AgreementError::Spelling);
        }
        Ok(agreement)
    }

    /// The text, as it is signed.
    pub fn to_text(&self) -> String {
        let Self { version, issued, expires, parties, crossings } = self;
        let mut text = format!("{HEADING}\nversion {version}\nissued {issued}\nexpires {expires}\n");
        for Party { network, node, anchor } in parties {
            let threshold = anchor.threshold;
            text.push_str(&format!("network {network}\nnode {node}\nthreshold {threshold}\n"));
            anchor.authorities.iter().for_each(|key| text.push_str(&format!("authority {key}\n")));
        }
        crossings.iter().for_each(|crossing| text.push_str(&format!("cross {crossing}\n")));
        text
    }

    /// The digest of the text, by which roots name it.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_text().as_bytes())
    }

    /// One of the two.
    pub fn party(&self, network: &str) -> Option<&Party> {
        self.parties.iter().find(|party| party.network == network)
    }

    /// The one that is not this one.
    pub fn other(&self, network: &str) -> Option<&Party> {
        self.party(network)?;
        self.parties.iter().find(|party| party.network != network)
    }

    /// Checks what the lines say against each other.
    pub fn check(&self) -> Result<(), AgreementError> {
        let [first, second] = &self.parties;
        for party in &self.parties {
            check_network_name(&party.network)?;
            let refuse = |reason| AgreementError::Anchor { network: party.network.clone(), reason };
            party.anchor.check().map_err(refuse)?;
            if party.anchor.authorities.len() > limits::AUTHORITIES_MAX {
                let most = limits::AUTHORITIES_MAX;
                return Err(AgreementError::TooMany { what: "authorities of one network", most });
            }
            if !party.anchor.authorities.is_sorted_by(|one, next| one < next) {
                return Err(AgreementError::Order);
            }
        }
        if first.network >= second.network {
            return Err(AgreementError::Order);
        }
        if first.node == second.node {
            return Err(AgreementError::OneNode { node: first.node });
        }
        if self.version == 0 || self.issued >= self.expires {
            return Err(AgreementError::Lifetime { issued: self.issued, expires: self.expires });
        }
        if self.crossings.len() > limits::CROSSINGS_MAX {
            return Err(AgreementError::TooMany {
                what: "lines that let cross",
                most: limits::CROSSINGS_MAX,
            });
        }
        if self.crossings.is_empty() {
            return Err(AgreementError::Nothing);
        }
        match self.crossings.iter().find(|crossing| self.party(&crossing.network).is_none()) {
            Some(crossing) => Err(AgreementError::Stranger { line: crossing.to_string() }),
            None => Ok(()),
        }
    }
}

/// An agreement with the signatures so far, as it is carried from one authority to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedAgreement {
    /// What it says.
    pub agreement: Agreement,
    /// Its text and the signatures.
    pub note: SignedNote,
}

impl SignedAgreement {
    /// One that nobody has signed.
    pub fn unsigned(agreement: Agreement) -> Result<Self, AgreementError> {
        agreement.check()?;
        let note = SignedNote { text: agreement.to_text(), signatures: Vec::new() };
        Ok(Self { agreement, note })
    }

    /// Reads a file: a signed note, or a text that nobody has signed yet.
    pub fn parse(bytes: &[u8]) -> Result<Self, AgreementError> {
        check_bytes(bytes.len())?;
        let note = match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains("\n\n") => {
                SignedNote { text: text.to_owned(), signatures: Vec::new() }
            }
            _ => SignedNote::parse(bytes)?,
        };
        Ok(Self { agreement: Agreement::parse(&note.text)?, note })
    }

    /// The file.
    pub fn to_text(&self) -> String {
        if self.note.signatures.is_empty() { self.note.text.clone() } else { self.note.to_text() }
    }

    /// Adds the signature of one of the authorities that it names; the same again changes nothing.
    pub fn sign(&mut self, signer: &NoteSigner) -> Result<(), AgreementError> {
        let key = signer.verifier();
        if !self.agreement.parties.iter().any(|party| party.anchor.authorities.contains(&key)) {
            return Err(AgreementError::NoAuthority { name: key.name().to_owned() });
        }
        let text = &self.note.text;
        let own = SignedNote::parse(format!("{text}\n{}", signer.sign(text)).as_bytes())?;
        self.note.signatures.retain(|line| !own.signatures.iter().any(|new| new.key_id == line.key_id));
        self.note.signatures.extend(own.signatures);
        Ok(())
    }

    /// How many authorities of a party have signed, and how many have to.
    pub fn signatures(&self, party: &Party) -> (usize, usize) {
        (party.anchor.signatures_on(&self.note, &[]), party.anchor.threshold)
    }

    /// Enough authorities of both networks have signed (MUST-57).
    pub fn check_signatures(&self) -> Result<(), AgreementError> {
        for party in &self.agreement.parties {
            let (have, need) = self.signatures(party);
            if have < need {
                return Err(AgreementError::Signatures { network: party.network.clone(), have, need });
            }
        }
        Ok(())
    }
}

/// Why an agreement is refused. Whoever drafted or carried it is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgreementError {
    /// Something else, or of a version this program does not know.
    #[error("it does not begin with `{HEADING}`; if it is of a newer kind, this program has to be renewed")]
    Heading,
    /// A line is missing or not what belongs there.
    #[error(transparent)]
    Line(#[from] LineError),
    /// No signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// One of the networks has no proper name.
    #[error(transparent)]
    Network(#[from] NetworkNameError),
    /// The authorities of a network could vouch for nothing, or for anything.
    #[error("the authorities of {network}: {reason}")]
    Anchor {
        /// Whose.
        network: String,
        /// What is wrong with them.
        reason: AnchorError,
    },
    /// Networks or authorities out of order.
    #[error("its networks, and the authorities of each, are not in ascending order, each once")]
    Order,
    /// Both networks name one node.
    #[error("both networks name {node}; the ids of two networks that are joined have to differ")]
    OneNode {
        /// The node.
        node: NodeId,
    },
    /// No version, or it expires before it begins.
    #[error("its version is 0, or it is issued at {issued} and expires at {expires}")]
    Lifetime {
        /// When it says it was signed.
        issued: WallTime,
        /// When it says it expires.
        expires: WallTime,
    },
    /// It lets nothing cross.
    #[error("it lets nothing cross; then the trees need not be joined")]
    Nothing,
    /// A line leads out of a network that is none of the two.
    #[error("`{line}` leads out of a network that is none of the two")]
    Stranger {
        /// The line.
        line: String,
    },
    /// More of something than is allowed.
    #[error("it has more than {most} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// The right facts in another spelling.
    #[error("it is not written in the one way an agreement is written")]
    Spelling,
    /// Somebody signs whom it does not name.
    #[error("{name} is no authority that it names; sign with a key of one of the two networks' authorities")]
    NoAuthority {
        /// The name of the key.
        name: String,
    },
    /// Too few of the authorities of one network signed it.
    #[error(
        "{have} of the authorities of {network} signed it, and {need} have to; have it signed by both sides"
    )]
    Signatures {
        /// Whose.
        network: String,
        /// How many did.
        have: usize,
        /// How many have to.
        need: usize,
    },
}

fn check_bytes(bytes: usize) -> Result<(), AgreementError> {
    let most = limits::AGREEMENT_BYTES_MAX;
    if bytes > most { Err(AgreementError::TooMany { what: "bytes", most }) } else { Ok(()) }
}

fn party(lines: &mut Lines<'_>) -> Result<Party, AgreementError> {
    let (network, node, threshold) =
        (lines.field("network")?, lines.field("node")?, lines.field("threshold")?);
    let mut authorities = Vec::new();
    while lines.begins_with("authority ") {
        authorities.push(lines.field("authority")?);
    }
    Ok(Party { network, node, anchor: TrustAnchor { authorities, threshold } })
}

fn crossings(lines: &mut Lines<'_>) -> Result<BTreeSet<Crossing>, LineError> {
    let mut crossings = BTreeSet::new();
    while !lines.is_empty() {
        crossings.insert(lines.field("cross")?);
    }
    Ok(crossings)
}

#[cfg(test)]
#[path = "agreement_tests.rs"]
mod tests;
