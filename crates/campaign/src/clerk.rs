//! A clerk at one node: hands documents in, takes them out, and asks again where a node is away.

use crate::book::{Book, Paper, Promise};
use crate::checks::{nothing_lost, receipts_kept};
use crate::failure::{Doing, Failure};
use crate::network::Network;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};
use yizhan_desk::{ActRequest, ClientError, DeskClient, InboxItem, NodeStatus, Submission, Submitted};
use yizhan_document::{Act, Digest, EnvelopeId, Label, OfficeAddress, OfficeName, PartName};

/// Between two looks: long enough to leave the nodes the processor.
const PAUSE: Duration = Duration::from_millis(10);
/// How long anything may take that is bound to happen. Only a failure takes as long.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// The office at every node.
const OFFICE: &str = "gov-office";
/// The name of the one file of a document.
const FILE: &str = "content.bin";
/// Items of an inbox asked for at once.
const ITEMS_MAX: usize = 200;

/// A clerk of the government office at one node.
#[derive(Debug)]
pub struct Clerk {
    /// The node.
    pub node: String,
    office: OfficeName,
    socket: PathBuf,
    desk: OnceCell<DeskClient>,
}

impl Clerk {
    /// The clerk at a node of a network.
    pub fn at(network: &Network, node: &str) -> Result<Self, Failure> {
        let office = OFFICE.parse().doing("naming the office")?;
        let socket = network.data(node).join("desk.sock");
        Ok(Self { node: node.to_owned(), office, socket, desk: OnceCell::new() })
    }

    /// The desk, once it answers; afterwards the same client, which connects anew where it must.
    pub async fn desk(&self) -> Result<&DeskClient, ClientError> {
        self.desk.get_or_try_init(|| DeskClient::connect(&self.socket)).await
    }

    /// What the node says of itself, if it answers now.
    pub async fn status(&self) -> Option<NodeStatus> {
        timeout(PAUSE * 100, async { self.desk().await.ok()?.status().await.ok() }).await.ok()?
    }

    /// Waits until the node promises; a node that ends instead is broken.
    pub async fn ready(&self, network: &Network) -> Result<NodeStatus, Failure> {
        self.ready_within(PATIENCE, network).await
    }

    /// The same with a patience of its own.
    pub async fn ready_within(&self, patience: Duration, network: &Network) -> Result<NodeStatus, Failure> {
        until_within(patience, "becomes ready after a start", || async {
            if let Some(status) = network.ended(&self.node)? {
                let what = format!("{} ended: {status}\n{}", self.node, network.last_words(&self.node));
                return Err(Failure::broken("a node starts again by itself", what));
            }
            Ok(self.status().await.filter(|status| status.ready))
        })
        .await
    }

    /// Hands a paper in until it is answered for, and writes the promise down. A second answer must be the first.
    pub async fn hand_in(&self, book: &Book, paper: &Paper) -> Result<Promise, Failure> {
        let submitted = self.patiently("is answered for", || self.send(paper)).await?;
        let promise = Promise { paper: paper.clone(), id: submitted.id, receipt: submitted.receipt };
        let mut pages = book.open();
        if let Some(before) = pages.promises.iter().rev().find(|known| known.paper.key == paper.key).cloned()
        {
            pages.repeated += 1;
            drop(pages);
            receipts_kept::same_answer(&before, &promise)?;
            return Ok(before);
        }
        pages.promises.push(promise.clone());
        Ok(promise)
    }

    /// Hands a paper in once.
    pub async fn send(&self, paper: &Paper) -> Result<Submitted, ClientError> {
        let desk = self.desk().await?;
        let name: PartName = FILE.parse().map_err(|_| ClientError::Status(0))?;
        desk.send(self.submission(paper)?, vec![(name, paper.file.clone())]).await
    }

    fn submission(&self, paper: &Paper) -> Result<Submission, ClientError> {
        // Our own names are good; a status that no node gives says that one is not.
        let address = |node: &str| -> Result<OfficeAddress, ClientError> {
            format!("{OFFICE}@{node}").parse().map_err(|_| ClientError::Status(0))
        };
        Ok(Submission {
            from: address(&paper.from)?,
            to: vec![address(&paper.to)?],
            cc: Vec::new(),
            groups: yizhan_document::Groups::default(),
            label: Label { title: paper.title.clone(), ..Label::default() },
            deadline: None,
            files: Vec::new(),
            key: Some(paper.key.clone()),
        })
    }

    /// What came into the inbox after a number.
    pub async fn inbox_after(&self, after: u64) -> Result<Vec<InboxItem>, ClientError> {
        self.desk().await?.inbox(&self.office, after, ITEMS_MAX).await
    }

    /// Everything in the inbox.
    pub async fn inbox(&self) -> Result<Vec<InboxItem>, Failure> {
        let mut items: Vec<InboxItem> = Vec::new();
        loop {
            let after = items.last().map_or(0, |item| item.sequence);
            let more = self.patiently("shows its inbox", || self.inbox_after(after)).await?;
            if more.is_empty() {
                return Ok(items);
            }
            items.extend(more);
        }
    }

    /// Takes a document out once; gives the digest of its file, or nothing where the archive does not read.
    pub async fn take(&self, id: EnvelopeId) -> Result<Option<Digest>, ClientError> {
        let mut archive = Vec::new();
        self.desk().await?.take(&self.office, id, &mut archive).await?;
        Ok(first_file(&archive).map(|bytes| Digest::of(&bytes)))
    }

    /// Takes a document out until that succeeds, compares it with what was sent, and writes it down.
    pub async fn take_and_compare(&self, book: &Book, id: EnvelopeId, sent: Digest) -> Result<(), Failure> {
        let found = self.patiently("hands a document out", || self.take(id)).await?;
        nothing_lost::same_bytes(&self.node, id, sent, found)?;
        *book.open().taken.entry(id).or_default() += 1;
        Ok(())
    }

    /// Signs for a document until that succeeds, and writes the receipt down.
    pub async fn sign(&self, book: &Book, id: EnvelopeId) -> Result<(), Failure> {
        let request =
            ActRequest { act: Act::SignedFor, person: "值班员".to_owned(), reason: String::new() };
        let done = self
            .patiently("signs for a document", || async {
                self.desk().await?.act(&self.office, id, &request).await
            })
            .await?;
        book.open().receipts.push(done.receipt);
        Ok(())
    }

    /// Asks until there is an answer. What a node refuses for good is a failure.
    pub async fn patiently<T, F>(&self, what: &'static str, ask: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        until(what, || async {
            match ask().await {
                Ok(answer) => Ok(Some(answer)),
                Err(error) if error.retryable() => Ok(None),
                Err(error) => {
                    Err(Failure::broken("a node answers", format!("{}: {what}: {error}", self.node)))
                }
            }
        })
        .await
    }
}

/// Looks again and again until there is something.
pub async fn until<T, F>(what: &str, look: impl FnMut() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<Option<T>, Failure>>,
{
    until_within(PATIENCE, what, look).await
}

/// The same with a patience of its own.
pub async fn until_within<T, F>(
    patience: Duration,
    what: &str,
    mut look: impl FnMut() -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<Option<T>, Failure>>,
{
    let looking = async {
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            sleep(PAUSE).await;
        }
    };
    let waited = || Failure::broken("the network drains by itself", format!("waited in vain: {what}"));
    timeout(patience, looking).await.unwrap_or_else(|_| Err(waited()))
}

/// The content of the first file in a document's archive, whose members are named by number.
fn first_file(archive: &[u8]) -> Option<Vec<u8>> {
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries().ok()? {
        let mut entry = entry.ok()?;
        if entry.path().ok()?.to_str() == Some("1") {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).ok()?;
            return Some(bytes);
        }
    }
    None
}
