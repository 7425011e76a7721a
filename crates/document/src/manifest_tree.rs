//! One signature for many documents: the tree over their manifests, which an office signs, and the path from each to its root.
//!
//! Both have a canonical text like the manifest's. The tree is that of RFC 6962 over the manifests' texts, so whoever has a
//! manifest, its path and the signed text can check all three with SHA-256 and `openssl cms -verify`.

use crate::limits::{
    BATCH_MANIFESTS_MAX, MANIFEST_PATH_BYTES_MAX, MANIFEST_PATH_MAX, MANIFEST_TREE_BYTES_MAX,
};
use crate::manifest::{Lines, check_suite};
use crate::{Digest, ManifestError, OfficeAddress, WallTime, merkle};
use std::fmt::Write as _;

const TREE_LINE: &str = "yizhan manifest tree v1";
const PATH_LINE: &str = "yizhan manifest path v1";

/// What an office signs for a batch of documents that it hands in at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestTree {
    /// Names the signature suite, such as `cms-p256-sha256`.
    pub suite: String,
    /// When the batch was closed.
    pub time: WallTime,
    /// The sending office, the same in every manifest of the batch.
    pub from: OfficeAddress,
    /// How many manifests there are, 1 to [`BATCH_MANIFESTS_MAX`].
    pub manifests: u64,
    /// The RFC 6962 root over the texts of the manifests.
    pub root: Digest,
}

/// The way from one manifest to the root of its tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestPath {
    /// Which manifest of the batch it is, counted from 0.
    pub index: u64,
    /// The inclusion path (RFC 6962, section 2.1.1), from the leaf up.
    pub nodes: Vec<Digest>,
}

impl ManifestTree {
    /// The tree over these texts of manifests, and the path of each in their order. `None` if there are none or too many.
    pub fn over<T: AsRef<str>>(
        manifests: &[T],
        suite: &str,
        time: WallTime,
        from: OfficeAddress,
    ) -> Option<(Self, Vec<ManifestPath>)> {
        if !(1..=BATCH_MANIFESTS_MAX).contains(&manifests.len()) {
            return None;
        }
        let leaves = manifests.iter().map(|text| merkle::leaf_hash(text.as_ref().as_bytes())).collect();
        let tree = merkle::Tree::new(leaves);
        let path = |index: usize| {
            Some(ManifestPath { index: u64::try_from(index).ok()?, nodes: tree.inclusion_path(index)? })
        };
        let paths = (0..manifests.len()).map(path).collect::<Option<Vec<_>>>()?;
        let count = manifests.len() as u64;
        Some((Self { suite: suite.to_owned(), time, from, manifests: count, root: tree.root() }, paths))
    }

    /// Whether `manifest` is in this tree, at the place that `path` names.
    pub fn holds(&self, manifest: &str, path: &ManifestPath) -> bool {
        let leaf = merkle::leaf_hash(manifest.as_bytes());
        merkle::verify_inclusion(&self.root, self.manifests, path.index, &leaf, &path.nodes)
    }

    /// The canonical text, which the office signs.
    pub fn to_text(&self) -> String {
        let Self { suite, time, from, manifests, root } = self;
        format!("{TREE_LINE}\nsuite {suite}\ntime {time}\nfrom {from}\nmanifests {manifests}\nroot {root}\n")
    }

    /// Reads the canonical text; anything that is not exactly in that form is refused.
    pub fn from_text(text: &str) -> Result<Self, ManifestError> {
        let mut lines = lines(text, MANIFEST_TREE_BYTES_MAX, TREE_LINE)?;
        let tree = Self {
            suite: lines.value("suite ")?,
            time: lines.value("time ")?,
            from: lines.value("from ")?,
            manifests: lines.value("manifests ")?,
            root: lines.value("root ")?,
        };
        check_suite(&tree.suite)?;
        if !(1..=BATCH_MANIFESTS_MAX as u64).contains(&tree.manifests) {
            return Err(ManifestError::Count);
        }
        if tree.to_text() == text { Ok(tree) } else { Err(ManifestError::NotCanonical) }
    }
}

impl ManifestPath {
    /// The canonical text.
    pub fn to_text(&self) -> String {
        let mut text = format!("{PATH_LINE}\nindex {}\n", self.index);
        // Writing to a String cannot fail.
        self.nodes.iter().for_each(|node| writeln!(text, "node {node}").unwrap_or_default());
        text
    }

    /// Reads the canonical text; anything that is not exactly in that form is refused.
    pub fn from_text(text: &str) -> Result<Self, ManifestError> {
        let mut lines = lines(text, MANIFEST_PATH_BYTES_MAX, PATH_LINE)?;
        let path = Self { index: lines.value("index ")?, nodes: lines.values("node ")? };
        if path.nodes.len() > MANIFEST_PATH_MAX {
            return Err(ManifestError::Count);
        }
        if path.to_text() == text { Ok(path) } else { Err(ManifestError::NotCanonical) }
    }
}

fn lines<'a>(text: &'a str, bytes_max: usize, first: &'static str) -> Result<Lines<'a>, ManifestError> {
    if text.len() > bytes_max {
        return Err(ManifestError::TooLarge);
    }
    let mut lines = Lines::of(text);
    if lines.next_line() == Some(first) { Ok(lines) } else { Err(lines.wrong(first)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tree_over(count: usize) -> (Vec<String>, ManifestTree, Vec<ManifestPath>) {
        let texts: Vec<_> = (0..count).map(|n| format!("manifest {n}\n")).collect();
        let from = "gov-office@652301".parse().unwrap();
        let (tree, paths) =
            ManifestTree::over(&texts, "cms-p256-sha256", WallTime::from_ms(1_795_161_600_123), from)
                .unwrap();
        (texts, tree, paths)
    }

    #[test]
    fn each_manifest_is_in_the_tree_at_its_own_place_only() {
        for count in [1, 2, 3, 7, 64] {
            let (texts, tree, paths) = tree_over(count);
            for (index, (text, path)) in texts.iter().zip(&paths).enumerate() {
                assert!(tree.holds(text, path));
                let other = ManifestPath { index: (index as u64 + 1) % count as u64, ..path.clone() };
                assert!(count == 1 || !tree.holds(text, &other), "{index} of {count}");
                assert!(!tree.holds("another manifest\n", path));
            }
        }
    }

    #[test]
    fn none_and_too_many_manifests_have_no_tree() {
        let from: OfficeAddress = "gov-office@652301".parse().unwrap();
        let over = |count| ManifestTree::over(&vec![""; count], "s", WallTime::from_ms(0), from.clone());
        assert!(over(0).is_none() && over(BATCH_MANIFESTS_MAX + 1).is_none());
        assert!(over(BATCH_MANIFESTS_MAX).is_some());
    }

    #[test]
    fn the_longest_texts_are_within_their_limits() {
        let (_, tree, paths) = tree_over(BATCH_MANIFESTS_MAX);
        let longest = paths.iter().max_by_key(|path| path.to_text().len()).unwrap();
        assert_eq!(ManifestPath::from_text(&longest.to_text()).as_ref(), Ok(longest));
        let from = format!("{}@{}", "a".repeat(48), "1".repeat(12)).parse().unwrap();
        let tree = ManifestTree { suite: "s".repeat(32), from, ..tree };
        assert_eq!(ManifestTree::from_text(&tree.to_text()), Ok(tree));
    }

    proptest! {
        #[test]
        fn texts_read_back_and_have_one_spelling(count in 1usize..80, at: usize, flip in 1u8..) {
            let (_, tree, paths) = tree_over(count);
            prop_assert_eq!(ManifestTree::from_text(&tree.to_text()), Ok(tree.clone()));
            let path = &paths[at % count];
            prop_assert_eq!(&ManifestPath::from_text(&path.to_text()).unwrap(), path);
            let mut changed = tree.to_text().into_bytes();
            let at = at % changed.len();
            changed[at] ^= flip;
            if let Ok(changed) = String::from_utf8(changed) {
                prop_assert_ne!(ManifestTree::from_text(&changed), Ok(tree));
            }
        }
    }
}
