//! The promises that are held against a network after a fault, one room each, and the order in which they are.

pub mod drains_by_itself;
pub mod ledgers_agree;
pub mod nothing_lost;
pub mod nothing_twice;
pub mod receipts_kept;

use crate::book::Book;
use crate::clerk::Clerk;
use crate::failure::Failure;
use crate::network::Network;
use std::collections::BTreeMap;

/// Clerks by node.
pub type Clerks = BTreeMap<String, Clerk>;

/// Holds everything in the book against a network in which nobody hands anything in any more; then stops it and holds its
/// ledgers against the book as well.
pub async fn settle(network: &Network, clerks: &Clerks, book: &Book) -> Result<(), Failure> {
    drains_by_itself::check(clerks, book).await?;
    for clerk in clerks.values() {
        let items = clerk.inbox().await?;
        nothing_twice::check(&clerk.node, &items, book)?;
        nothing_lost::check(&clerk.node, &items, book)?;
    }
    receipts_kept::ask_again(clerks, book).await?;
    network.stop_all()?;
    ledgers_agree::check(network, book)?;
    receipts_kept::check_ledgers(network, book)
}
