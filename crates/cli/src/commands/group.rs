//! `yizhan group`: whom a group address means, as a node goes by the directory or as it lies in a network's folder.

use crate::commands::directory::load;
use crate::commands::send::left_out_words;
use crate::failure::Failure;
use crate::output::Output;
use crate::reach::Reach;
use clap::Args;
use yizhan_desk::GroupView;
use yizhan_document::Group;
use yizhan_node::group_view;

/// `counties of NODE` (各县市) and `prefectures of NODE` (各地州市) at any depth below it, `children of NODE` (各下级) right below
/// it, `departments of NODE` (各部门). Of each node the government office, or `office NAME`. `list NAME` (名单) means those whom a
/// list of the directory names. Then perhaps `except` and those who are not meant.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The group, in one word of the shell: 'counties of 65 except 652301'
    #[arg(value_name = "GROUP")]
    group: Group,
    #[command(flatten)]
    reach: Reach,
}

pub(crate) async fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    let Typed { group, reach } = typed;
    let view = match reach.network_folder() {
        Some(network) if !reach.names_a_node() => {
            let refused =
                |error: yizhan_desk::DoorError| Failure::Usage(format!("{}; {}", error.detail, error.fix));
            group_view(&load(&network)?, group).map_err(refused)?
        }
        _ => reach.client(None).await?.group(&group).await?,
    };
    output.show(&view, words)
}

fn words(view: &GroupView) -> String {
    let offices: String = view.offices.iter().map(|office| format!("{office}\n")).collect();
    let count = view.offices.len();
    format!(
        "{offices}{left_out}{count} offices 机关: {group}, directory 名录 version {version}",
        left_out = left_out_words(&view.left_out),
        group = view.group,
        version = view.directory
    )
}
