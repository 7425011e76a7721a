//! The spellings in which a secret might lie about: as it is, in hexadecimal, in base64 wherever it begins.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// What is looked for: what it is called, and its bytes.
pub(crate) struct Needles(Vec<(String, Vec<u8>)>);

impl Needles {
    /// All spellings of all secrets.
    pub(crate) fn of(secrets: &[&str]) -> Self {
        let mut needles: Vec<(String, Vec<u8>)> = Vec::new();
        for secret in secrets {
            let bytes = secret.as_bytes();
            needles.push((format!("{secret} as it is"), bytes.to_owned()));
            needles.push((format!("{secret} in hex"), hex::encode(bytes).into_bytes()));
            needles.push((format!("{secret} in HEX"), hex::encode_upper(bytes).into_bytes()));
            let escaped: String = secret.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            needles.push((format!("{secret} in JSON escapes"), escaped.into_bytes()));
            for before in 0..3 {
                for engine in [STANDARD, URL_SAFE] {
                    needles.push((
                        format!("{secret} in base64 after {before}"),
                        in_base64(&engine, bytes, before),
                    ));
                }
            }
        }
        Self(needles)
    }

    /// The first spelling that stands in the bytes.
    pub(crate) fn found_in(&self, bytes: &[u8]) -> Option<&str> {
        self.0.iter().find(|(_, needle)| contains(bytes, needle)).map(|(name, _)| name.as_str())
    }
}

/// The characters that depend on the secret alone, if so many bytes (of a multiple of three) stand before it.
fn in_base64(engine: &impl base64::Engine, secret: &[u8], before: usize) -> Vec<u8> {
    let padded = [&vec![0; before], secret].concat();
    let whole = padded.len() / 3 * 3;
    let encoded = engine.encode(&padded[..whole]).into_bytes();
    // Of each byte before it, the bits reach into one character more than they have themselves.
    encoded[[0, 2, 3][before]..].to_vec()
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    // Looking for the first byte alone is fast; few places are left to be compared.
    let Some((first, rest)) = needle.split_first() else { return true };
    let mut left = bytes;
    while let Some(at) = left.iter().position(|byte| byte == first) {
        left = &left[at + 1..];
        if left.starts_with(rest) {
            return true;
        }
    }
    false
}

#[test]
fn every_spelling_is_found_wherever_it_begins() {
    let needles = Needles::of(&["canary-驿站公文"]);
    for before in 0..7 {
        let plain = ["x".repeat(before).as_bytes(), "canary-驿站公文".as_bytes(), b"yyy"].concat();
        let spelled = [
            plain.clone(),
            hex::encode(&plain).into_bytes(),
            hex::encode_upper(&plain).into_bytes(),
            STANDARD.encode(&plain).into_bytes(),
            URL_SAFE.encode(&plain).into_bytes(),
        ];
        for bytes in spelled {
            assert!(
                needles.found_in(&bytes).is_some(),
                "after {before}: {}",
                String::from_utf8_lossy(&bytes)
            );
        }
    }
    assert_eq!(needles.found_in("canary-驿站公 文".as_bytes()), None);
}
