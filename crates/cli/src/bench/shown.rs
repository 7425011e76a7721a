//! The figures in words.

use super::figures::Figures;
use crate::table::{bytes, table};
use std::fmt::Write;

/// A few lines, and a table of the nodes.
pub(crate) fn words(figures: &Figures) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let mut line = |text: String| writeln!(out, "{text}").unwrap_or_default();
    let f = figures;
    if f.documents > 0 {
        line(format!(
            "{}: {} documents of {}, {} hop{}, {} at a time{}{}, on {} cores shared with the load",
            f.scenario,
            f.documents,
            bytes(f.size),
            f.hops,
            if f.hops == 1 { "" } else { "s" },
            f.concurrency,
            if f.batch > 1 { format!(", {} in a request", f.batch) } else { String::new() },
            f.rate.map_or(String::new(), |rate| format!(", {rate}/s wanted")),
            f.cores
        ));
        line(format!(
            "  delivered   {:>10.1} documents/s {:>9.1} MB/s   {:.2} s to the last inbox, {:.2} s to the last receipt",
            f.docs_per_s, f.mb_per_s, f.seconds, f.at_rest_s
        ));
        line(format!(
            "  accepted    {:>10.1} documents/s   p50 {}, p99 {}, slowest {}{}",
            f.accepted_per_s,
            time(f.submit_p50_ms),
            time(f.submit_p99_ms),
            time(f.submit_max_ms),
            if f.tried_again > 0 { format!(", {} tried again", f.tried_again) } else { String::new() }
        ));
        line(format!(
            "  latency     submit to inbox: p50 {}, p99 {}, slowest {}{}",
            time(f.p50_ms),
            time(f.p99_ms),
            time(f.max_ms),
            if f.latency_bounded > 0 {
                format!(" ({} as upper bounds)", f.latency_bounded)
            } else {
                String::new()
            }
        ));
        line(format!(
            "  CPU         {:>10.1} µs a document, {:.1} of them the load tool's",
            f.cpu_us_per_doc, f.tool_cpu_us_per_doc
        ));
    }
    particular(f, &mut line);
    let mut nodes = table(&["Node 驿站", "CPU, µs a document", "Peak memory, MB", "Ready after, ms"]);
    for node in &f.nodes {
        nodes.add_row([
            node.node.to_string(),
            format!("{:.1}", node.cpu_us_per_doc),
            format!("{:.1}", node.rss_mb),
            format!("{:.0}", node.ready_ms),
        ]);
    }
    line(nodes.to_string());
    if f.documents > 0 {
        let chains = match (f.chains_verified, f.chains) {
            (Some(verified), Some(chains)) => format!("{verified} of {chains} chains verified offline"),
            _ => "the audit was left out".to_owned(),
        };
        line(format!("{} of {} documents counted in their inboxes once; {chains}", f.delivered, f.documents));
    }
    out
}

/// What one scenario alone has.
fn particular(figures: &Figures, line: &mut impl FnMut(String)) {
    if let Some(b) = &figures.backlog {
        line(format!(
            "  backlog     {} waited; drained at {:.1} documents/s, {:.0} % of the {:.1} with empty queues",
            b.waiting,
            b.drain_docs_per_s,
            b.drain_ratio * 100.0,
            b.empty_queue_docs_per_s
        ));
        line(format!(
            "  the holder  {:.1} MB when full (peak {:.1}); killed; ready after {:.0} ms with {:.1} MB, peak until drained {:.1}",
            b.rss_full_mb, b.rss_full_peak_mb, b.ready_ms, b.rss_ready_mb, b.rss_drain_peak_mb
        ));
    }
    if let Some(n) = &figures.neighbours {
        let [before, after] = n.well_docs_per_s;
        line(format!(
            "  neighbours  {} others: {before:.1} documents/s; {:.1} while {} wait for one that is {}; {after:.1} after: it costs {:.1} %",
            n.others,
            n.ill_docs_per_s,
            n.waiting,
            n.neighbour,
            n.cost * 100.0
        ));
    }
    if let Some(c) = &figures.circular {
        line(format!(
            "  circular    {} destinations each, {:.1} deliveries/s",
            c.children, c.deliveries_per_s
        ));
    }
    if let Some(idle) = &figures.idle {
        for node in &idle.nodes {
            line(format!(
                "  at rest     {}: {:.3} % of a core over {:.1} s, {:.1} MB",
                node.node, node.cpu_percent, idle.seconds, node.rss_mb
            ));
        }
    }
}

fn time(ms: Option<f64>) -> String {
    ms.map_or_else(|| "—".to_owned(), |ms| format!("{ms:.2} ms"))
}
