//! Networks in the shape of real ones: how many prefectures a region has, and how many counties each of them.

use crate::network::directory_of;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use yizhan_hierarchy::{Directory, DivisionTable, NetworkPlan, PlannedNode};

/// Xinjiang: its 14 prefectures, and how many counties stand under each (`china-division` 2.7.0, cut-off 2023-06-30).
const XINJIANG: [(&str, u32); 14] = [
    ("6501", 8),
    ("6502", 4),
    ("6504", 3),
    ("6505", 3),
    ("6523", 7),
    ("6527", 4),
    ("6528", 9),
    ("6529", 9),
    ("6530", 4),
    ("6531", 12),
    ("6532", 8),
    ("6540", 11),
    ("6542", 7),
    ("6543", 7),
];
/// Cities of county level right under it: 659001 to 659012.
const XINJIANG_DIRECT: u32 = 12;
/// What stands above the provinces.
pub(crate) const COUNTRY: &str = "cn";

/// One region, 14 prefectures, 108 counties of which 12 stand right under the region; one office each.
pub fn region_of_xinjiang() -> Arc<Directory> {
    static DIRECTORY: OnceLock<Arc<Directory>> = OnceLock::new();
    Arc::clone(DIRECTORY.get_or_init(|| made("65", &xinjiang())))
}

/// The country: a national node, and below it every province, prefecture and county of the table of divisions, as they stand under
/// each other; one office each. Each call makes it anew, which takes its time.
pub(crate) fn country() -> Arc<Directory> {
    made(COUNTRY, &provinces())
}

fn xinjiang() -> Vec<(String, String)> {
    let prefectures = XINJIANG.iter().map(|(prefecture, _)| ((*prefecture).to_owned(), "65".to_owned()));
    let counties = XINJIANG.iter().flat_map(|(prefecture, counties)| {
        (1..=*counties).map(move |number| (format!("{prefecture}{number:02}"), (*prefecture).to_owned()))
    });
    let direct = (1..=XINJIANG_DIRECT).map(|number| (format!("6590{number:02}"), "65".to_owned()));
    prefectures.chain(counties).chain(direct).collect()
}

fn provinces() -> Vec<(String, String)> {
    let planned = DivisionTable::built_in().map_err(|error| error.to_string()).and_then(|table| {
        let all: Vec<String> =
            table.provinces().map(|province| format!("{}={COUNTRY}", province.code)).collect();
        table.plan(&all, false).map_err(|error| error.to_string())
    });
    match planned {
        Ok(nodes) => {
            let parent = |node: &PlannedNode| node.parent.map(|parent| parent.to_string());
            nodes.iter().filter_map(|node| Some((node.id.to_string(), parent(node)?))).collect()
        }
        #[expect(clippy::panic, reason = "without its network no world can begin; the message says why")]
        Err(error) => panic!("the divisions of the country cannot be read: {error}"),
    }
}

/// A signed directory of these nodes and their parents below `root`.
fn made(root: &str, rows: &[(String, String)]) -> Arc<Directory> {
    let demo = NetworkPlan::demo();
    let mut offices = demo.nodes.first().map(|region| region.offices.clone()).unwrap_or_default();
    offices.truncate(1);
    let planned = |node: &str, parent: Option<&str>| {
        Some(PlannedNode {
            id: node.parse().ok()?,
            parent: parent.and_then(|parent| parent.parse().ok()),
            names: BTreeMap::from([("en".to_owned(), format!("Division {node}"))]),
            offices: offices.clone(),
            backup_parents: Vec::new(),
            direct_links: Vec::new(),
        })
    };
    let below = rows.iter().filter_map(|(node, parent)| planned(node, Some(parent)));
    let nodes = planned(root, None).into_iter().chain(below).collect();
    match directory_of(&NetworkPlan { nodes, ..demo }) {
        Ok(directory) => Arc::new(directory),
        #[expect(clippy::panic, reason = "without its network no world can begin; the message says why")]
        Err(error) => panic!("the network under {root} cannot be made: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(root: &str, rows: &[(String, String)]) -> Vec<usize> {
        let digits = |count: usize| rows.iter().filter(|(node, _)| node.len() == count).count();
        let orphans =
            rows.iter().filter(|(_, above)| above != root && !rows.iter().any(|(node, _)| node == above));
        assert_eq!(orphans.count(), 0);
        [2, 4, 6].map(digits).to_vec()
    }

    #[test]
    fn the_shapes_have_the_numbers_of_the_real_ones() {
        assert_eq!(levels("65", &xinjiang()), [0, 14, 108]);
        assert_eq!(levels(COUNTRY, &provinces()), [31, 333, 2850]);
        let directory = region_of_xinjiang();
        assert_eq!(directory.children("65".parse().unwrap()).count(), 26);
        let counties = directory.members(&"counties of 65".parse().unwrap(), None).unwrap();
        assert_eq!((counties.offices.len(), counties.left_out.len()), (108, 0));
    }
}
