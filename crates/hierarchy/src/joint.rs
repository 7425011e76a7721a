//! Whether a document may cross from one network into another that is joined with it, by the agreement of both.
//!
//! At the origin every office is looked at before anything is accepted; at the two nodes that have the link, what a relay sees of
//! an envelope: the nodes it comes from and goes to, and its classification.

use crate::area::Area;
use crate::directory::Directory;
use crate::joined::Standing;
use yizhan_document::{Classification, NodeId, OfficeAddress, WallTime};

/// Why a document may not cross. Its sender is to blame, or the authorities have to agree on something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrossingRefused {
    /// No line of the agreement lets it pass.
    #[error(
        "{to} is of the network {network}, and no line of the agreement with it (version {version}) lets a document that is {level} \
         pass from {from} to it; it lets pass from here: {lines}"
    )]
    NoLine {
        /// The sender.
        from: Box<OfficeAddress>,
        /// The recipient.
        to: OfficeAddress,
        /// The other network.
        network: String,
        /// The version of the agreement.
        version: u64,
        /// The classification.
        level: &'static str,
        /// The lines that lead there.
        lines: String,
    },
    /// The agreement lets nothing new cross.
    #[error(
        "{to} is of the network {network}, and by the agreement with it (version {version}) nothing new crosses: {standing}"
    )]
    NotInForce {
        /// The recipient.
        to: OfficeAddress,
        /// The other network.
        network: String,
        /// The version of the agreement.
        version: u64,
        /// Why.
        standing: Standing,
    },
    /// The recipient has chosen senders.
    #[error(
        "{to} is of the network {network}, whose authorities let chosen senders alone address it, and no line of the agreement names \
         that office itself"
    )]
    ChosenSenders {
        /// The recipient.
        to: OfficeAddress,
        /// The other network.
        network: String,
    },
}

impl Directory {
    /// Whether a document may go from an office of the own network to all of these (MUST-58). Recipients of the own network are no
    /// matter of it.
    pub fn check_crossing(
        &self,
        from: &OfficeAddress,
        to: &[&OfficeAddress],
        level: Classification,
        now: WallTime,
    ) -> Result<(), CrossingRefused> {
        for to in to {
            let Some(joined) = self.joined_with(to.node) else { continue };
            let (network, version) = (joined.network().to_owned(), joined.agreement().version);
            let standing = joined.standing(now);
            if standing != Standing::InForce {
                return Err(CrossingRefused::NotInForce { to: (*to).clone(), network, version, standing });
            }
            let lines = || joined.agreement().crossings.iter().filter(|line| line.network == self.network);
            let mut letting = lines().filter(|line| line.lets(self.tree(), from, to, level)).peekable();
            if letting.peek().is_none() {
                let lines = lines().map(ToString::to_string).collect::<Vec<_>>();
                let lines = if lines.is_empty() { "nothing".to_owned() } else { lines.join("; ") };
                let (from, to, level) = (Box::new(from.clone()), (*to).clone(), level.as_str());
                return Err(CrossingRefused::NoLine { from, to, network, version, level, lines });
            }
            // Rules of a network on its own offices speak of its own nodes, unless the agreement says otherwise.
            let chosen = joined.directory.policy().senders.contains_key(*to);
            if chosen && !letting.any(|line| line.to == Area::Office((*to).clone())) {
                return Err(CrossingRefused::ChosenSenders { to: (*to).clone(), network });
            }
        }
        Ok(())
    }

    /// Whether `me` may carry an envelope from `origin` for these destinations at `now` (MUST-59). Of the nodes that have a link to
    /// another network each holds whatever leads into another network to the agreement, and carries nothing between two others.
    pub fn may_carry(
        &self,
        me: NodeId,
        origin: NodeId,
        mut destinations: impl Iterator<Item = NodeId>,
        level: Classification,
        now: WallTime,
    ) -> bool {
        if !self.joined().iter().any(|joined| joined.ends().contains(&me)) {
            return true;
        }
        destinations.all(|to| match (self.joined_with(origin), self.joined_with(to)) {
            (None, None) => true,
            (Some(joined), None) | (None, Some(joined)) => {
                let network = self.network_of(origin);
                let lines = joined.agreement().crossings.iter();
                let mut lines = lines.filter(|line| line.network == network);
                now < joined.carries_until()
                    && lines.any(|line| line.lets_nodes(self.tree(), origin, to, level))
            }
            // From and to other networks: even within one of them it has no business here.
            (Some(_), Some(_)) => false,
        })
    }
}

#[cfg(test)]
#[path = "joint_tests.rs"]
mod tests;
