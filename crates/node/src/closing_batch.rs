//! Closes many small documents of one office that were handed in at once: one signature over the tree of their manifests.

use crate::closing::{Begun, ClosedSubmission, Closer, Reserved, internal};
use bytes::Bytes;
use yizhan_desk::{DoorError, Submission};
use yizhan_document::{Classification, ManifestTree, NodeId, WallTime};
use yizhan_envelope::{OfficeSignature, SignedTree};
use yizhan_exchange::SubmissionKey;
use yizhan_identity::suite;

/// A document of a batch, checked and with its content.
pub(crate) struct Document {
    /// What is handed in.
    pub(crate) submission: Submission,
    /// All its files, one after the other.
    pub(crate) content: Bytes,
    /// The destination nodes, ascending.
    pub(crate) to: Vec<NodeId>,
    /// Its idempotency key, as it was handed in.
    pub(crate) key: Option<SubmissionKey>,
}

impl Closer {
    /// Closes documents of one office; each stands or falls by itself. Runs on a worker thread. `reserve` gives an id to each document
    /// whose content is in order, in their order.
    pub(crate) fn close_many(
        &self,
        documents: &[Document],
        now: WallTime,
        reserve: impl FnOnce(Vec<(usize, Classification)>) -> Vec<Result<Reserved, DoorError>>,
    ) -> Vec<Result<ClosedSubmission, DoorError>> {
        let many = documents.len() > 1;
        let mut outcomes = Vec::with_capacity(documents.len());
        let mut begun = Vec::with_capacity(documents.len());
        for (number, document) in documents.iter().enumerate() {
            match self.begin_whole(document, now, many) {
                Ok(one) => {
                    outcomes.push(None);
                    begun.push((number, one));
                }
                Err(error) => outcomes.push(Some(Err(error))),
            }
        }
        let classified = |(number, _): &(usize, Begun<'_>)| {
            documents.get(*number).map(|document| (*number, document.submission.label.classification))
        };
        let reserved = reserve(begun.iter().filter_map(classified).collect());
        let mut ready = Vec::with_capacity(begun.len());
        for ((number, begun), reserved) in begun.into_iter().zip(reserved) {
            let named = reserved.and_then(|reserved| {
                let document = documents.get(number).ok_or_else(|| internal(&"a document vanished"))?;
                let manifest = self.manifest(&document.submission, &begun, reserved.id, now)?;
                let text = manifest.to_text().map_err(|error| internal(&error))?;
                Ok((document, begun, reserved, manifest, text))
            });
            match named {
                Ok(named) => ready.push((number, named)),
                Err(error) => put(&mut outcomes, number, Err(error)),
            }
        }
        let texts: Vec<&str> = ready.iter().map(|(_, (.., text))| text.as_str()).collect();
        let signatures = self.sign_many(documents, &texts, now);
        match signatures {
            Ok(signatures) => {
                for ((number, (document, begun, reserved, manifest, text)), signature) in
                    ready.into_iter().zip(signatures)
                {
                    let closed = self.complete(
                        &document.submission,
                        begun,
                        reserved,
                        &document.to,
                        (&manifest, &text),
                        &signature,
                        now,
                    );
                    put(&mut outcomes, number, closed.map(|closed| closed.under(document.key)));
                }
            }
            Err(error) => {
                ready.iter().for_each(|(number, _)| put(&mut outcomes, *number, Err(error.clone())))
            }
        }
        let lost = || Err(internal(&"a document of the batch was not closed"));
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(lost)).collect()
    }

    fn begin_whole(&self, document: &Document, now: WallTime, many: bool) -> Result<Begun<'_>, DoorError> {
        let mut rest = document.content.clone();
        let mut files = document.submission.files.iter();
        let mut left = files.next().map_or(0, |file| file.size);
        let pieces = std::iter::from_fn(|| {
            while left == 0 {
                left = files.next()?.size;
            }
            let size = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
            left = 0;
            (size > 0).then(|| Ok(rest.split_to(size)))
        });
        self.begin(&document.submission, pieces, &document.to, now, many)
    }

    /// One signature for these manifests: over the one, or over the tree of all.
    fn sign_many(
        &self,
        documents: &[Document],
        texts: &[&str],
        now: WallTime,
    ) -> Result<Vec<OfficeSignature>, DoorError> {
        let Some(from) = documents.first().map(|document| &document.submission.from) else {
            return Ok(Vec::new());
        };
        match texts {
            [] => Ok(Vec::new()),
            [alone] => Ok(vec![OfficeSignature::alone(self.sign(from, alone.as_bytes(), now)?)]),
            texts => {
                let (tree, paths) = ManifestTree::over(texts, suite::SIGNATURE, now, from.clone())
                    .ok_or_else(|| internal(&"too many documents at once"))?;
                let tree = tree.to_text();
                let cms = self.sign(from, tree.as_bytes(), now)?;
                let signature = |path: yizhan_document::ManifestPath| OfficeSignature {
                    cms: cms.clone(),
                    batch: Some(SignedTree { tree: tree.clone(), path: path.to_text() }),
                };
                Ok(paths.into_iter().map(signature).collect())
            }
        }
    }
}

fn put<T>(outcomes: &mut [Option<T>], number: usize, outcome: T) {
    if let Some(place) = outcomes.get_mut(number) {
        *place = Some(outcome);
    }
}
