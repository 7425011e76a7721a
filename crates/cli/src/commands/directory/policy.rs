//! The flags of `yizhan directory edit` that change the policy: named lists, dispatch past a level, chosen senders, limits of links.

use super::edit::{pair, read, read_all};
use crate::failure::Failure;
use clap::Args;
use yizhan_document::{Classification, ListName};
use yizhan_hierarchy::{Area, Edit as Made, Grant, PolicyEdit, SkipRule};

#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Policy 规定, which the authorities lay down for the whole network")]
pub(super) struct PolicyFlags {
    /// Members of a named list (名单): nodes, which stand for their government offices, and offices; a new list begins with them
    #[arg(long, value_name = "LIST=NODE|OFFICE@NODE,…")]
    list_add: Vec<String>,
    /// Who is no member of a list any more; a list without members is no more
    #[arg(long, value_name = "LIST=NODE|OFFICE@NODE,…")]
    list_remove: Vec<String>,
    /// A list that is no more
    #[arg(long, value_name = "LIST")]
    remove_list: Vec<ListName>,
    /// What becomes of documents that pass a level over (越级行文): allow, notify (the level gets a notice 告知) or refuse
    #[arg(long, value_name = "up|down=RULE")]
    skip_level: Vec<String>,
    /// Who may pass a level over nevertheless (直发): 'AREA to AREA', 'AREA to above', perhaps with ' with notice' behind. An area is
    /// 652301, gov-office@65, 'below 6523', 'counties of 65', 'prefectures of 65' or 'children of 65'
    #[arg(long, value_name = "GRANT")]
    grant: Vec<Grant>,
    /// A direct-report point (直报点): the same as --grant 'AREA to above'
    #[arg(long, value_name = "AREA")]
    report_point: Vec<Area>,
    /// A grant that is taken back
    #[arg(long, value_name = "GRANT")]
    revoke_grant: Vec<Grant>,
    /// Who may address an office; nothing after = for everybody
    #[arg(long, value_name = "OFFICE@NODE=AREA,…")]
    senders: Vec<String>,
    /// What a link may carry at the most, below what its nodes may; none for no limit of its own
    #[arg(long, value_name = "NODE/NODE=LEVEL|none")]
    link_classification: Vec<String>,
}

impl PolicyFlags {
    /// The changes that are meant, in the order in which they are made.
    pub(super) fn made(&self) -> Result<Vec<Made>, Failure> {
        let mut made = Vec::new();
        made.extend(self.remove_list.iter().cloned().map(PolicyEdit::RemoveList));
        for given in &self.list_remove {
            let (list, members) = pair(given, '=')?;
            made.push(PolicyEdit::TakeFromList(read(list)?, read_all(members)?));
        }
        for given in &self.list_add {
            let (list, members) = pair(given, '=')?;
            made.push(PolicyEdit::AddToList(read(list)?, read_all(members)?));
        }
        for given in &self.skip_level {
            let (direction, rule) = pair(given, '=')?;
            let known = SkipRule::ALL.into_iter().find(|known| known.as_str() == rule.trim());
            let rule =
                known.ok_or_else(|| Failure::Usage(format!("{rule} is none of allow, notify, refuse")))?;
            made.push(match direction.trim() {
                "up" => PolicyEdit::SkipLevelUp(rule),
                "down" => PolicyEdit::SkipLevelDown(rule),
                other => return Err(Failure::Usage(format!("{other} is neither up nor down"))),
            });
        }
        made.extend(self.revoke_grant.iter().cloned().map(PolicyEdit::Revoke));
        made.extend(self.grant.iter().cloned().map(PolicyEdit::Grant));
        let points = self.report_point.iter().cloned();
        made.extend(points.map(|point| PolicyEdit::Grant(Grant::report_point(point, false))));
        for given in &self.senders {
            let (office, areas) = pair(given, '=')?;
            made.push(PolicyEdit::Senders(read(office)?, read_all(areas)?));
        }
        for given in &self.link_classification {
            let (ends, level) = pair(given, '=')?;
            let level = if level.trim() == "none" { None } else { Some(classification(level)?) };
            made.push(PolicyEdit::Link(read(ends)?, level));
        }
        Ok(made.into_iter().map(Made::Policy).collect())
    }
}

/// A classification by its name.
pub(super) fn classification(level: &str) -> Result<Classification, Failure> {
    let found = Classification::ALL.into_iter().find(|known| known.as_str() == level.trim());
    found.ok_or_else(|| Failure::Usage(format!("{level} is no classification")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        policy: PolicyFlags,
    }

    fn made(flags: &[&str]) -> Result<usize, Failure> {
        let typed = Typed::try_parse_from(std::iter::once(&"edit").chain(flags));
        typed.map_err(|error| Failure::Usage(error.to_string()))?.policy.made().map(|made| made.len())
    }

    #[test]
    fn each_line_of_a_policy_has_a_flag_and_what_is_typed_wrongly_is_refused() {
        let good = [
            ["--list-add", "防汛=652301,archive@65"],
            ["--list-remove", "防汛=652301"],
            ["--remove-list", "防汛"],
            ["--skip-level", "up=refuse"],
            ["--grant", "65 to counties of 65 with notice"],
            ["--report-point", "652301"],
            ["--revoke-grant", "65 to above"],
            ["--senders", "archive@65=below 65,65"],
            ["--senders", "archive@65="],
            ["--link-classification", "65/6523=internal"],
            ["--link-classification", "65/6523=none"],
        ];
        for flags in good {
            assert_eq!(made(&flags).ok(), Some(1), "{flags:?}");
        }
        assert_eq!(made(&good.concat()).ok(), Some(good.len()));
        for flags in [
            ["--list-add", "防汛"],
            ["--list-add", "防 汛=65"],
            ["--list-add", "防汛=counties of 65"],
            ["--skip-level", "sideways=refuse"],
            ["--skip-level", "up=perhaps"],
            ["--grant", "65 to everybody at all"],
            ["--report-point", "two words"],
            ["--senders", "archive=65"],
            ["--link-classification", "65=internal"],
            ["--link-classification", "65/6523=high"],
        ] {
            assert!(made(&flags).is_err(), "{flags:?}");
        }
    }
}
