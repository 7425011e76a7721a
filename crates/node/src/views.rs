//! What a node shows of itself: status, queue, route, directory.

use crate::shared::Shared;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use yizhan_desk::{
    DelegatedSubtree, DirectoryNode, DirectoryOffice, DirectoryView, DiskRoom, DoorCode, DoorError,
    GroupView, Holding, JoinedVersion, JoinedView, ListVersion, NeighbourStatus, NodeStatus, PolicyView,
    QueueItem, RouteStep,
};
use yizhan_document::{Group, LedgerId, NodeId, Unit, WallTime};
use yizhan_exchange::{Node, Room};
use yizhan_hierarchy::{Directory, Division, Joined, OfficeState, Policy};

/// What the rules show at one moment.
pub(crate) struct Seen {
    durable: u64,
    held: u64,
    inbox: u64,
    links: Vec<(NodeId, bool, usize, usize)>,
    epochs: Vec<LedgerId>,
}

impl Seen {
    pub(crate) fn of(node: &Node) -> Self {
        let state = node.state();
        let held = state.holdings().values().map(|held| held.open.len() as u64).sum();
        let inbox = state.inboxes().waiting();
        let epochs = state.epochs().values().map(|opened| opened.ledger).collect();
        Self { durable: node.durable_size(), held, inbox, links: state.links().collect(), epochs }
    }
}

/// The state of the node.
pub(crate) fn status(shared: &Shared, seen: Seen) -> NodeStatus {
    let by = shared.by();
    let directory = &by.directory;
    let neighbours = directory.neighbours(shared.me()).into_iter().map(|node| {
        let link = seen.links.iter().find(|(neighbour, ..)| *neighbour == node);
        let (up, waiting, in_flight) =
            link.map_or((false, 0, 0), |(_, up, waiting, flying)| (*up, *waiting, *flying));
        let traffic = shared.traffic.counts(node);
        NeighbourStatus {
            node,
            up,
            waiting: waiting as u64,
            in_flight: in_flight as u64,
            body_bytes_sent: traffic.sent,
            body_bytes_received: traffic.received,
        }
    });
    let neighbours = neighbours.collect();
    let keeper = shared.keeper();
    NodeStatus {
        node: shared.me(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: shared.started,
        ready: seen.durable > 0 && shared.confirmed.load(Ordering::Relaxed),
        ledger: keeper.head().ledger,
        ledger_size: seen.durable,
        checkpoint: keeper.checkpoint(),
        neighbours,
        new_epochs: seen.epochs,
        held: seen.held,
        inbox: seen.inbox,
        directory_version: directory.version,
        directory_lists: list_versions(directory),
        directory_joined: joined_versions(directory, shared.clock.wall()),
        directory_expires: Some(directory.expires),
        directory_alarms: shared.told().alarms(
            &shared.current.held(),
            directory,
            shared.clock.wall(),
            shared.clock.uptime_ms(),
        ),
        room: match *shared.room() {
            Room::Ample => DiskRoom::Ample,
            Room::NoSubmissions => DiskRoom::NoSubmissions,
            Room::OnlyFromAbove => DiskRoom::OnlyFromAbove,
            Room::NoDocuments => DiskRoom::NoDocuments,
            Room::Nothing => DiskRoom::Nothing,
        },
        journal_bytes: shared.journal_bytes.load(Ordering::Relaxed),
        resident_bytes: resident_bytes(),
    }
}

/// What waits in the node, the oldest first, each with the index of the acceptance whose time is still to be set.
pub(crate) fn queue(node: &Node, limit: usize) -> Vec<(u64, QueueItem)> {
    let state = node.state();
    let mut items = Vec::new();
    // What is not durable yet is in nobody's custody.
    for (holding, held) in state.holdings().range(..node.durable_size()) {
        let acceptance = &held.acceptance;
        for target in &held.open {
            if items.len() >= limit {
                return items;
            }
            let next = state.links().map(|(neighbour, ..)| neighbour).find(|neighbour| {
                state.outbound(*neighbour).any(|(_, of, units)| of == *holding && units.contains(target))
            });
            let up = next.is_some_and(|next| state.links().any(|(node, up, ..)| node == next && up));
            let why = match next {
                Some(next) if up => format!("offered to {next} or waiting for its turn"),
                Some(next) => format!("{next} is not reachable; it is tried again until the deadline"),
                None => "its way is being decided".to_owned(),
            };
            let item = QueueItem {
                unit: Unit { envelope: acceptance.id, destination: target.node, attempt: target.attempt },
                next,
                urgency: acceptance.urgency,
                deadline: acceptance.deadline,
                size: acceptance.size,
                since: WallTime::EPOCH,
                tries: 0,
                next_try: None,
                why,
            };
            items.push((*holding, item));
        }
    }
    items
}

/// The way from this node to another.
pub(crate) fn route(shared: &Shared, to: NodeId) -> Result<Vec<RouteStep>, DoorError> {
    let me = shared.me();
    let directory = shared.directory();
    let hops = directory.route(me, to).map_err(|error| {
        let fix = "`yizhan directory show` lists the nodes";
        DoorError::new(DoorCode::UnknownNode, error.to_string(), fix)
    })?;
    let mut steps = vec![RouteStep { node: me, why: "this node".to_owned() }];
    let mut network = directory.network_of(me);
    for hop in hops.into_iter().filter(|hop| hop.node != me) {
        let mut why = hop.why.as_str().to_owned();
        if let Some(joined) = directory.joined_with(hop.node).filter(|joined| joined.network() != network) {
            let standing = joined.standing(shared.clock.wall());
            let version = joined.agreement().version;
            why = format!("into {} by agreement {version}: {standing}", joined.network());
            network = joined.network();
        }
        steps.push(RouteStep { node: hop.node, why });
    }
    Ok(steps)
}

/// What a group means under a directory.
pub fn group_view(directory: &Directory, group: Group) -> Result<GroupView, DoorError> {
    crate::addressing::view(directory, group)
}

/// A directory as it is shown.
pub fn directory_view(directory: &Directory, now: WallTime) -> DirectoryView {
    let delegated = directory.delegations().iter().zip(directory.delegated_lists());
    let delegated = delegated.map(|(delegation, list)| DelegatedSubtree {
        node: list.node,
        version: list.version,
        expires: list.expires,
        delegation_expires: delegation.expires,
        threshold: delegation.threshold,
        delegates: delegation.delegates.iter().map(ToString::to_string).collect(),
        codes: delegation.codes.iter().map(ToString::to_string).collect(),
    });
    DirectoryView {
        network: directory.network.clone(),
        version: directory.version,
        nodes: nodes(directory),
        holding: Holding {
            holds: if directory.holds_all() { "whole" } else { "part" }.to_owned(),
            listed_divisions: directory.listed_divisions() as u64,
            held_divisions: directory.divisions().len() as u64,
        },
        delegated: delegated.collect(),
        policy: (!directory.policy().is_empty()).then(|| policy_view(directory.policy())),
        joined: directory.joined().iter().map(|joined| joined_view(joined, now)).collect(),
    }
}

/// The nodes of a network by itself.
fn nodes(directory: &Directory) -> Vec<DirectoryNode> {
    let node = |division: &Division| DirectoryNode {
        node: division.node,
        name: division.name("zh").to_owned(),
        parent: division.parent,
        address: division.endpoints.first().map(ToString::to_string),
        offices: division
            .offices
            .iter()
            .map(|record| DirectoryOffice {
                office: record.office.clone(),
                name: record.name("zh").to_owned(),
                suspended: record.state == OfficeState::Suspended,
            })
            .collect(),
    };
    directory.divisions().map(node).collect()
}

fn joined_view(joined: &Joined, now: WallTime) -> JoinedView {
    let (agreement, standing) = (joined.agreement(), joined.standing(now));
    let [first, second] = joined.ends();
    let link = if joined.node() == Some(first) { [second, first] } else { [first, second] };
    JoinedView {
        network: joined.network().to_owned(),
        version: joined.directory.version,
        expires: joined.directory.expires,
        link,
        agreement: agreement.digest(),
        agreement_version: agreement.version,
        agreement_expires: agreement.expires,
        standing: standing.as_str().to_owned(),
        why: standing.to_string(),
        crossings: agreement.crossings.iter().map(ToString::to_string).collect(),
        nodes: nodes(&joined.directory),
    }
}

fn policy_view(policy: &Policy) -> PolicyView {
    fn texts<T: ToString>(all: &BTreeSet<T>) -> Vec<String> {
        all.iter().map(ToString::to_string).collect()
    }
    let Policy { skip_level, grants, senders, links, lists } = policy;
    PolicyView {
        skip_level_up: skip_level.up.as_str().to_owned(),
        skip_level_down: skip_level.down.as_str().to_owned(),
        grants: texts(grants),
        senders: senders.iter().map(|(office, areas)| (office.clone(), texts(areas))).collect(),
        links: links.iter().map(|(ends, most)| (ends.to_string(), *most)).collect(),
        lists: lists.iter().map(|(list, all)| (list.clone(), all.iter().cloned().collect())).collect(),
    }
}

/// The versions of the delegated lists of a directory.
pub(crate) fn list_versions(directory: &Directory) -> Vec<ListVersion> {
    let lists = directory.delegated_lists().iter();
    lists.map(|list| ListVersion { node: list.node, version: list.version }).collect()
}

/// How far the joined networks have come in a directory.
fn joined_versions(directory: &Directory, now: WallTime) -> Vec<JoinedVersion> {
    let version = |joined: &Joined| JoinedVersion {
        network: joined.network().to_owned(),
        version: joined.directory.version,
        standing: joined.standing(now).as_str().to_owned(),
    };
    directory.joined().iter().map(version).collect()
}

/// Resident memory of this process, where the system tells (Linux: /proc/self/statm, in pages of 4 KiB).
fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4096)
}
