//! Receipts about one envelope or its neighbours that are written at the same time share a row: the first one's key and place,
//! then the others.
//!
//! ```text
//! key    group 28 · rest of the first key 45
//! value  location 20 [ · rest of the next key 45 · location 20 ]…
//! ```
//!
//! A receipt may stand in several rows, since it moves when the journal is reclaimed: places only ever grow, so the last one counts.
//! A row that takes the place of another keeps what that held.

use super::key::{GROUP_BYTES, LOCATION_BYTES, ReceiptKey, Space, location, read_location};
use super::overlay::PendingChanges;
use crate::limits::QUEUE_VALUE_BYTES_MAX;
use std::collections::BTreeMap;
use yizhan_journal::Location;

/// A row to be written, or with no value to be removed.
pub(crate) type Row = (Space, Vec<u8>, Option<Vec<u8>>);

/// The rows that these changes come to, in the order of their places: neighbours lie in the same page.
pub(crate) fn rows(changes: &PendingChanges) -> Vec<Row> {
    let mut changes: Vec<_> = changes.iter().collect();
    changes.sort_unstable_by_key(|(place, _)| *place);
    let mut rows: Vec<Row> = Vec::with_capacity(changes.len());
    for ((space, key), pending) in changes {
        if *space == Space::Receipts
            && let (Some(value), Some(last)) = (&pending.value, rows.last_mut())
            && joins(last, key, value)
        {
            continue;
        }
        rows.push((*space, key.clone(), pending.value.clone()));
    }
    rows
}

/// Puts a receipt into the row before it, if that is about envelopes of the same group and has room.
fn joins((space, first, row): &mut Row, key: &[u8], value: &[u8]) -> bool {
    let (Some((group, _)), Some((of, rest))) =
        (first.split_at_checked(GROUP_BYTES), key.split_at_checked(GROUP_BYTES))
    else {
        return false;
    };
    match row {
        Some(row)
            if *space == Space::Receipts
                && group == of
                && row.len() + rest.len() + value.len() <= QUEUE_VALUE_BYTES_MAX =>
        {
            row.extend_from_slice(rest);
            row.extend_from_slice(value);
            true
        }
        _ => false,
    }
}

/// The receipts that a row holds; `None` if it does not read.
pub(crate) fn unpack(key: &[u8], row: &[u8]) -> Option<Vec<(ReceiptKey, Location)>> {
    let (group, rest) = key.split_at_checked(GROUP_BYTES)?;
    let (first, mut more) = row.split_at_checked(LOCATION_BYTES)?;
    let mut receipts = vec![(ReceiptKey::decode(key)?, read_location(first)?)];
    while !more.is_empty() {
        let (next, value) = more.split_at_checked(rest.len())?;
        let (place, left) = value.split_at_checked(LOCATION_BYTES)?;
        receipts.push((ReceiptKey::decode(&[group, next].concat())?, read_location(place)?));
        more = left;
    }
    Some(receipts)
}

/// What has to be written once more where the row `new` took the place of `old`, which may have held others. `None` if a row
/// does not read.
pub(crate) fn displaced(key: &[u8], new: &[u8], old: &[u8]) -> Option<Vec<Row>> {
    let first = |row: &[u8]| read_location(row.get(..LOCATION_BYTES)?).map(order);
    // The usual case: it held this one receipt, at an earlier place.
    if old == new || (old.len() == LOCATION_BYTES && first(old)? <= first(new)?) {
        return Some(Vec::new());
    }
    let mut found = unpack(key, new)?;
    found.extend(unpack(key, old)?);
    let mut rows: Vec<Row> = Vec::new();
    for (receipt, at) in last_places(found) {
        let (key, value) = (receipt.encode(), location(at));
        if !rows.last_mut().is_some_and(|last| joins(last, &key, &value)) {
            rows.push((Space::Receipts, key, Some(value)));
        }
    }
    // Otherwise it is what was written already.
    rows.retain(|(_, of, row)| of != key || row.as_deref() != Some(new));
    Some(rows)
}

/// Each receipt once, in order, at its last place.
pub(crate) fn last_places(found: Vec<(ReceiptKey, Location)>) -> Vec<(ReceiptKey, Location)> {
    let mut places: BTreeMap<ReceiptKey, Location> = BTreeMap::new();
    for (key, at) in found {
        let place = places.entry(key).or_insert(at);
        if order(at) > order(*place) {
            *place = at;
        }
    }
    places.into_iter().collect()
}

/// The later a record was written, the greater.
fn order(place: Location) -> (u64, u64) {
    (place.segment, place.offset)
}

#[cfg(test)]
mod tests {
    use super::super::changes::Changes;
    use super::super::overlay::Overlay;
    use super::*;
    use proptest::prelude::*;
    use yizhan_document::EnvelopeId;

    fn receipt(counter: u64, index: u64) -> ReceiptKey {
        let envelope = EnvelopeId { origin: "652301".parse().unwrap(), epoch: 0, counter };
        ReceiptKey { envelope, destination: None, ledger: "65.0".parse().unwrap(), index }
    }

    proptest! {
        #[test]
        fn whatever_is_packed_reads_back_in_order(
            written in proptest::collection::vec((0u64..4, 0u64..90, 1u64..1000), 0..300),
        ) {
            let overlay = Overlay::default();
            let mut expected = BTreeMap::new();
            for (counter, index, offset) in written {
                let (key, at) = (receipt(counter, index), Location { segment: 1, offset, len: 9 });
                let mut changes = Changes::new();
                changes.put_receipt(&key, at).unwrap();
                overlay.put(changes.into_list());
                expected.insert(key, at);
            }
            let rows = rows(&overlay.leave());
            prop_assert!(rows.iter().all(|(_, _, row)| row.as_ref().unwrap().len() <= QUEUE_VALUE_BYTES_MAX));
            let full = expected.len().div_ceil(60) + 4;
            prop_assert!(rows.len() <= full, "{} rows for {} receipts", rows.len(), expected.len());
            let found = rows.iter().flat_map(|(_, key, row)| unpack(key, row.as_ref().unwrap()).unwrap());
            prop_assert_eq!(last_places(found.collect()), expected.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn whatever_bytes_a_row_has_reading_it_does_not_panic(
            row in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let _read = unpack(&receipt(1, 2).encode(), &row);
        }
    }

    #[test]
    fn a_row_that_takes_the_place_of_another_keeps_what_that_held() {
        let at = |segment, offset| Location { segment, offset, len: 9 };
        let pack = |receipts: &[(u64, Location)]| {
            let overlay = Overlay::default();
            for (index, at) in receipts {
                let mut changes = Changes::new();
                changes.put_receipt(&receipt(1, *index), *at).unwrap();
                overlay.put(changes.into_list());
            }
            let mut rows = rows(&overlay.leave());
            assert_eq!(rows.len(), 1);
            rows.pop().map(|(_, key, row)| (key, row.unwrap())).unwrap()
        };
        let many: Vec<(u64, Location)> = (1..60).map(|index| (index, at(1, index))).collect();
        let (key, old) = pack(&many);
        let (_, before) = pack(&[(1, at(1, 0))]);
        assert_eq!(displaced(&key, &old, &before), Some(Vec::new()), "it held the one receipt only");
        let (_, later) = pack(&[(1, at(2, 1))]);
        let rows = displaced(&key, &old, &later).unwrap();
        let found = rows.iter().flat_map(|(_, key, row)| unpack(key, row.as_ref().unwrap()).unwrap());
        assert_eq!(last_places(found.collect())[0], (receipt(1, 1), at(2, 1)), "a later place stays");
        let moved: Vec<(u64, Location)> =
            [1].into_iter().chain(60..110).map(|index| (index, at(2, index))).collect();
        let (_, new) = pack(&moved);
        // Too many for one row: the rest has rows of its own, all behind this one.
        let rows = displaced(&key, &new, &old).unwrap();
        assert!(rows.len() == 2 && rows[0].1 == key && rows[1].1 > key);
        let found = rows.iter().flat_map(|(_, key, row)| unpack(key, row.as_ref().unwrap()).unwrap());
        let places = last_places(found.collect());
        assert_eq!(places.len(), 109);
        assert!(places.iter().all(|(key, at)| (at.segment == 2) == (key.index == 1 || key.index >= 60)));
        // It comes to an end: what is written for it displaces nothing that is not written with it.
        assert_eq!(displaced(&key, rows[0].2.as_ref().unwrap(), &new), Some(vec![rows[1].clone()]));
        let (behind, rest) = (&rows[1].1, rows[1].2.as_ref().unwrap());
        assert_eq!(displaced(behind, rest, rest), Some(Vec::new()));
    }

    #[test]
    fn a_receipt_that_moved_is_found_where_it_is_now() {
        let at = |segment, offset| Location { segment, offset, len: 9 };
        let (one, other) = (receipt(1, 1), receipt(1, 2));
        let found = vec![(one, at(1, 900)), (other, at(1, 950)), (one, at(3, 10)), (other, at(1, 20))];
        assert_eq!(last_places(found), [(one, at(3, 10)), (other, at(1, 950))]);
    }
}
