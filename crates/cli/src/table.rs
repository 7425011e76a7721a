//! Tables for people, and text of others made safe to show on a terminal.

use comfy_table::{Table, presets};
use yizhan_document::WallTime;

/// An empty table with these headers.
pub(crate) fn table(headers: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_header(headers.iter().copied());
    table
}

/// Text of others as it may be shown: nothing in it moves the cursor, changes colours or turns the line around.
pub(crate) fn shown(text: &str) -> String {
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    text.chars().map(|c| if c.is_control() || turns(c) { '\u{fffd}' } else { c }).collect()
}

/// A moment to the second, in UTC: `2026-11-20 08:00:00`.
pub(crate) fn moment(at: WallTime) -> String {
    let text = at.to_string();
    let (date, clock) = text.split_once('T').unwrap_or((&text, ""));
    format!("{date} {}", clock.split('.').next().unwrap_or_default())
}

/// The time of the day to the millisecond, in UTC: `08:00:00.123`.
pub(crate) fn time_of_day(at: WallTime) -> String {
    let text = at.to_string();
    text.split_once('T').map_or("", |(_, clock)| clock).trim_end_matches('Z').to_owned()
}

/// A number of bytes: `4.0 KiB`.
pub(crate) fn bytes(count: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut size = count as f64;
    let mut named = None;
    for unit in units {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        named = Some(unit);
    }
    named.map_or_else(|| format!("{count} B"), |unit| format!("{size:.1} {unit}"))
}

/// `✓` or `✗`, with a word, since neither sign nor colour says it to everyone.
pub(crate) fn yes_or_no(yes: bool) -> &'static str {
    if yes { "✓ yes" } else { "✗ NO" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_cannot_play_with_the_terminal() {
        assert_eq!(shown("关于\u{1b}[31m红\u{202e}头"), "关于\u{fffd}[31m红\u{fffd}头");
        assert_eq!(shown("ئۇيغۇرچە"), "ئۇيغۇرچە");
    }

    #[test]
    fn times_are_shown_shortened_and_sizes_with_their_unit() {
        let at: WallTime = "2026-11-20T08:09:10.123Z".parse().unwrap();
        assert_eq!(moment(at), "2026-11-20 08:09:10");
        assert_eq!(time_of_day(at), "08:09:10.123");
        assert_eq!(
            (bytes(1023), bytes(4096), bytes(20_000_000)),
            ("1023 B".into(), "4.0 KiB".into(), "19.1 MiB".into())
        );
    }
}
