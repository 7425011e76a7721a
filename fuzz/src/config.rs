//! The configuration of a node.

use crate::text;
use std::path::Path;
use yizhan_node::Config;

/// A configuration in TOML.
pub(crate) fn config(data: &[u8]) -> bool {
    let Some(text) = text(data) else { return false };
    let Ok(config) = Config::from_toml(text) else { return false };
    let written = config.to_toml().expect("a configuration that was read can be written");
    let again = Config::from_toml(&written).expect("and reads again");
    assert_eq!(format!("{again:?}"), format!("{config:?}"), "a configuration has two meanings");
    assert!(!config.newest, "what an operator vouches for at one start stands in a file");
    let found = config.below(Path::new("/srv/yizhan"));
    assert!([&found.data, &found.keys.folder, &found.keys.certificate].iter().all(|path| path.is_absolute()));
    true
}
