//! New versions of the directory: published here or told of by a neighbour, fetched, verified, made durable, gone by without a
//! restart, and told to the neighbours in turn. So a version that is published at one node spreads through the network by itself.
//!
//! One task does all of it, one matter at a time. Nothing of a version is believed before it was verified against the trust
//! anchor of the configuration and against the version that is held (MUST-36, MUST-38).

pub(crate) mod begin;
mod fetched;
mod fetching;
pub(crate) mod fit;
pub(crate) mod holding;
mod installing;
mod knowing;
mod passing;
mod serving;
pub(crate) mod told;

use crate::config::Hold;
use crate::shared::Shared;
use fetching::Fetch;
use fit::OwnKeys;
use installing::InstallError;
use knowing::Knowing;
use passing::Passing;
use serving::{Limits, Serving};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use yizhan_desk::{DoorCode, DoorError, PublishedDirectory};
use yizhan_document::NodeId;
use yizhan_hierarchy::{Acceptance, History, Parcel, TrustAnchor, VersionRefused};
use yizhan_protocol::{DirectoryHeld, DirectoryPart, DirectoryWanted, Frame};

/// Matters that wait, at the most; what neighbours say is left out then, and said again.
pub(crate) const MATTERS_MAX: usize = 2048;
/// How often it is looked whether something is overdue.
const ROUND: Duration = Duration::from_secs(1);
/// For how long a node that the new version names as a neighbour no more is still a neighbour, in milliseconds: it may have
/// the new version only from here.
const LINGER_MS: u64 = 30_000;

/// Something about versions of the directory.
pub(crate) enum Matter {
    /// A neighbour said hello; what it holds it says next.
    Up {
        /// The neighbour.
        neighbour: NodeId,
    },
    /// A neighbour is gone.
    Down {
        /// The neighbour.
        neighbour: NodeId,
    },
    /// A neighbour holds a version.
    Held {
        /// The neighbour.
        neighbour: NodeId,
        /// Which.
        held: DirectoryHeld,
    },
    /// A neighbour asks for a part of a version.
    Wanted {
        /// The neighbour.
        neighbour: NodeId,
        /// Which.
        wanted: DirectoryWanted,
    },
    /// A part of the version that is being fetched.
    Part {
        /// The neighbour.
        neighbour: NodeId,
        /// The part.
        part: Box<DirectoryPart>,
    },
    /// The files of nodes are needed that are not held.
    Need {
        /// Which.
        nodes: Vec<NodeId>,
        /// The neighbour that said something by which they are needed; none if this node itself needs them.
        from: Option<NodeId>,
        /// Told once all of them are held; dropped if that is not to be.
        reply: oneshot::Sender<()>,
    },
    /// A version is published here.
    Publish {
        /// A tar archive.
        archive: Vec<u8>,
        /// The answer.
        reply: oneshot::Sender<Result<PublishedDirectory, DoorError>>,
    },
}

/// The task and what only it knows.
pub(crate) struct Versions {
    shared: Arc<Shared>,
    own: OwnKeys,
    anchor: TrustAnchor,
    history: History,
    fetch: Option<Fetch>,
    serving: Serving,
    knowing: Knowing,
    passing: Passing,
    /// When those who are neighbours no more are let go of, by uptime.
    lingering: Option<u64>,
}

impl Versions {
    /// The task, before it runs.
    pub(crate) fn new(shared: Arc<Shared>, own: OwnKeys, anchor: TrustAnchor) -> Self {
        let history = begin::history(&shared.config);
        let knowing = Knowing::beginning(&shared.current.held(), shared.me(), shared.config.directory.hold);
        let (serving, passing) = (Serving::default(), Passing::default());
        Self { shared, own, anchor, history, fetch: None, serving, knowing, passing, lingering: None }
    }

    /// Takes matters until the node ends.
    pub(crate) async fn run(mut self, mut matters: mpsc::Receiver<Matter>) {
        let mut round = tokio::time::interval(ROUND);
        loop {
            tokio::select! {
                matter = matters.recv() => match matter {
                    Some(matter) => self.take(matter).await,
                    None => return,
                },
                _ = round.tick() => self.look().await,
            }
        }
    }

    async fn take(&mut self, matter: Matter) {
        match matter {
            // MUST-39: both sides say what they hold, and whoever is behind asks.
            Matter::Up { neighbour } => {
                self.tell(neighbour);
                self.ask_for_files();
            }
            Matter::Down { neighbour } => {
                self.shared.told().forget(neighbour);
                self.no_longer_up(neighbour).await;
                if self.fetch.as_ref().is_some_and(|fetch| fetch.from == neighbour) {
                    self.fetch = None;
                    self.fetch_if_behind();
                }
            }
            Matter::Held { neighbour, held } => {
                self.shared.told().says(neighbour, held);
                self.fetch_if_behind();
            }
            Matter::Wanted { neighbour, wanted } => self.serve(neighbour, wanted).await,
            Matter::Part { neighbour, part } => self.part(neighbour, *part).await,
            Matter::Need { nodes, from, reply } => self.need(&nodes, from, reply),
            Matter::Publish { archive, reply } => {
                let answer = self.publish(archive).await;
                // Who does not wait any more can ask what the node goes by.
                reply.send(answer).unwrap_or_default();
            }
        }
    }

    /// What time brings: a neighbour that does not answer, versions not fetched yet, neighbours to be let go of.
    async fn look(&mut self) {
        let now = self.shared.clock.uptime_ms();
        if let Some(silent) = self.fetch.as_ref().filter(|fetch| fetch.is_silent(now)).map(|fetch| fetch.from)
        {
            self.give_up(silent, "silent", "it does not send what it says it holds");
        }
        if self.lingering.is_some_and(|until| until <= now) {
            self.lingering = None;
            self.set_neighbours(&[]);
        }
        let held = self.shared.current.held();
        self.shared.told().compare(&told::Own::of(&held), now);
        self.fetch_if_behind();
        self.look_for_files(now).await;
    }

    /// Begins to fetch the highest version that a neighbour holds, if it is higher than the own one.
    fn fetch_if_behind(&mut self) {
        if self.fetch.is_some() {
            return;
        }
        let now = self.shared.clock.uptime_ms();
        let held = self.shared.current.held();
        let Some((from, edition)) = self.shared.told().best(&told::Own::of(&held), now) else { return };
        let network = held.joined_with(from).map(|joined| joined.network().to_owned());
        let fetch = Fetch::begin(from, edition, network, now);
        self.fetch = Some(match self.shared.config.directory.hold {
            Hold::Whole => fetch,
            Hold::Part => fetch.for_part_of(self.shared.me()),
        });
        self.ask();
    }

    /// Asks for what is missing next.
    fn ask(&mut self) {
        let now = self.shared.clock.uptime_ms();
        let Some(fetch) = &mut self.fetch else { return };
        let wanted = fetch.wanted(now);
        let to = fetch.from;
        if let Err(error) = self.shared.links.send(to, Frame::DirectoryWanted(wanted)) {
            tracing::debug!(neighbour = %to, %error, "a part of the directory could not be asked for");
        }
    }

    /// The version cannot be had from this neighbour now.
    fn give_up(&mut self, from: NodeId, code: &'static str, reason: &str) {
        let Some(fetch) = self.fetch.take() else { return };
        tracing::error!(neighbour = %from, version = %fetch.edition, code, reason, "ALARM: a version of the directory is refused");
        let now = self.shared.clock.uptime_ms();
        self.shared.told().refused(from, format!("{code}: {reason}"), now);
    }

    async fn part(&mut self, neighbour: NodeId, part: DirectoryPart) {
        if self.knowing.waits_for(neighbour, &part) {
            return self.files(neighbour, part.files).await;
        }
        let (anchor, held) = (self.anchor.clone(), self.shared.current.held());
        let Some(fetch) = self.fetch.as_mut().filter(|fetch| fetch.waits_for(neighbour, &part)) else {
            return;
        };
        let acceptance = Acceptance { anchor: &anchor, held: &held, now: self.shared.clock.wall() };
        // What it looks at without holding it, those below it may ask for next.
        if self.shared.config.directory.hold == Hold::Part {
            self.passing.look_at(&part.files);
        }
        match fetch.take(part, &acceptance) {
            Ok(false) => self.ask(),
            Ok(true) => self.fetched().await,
            Err(refused) => self.give_up(neighbour, refused.code(), &refused.to_string()),
        }
    }

    /// All files are here: those that did not change come from the version that is held.
    async fn fetched(&mut self) {
        let held = self.shared.current.held();
        let Some(fetch) = self.fetch.as_mut() else { return };
        if fetch.fetch_known(&held) {
            return self.ask();
        }
        let (from, history) = (fetch.from, self.history.clone());
        let edition = held.edition();
        let assembled = tokio::task::spawn_blocking(move || history.read(edition)).await;
        let Some(fetch) = self.fetch.as_mut() else { return };
        let kept = match assembled {
            Ok(Ok(kept)) => kept,
            // Then all of it is fetched.
            Ok(Err(error)) => {
                tracing::error!(%error, "ALARM: the version of the directory that is gone by cannot be read back");
                if fetch.fetch_all() {
                    return self.ask();
                }
                Parcel::default()
            }
            Err(fault) => return self.give_up(from, "fault", &fault.to_string()),
        };
        let parcel = fetch.assemble(kept, &held);
        match self.install(parcel).await {
            Ok(_) => self.fetch = None,
            Err(InstallError::Refused(refused)) => {
                self.give_up(from, refused.code(), &refused.to_string());
            }
            Err(error) => self.give_up(from, "disk", &error.to_string()),
        }
    }

    async fn publish(&mut self, archive: Vec<u8>) -> Result<PublishedDirectory, DoorError> {
        let refused = |code: &str, reason: String| {
            let fix =
                "the version before is gone by still; put right what the reason names and publish again";
            DoorError::new(DoorCode::DirectoryRefused, format!("{code}: {reason}"), fix)
        };
        let previous = self.shared.current.held();
        let read = tokio::task::spawn_blocking(move || Parcel::from_tar(&archive)).await;
        let parcel = read.map_err(crate::door::internal)?.map_err(|e| refused("archive", e.to_string()))?;
        match self.install(parcel).await {
            Ok(directory) => Ok(PublishedDirectory {
                version: directory.version,
                root: directory.stamp().root,
                delegated: crate::views::list_versions(&directory),
                previous: previous.version,
                duplicate: false,
            }),
            Err(InstallError::Refused(VersionRefused::Held { version })) => {
                let root = previous.stamp().root;
                let delegated = crate::views::list_versions(&previous);
                Ok(PublishedDirectory { version, root, delegated, previous: version, duplicate: true })
            }
            Err(InstallError::Refused(reason)) => Err(refused(reason.code(), reason.to_string())),
            Err(error) => Err(crate::door::internal(error)),
        }
    }

    /// Sends a part of a version that is kept, as much as one frame is to hold. A version that is kept no more has no parts.
    async fn serve(&mut self, neighbour: NodeId, wanted: DirectoryWanted) {
        let (history, asked) = (self.history.clone(), wanted.clone());
        let held = self.shared.current.held();
        let limits = Limits::of(&held, neighbour);
        let mut serving = self.serving.clone();
        let beside = self.passing.found(&held, &asked);
        let by = Arc::clone(&held);
        let part = tokio::task::spawn_blocking(move || {
            let part = serving.part((&history, &by), &wanted, &limits, beside).inspect_err(|error| {
                tracing::debug!(%error, version = wanted.version, "a version that a neighbour asks for cannot be read");
            });
            (serving, part.ok())
        });
        let part = match part.await {
            Ok((serving, part)) => {
                self.serving = serving;
                part
            }
            Err(_) => None,
        };
        let part = part.unwrap_or_else(|| serving::nothing(&asked));
        if serving::is_nothing(&part) && self.pass_on(neighbour, &asked, &held) {
            return;
        }
        if let Err(error) = self.shared.links.send(neighbour, Frame::DirectoryPart(Box::new(part))) {
            tracing::debug!(%neighbour, %error, "a part of the directory was not sent; it is asked for again");
        }
    }

    /// Tells a neighbour which version is held here.
    fn tell(&self, neighbour: NodeId) {
        let held = self.shared.current.held();
        // What is joined here with third networks is no matter of another network (MUST-61).
        let said = match held.joined_with(neighbour) {
            Some(_) => told::own_part(&held),
            None => told::held_in(&held),
        };
        if let Err(error) = self.shared.links.send(neighbour, Frame::DirectoryHeld(said)) {
            tracing::debug!(%neighbour, %error, "the version was not told; the next hello says it");
        }
    }

    /// Makes the neighbours of the version that is gone by the neighbours, and for a while `also`.
    fn set_neighbours(&self, also: &[NodeId]) {
        let wanted = crate::start::neighbours(&self.shared.by().directory, self.shared.me(), also);
        if let Err(error) = self.shared.links.set_neighbours(&wanted) {
            tracing::error!(%error, "ALARM: the neighbours of the new directory cannot be taken; a restart tries it again");
        }
    }
}
