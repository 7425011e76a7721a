//! Three nodes under steady load: submitters, clerks who take what comes, and a watcher who notes every checkpoint shown.

use crate::book::{Book, Paper, Promise};
use crate::checks::{self, Clerks, drains_by_itself};
use crate::clerk::{Clerk, PATIENCE};
use crate::failure::{Doing, Failure};
use crate::network::{Network, THREE_FLAGS};
use crate::papers::{Papers, Size};
use crate::random::Random;
use crate::tally::{Setup, Tally};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use yizhan_ledger::Checkpoint;

/// The nodes, from the lowest to the highest: origin, relay and destination of what goes up.
pub const COUNTY: &str = "652301";
/// The node between the two others.
pub const RELAY: &str = "6523";
/// The highest.
pub const REGION: &str = "65";
/// All of them.
pub const NODES: [&str; 3] = [COUNTY, RELAY, REGION];
/// From where to where documents go.
const ROUTES: [(&str, &str); 6] = [
    (COUNTY, REGION),
    (REGION, COUNTY),
    (COUNTY, REGION),
    (REGION, COUNTY),
    (COUNTY, RELAY),
    (RELAY, REGION),
];
/// Documents under way at once, at the most: what is tested is the faults, not how much fits.
const UNDER_WAY_MAX: usize = 40;
/// A journal that has grown by so many bytes is reclaimed, where nodes are to do that all the time.
const RECLAIM_BYTES: u64 = 32 * 1024;
/// The longest pause of a submitter between two documents.
const PAUSE_MAX: Duration = Duration::from_millis(120);
/// Between two looks of the watcher, and of a clerk with nothing to do.
const LOOK: Duration = Duration::from_millis(25);
/// Of so many documents one is signed for, and one is handed in twice at once.
const SIGNED_ONE_IN: usize = 4;

/// A network with all that goes on in it.
#[derive(Debug)]
pub struct World {
    /// The network.
    pub network: Arc<Network>,
    /// A clerk at each node.
    pub clerks: Arc<Clerks>,
    /// What was promised.
    pub book: Arc<Book>,
    papers: Arc<Papers>,
    going_on: Arc<GoingOn>,
    submitters: Mutex<Vec<JoinHandle<()>>>,
    others: Mutex<Vec<JoinHandle<()>>>,
}

/// What the tasks of a world are told, and what went wrong in one.
#[derive(Debug)]
struct GoingOn {
    handing_in: AtomicBool,
    taking: AtomicBool,
    trouble: Mutex<Option<Failure>>,
}

impl World {
    /// A network of three nodes that run and see each other, with clerks at work; nobody hands anything in yet.
    pub async fn open(setup: &Setup, random: Random) -> Result<Self, Failure> {
        let network = Network::create(&setup.programs, setup.folder.as_deref(), &THREE_FLAGS)?;
        Self::with(network, random).await
    }

    /// The same with nodes that reclaim their journals all the time, so that faults strike then, too.
    pub async fn reclaiming(network: Network, random: Random) -> Result<Self, Failure> {
        NODES.iter().try_for_each(|node| network.reclaims_after(node, RECLAIM_BYTES))?;
        Self::with(network, random).await
    }

    /// How often nodes have reclaimed their journals.
    pub fn reclaims(&self) -> u64 {
        NODES.iter().map(|node| self.network.reclaims(node)).sum()
    }

    /// The same with a network that was made and prepared already.
    pub async fn with(network: Network, mut random: Random) -> Result<Self, Failure> {
        let mut clerks = Clerks::new();
        for node in NODES {
            network.start(node)?;
            clerks.insert(node.to_owned(), Clerk::at(&network, node)?);
        }
        for clerk in clerks.values() {
            clerk.ready(&network).await?;
        }
        let papers = Papers::new(&network, &mut random)?;
        let going_on = GoingOn {
            handing_in: AtomicBool::new(true),
            taking: AtomicBool::new(true),
            trouble: Mutex::default(),
        };
        let world = Self {
            network: Arc::new(network),
            clerks: Arc::new(clerks),
            book: Arc::default(),
            papers: Arc::new(papers),
            going_on: Arc::new(going_on),
            submitters: Mutex::default(),
            others: Mutex::default(),
        };
        for node in NODES {
            world.spawn(&world.others, taking(world.ways(), node, random.branch()));
            world.spawn(&world.others, watching(world.ways(), node));
        }
        Ok(world)
    }

    /// So many submitters begin, and hand documents in until the world comes to rest.
    pub fn load(&self, submitters: usize, random: &mut Random) {
        for _ in 0..submitters {
            self.spawn(&self.submitters, handing_in(self.ways(), random.branch()));
        }
    }

    /// A new paper for a node.
    pub fn paper(&self, from: &str, to: &str, size: Size, random: &mut Random) -> Result<Paper, Failure> {
        self.papers.paper(from, to, size, random)
    }

    /// The clerk at a node.
    pub fn clerk(&self, node: &str) -> Result<&Clerk, Failure> {
        self.clerks.get(node).ok_or_else(|| Failure::unable(node, "there is no such node"))
    }

    /// What went wrong beside the faults, if anything did.
    pub fn trouble(&self) -> Result<(), Failure> {
        let trouble = self.going_on.trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
        trouble.map_or(Ok(()), Err)
    }

    /// Waits until a node is ready, and asks again for the last thing that it answered for.
    pub async fn recovered(&self, node: &str) -> Result<(), Failure> {
        let clerk = self.clerk(node)?;
        clerk.ready(&self.network).await?;
        if let Some(promise) = self.book.last_of(node) {
            clerk.hand_in(&self.book, &promise.paper).await?;
        }
        self.trouble()
    }

    /// Waits until a document has arrived, was taken, and its origin knows.
    pub async fn arrived(&self, promise: &Promise) -> Result<(), Failure> {
        drains_by_itself::arrived(&self.clerks, promise).await?;
        crate::clerk::until(&format!("{} is taken", promise.id), || async {
            self.trouble()?;
            Ok(self.book.open().taken.contains_key(&promise.id).then_some(()))
        })
        .await
    }

    /// Ends a world: if all went well so far, lets it come to rest and holds every promise against it; if anything was
    /// broken, leaves its folder.
    pub async fn conclude(self, outcome: Result<(), Failure>, tally: &mut Tally) -> Result<(), Failure> {
        let outcome = match outcome {
            Ok(()) => self.rest().await,
            Err(failure) => Err(self.trouble().err().unwrap_or(failure)),
        };
        for tasks in [&self.others, &self.submitters] {
            tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..).for_each(|task| task.abort());
        }
        let pages = self.book.open();
        tally.add("documents", pages.promises.len() as u64);
        tally.add("answers repeated", pages.repeated);
        drop(pages);
        if outcome.is_err() {
            tally.keep(&self.network.keep());
        }
        outcome
    }

    async fn rest(&self) -> Result<(), Failure> {
        self.going_on.handing_in.store(false, Ordering::SeqCst);
        let submitters = std::mem::take(&mut *self.submitters.lock().unwrap_or_else(PoisonError::into_inner));
        for submitter in submitters {
            drop(submitter.await);
        }
        self.trouble()?;
        let drained = drains_by_itself::check(&self.clerks, &self.book).await;
        self.going_on.taking.store(false, Ordering::SeqCst);
        let others = std::mem::take(&mut *self.others.lock().unwrap_or_else(PoisonError::into_inner));
        for other in others {
            drop(other.await);
        }
        self.trouble()?;
        drained?;
        checks::settle(&self.network, &self.clerks, &self.book).await
    }

    fn ways(&self) -> Ways {
        Ways {
            clerks: Arc::clone(&self.clerks),
            book: Arc::clone(&self.book),
            papers: Arc::clone(&self.papers),
            going_on: Arc::clone(&self.going_on),
        }
    }

    fn spawn(
        &self,
        tasks: &Mutex<Vec<JoinHandle<()>>>,
        task: impl Future<Output = Result<(), Failure>> + Send + 'static,
    ) {
        let going_on = Arc::clone(&self.going_on);
        let task = tokio::spawn(async move {
            if let Err(failure) = task.await {
                going_on.trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
            }
        });
        tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }
}

/// What a task of the world needs.
struct Ways {
    clerks: Arc<Clerks>,
    book: Arc<Book>,
    papers: Arc<Papers>,
    going_on: Arc<GoingOn>,
}

impl Ways {
    fn clerk(&self, node: &str) -> Result<&Clerk, Failure> {
        self.clerks.get(node).ok_or_else(|| Failure::unable(node, "there is no such node"))
    }
}

async fn handing_in(ways: Ways, mut random: Random) -> Result<(), Failure> {
    while ways.going_on.handing_in.load(Ordering::SeqCst) {
        if ways.book.under_way() >= UNDER_WAY_MAX {
            sleep(LOOK).await;
            continue;
        }
        let Some((from, to)) = random.among(&ROUTES).copied() else { return Ok(()) };
        let paper = ways.papers.paper(from, to, Size::mixed(&mut random), &mut random)?;
        let clerk = ways.clerk(from)?;
        clerk.hand_in(&ways.book, &paper).await?;
        if random.below(SIGNED_ONE_IN) == 0 {
            clerk.hand_in(&ways.book, &paper).await?;
        }
        sleep(random.pause(PAUSE_MAX)).await;
    }
    Ok(())
}

/// Takes what comes into an inbox, compares every byte, and signs for some.
async fn taking(ways: Ways, node: &str, mut random: Random) -> Result<(), Failure> {
    let clerk = ways.clerk(node)?;
    let mut last = 0;
    while ways.going_on.taking.load(Ordering::SeqCst) {
        let items = timeout(PATIENCE, clerk.inbox_after(last)).await;
        let items = items.map_err(|_| Failure::broken("a node answers", format!("{node} shows no inbox")))?;
        let items = items.unwrap_or_default();
        if items.is_empty() {
            sleep(LOOK).await;
        }
        for item in items {
            // Its sender may not have been told yet.
            let Some(sent) = ways.book.open().promise(item.id).map(|promise| promise.paper.digest) else {
                sleep(LOOK).await;
                break;
            };
            clerk.take_and_compare(&ways.book, item.id, sent).await?;
            last = item.sequence;
            if random.below(SIGNED_ONE_IN) == 0 {
                clerk.sign(&ways.book, item.id).await?;
            }
        }
    }
    Ok(())
}

/// Notes every checkpoint that a node shows. Two heads of one size are a fork.
async fn watching(ways: Ways, node: &str) -> Result<(), Failure> {
    let clerk = ways.clerk(node)?;
    while ways.going_on.taking.load(Ordering::SeqCst) {
        if let Some(status) = clerk.status().await.filter(|status| !status.checkpoint.is_empty()) {
            let head = Checkpoint::from_unverified_note(status.checkpoint.as_bytes())
                .doing("reading a checkpoint")?;
            let mut pages = ways.book.open();
            let heads = pages.heads.entry(node.to_owned()).or_default();
            let known = *heads.entry(head.size).or_insert(head.root);
            if known != head.root {
                let what =
                    format!("{node} showed two roots at {} entries: {known} and {}", head.size, head.root);
                return Err(Failure::broken("ledgers never fork", what));
            }
        }
        sleep(LOOK).await;
    }
    Ok(())
}
