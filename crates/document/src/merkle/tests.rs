//! Merkle trees against the definition in RFC 6962 section 2.1, written down naively.

use super::*;
use proptest::prelude::*;

fn leaves(count: usize) -> Vec<Digest> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

fn split(count: usize) -> usize {
    let mut k = 1;
    while k * 2 < count {
        k *= 2;
    }
    k
}

fn naive_root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::of(b""),
        [leaf] => *leaf,
        _ => {
            let k = split(leaves.len());
            node_hash(&naive_root(&leaves[..k]), &naive_root(&leaves[k..]))
        }
    }
}

fn naive_path(leaves: &[Digest], index: usize) -> Vec<Digest> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = split(leaves.len());
    let (mut path, sibling) = if index < k {
        (naive_path(&leaves[..k], index), naive_root(&leaves[k..]))
    } else {
        (naive_path(&leaves[k..], index - k), naive_root(&leaves[..k]))
    };
    path.push(sibling);
    path
}

fn naive_consistency(leaves: &[Digest], old: usize, whole: bool) -> Vec<Digest> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { vec![naive_root(leaves)] };
    }
    let k = split(leaves.len());
    let (mut path, sibling) = if old <= k {
        (naive_consistency(&leaves[..k], old, whole), naive_root(&leaves[k..]))
    } else {
        (naive_consistency(&leaves[k..], old - k, false), naive_root(&leaves[..k]))
    };
    path.push(sibling);
    path
}

#[test]
fn a_leaf_and_a_node_hash_as_rfc_6962_says() {
    // The empty leaf and the two-leaf root of the test vectors that Certificate Transparency logs publish.
    let empty = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
    assert_eq!(leaf_hash(b"").to_string(), empty);
    let two = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125";
    assert_eq!(root(&[leaf_hash(b""), leaf_hash(&[0])]).to_string(), two);
    assert_eq!(root(&[]), Digest::of(b""));
    let mut pieces = LeafHasher::new();
    pieces.update(b"ab");
    pieces.update(b"c");
    assert_eq!(pieces.finish(), leaf_hash(b"abc"));
}

#[test]
fn every_small_tree_agrees_with_the_definition_and_verifies() {
    for size in 0..40 {
        let leaves = leaves(size);
        let top = root(&leaves);
        let tree = Tree::new(leaves.clone());
        assert_eq!(top, naive_root(&leaves));
        assert_eq!(tree.root(), top);
        for index in 0..size {
            let path = inclusion_path(&leaves, index).unwrap();
            assert_eq!(path, naive_path(&leaves, index));
            assert!(verify_inclusion(&top, size as u64, index as u64, &leaves[index], &path));
            assert!(!verify_inclusion(&top, size as u64, index as u64 + 1, &leaves[index], &path));
        }
        assert_eq!(inclusion_path(&leaves, size), None);
        for old in 0..=size {
            let path = consistency_path(&leaves, old).unwrap();
            if old > 0 {
                assert_eq!(path, naive_consistency(&leaves, old, true));
            }
            assert!(verify_consistency(old as u64, &root(&leaves[..old]), size as u64, &top, &path));
        }
        assert_eq!(consistency_path(&leaves, size + 1), None);
    }
}

#[test]
fn the_largest_sizes_neither_overflow_nor_loop() {
    let hash = Digest::of(b"any");
    let long = vec![hash; PATH_MAX + 1];
    for path in [&long[..], &long[..PATH_MAX], &long[..64], &long[..1], &[]] {
        for size in [1, 2, u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) + 1] {
            assert!(!verify_inclusion(&hash, size, size, &hash, path));
            assert!(!verify_inclusion(&root(&[]), size, size - 1, &hash, path));
            assert!(
                !verify_consistency(size - 1, &root(&[]), size, &hash, path) || size == 1 && path.is_empty()
            );
            assert!(!verify_consistency(size, &hash, size - 1, &hash, path));
            assert!(!verify_consistency(1, &root(&[]), size, &hash, path));
        }
    }
    assert_eq!(inclusion_ranges(0, u64::MAX).unwrap().len(), 64);
    assert!(consistency_ranges(u64::MAX - 1, u64::MAX).unwrap().len() <= PATH_MAX);
}

#[test]
fn a_right_edge_is_taken_up_again_from_its_peaks() {
    let leaves = leaves(13);
    let mut edge = RightEdge::new();
    leaves.iter().for_each(|leaf| edge.push(*leaf));
    let peaks = vec![root(&leaves[..8]), root(&leaves[8..12]), leaves[12]];
    assert_eq!(RightEdge::from_peaks(13, peaks.clone()), Some(edge));
    assert_eq!(RightEdge::from_peaks(12, peaks), None);
}

proptest! {
    #[test]
    fn a_flipped_bit_anywhere_in_an_inclusion_proof_is_refused(
        size in 1..400usize, at in any::<prop::sample::Index>(), bit in 0..256usize, place in any::<prop::sample::Index>()
    ) {
        let leaves = leaves(size);
        let index = at.index(size);
        let path = inclusion_path(&leaves, index).unwrap();
        prop_assert_eq!(&path, &naive_path(&leaves, index));
        let top = naive_root(&leaves);
        prop_assert!(verify_inclusion(&top, size as u64, index as u64, &leaves[index], &path));

        let mut parts = path.clone();
        parts.extend([leaves[index], top]);
        parts[place.index(path.len() + 2)].0[bit / 8] ^= 1 << (bit % 8);
        let (flipped, ends) = parts.split_at(path.len());
        prop_assert!(!verify_inclusion(&ends[1], size as u64, index as u64, &ends[0], flipped));

        // Whatever was verified before, the answer is the same.
        let mut many = InclusionVerifier::default();
        for (of, leaf) in leaves.iter().enumerate() {
            let path = inclusion_path(&leaves, of).unwrap();
            prop_assert!(many.verify(&top, size as u64, of as u64, leaf, &path));
        }
        prop_assert!(!many.verify(&ends[1], size as u64, index as u64, &ends[0], flipped));
        prop_assert!(many.verify(&top, size as u64, index as u64, &leaves[index], &path));

        let mut longer = path.clone();
        longer.push(top);
        prop_assert!(!verify_inclusion(&top, size as u64, index as u64, &leaves[index], &longer));
        if !path.is_empty() {
            prop_assert!(!verify_inclusion(&top, size as u64, index as u64, &leaves[index], &path[1..]));
            prop_assert!(!verify_inclusion(&top, size as u64, index as u64, &leaves[index], &path[..path.len() - 1]));
        }
    }

    #[test]
    fn a_consistency_proof_holds_for_its_two_trees_only(
        size in 2..400usize, at in any::<prop::sample::Index>(), bit in 0..256usize, place in any::<prop::sample::Index>()
    ) {
        let leaves = leaves(size);
        let old = at.index(size - 1) + 1;
        let path = consistency_path(&leaves, old).unwrap();
        prop_assert_eq!(&path, &naive_consistency(&leaves, old, true));
        let (before, after) = (naive_root(&leaves[..old]), naive_root(&leaves));
        let check = |old: usize, before: &Digest, after: &Digest, path: &[Digest]| {
            verify_consistency(old as u64, before, size as u64, after, path)
        };
        prop_assert!(check(old, &before, &after, &path));

        let mut parts = path.clone();
        parts.extend([before, after]);
        parts[place.index(path.len() + 2)].0[bit / 8] ^= 1 << (bit % 8);
        let (flipped, ends) = parts.split_at(path.len());
        prop_assert!(!check(old, &ends[0], &ends[1], flipped));
        prop_assert!(!check(old, &before, &after, &path[..path.len() - 1]));
        let mut longer = path.clone();
        longer.push(after);
        prop_assert!(!check(old, &before, &after, &longer));
        prop_assert!(!check(old - 1, &before, &after, &path));
    }
}
