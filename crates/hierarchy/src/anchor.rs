//! The trust anchor: whose signatures, and how many of them, make a directory.

use std::collections::BTreeSet;
use yizhan_identity::{NoteVerifier, PublicKey, SignedNote};

/// Whom a node believes about the directory. It stands in the node's configuration and never in the directory, which
/// could otherwise vouch for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustAnchor {
    /// The keys of the authorities.
    pub authorities: Vec<NoteVerifier>,
    /// How many of them have to sign.
    pub threshold: usize,
}

impl TrustAnchor {
    /// From keys and a threshold.
    pub fn new(authorities: Vec<NoteVerifier>, threshold: usize) -> Result<Self, AnchorError> {
        let anchor = Self { authorities, threshold };
        anchor.check()?;
        Ok(anchor)
    }

    /// From keys as they stand in a configuration (vkeys: `name+hash+key`) and a threshold.
    pub fn from_vkeys<'a>(
        vkeys: impl IntoIterator<Item = &'a str>,
        threshold: usize,
    ) -> Result<Self, AnchorError> {
        let read = |vkey: &str| vkey.trim().parse().map_err(|_| AnchorError::Vkey { vkey: shorten(vkey) });
        let authorities = vkeys.into_iter().map(read).collect::<Result<_, _>>()?;
        Self::new(authorities, threshold)
    }

    /// Whether the anchor can hold anything: at least one key, all of them signing keys, a threshold they can reach.
    pub fn check(&self) -> Result<(), AnchorError> {
        if self.authorities.is_empty() {
            return Err(AnchorError::NoAuthority);
        }
        if let Some(cosigner) = self.authorities.iter().find(|authority| authority.is_cosigner()) {
            return Err(AnchorError::Cosigner { name: cosigner.name().to_string() });
        }
        let keys = self.authorities.iter().map(NoteVerifier::public).collect::<BTreeSet<PublicKey>>().len();
        if self.threshold == 0 || self.threshold > keys {
            return Err(AnchorError::Threshold { threshold: self.threshold, keys });
        }
        Ok(())
    }

    /// How many authorities signed `note`, those revoked left out. A key counts once, however often and under however many
    /// names it signed.
    pub(crate) fn signatures_on(&self, note: &SignedNote, revoked: &[NoteVerifier]) -> usize {
        let counts = |authority: &&NoteVerifier| revoked.iter().all(|key| key.public() != authority.public());
        let signed = self.authorities.iter().filter(counts).filter(|authority| note.verified_by(authority));
        signed.map(NoteVerifier::public).collect::<BTreeSet<PublicKey>>().len()
    }
}

/// Why a trust anchor cannot be used. The operator's configuration is to blame; nothing is believed until it is put right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// No key at all.
    #[error("no authority is configured; add the vkey that the network's authority gave out")]
    NoAuthority,
    /// A witness's key.
    #[error(
        "the key of `{name}` is a cosignature key, which signs no directory; configure the authority's own"
    )]
    Cosigner {
        /// The key's name.
        name: String,
    },
    /// A threshold of none, or more than there are keys.
    #[error(
        "a threshold of {threshold} does not fit {keys} authority keys; it lies between 1 and their number"
    )]
    Threshold {
        /// The threshold.
        threshold: usize,
        /// How many different keys there are.
        keys: usize,
    },
    /// Not a key.
    #[error("`{vkey}` is no authority key; it is written name+hash+key, as the authority gave it out")]
    Vkey {
        /// What was given, shortened.
        vkey: String,
    },
}

fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use yizhan_identity::{Cosigner, SigningKey};

    #[test]
    fn a_key_given_twice_counts_once() {
        let key = SigningKey::generate().unwrap();
        let one = sample::signer("authority-1.xinjiang.example", key.clone());
        let two = sample::signer("authority-2.xinjiang.example", key);
        let keys = vec![one.verifier(), two.verifier()];
        let refused = Err(AnchorError::Threshold { threshold: 2, keys: 1 });
        assert_eq!(TrustAnchor::new(keys.clone(), 2).map(|_| ()), refused);

        let text = "some text\n";
        let note = format!("{text}\n{}{}", one.sign(text), two.sign(text));
        let note = SignedNote::parse(note.as_bytes()).unwrap();
        assert_eq!(TrustAnchor::new(keys, 1).unwrap().signatures_on(&note, &[]), 1);
    }

    #[test]
    fn an_anchor_that_would_believe_anything_or_nothing_is_refused() {
        let key = sample::authority().verifier();
        assert_eq!(TrustAnchor::new(vec![], 1).map(|_| ()), Err(AnchorError::NoAuthority));
        for threshold in [0, 2] {
            let refused = Err(AnchorError::Threshold { threshold, keys: 1 });
            assert_eq!(TrustAnchor::new(vec![key.clone()], threshold).map(|_| ()), refused);
        }
        let witness = Cosigner::new("w.example", SigningKey::generate().unwrap()).unwrap().verifier();
        assert!(matches!(TrustAnchor::new(vec![witness], 1), Err(AnchorError::Cosigner { .. })));
    }

    #[test]
    fn keys_are_read_from_a_configuration() {
        let vkey = sample::authority().verifier().to_string();
        assert!(TrustAnchor::from_vkeys([vkey.as_str()], 1).is_ok());
        assert!(matches!(TrustAnchor::from_vkeys(["authority"], 1), Err(AnchorError::Vkey { .. })));
    }
}
