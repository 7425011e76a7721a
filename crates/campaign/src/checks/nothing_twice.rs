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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::sample::{TO, item, kept, promise};

    #[test]
    fn one_document_under_one_id_or_under_two_is_found_and_so_is_a_strange_one() {
        let (book, items) = kept();
        assert!(check(TO, &items, &book).is_ok());
        let with = |more: InboxItem| [items.clone(), vec![more]].concat();
        let again = InboxItem { sequence: 9, ..items[0].clone() };
        assert!(check(TO, &with(again.clone()), &book).unwrap_err().is_broken());
        let other_id = InboxItem { id: "652301.0.77".parse().unwrap(), ..again };
        assert!(check(TO, &with(other_id), &book).is_err());
        assert!(check(TO, &with(item(&promise(8), 9)), &book).is_err());
        let other_title = InboxItem { title: "另一份公文".into(), ..items[1].clone() };
        assert!(check(TO, &[items[0].clone(), other_title], &book).is_err());
    }
}
