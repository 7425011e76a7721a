//! The event loop: one owner of the rules, one event at a time.

use crate::fault::NodeError;
use crate::input::{Ask, Input};
use crate::placement::Place;
use crate::reclaiming::{Reclaiming, Told};
use crate::renewals::Renewals;
use crate::row::Row;
use crate::shared::Shared;
use crate::stage::{Said, Stage, StagedItem};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use yizhan_document::{Digest, NodeId};
use yizhan_exchange::{Answer, Event, HeardEntry, Node, Request, Staged};
use yizhan_ledger::{Asking, Following, Head, WitnessError};
use yizhan_protocol::Custody;
use yizhan_spool::Committer;

/// How often the ledger's tiles and checkpoint are published, in milliseconds (C2SP tlog-tiles: partial tiles only for
/// published checkpoints, so not for each batch).
pub(crate) const PUBLISH_MS: u64 = 1_000;
/// Inputs handled before the loop looks at the time again, at the most.
const INPUTS_IN_A_ROW_MAX: usize = 256;

/// Commits taken in at once, at the most.
const COMMITS_IN_A_ROW_MAX: usize = 64;

/// The event loop and what only it touches.
pub(crate) struct Daemon {
    pub(crate) shared: Arc<Shared>,
    pub(crate) node: Node,
    pub(crate) committer: Committer,
    pub(crate) stage: Stage,
    pub(crate) requests: HashMap<Request, oneshot::Sender<Answer>>,
    pub(crate) next_request: Request,
    /// Batches on their way to disk, by ticket.
    pub(crate) batches: BTreeMap<u64, crate::committing::Batch>,
    /// The size of this node's ledger that each neighbour last cosigned.
    pub(crate) cosigned_by: HashMap<NodeId, u64>,
    /// The size last shown to each neighbour.
    pub(crate) shown_to: HashMap<NodeId, u64>,
    /// Receipts to be sent home once more when their checkpoint is cosigned.
    pub(crate) renewals: Renewals,
    /// Neighbours' ledgers as they were shown.
    pub(crate) following: HashMap<NodeId, Following>,
    /// When each neighbour is asked to show its ledger anew.
    pub(crate) asking: HashMap<NodeId, Asking>,
    pub(crate) published_at: u64,
    /// The journal waits for room.
    pub(crate) journal_full: bool,
    /// Documents to be opened, since workers were last given some.
    pub(crate) to_open: Vec<Staged>,
    /// How far the reclaiming of the journal has come.
    pub(crate) reclaiming: Reclaiming,
    /// What was taken in and not concluded.
    pub(crate) row: Row,
}

impl Daemon {
    /// A loop that has not begun.
    pub(crate) fn new(shared: Arc<Shared>, node: Node, committer: Committer, reclaiming: Reclaiming) -> Self {
        Self {
            shared,
            node,
            committer,
            stage: Stage::default(),
            requests: HashMap::new(),
            next_request: u64::MAX,
            batches: BTreeMap::new(),
            cosigned_by: HashMap::new(),
            shown_to: HashMap::new(),
            renewals: Renewals::default(),
            following: HashMap::new(),
            asking: HashMap::new(),
            published_at: 0,
            journal_full: false,
            to_open: Vec::new(),
            reclaiming,
            row: Row::default(),
        }
    }

    /// Runs until `stop` is done or the disk fails. `place` is where the folder lies, `lost` are holdings whose
    /// content recovery did not find.
    pub(crate) async fn run(
        &mut self,
        mut inputs: mpsc::Receiver<Input>,
        (place, lost): (Place, Vec<u64>),
        commits: &mut mpsc::UnboundedReceiver<Told>,
        stop: impl Future<Output = ()>,
    ) -> Result<(), NodeError> {
        tokio::pin!(stop);
        let mut up = BTreeMap::new();
        if place == Place::Unknown && !self.shared.config.newest {
            let Some(heard) = self.confirmed(&mut inputs, &mut stop).await? else { return Ok(()) };
            up = heard;
        }
        if place != Place::Known {
            crate::placement::settle(&self.shared.config.data)?;
        }
        self.shared.confirmed.store(true, std::sync::atomic::Ordering::Relaxed);
        let now = self.shared.clock.now();
        let effects = self.node.start(now);
        self.perform(effects)?;
        // It may have changed while the neighbours were waited for.
        let directory = self.shared.directory();
        if **self.node.directory() != *directory {
            self.handle(Event::DirectoryChanged { directory })?;
        }
        for holding in lost {
            self.handle(Event::Damaged { holding })?;
        }
        for (neighbour, hello) in up {
            self.take(Input::Up { neighbour, hello })?;
        }
        loop {
            self.open_those_to_be_opened();
            let now = self.shared.clock.uptime_ms();
            let housekeeping = self.published_at + PUBLISH_MS;
            let due = [self.node.next_wake(), self.renewals.next_due()].into_iter().flatten().min();
            let wake = due.unwrap_or(u64::MAX).min(housekeeping).max(now + 1);
            let wait = Duration::from_millis(wake - now);
            let mut row = Vec::new();
            let mut committed = Vec::new();
            tokio::select! {
                biased;
                () = &mut stop => break,
                count = commits.recv_many(&mut committed, COMMITS_IN_A_ROW_MAX) => if count == 0 { break },
                count = inputs.recv_many(&mut row, INPUTS_IN_A_ROW_MAX) => if count == 0 { break },
                () = tokio::time::sleep(wait) => {}
            }
            if row.is_empty() && committed.is_empty() {
                self.handle(Event::Tick)?;
            }
            for told in committed {
                self.told(told)?;
            }
            for input in row {
                self.take(input)?;
            }
            self.conclude()?;
            self.send_what_waited_long_enough()?;
            self.keep_house()?;
        }
        Ok(())
    }

    /// Writes what is decided, publishes the ledger and notes a clean stop. The rules are asked nothing more.
    pub(crate) async fn close(self, mut commits: mpsc::UnboundedReceiver<Told>) -> Result<(), NodeError> {
        let Self { shared, committer, mut batches, reclaiming, .. } = self;
        let position = tokio::task::block_in_place(|| committer.close());
        while let Ok(told) = commits.try_recv() {
            let outcome = match told {
                Told::Commit(outcome) => outcome,
                Told::Carried(carried) => {
                    reclaiming.heed(&shared, carried);
                    continue;
                }
            };
            let Some(committed) = crate::committing::durable(outcome)? else { continue };
            for (ticket, locations) in &committed.tickets {
                if let Some(batch) = batches.remove(ticket) {
                    crate::committing::settle(&shared, &batch, locations)?;
                }
            }
        }
        let mut keeper = shared.keeper();
        keeper.seal().and_then(|()| keeper.publish()).map_err(NodeError::Ledger)?;
        drop(keeper);
        shared.remembered.write_down();
        Ok(shared.index.close(position?)?)
    }

    fn take(&mut self, input: Input) -> Result<(), NodeError> {
        match input {
            Input::Up { neighbour, hello } => {
                self.conclude()?;
                self.hear_memory(neighbour, &hello)?;
                let witnessed = self.shared.keeper().witnessed_by(&hello);
                self.cosigned_by.insert(neighbour, witnessed);
                self.shown_to.remove(&neighbour);
                self.following.entry(neighbour).or_default().begin_anew();
                self.handle(Event::LinkUp { neighbour, clock_ms: hello.clock_ms })
            }
            Input::DirectoryChanged(directory) => self.handle(Event::DirectoryChanged { directory }),
            Input::Many(inputs) => inputs.into_iter().try_for_each(|input| self.take(input)),
            Input::Settled(settled) => self.settled(settled),
            Input::Down { neighbour } => self.handle(Event::LinkDown { neighbour }),
            Input::Offer { neighbour, link, envelope, checked } => match checked {
                Ok(checked) => {
                    let offered = checked.offered.clone();
                    let staged = self.stage.put(StagedItem::Envelope(Arc::new(checked.stored)));
                    self.take_in(Event::Offered { neighbour, offered, staged })
                }
                Err(error) => {
                    tracing::warn!(%neighbour, link, %error, "an offer was refused");
                    self.reject(neighbour, link, envelope, error.code(), error.is_for_now(), None);
                    Ok(())
                }
            },
            Input::Wanted { neighbour, wanted } => {
                self.send_body(neighbour, wanted);
                Ok(())
            }
            Input::Body { neighbour, link, pieces } => self.body_arrived(neighbour, link, pieces),
            Input::Custody { neighbour, custody, entries } => self.custody(neighbour, *custody, entries),
            Input::Rejected { neighbour, rejection } => {
                let (link, envelope) = (rejection.link, rejection.envelope);
                tracing::warn!(%neighbour, link, reason = rejection.reason, retry = rejection.retry, "custody was refused");
                if rejection.reason == "body" {
                    self.examine_body(neighbour, link);
                }
                let (reason, retry) = (rejection.reason, rejection.retry);
                self.handle(Event::Rejected { neighbour, link, envelope, reason, retry })
            }
            Input::Receipts { neighbour, frame, entries, witnessed } => {
                let (origin, hops_left, ledger) = (frame.origin, frame.hops_left, frame.proof.ledger);
                let staged = self.stage.put(StagedItem::Receipts(frame, Said::of_heard(&entries)));
                self.take_in(Event::ReceiptsArrived {
                    neighbour,
                    origin,
                    hops_left,
                    ledger,
                    entries,
                    witnessed,
                    staged,
                })
            }
            Input::Recall { neighbour, frame, heard } => self.recall(neighbour, frame, heard),
            Input::Kept { neighbour, kept } => {
                let yizhan_protocol::Kept { maker, origin, hops_left, ledger, indexes } = kept;
                let kept = yizhan_exchange::Kept { maker, origin, hops_left, ledger, indexes };
                self.take_in(Event::KeptArrived { neighbour, kept })
            }
            Input::Cosigned { neighbour, cosign } => {
                self.cosigned(neighbour, &cosign);
                self.renew(crate::renewals::ROUND_MAX)
            }
            Input::EpochOpened { neighbour, opened } => self.epoch_opened(neighbour, opened),
            Input::Opened { staged, result } => self.opened(staged, result),
            Input::Damaged { holding } => self.handle(Event::Damaged { holding }),
            Input::DiskFailed(error) => Err(NodeError::Bodies(error)),
            Input::Ask(ask) => self.ask(ask),
        }
    }

    fn ask(&mut self, ask: Ask) -> Result<(), NodeError> {
        match ask {
            Ask::Reserve { request, to, classification, reply } => {
                self.requests.insert(request, reply);
                self.take_in(Event::Submitting { request, to, classification })
            }
            Ask::Submit { request, closed, stored, reply } => {
                self.requests.insert(request, reply);
                let staged = self.stage.put(StagedItem::Envelope(Arc::new(*stored)));
                self.take_in(Event::Submitted { request, closed: *closed, staged })
            }
            Ask::Notice { request, of, closed, stored } => {
                let staged = self.stage.put(StagedItem::Envelope(Arc::new(*stored)));
                self.take_in(Event::NoticeClosed { request, of, closed: *closed, staged })
            }
            Ask::Many(asks) => asks.into_iter().try_for_each(|ask| self.ask(ask)),
            Ask::Abandon { request } => self.handle(Event::SubmissionAbandoned { request }),
            Ask::Take { office, id, reply } => {
                let request = self.request(reply);
                self.take_in(Event::Taken { request, office, id })
            }
            Ask::Act { office, id, act, statement, attachment, reply } => {
                let request = self.request(reply);
                let staged = self.stage.put(StagedItem::Attachment(attachment));
                self.take_in(Event::Acted { request, office, id, act, statement, staged })
            }
            Ask::Recall { order, attachment, reply } => {
                let request = self.request(reply);
                let staged = self.stage.put(StagedItem::Attachment(attachment));
                self.take_in(Event::Recalling { request, order, staged })
            }
            Ask::Look(look) => {
                look(&self.node);
                Ok(())
            }
        }
    }

    fn request(&mut self, reply: oneshot::Sender<Answer>) -> Request {
        // The desk counts its own requests upwards from 0; these count downwards, so the two never meet.
        self.next_request -= 1;
        self.requests.insert(self.next_request, reply);
        self.next_request
    }

    fn body_arrived(
        &mut self,
        neighbour: NodeId,
        link: u64,
        pieces: Option<Vec<Digest>>,
    ) -> Result<(), NodeError> {
        self.shared.wanted().remove(&(neighbour, link));
        // Nobody waits for it any more, or it came before.
        let Some(staged) = self.stage.fetching.remove(&(neighbour, link)) else { return Ok(()) };
        let good = pieces.is_some_and(|pieces| self.stage.set_pieces(staged, pieces));
        self.take_in(Event::BodyArrived { neighbour, link, good })
    }

    fn opened(
        &mut self,
        staged: Staged,
        result: Result<crate::opening::OpenedDocument, crate::opening::DeliveryError>,
    ) -> Result<(), NodeError> {
        let result = match result {
            Ok(opened) => {
                self.stage.set_card(staged, opened.card);
                Ok(opened.offices)
            }
            Err(error) if error.is_this_nodes() => {
                tracing::error!(%error, "ALARM: a document that arrived cannot be opened now; it is asked for again");
                return self.take_in(Event::NotOpened { staged });
            }
            Err(error) => {
                tracing::error!(%error, "a document that arrived cannot be delivered");
                Err(error.code().to_owned())
            }
        };
        self.take_in(Event::Opened { staged, result })
    }

    /// A neighbour's acceptances: its checkpoint must continue what was cosigned before, then the rules see it.
    fn custody(
        &mut self,
        neighbour: NodeId,
        custody: Custody,
        entries: Result<Vec<HeardEntry>, crate::proofs::ProofError>,
    ) -> Result<(), NodeError> {
        let checked = entries.map_err(|e| e.to_string()).and_then(|entries| {
            let head = self.shared.by().proofs.head(&custody.proof).map_err(|e| e.to_string())?;
            self.check_head(neighbour, head, &custody).map(|()| (head, entries))
        });
        let (head, entries) = match checked {
            Ok(checked) => checked,
            Err(reason) => {
                tracing::error!(%neighbour, reason, "acknowledgements of a neighbour are not believed");
                return Ok(());
            }
        };
        let said = Said::of_heard(&entries);
        // An entry acknowledges one offer (MUST-13).
        let mut entries: HashMap<u64, HeardEntry> =
            entries.into_iter().map(|entry| (entry.at.index, entry)).collect();
        let acknowledged = custody.acknowledged.iter().filter_map(|acknowledgement| {
            Some((acknowledgement.link, entries.remove(&acknowledgement.index)?))
        });
        let acknowledged = acknowledged.collect();
        let frame =
            yizhan_protocol::ReceiptsHome { origin: self.shared.me(), hops_left: 0, proof: custody.proof };
        let staged = self.stage.put(StagedItem::Receipts(Box::new(frame), said));
        self.take_in(Event::CustodyTaken { neighbour, head, acknowledged, staged })
    }

    /// Whether a neighbour's head continues what is known of its ledger (MUST-23, MUST-26).
    fn check_head(&mut self, neighbour: NodeId, head: Head, custody: &Custody) -> Result<(), String> {
        if head.ledger.node != neighbour {
            return Err(format!("a checkpoint of {} from {neighbour}", head.ledger));
        }
        let current = self.node.state().ledger_of(neighbour);
        if head.ledger > current {
            // The statement was lost on its way and comes again; this head has to as well.
            self.asking.entry(neighbour).or_default().unproven(head.ledger);
            self.ask_again(neighbour);
        }
        if head.ledger != current {
            return Err(format!(
                "a checkpoint of {}, while {current} is the ledger that is known",
                head.ledger
            ));
        }
        let cosigned = self.node.state().witnessed(head.ledger);
        let following = self.following.entry(neighbour).or_default();
        let advanced = following.advance(head, custody.consistent_from, &custody.consistency, cosigned);
        if let Err(WitnessError::Fork { .. }) = advanced {
            tracing::error!(%neighbour, size = head.size, "ALARM: a neighbour shows two histories of its ledger");
        } else if let Err(WitnessError::Unproven { .. }) = advanced {
            self.following.entry(neighbour).or_default().begin_anew();
            self.asking.entry(neighbour).or_default().unproven(head.ledger);
            self.ask_again(neighbour);
        }
        if advanced.is_ok() {
            self.asking.entry(neighbour).or_default().proven();
            self.shared.remembered.remember(head.ledger, head.size, &custody.proof.checkpoint);
        }
        advanced.map_err(|error| error.to_string())
    }
}
