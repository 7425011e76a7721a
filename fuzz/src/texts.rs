//! Everything small that is a text: addresses, ids, times, labels, manifests, statements, records of sled's keys aside.

use crate::text;
use std::fmt::Display;
use std::str::FromStr;
use yizhan_document::{
    Act, Classification, Digest, EnvelopeId, Label, LedgerId, Manifest, NodeId, OfficeAddress, OfficeName,
    Statement, Unit, Urgency, WallTime,
};
use yizhan_hierarchy::Endpoint;

/// First byte: `l` a label, `m` a manifest, `s` a statement, anything else one of the short forms.
pub(crate) fn texts(data: &[u8]) -> bool {
    let Some((kind, rest)) = data.split_first() else { return false };
    let Some(text) = text(rest) else { return false };
    match kind {
        b'l' => label(text),
        b'm' => manifest(text),
        b's' => statement(text),
        _ => short(text),
    }
}

fn label(text: &str) -> bool {
    let Ok(label) = Label::from_json(text) else { return false };
    assert!(label.check().is_ok(), "a label was read that does not stand its own check");
    let json = label.to_json().expect("a label that was read can be written");
    assert_eq!(Label::from_json(&json).as_ref(), Ok(&label));
    true
}

fn manifest(text: &str) -> bool {
    let Ok(manifest) = Manifest::from_text(text) else { return false };
    assert_eq!(manifest.to_text().as_deref(), Ok(text), "a manifest has two texts");
    for office in manifest.recipients() {
        assert_ne!(manifest.office_commitment(office), Digest::of(b""));
    }
    true
}

fn statement(text: &str) -> bool {
    let Ok(statement) = Statement::from_text(text) else { return false };
    assert_eq!(statement.to_text().as_deref(), Ok(text), "a statement has two texts");
    true
}

fn short(text: &str) -> bool {
    same::<NodeId>(text)
        | same::<OfficeName>(text)
        | same::<OfficeAddress>(text)
        | same::<Digest>(text)
        | same::<LedgerId>(text)
        | same::<EnvelopeId>(text)
        | same::<Unit>(text)
        | same::<Endpoint>(text)
        | time(text)
        | name::<Act>(text)
        | name::<Urgency>(text)
        | name::<Classification>(text)
}

/// One value, one text.
fn same<T: FromStr + Display>(given: &str) -> bool {
    let Ok(value) = given.parse::<T>() else { return false };
    assert_eq!(value.to_string(), given, "one value has two texts");
    true
}

fn time(text: &str) -> bool {
    let Ok(time) = text.parse::<WallTime>() else { return false };
    assert_eq!(time.to_string().parse(), Ok(time), "a time does not read back");
    true
}

fn name<T: serde::de::DeserializeOwned>(text: &str) -> bool {
    serde_json::from_value::<T>(serde_json::Value::String(text.to_owned())).is_ok()
}
