//! The figures as a table for people, or as one JSON object for programs.

use crate::Measured;
use crate::reference::per_second;
use serde_json::{Value, json};
use std::fmt::Write;

const MB: f64 = 1_000_000.0;
const MIB: f64 = 1_048_576.0;

/// One block a case.
pub(crate) fn table(measured: &[Measured]) -> String {
    let mut out = String::new();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    // Writing to a string cannot fail.
    let mut line = |text: String| writeln!(out, "{text}").unwrap_or_default();
    line(format!(
        "one hop, 652301 → 6523, two processes on {cores} cores shared with the submitters, every fsync real"
    ));
    for Measured { case, figures, reference } in measured {
        let rate = per_second(case.documents, figures.delivered_ms);
        let [county, prefecture, submitters] = figures.cpu_ms.map(|ms| ms as f64 / case.documents as f64);
        let [county_peak, prefecture_peak] = figures.peak_bytes.map(|bytes| bytes as f64 / MIB);
        line(String::new());
        line(format!(
            "{} x {} bytes, {} at a time{}",
            case.documents,
            case.bytes,
            case.concurrency,
            if figures.tried_again > 0 {
                format!(", {} tried again", figures.tried_again)
            } else {
                String::new()
            }
        ));
        line(format!(
            "  delivered     {rate:>10.1} documents/s {:>9.1} MB/s   all in the inbox after {:.2} s",
            rate * case.bytes as f64 / MB,
            figures.delivered_ms as f64 / 1000.0
        ));
        line(format!(
            "  accepted      {:>10.1} documents/s   submit p50 {} ms, p99 {} ms, slowest {} ms; at rest after {:.2} s",
            per_second(case.documents, figures.accepted_ms),
            figures.submit_p50_ms,
            figures.submit_p99_ms,
            figures.submit_max_ms,
            figures.at_rest_ms as f64 / 1000.0
        ));
        line(format!(
            "  CPU           {:>10.3} ms a document: county {county:.3}, prefecture {prefecture:.3}, submitters {submitters:.3}",
            county + prefecture + submitters
        ));
        line(format!("  peak memory   county {county_peak:.1} MiB, prefecture {prefecture_peak:.1} MiB"));
        let (single, grouped) = (reference.single_per_second, reference.grouped_per_second);
        if case.documents == 1 {
            line(format!(
                "  plain loop    {:>10.1} MB/s: hash, append, one fdatasync; the hop does {:.3} of it",
                single * case.bytes as f64 / MB,
                rate / single
            ));
        } else {
            line(format!(
                "  plain loop    {single:>10.1} records/s with one fdatasync each, {grouped:.1} with 64; the hop does {:.3} and {:.3} of it",
                rate / single,
                rate / grouped
            ));
        }
    }
    out
}

/// Everything, as it was measured.
pub(crate) fn json(measured: &[Measured]) -> Value {
    let cases: Vec<Value> = measured.iter().map(case_json).collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    json!({ "benchmark": "one_hop", "cores": cores, "cases": cases })
}

fn case_json(Measured { case, figures, reference }: &Measured) -> Value {
    let rate = per_second(case.documents, figures.delivered_ms);
    let [county, prefecture, submitters] = figures.cpu_ms.map(|ms| ms as f64 / case.documents as f64);
    let [county_peak, prefecture_peak] = figures.peak_bytes;
    json!({
        "documents": case.documents,
        "bytes": case.bytes,
        "concurrency": case.concurrency,
        "documents_per_second": rate,
        "mb_per_second": rate * case.bytes as f64 / MB,
        "delivered_ms": figures.delivered_ms,
        "accepted_ms": figures.accepted_ms,
        "at_rest_ms": figures.at_rest_ms,
        "submit_p50_ms": figures.submit_p50_ms,
        "submit_p99_ms": figures.submit_p99_ms,
        "submit_max_ms": figures.submit_max_ms,
        "tried_again": figures.tried_again,
        "cpu_ms_per_document": { "county": county, "prefecture": prefecture, "submitters": submitters },
        "peak_bytes": { "county": county_peak, "prefecture": prefecture_peak },
        "reference": {
            "single_per_second": reference.single_per_second,
            "grouped_per_second": reference.grouped_per_second,
            "ratio_to_single": rate / reference.single_per_second,
            "ratio_to_grouped": rate / reference.grouped_per_second,
        },
    })
}
