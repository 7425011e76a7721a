//! `yizhan directory show`: the register of nodes and offices, as a node goes by it or as it lies in a network's folder.

use super::source::load;
use crate::failure::Failure;
use crate::output::Output;
use crate::reach::Reach;
use crate::table::{moment, shown, table};
use clap::Args;
use yizhan_desk::{DelegatedSubtree, DirectoryNode, DirectoryView, JoinedView, PolicyView};
use yizhan_node::{Clock, directory_view};

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Show {
    #[command(flatten)]
    reach: Reach,
}

pub(super) async fn run(show: Show, output: Output) -> Result<(), Failure> {
    let view = match show.reach.network_folder() {
        Some(network) if !show.reach.names_a_node() => {
            directory_view(&load(&network)?, Clock::start().wall())
        }
        _ => show.reach.client(None).await?.directory().await?,
    };
    output.show(&view, words)
}

fn words(view: &DirectoryView) -> String {
    let rows = nodes(&view.nodes);
    let list = |list: &DelegatedSubtree| {
        let DelegatedSubtree { node, version, threshold, delegates, .. } = list;
        let delegates: Vec<String> = delegates.iter().map(|delegate| shown(delegate)).collect();
        format!(
            "\nBelow {node} its delegates sign 授权: list version {version} until {}, {threshold} of {}, codes {}, delegated until {}",
            moment(list.expires),
            delegates.join(", "),
            list.codes.join(", "),
            moment(list.delegation_expires)
        )
    };
    let lists: String = view.delegated.iter().map(list).collect();
    let policy = view.policy.as_ref().map(policy_words).unwrap_or_default();
    let joined: String = view.joined.iter().map(joined_words).collect();
    let part = match (view.holding.held_divisions, view.holding.listed_divisions) {
        (held, listed) if held < listed => {
            format!(
                "\nA part is held 部分名录: the files of {held} of {listed} nodes; the rest is fetched when it is needed"
            )
        }
        _ => String::new(),
    };
    format!(
        "Network {}, directory 名录 version {}{part}{lists}\n{rows}{policy}{joined}",
        shown(&view.network),
        view.version
    )
}

/// A table of nodes.
fn nodes(nodes: &[DirectoryNode]) -> String {
    let mut rows = table(&["Node 驿站", "Name 名称", "Under 上级", "Reached at 地址", "Offices 机关"]);
    for node in nodes {
        let offices: Vec<String> = node
            .offices
            .iter()
            .map(|office| {
                let suspended = if office.suspended { " (suspended 停用)" } else { "" };
                format!("{}@{} {}{suspended}", office.office, node.node, shown(&office.name))
            })
            .collect();
        rows.add_row([
            node.node.to_string(),
            shown(&node.name),
            node.parent.map(|parent| parent.to_string()).unwrap_or_default(),
            node.address.as_deref().map(shown).unwrap_or_default(),
            offices.join("\n"),
        ]);
    }
    rows.to_string()
}

/// What may cross into another network and back, whether it may now, and its nodes.
fn joined_words(joined: &JoinedView) -> String {
    let JoinedView { network, version, link: [own, other], agreement_version, why, crossings, .. } = joined;
    let lines: String =
        crossings.iter().map(|line| format!("May cross 准许互通: {}\n", shown(line))).collect();
    format!(
        "\n\nJoined 互通 with {} (directory version {version}) over {own} - {other}, agreement {agreement_version} until {}: {}\n{lines}{}",
        shown(network),
        moment(joined.agreement_expires),
        shown(why),
        nodes(&joined.nodes)
    )
}

/// One line for each that the policy has.
fn policy_words(policy: &PolicyView) -> String {
    let PolicyView { skip_level_up: up, skip_level_down: down, grants, senders, links, lists } = policy;
    let mut lines = vec![format!("Past a level 越级行文: up {up}, down {down}")];
    lines.extend(grants.iter().map(|grant| format!("May pass a level over 直发直报: {}", shown(grant))));
    let areas = |areas: &[String]| areas.iter().map(|area| shown(area)).collect::<Vec<_>>().join(", ");
    lines.extend(
        senders.iter().map(|(office, of)| format!("Addressed by 准许来文: {office} by {} only", areas(of))),
    );
    lines.extend(
        links
            .iter()
            .map(|(link, most)| format!("Link 链路: {} carries {} at the most", shown(link), most.as_str())),
    );
    for (list, members) in lists {
        let members: Vec<String> = members.iter().map(ToString::to_string).collect();
        lines.push(format!("List 名单: {list}: {}", members.join(", ")));
    }
    lines.iter().map(|line| format!("\n{line}")).collect()
}
