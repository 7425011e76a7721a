//! A receipt as it leaves the node: the ledger entry, its proof, and where an office acted, what the office signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use yizhan_document::{LedgerId, WallTime};

/// A receipt that can be checked away from the node that gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedReceipt {
    /// The kind of the entry, such as `RelayAcceptance`.
    pub kind: String,
    /// The ledger that holds it.
    pub ledger: LedgerId,
    /// Its index in the ledger, from 0.
    pub index: u64,
    /// When the node entered it, by its own clock.
    pub time: WallTime,
    /// Whether a neighbour cosigned the checkpoint in the proof.
    pub witnessed: bool,
    /// The entry, one JSON object, byte for byte as it was hashed.
    pub entry: String,
    /// The proof in the C2SP `tlog-proof` form.
    pub proof: String,
    /// What the office signed, canonical text; only for acts of an office.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// The office's detached CMS signature over the statement (RFC 5652, DER); base64 in JSON.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "base64_text")]
    pub cms: Option<Vec<u8>>,
}

mod base64_text {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        bytes.as_ref().map(|bytes| STANDARD.encode(bytes)).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| STANDARD.decode(text).map_err(serde::de::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_and_signature_come_back_byte_for_byte() {
        let receipt = ExportedReceipt {
            kind: "SignedFor".into(),
            ledger: "653101.0".parse().unwrap(),
            index: 7,
            time: WallTime::from_ms(1_795_161_600_123),
            witnessed: true,
            entry: "{\"time\":\"2026\",  \"kind\":\"签收\\n\"}".into(),
            proof: "c2sp.org/tlog-proof@v1\nindex 7\n".into(),
            statement: Some("yizhan act v1\n".into()),
            cms: Some(vec![0x30, 0, 0xff]),
        };
        let json = serde_json::to_string(&receipt).unwrap();
        assert!(json.contains(r#""cms":"MAD/""#));
        assert_eq!(serde_json::from_str::<ExportedReceipt>(&json).unwrap(), receipt);
        let plain = ExportedReceipt { statement: None, cms: None, ..receipt };
        let json = serde_json::to_string(&plain).unwrap();
        assert!(!json.contains("cms"));
        assert_eq!(serde_json::from_str::<ExportedReceipt>(&json).unwrap(), plain);
    }
}
