//! `yizhan send`: hands a document in at the node of its sending office.

use crate::failure::Failure;
use crate::output::{Output, say};
use crate::reach::Reach;
use clap::{ArgGroup, Args};
use ring::rand::{SecureRandom, SystemRandom};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use yizhan_desk::{ClientError, SentNotice, Submission, Submitted};
use yizhan_document::limits::LABEL_BYTES_MAX;
use yizhan_document::{
    Group, Groups, Label, LeftOut, NodeOrOffice, OfficeAddress, PartName, Urgency, WallTime,
};
use yizhan_node::Clock;

/// Bytes of randomness in an idempotency key.
const KEY_BYTES: usize = 16;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("groups").args(["to_group", "cc_group"]).multiple(true)))]
pub(crate) struct Typed {
    /// The sending office (发文机关)
    #[arg(long, value_name = "OFFICE@NODE")]
    from: OfficeAddress,
    /// A main recipient (主送); may be given many times
    #[arg(long, value_name = "OFFICE@NODE", required_unless_present_any = ["to_group"])]
    to: Vec<OfficeAddress>,
    /// A copy recipient (抄送); may be given many times
    #[arg(long, visible_alias = "copy", value_name = "OFFICE@NODE")]
    cc: Vec<OfficeAddress>,
    /// A group of main recipients, such as 'counties of 65', 65各县市 or 'list NAME'; may be given many times. `yizhan group` shows whom it means
    #[arg(long, value_name = "GROUP")]
    to_group: Vec<Group>,
    /// A group of copy recipients
    #[arg(long, visible_alias = "copy-group", value_name = "GROUP")]
    cc_group: Vec<Group>,
    /// Whom no group means: a node, or office@node; may be given many times, and must belong to a group
    #[arg(long, value_name = "NODE|OFFICE@NODE", requires = "groups")]
    except: Vec<NodeOrOffice>,
    /// The label as JSON: title, doc_number, urgency and so on
    #[arg(long, value_name = "FILE.json", required_unless_present = "title",
          conflicts_with_all = ["title", "urgency", "doc_type", "doc_number", "language"])]
    label: Option<PathBuf>,
    /// The title (标题)
    #[arg(long, value_name = "T")]
    title: Option<String>,
    /// normal, routine-urgent (平急), urgent (加急), most-urgent (特急) or flash (特提)
    #[arg(long, value_name = "U", value_parser = urgency)]
    urgency: Option<Urgency>,
    /// The document type (文种), such as 通知
    #[arg(long, value_name = "TYPE")]
    doc_type: Option<String>,
    /// The document number (发文字号)
    #[arg(long, value_name = "NUMBER")]
    doc_number: Option<String>,
    /// The language, such as zh or ug
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// Until when it is to be delivered: a time like 2026-11-21T08:00:00Z, or from now: +90s, +30m, +12h, +3d
    #[arg(long, value_name = "TIME|+DURATION")]
    deadline: Option<Deadline>,
    /// Names this submission: handing in the same again under the same key makes no second document
    #[arg(long, value_name = "K")]
    key: Option<String>,
    /// The files (正文及附件), in order
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    reach: Reach,
}

/// A deadline as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deadline {
    At(WallTime),
    AfterMs(u64),
}

pub(crate) async fn run(typed: Typed, output: Output) -> Result<(), Failure> {
    let Typed { from, to, cc, deadline, key, files, reach, .. } = &typed;
    let key = match key {
        Some(key) => key.clone(),
        None => random_key()?,
    };
    let deadline = deadline.map(|deadline| match deadline {
        Deadline::At(at) => at,
        Deadline::AfterMs(ms) => Clock::start().wall().plus_ms(ms),
    });
    let submission = Submission {
        from: from.clone(),
        to: to.clone(),
        cc: cc.clone(),
        groups: groups(&typed)?,
        label: label(&typed)?,
        deadline,
        files: Vec::new(),
        key: Some(key.clone()),
    };
    let files =
        files.iter().map(|path| Ok((part_name(path)?, path.clone()))).collect::<Result<_, Failure>>()?;
    let client = reach.client(Some(from.node)).await?;
    let submitted = client.send(submission, files).await.inspect_err(|error| {
        // Whether it was taken is unknown; under the same key it is safe to ask again.
        if matches!(error, ClientError::Transport(_)) && typed.key.is_none() {
            say(&format!("to try again without sending twice, add --key {key}"));
        }
    })?;
    output.show(&submitted, words)
}

/// The groups that are meant, each without all exceptions: the node refuses one that is of no group.
fn groups(typed: &Typed) -> Result<Groups, Failure> {
    let without = |groups: &[Group]| {
        let without = |group: &Group| group.clone().without(typed.except.iter().cloned());
        let groups: Result<Vec<Group>, _> = groups.iter().map(without).collect();
        groups.map_err(|error| Failure::Usage(error.to_string()))
    };
    Ok(Groups { to: without(&typed.to_group)?, cc: without(&typed.cc_group)? })
}

/// The label that is meant. The node checks it too; here it saves the upload.
fn label(typed: &Typed) -> Result<Label, Failure> {
    let label = match &typed.label {
        Some(path) => read_label(path)?,
        None => Label {
            title: typed.title.clone().unwrap_or_default(),
            urgency: typed.urgency.unwrap_or_default(),
            doc_type: typed.doc_type.clone().unwrap_or_default(),
            doc_number: typed.doc_number.clone().unwrap_or_default(),
            language: typed.language.clone().unwrap_or_default(),
            ..Label::default()
        },
    };
    label.check().map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(label)
}

fn read_label(path: &Path) -> Result<Label, Failure> {
    let found = path.metadata().map_err(Failure::file(path, "cannot be read"))?;
    if found.len() > LABEL_BYTES_MAX as u64 {
        return Err(Failure::Usage(format!("{} is too large for a label", path.display())));
    }
    let text = std::fs::read_to_string(path).map_err(Failure::file(path, "cannot be read"))?;
    Label::from_json(&text).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

fn part_name(path: &Path) -> Result<PartName, Failure> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.parse().map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

fn random_key() -> Result<String, Failure> {
    let mut bytes = [0; KEY_BYTES];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled
        .map_err(|_| Failure::Usage("the system gives no random bytes; name a key with --key".to_owned()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn urgency(text: &str) -> Result<Urgency, String> {
    let all = Urgency::ALL.into_iter();
    all.clone()
        .find(|urgency| urgency.as_str() == text)
        .ok_or_else(|| format!("it is one of {}", all.map(Urgency::as_str).collect::<Vec<_>>().join(", ")))
}

impl FromStr for Deadline {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(duration) = text.strip_prefix('+') else {
            return text
                .parse()
                .map(Self::At)
                .map_err(|error: yizhan_document::MomentError| error.to_string());
        };
        let split = duration.len().saturating_sub(1);
        let (count, unit) = duration.split_at_checked(split).unwrap_or((duration, ""));
        let unit_ms = match unit {
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err("a duration is a number with s, m, h or d, such as +90s or +3d".to_owned()),
        };
        let count: Option<u64> =
            count.parse().ok().filter(|_| count.bytes().all(|byte| byte.is_ascii_digit()));
        let ms = count.and_then(|count| count.checked_mul(unit_ms)).filter(|ms| *ms > 0);
        ms.map(Self::AfterMs)
            .ok_or_else(|| "a duration is a whole number above 0 with s, m, h or d".to_owned())
    }
}

/// One line for each office of a group that gets nothing.
pub(crate) fn left_out_words(left_out: &[LeftOut]) -> String {
    left_out.iter().map(|out| format!("left out 未发: {} ({})\n", out.office, out.why.as_str())).collect()
}

/// One line for the notice to levels that were passed over.
fn notice_words(notice: &SentNotice) -> String {
    let to: Vec<String> = notice.to.iter().map(ToString::to_string).collect();
    format!("notice 越级行文告知 to the levels passed over: {} ({})\n", to.join(", "), notice.id)
}

fn words(submitted: &Submitted) -> String {
    let before = if submitted.duplicate { "Handed in before; nothing was sent anew.\n" } else { "" };
    let receipt = &submitted.receipt;
    let left_out = left_out_words(&submitted.left_out);
    let notice = submitted.notice.as_ref().map(notice_words).unwrap_or_default();
    format!(
        "{before}{id}\n{left_out}{notice}Accepted 收寄: receipt {index} of ledger {ledger}, {time}. Follow it with: yizhan track {id} --follow",
        id = submitted.id,
        index = receipt.index,
        ledger = receipt.ledger,
        time = receipt.time,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_read_as_moments_and_as_durations() {
        assert_eq!("+3d".parse(), Ok(Deadline::AfterMs(259_200_000)));
        assert_eq!("+90s".parse(), Ok(Deadline::AfterMs(90_000)));
        let at = "2026-11-21T08:00:00Z";
        assert_eq!(at.parse(), Ok(Deadline::At(at.parse().unwrap())));
    }

    #[test]
    fn what_is_no_deadline_is_refused() {
        for text in [
            "",
            "+",
            "+d",
            "+3",
            "+3 d",
            "+-3d",
            "++3d",
            "+0s",
            "+3天",
            "3d",
            "tomorrow",
            "+99999999999999999999s",
            "+999999999999999999d",
        ] {
            assert!(text.parse::<Deadline>().is_err(), "{text}");
        }
    }

    #[test]
    fn urgencies_go_by_their_names() {
        assert_eq!(urgency("most-urgent"), Ok(Urgency::MostUrgent));
        assert!(urgency("very").unwrap_err().contains("routine-urgent"));
    }

    #[test]
    fn every_random_key_is_another_one_of_32_digits() {
        let (first, second) = (random_key().unwrap(), random_key().unwrap());
        assert_ne!(first, second);
        assert_eq!(first.len(), 2 * KEY_BYTES);
    }
}
