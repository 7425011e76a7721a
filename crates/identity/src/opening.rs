//! Opening keys: the X25519 keys (RFC 7748) that open envelopes, written as age identities and recipients.
//!
//! Text forms are those of age v1 (`age-encryption.org/v1`): Bech32 as in BIP 173, not its later variant Bech32m, with
//! the prefix `age-secret-key-` in upper case for a private key and `age` for a public one.

use crate::limits::KEY_TEXT_BYTES_MAX;
use crate::pkcs8::KeyError;
use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Hrp};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, Zeroizing};

const IDENTITY: &str = "age-secret-key-";
const RECIPIENT: &str = "age";
const IDENTITY_WANTED: &str = "one age identity (AGE-SECRET-KEY-1...)";
const RECIPIENT_WANTED: &str = "an age recipient (age1...)";
/// An identity has 74 characters; with this room its text is never moved in memory, so no copy stays behind.
const IDENTITY_CHARS: usize = 96;

/// A private opening key. Wiped when dropped.
pub struct OpeningKey {
    secret: StaticSecret,
    /// Computed once: every slip that is opened and every card that is closed needs it.
    public: OpeningPublicKey,
}

impl OpeningKey {
    /// A new key from the system's random source.
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(bytes.as_mut()).map_err(|_| KeyError::Random)?;
        Ok(Self::from_bytes(&bytes))
    }

    /// From an age identity, or from an identity file with exactly one: empty lines and `#` comments, which `age-keygen`
    /// writes, are passed over.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let wrong = KeyError::Age { wanted: IDENTITY_WANTED };
        if text.len() > KEY_TEXT_BYTES_MAX {
            return Err(KeyError::TooLong);
        }
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let (Some(line), None) = (lines.next(), lines.next()) else { return Err(wrong) };
        if line.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(wrong);
        }
        decode(line, IDENTITY).map(|bytes| Self::from_bytes(&bytes)).ok_or(wrong)
    }

    fn from_bytes(bytes: &[u8; 32]) -> Self {
        let secret = StaticSecret::from(*bytes);
        let public = OpeningPublicKey(PublicKey::from(&secret).to_bytes());
        Self { secret, public }
    }

    /// As an age identity, `AGE-SECRET-KEY-1...`, for a secret file.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(IDENTITY_CHARS));
        let prefix = Hrp::parse_unchecked(IDENTITY);
        // Encoding fails only for data beyond 1,023 characters, which 32 bytes are not; every reader refuses the empty text.
        if bech32::encode_upper_to_fmt::<Bech32, String>(&mut text, prefix, self.secret.as_bytes()).is_err() {
            text.zeroize();
        }
        text
    }

    /// The public half.
    pub fn public(&self) -> OpeningPublicKey {
        self.public
    }

    /// The shared secret with `theirs` (RFC 7748, section 6.1). `None` if it is all zero: their key is then of low order,
    /// and anyone would know the secret.
    pub fn agree(&self, theirs: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
        let shared = self.secret.diffie_hellman(&PublicKey::from(*theirs));
        shared.was_contributory().then(|| Zeroizing::new(shared.to_bytes()))
    }
}

impl fmt::Debug for OpeningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpeningKey({})", self.public())
    }
}

/// A public opening key: the u-coordinate of RFC 7748; as text an age recipient, `age1...`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpeningPublicKey(pub [u8; 32]);

impl FromStr for OpeningPublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let wrong = KeyError::Age { wanted: RECIPIENT_WANTED };
        if text.len() > KEY_TEXT_BYTES_MAX || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(wrong);
        }
        decode(text, RECIPIENT).map(|bytes| Self(*bytes)).ok_or(wrong)
    }
}

impl fmt::Display for OpeningPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = bech32::encode_lower::<Bech32>(Hrp::parse_unchecked(RECIPIENT), &self.0);
        f.write_str(&text.map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for OpeningPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for OpeningPublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OpeningPublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

fn decode(text: &str, prefix: &str) -> Option<Zeroizing<[u8; 32]>> {
    let parsed = CheckedHrpstring::new::<Bech32>(text).ok()?;
    parsed.validate_segwit_padding().ok()?; // the rule of BIP 173 that spare bits are zero; nothing of segwit itself
    if !parsed.hrp().lowercase_char_iter().eq(prefix.chars()) || parsed.byte_iter().len() != 32 {
        return None;
    }
    let mut bytes = Zeroizing::new([0; 32]);
    bytes.iter_mut().zip(parsed.byte_iter()).for_each(|(to, from)| *to = from);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    #[test]
    fn both_halves_survive_their_text() {
        let key = OpeningKey::generate().unwrap();
        let again = OpeningKey::from_text(&key.to_text()).unwrap();
        assert_eq!(key.public(), again.public());
        assert_eq!(key.public().to_string().parse::<OpeningPublicKey>().unwrap(), key.public());
        assert_eq!(key.to_text().len(), 74);
    }

    #[test]
    fn both_sides_agree_on_one_secret() {
        let (ours, theirs) = (OpeningKey::generate().unwrap(), OpeningKey::generate().unwrap());
        assert_eq!(ours.agree(&theirs.public().0).unwrap(), theirs.agree(&ours.public().0).unwrap());
    }

    #[test]
    fn a_key_of_low_order_agrees_on_nothing() {
        let ours = OpeningKey::generate().unwrap();
        assert!(ours.agree(&[0; 32]).is_none());
        let mut one = [0; 32];
        one[0] = 1;
        assert!(ours.agree(&one).is_none());
    }

    #[test]
    fn age_keygen_derives_the_same_recipient() {
        let key = OpeningKey::generate().unwrap();
        let child = Command::new("age-keygen")
            .arg("-y")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            assert!(std::env::var_os("CI").is_none(), "a tool is missing, and CI must not skip");
            eprintln!("skipped: age-keygen is not installed");
            return;
        };
        writeln!(child.stdin.take().unwrap(), "{}", *key.to_text()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), key.public().to_string());
    }

    #[test]
    fn an_identity_file_of_age_keygen_is_read() {
        let Ok(output) = Command::new("age-keygen").output() else {
            assert!(std::env::var_os("CI").is_none(), "a tool is missing, and CI must not skip");
            eprintln!("skipped: age-keygen is not installed");
            return;
        };
        let file = String::from_utf8(output.stdout).unwrap();
        let key = OpeningKey::from_text(&file).unwrap();
        assert!(file.contains(&format!("# public key: {}", key.public())));
        assert!(OpeningKey::from_text(&file.repeat(2)).is_err(), "two identities are not one");
    }

    #[test]
    fn the_other_checksum_other_prefixes_and_cases_are_refused() {
        let m = bech32::encode_lower::<bech32::Bech32m>(Hrp::parse_unchecked("age"), &[7; 32]).unwrap();
        let prefix = bech32::encode_lower::<Bech32>(Hrp::parse_unchecked("bc"), &[7; 32]).unwrap();
        let short = bech32::encode_lower::<Bech32>(Hrp::parse_unchecked("age"), &[7; 31]).unwrap();
        let long = bech32::encode_lower::<Bech32>(Hrp::parse_unchecked("age"), &[7; 33]).unwrap();
        let upper = OpeningPublicKey([7; 32]).to_string().to_uppercase();
        for text in [m, prefix, short, long, upper, String::new()] {
            assert!(text.parse::<OpeningPublicKey>().is_err(), "{text}");
        }
        let key = OpeningKey::generate().unwrap();
        assert!(OpeningKey::from_text(&key.to_text().to_lowercase()).is_err());
        assert!(OpeningKey::from_text(&key.public().to_string()).is_err());
    }

    #[test]
    fn debug_shows_the_public_half_only() {
        let key = OpeningKey::generate().unwrap();
        assert_eq!(format!("{key:?}"), format!("OpeningKey({})", key.public()));
    }

    proptest! {
        #[test]
        fn every_recipient_has_one_text(bytes: [u8; 32]) {
            let key = OpeningPublicKey(bytes);
            prop_assert_eq!(key.to_string().parse::<OpeningPublicKey>().unwrap(), key);
        }

        #[test]
        fn a_text_that_parses_is_the_only_text_of_its_key(at in 4usize..62, with in "[ -~]") {
            let text = OpeningPublicKey([9; 32]).to_string();
            let mut changed = text.clone();
            changed.replace_range(at..=at, &with);
            if let Ok(key) = changed.parse::<OpeningPublicKey>() {
                prop_assert_eq!(key.to_string(), changed);
            }
        }
    }
}
