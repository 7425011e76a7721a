//! Where a document may come by on its way, whatever links come and go meanwhile.

use crate::tree::Tree;
use std::collections::BTreeSet;
use yizhan_document::NodeId;

impl Tree {
    /// Whether a document from `from` for `to` may come to `node`, over whichever links are up on the way. Ends of the way count.
    ///
    /// Detours are among the roads, so the answer may be yes where the document went another way; it is never no where some node
    /// on the way could have passed it there by [`Tree::next_hop`].
    pub fn may_pass(&self, from: NodeId, to: NodeId, node: NodeId) -> bool {
        let mut seen = BTreeSet::from([from, to]);
        let mut ahead = vec![from];
        while let Some(at) = ahead.pop() {
            let next = self.hops(at, to).filter(|next| seen.insert(*next));
            ahead.extend(next.collect::<Vec<_>>());
        }
        seen.contains(&node)
    }

    /// Every node that `at` may pass a document for `to` to. Of those that are up it takes the first in its own order, so each that
    /// it ever takes is the one it takes when nobody else is up; and when nobody is, there is one to wait for.
    fn hops(&self, at: NodeId, to: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let hop = move |up: &dyn Fn(NodeId) -> bool| self.next_hop(at, to, up).ok().map(|hop| hop.node);
        // A child that does not lead to the destination is never taken; a prefecture has a hundred of them.
        let leads =
            move |next: &NodeId| self.parent(*next) != Some(at) || *next == to || self.is_below(to, *next);
        let alone = self.neighbours(at).into_iter().filter(leads);
        alone.filter(move |next| hop(&|node| node == *next) == Some(*next)).chain(hop(&|_| false))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use crate::tree::{Place, Tree};
    use proptest::prelude::*;
    use yizhan_document::NodeId;

    fn node(name: &str) -> NodeId {
        name.parse().unwrap()
    }

    /// A region with two prefectures of two counties; 652301 has 6531 as backup parent and a direct link to 653101.
    fn tree() -> Tree {
        let names = ["65", "6523", "6531", "652301", "652324", "653101", "653130"];
        let parents = [None, Some("65"), Some("65"), Some("6523"), Some("6523"), Some("6531"), Some("6531")];
        let (backup, direct) = ([node("6531")], [node("653101")]);
        let places = names.iter().zip(parents).map(|(name, parent)| Place {
            node: node(name),
            parent: parent.map(node),
            backup_parents: if *name == "652301" { &backup } else { &[] },
            direct_links: if *name == "652301" { &direct } else { &[] },
        });
        Tree::build(places.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_node_beside_every_road_is_not_passed() {
        let tree = tree();
        let passes = |from: &str, to: &str, by: &str| tree.may_pass(node(from), node(to), node(by));
        for by in ["652324", "6523", "65", "6531", "653130"] {
            assert!(passes("652324", "653130", by), "{by} is on the road");
        }
        assert!(!passes("652324", "653130", "652301") && !passes("652324", "653130", "653101"));
        assert!(passes("652301", "65", "6531"), "by the backup parent");
        assert!(!passes("652324", "65", "6531") && !passes("65", "6523", "6531"));
        assert!(passes("65", "653101", "6531") && !passes("65", "653101", "6523"));
    }

    proptest! {
        #[test]
        fn no_road_leads_past_what_it_is_said_to(
            from in 0..7_usize, to in 0..7_usize, up in proptest::collection::vec(any::<bool>(), 7 * 16),
        ) {
            let tree = tree();
            let (from, to) = (tree.nodes()[from], tree.nodes()[to]);
            let number = |node: NodeId| tree.nodes().iter().position(|other| *other == node).unwrap();
            let mut at = from;
            for step in 0..16 {
                prop_assert!(tree.may_pass(from, to, at), "{} from {} to {}", at, from, to);
                if at == to {
                    break;
                }
                at = tree.next_hop(at, to, &|node| up[step * 7 + number(node)]).unwrap().node;
            }
        }
    }
}
