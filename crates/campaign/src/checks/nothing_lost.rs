//! Nothing is lost: every document that was answered for lies in the inbox it was sent to, with the bytes that were sent.

use crate::book::Book;
use crate::failure::Failure;
use std::collections::BTreeSet;
use yizhan_desk::InboxItem;
use yizhan_document::{Digest, EnvelopeId};

const PROMISE: &str = "nothing is lost";

/// Every document promised to a node is in its inbox, and was taken whole.
pub fn check(node: &str, items: &[InboxItem], book: &Book) -> Result<(), Failure> {
    let there: BTreeSet<EnvelopeId> = items.iter().map(|item| item.id).collect();
    let pages = book.open();
    for promise in pages.promises.iter().filter(|promise| promise.paper.to == node) {
        if !there.contains(&promise.id) {
            let what = format!("{} `{}` is not in the inbox of {node}", promise.id, promise.paper.title);
            return Err(Failure::broken(PROMISE, what));
        }
        if !pages.taken.contains_key(&promise.id) {
            return Err(Failure::broken(PROMISE, format!("{} was never taken at {node}", promise.id)));
        }
    }
    Ok(())
}

/// What was taken has the digest of what was sent.
pub fn same_bytes(node: &str, id: EnvelopeId, sent: Digest, taken: Option<Digest>) -> Result<(), Failure> {
    match taken {
        Some(taken) if taken == sent => Ok(()),
        Some(_) => Err(Failure::broken(PROMISE, format!("{id} has other bytes at {node} than were sent"))),
        None => Err(Failure::broken(PROMISE, format!("{id}: what {node} handed out is no archive"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::sample::{TO, kept};

    #[test]
    fn a_document_that_is_not_there_or_was_never_handed_out_is_lost() {
        let (book, mut items) = kept();
        assert!(check(TO, &items, &book).is_ok());
        let gone = items.pop().unwrap();
        assert!(check(TO, &items, &book).unwrap_err().is_broken());
        items.push(gone);
        book.open().taken.remove(&items[0].id);
        assert!(check(TO, &items, &book).is_err());
    }

    #[test]
    fn other_bytes_and_no_bytes_are_a_loss() {
        let id = "652301.0.1".parse().unwrap();
        let sent = Digest::of(b"sent");
        assert!(same_bytes(TO, id, sent, Some(sent)).is_ok());
        assert!(same_bytes(TO, id, sent, Some(Digest::of(b"other"))).is_err());
        assert!(same_bytes(TO, id, sent, None).is_err());
    }
}
