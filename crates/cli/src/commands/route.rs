//! `yizhan route`: the hops that a document to an office would take, and why.

use crate::failure::Failure;
use crate::output::Output;
use crate::reach::Reach;
use crate::table::{shown, table};
use clap::Args;
use std::str::FromStr;
use yizhan_desk::RouteStep;
use yizhan_document::{AddressError, NodeId, OfficeAddress};

#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// Where to: an office, or just its node
    #[arg(value_name = "OFFICE@NODE|NODE")]
    to: Destination,
    /// From where, with --network: the node that is asked
    #[arg(long, value_name = "NODE")]
    from: Option<NodeId>,
    #[command(flatten)]
    reach: Reach,
}

/// A destination as typed: only its node matters for the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Destination(NodeId);

pub(crate) async fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    let client = typed.reach.client(typed.from).await?;
    output.show(&client.route(typed.to.0).await?, |steps| words(steps))
}

impl FromStr for Destination {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let node = if text.contains('@') { text.parse::<OfficeAddress>()?.node } else { text.parse()? };
        Ok(Self(node))
    }
}

fn words(steps: &[RouteStep]) -> String {
    let mut rows = table(&["Hop 程", "Node 驿站", "Why 原因"]);
    for (hop, step) in steps.iter().enumerate() {
        rows.add_row([hop.to_string(), step.node.to_string(), shown(&step.why)]);
    }
    rows.to_string()
}
