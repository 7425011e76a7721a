//! Entry bundles: up to 256 entries in one file, each after its length as two bytes, big-endian (C2SP `tlog-tiles`).

use crate::ENTRY_BYTES_MAX;

/// The bundle of these entries; none is longer than [`ENTRY_BYTES_MAX`].
pub(crate) fn encode<'a>(entries: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bundle = Vec::new();
    for entry in entries {
        debug_assert!(entry.len() <= ENTRY_BYTES_MAX);
        bundle.extend_from_slice(&(entry.len() as u16).to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    bundle
}

/// The entries of a bundle that must hold `width` of them and nothing else.
pub(crate) fn decode(bundle: &[u8], width: usize) -> Result<Vec<&[u8]>, &'static str> {
    let mut entries = Vec::with_capacity(width.min(bundle.len() / 2));
    let mut rest = bundle;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let entry = after.split_at_checked(usize::from(u16::from_be_bytes(*length)));
        let (entry, after) = entry.ok_or("its last entry is cut off")?;
        entries.push(entry);
        rest = after;
    }
    match entries.len() {
        _ if !rest.is_empty() => Err("a single byte stands after its last entry"),
        count if count < width => Err("it has too few entries"),
        count if count > width => Err("it has too many entries"),
        _ => Ok(entries),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_bundle_reads_back_as_written(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20)) {
            let bundle = encode(entries.iter().map(Vec::as_slice));
            prop_assert_eq!(decode(&bundle, entries.len()).unwrap(), entries.clone());
            prop_assert!(decode(&bundle, entries.len() + 1).is_err());
            if !entries.is_empty() {
                prop_assert!(decode(&bundle, entries.len() - 1).is_err());
                prop_assert!(decode(&bundle[..bundle.len() - 1], entries.len()).is_err());
            }
        }

        #[test]
        fn any_bytes_are_taken_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), width in 0..300usize) {
            if let Ok(entries) = decode(&bytes, width) {
                prop_assert_eq!(encode(entries.into_iter()), bytes);
            }
        }
    }
}
