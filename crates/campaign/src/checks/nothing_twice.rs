//! Nothing comes twice: in an inbox lies each document once, and nothing that nobody was answered for.

use crate::book::Book;
use crate::failure::Failure;
use std::collections::{BTreeMap, BTreeSet};
use yizhan_desk::InboxItem;

const PROMISE: &str = "nothing comes twice";

/// Titles are unique in a book, so that a document which came under two ids is found as well.
pub fn check(node: &str, items: &[InboxItem], book: &Book) -> Result<(), Failure> {
    let pages = book.open();
    let promised: BTreeMap<_, _> =
        pages.promises.iter().map(|promise| (promise.id, promise.paper.title.as_str())).collect();
    let (mut ids, mut titles, mut numbers) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for item in items {
        if !ids.insert(item.id) || !titles.insert(item.title.as_str()) || !numbers.insert(item.sequence) {
            let what = format!("{} `{}` lies in the inbox of {node} twice", item.id, item.title);
            return Err(Failure::broken(PROMISE, what));
        }
        if promised.get(&item.id) != Some(&item.title.as_str()) {
            let what = format!("{} `{}` at {node} is nothing that was answered for", item.id, item.title);
            return Err(Failure::broken(PROMISE, what));
        }
    }
    Ok(())
}
