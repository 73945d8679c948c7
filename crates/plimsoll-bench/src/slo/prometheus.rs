//! The peer: Prometheus with the rules that are usually generated for each SLO, every 15 s.

use super::process::{Server, free_address};
use super::service::{Target, wall_s};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

const DAY_S: u64 = 86_400;
const INTERVAL_S: u64 = 15;

/// Where `cargo xtask peers` puts it.
pub(super) fn programs() -> PathBuf {
    let cache =
        || Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(".cache/plimsoll/peers");
    let peers = std::env::var_os("PLIMSOLL_PEERS").map_or_else(cache, PathBuf::from);
    peers.join("prometheus-0.315.0")
}

/// Starts one with rules for `slos` SLOs on `target`, and the samples of `days` days behind them.
pub(super) fn start(name: &str, target: &Target, slos: usize, days: u64) -> Server {
    let folder = super::folder(name);
    let config = format!(
        "global: {{scrape_interval: {INTERVAL_S}s, evaluation_interval: {INTERVAL_S}s}}\n\
         rule_files: [rules.yml]\n\
         scrape_configs: [{{job_name: x, static_configs: [{{targets: ['{}']}}]}}]\n",
        target.address
    );
    std::fs::write(folder.join("prometheus.yml"), config).expect("written");
    std::fs::write(folder.join("rules.yml"), rules(slos)).expect("written");
    let data = folder.join("data");
    if days > 0 {
        load(&folder, &data, target, slos, days);
    }
    let address = free_address();
    let mut command = Command::new(programs().join("prometheus"));
    command
        .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", data.display()))
        .arg("--storage.tsdb.retention.time=40d")
        .arg(format!("--web.listen-address={address}"))
        .arg("--log.level=warn");
    Server::start(&mut command, address, &folder)
}

/// Writes past samples as blocks, because a rule over 30 days costs what 30 days hold.
fn load(folder: &Path, data: &Path, target: &Target, slos: usize, days: u64) {
    let text = folder.join("history.om");
    let mut out = BufWriter::new(File::create(&text).expect("made"));
    write_history(&mut out, target, slos, days).expect("written");
    out.flush().expect("written");
    let status = Command::new(programs().join("promtool"))
        .args(["tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=24h"])
        .args([&text, data])
        .status();
    assert!(status.is_ok_and(|status| status.success()), "promtool makes blocks");
    let _ = std::fs::remove_file(text);
}

fn write_history(
    out: &mut impl Write,
    target: &Target,
    slos: usize,
    days: u64,
) -> std::io::Result<()> {
    let end_s = wall_s() as u64 / INTERVAL_S * INTERVAL_S;
    let times = || (end_s - days * DAY_S..end_s).step_by(INTERVAL_S as usize);
    writeln!(out, "# TYPE http_requests counter")?;
    for service in 0..slos {
        for (code, each) in [("200", 10.0), ("500", 0.01)] {
            let rate = (service % 97 + 1) as f64 * each;
            let series = format!(
                "http_requests_total{{service=\"s{service}\",code=\"{code}\",instance=\"{}\",job=\"x\"}}",
                target.address
            );
            for at_s in times() {
                let passed_s = at_s + days * DAY_S - end_s;
                writeln!(out, "{series} {} {at_s}", (passed_s as f64 * rate) as u64)?;
            }
        }
    }
    writeln!(out, "# TYPE slo:sli_error:ratio_rate5m gauge")?;
    for service in 0..slos {
        let series = format!(
            "slo:sli_error:ratio_rate5m{{sloth_id=\"s{service}-req\",sloth_service=\"s{service}\",\
             sloth_slo=\"req\",sloth_window=\"5m\"}}"
        );
        for at_s in times() {
            writeln!(out, "{series} 0.000999 {at_s}")?;
        }
    }
    writeln!(out, "# EOF")
}

/// Writes the three groups and 17 rules of each SLO.
fn rules(slos: usize) -> String {
    let mut text = "groups:\n".to_owned();
    for service in 0..slos {
        let names = format!(
            "sloth_id: \"s{service}-req\", sloth_service: \"s{service}\", sloth_slo: \"req\""
        );
        recordings(&mut text, service, &names).expect("a string takes everything");
        metadata(&mut text, service, &names).expect("a string takes everything");
        alerts(&mut text, service).expect("a string takes everything");
    }
    text
}

fn selector(service: usize) -> String {
    format!("{{sloth_id=\"s{service}-req\", sloth_service=\"s{service}\", sloth_slo=\"req\"}}")
}

fn recordings(text: &mut String, service: usize, names: &str) -> std::fmt::Result {
    writeln!(text, "- name: sloth-slo-sli-recordings-s{service}\n  rules:")?;
    for window in ["5m", "30m", "1h", "2h", "6h", "1d", "3d"] {
        writeln!(
            text,
            "  - record: slo:sli_error:ratio_rate{window}\n    expr: \
             (sum(rate(http_requests_total{{service=\"s{service}\",code=~\"(5..|429)\"}}[{window}]))) \
             / (sum(rate(http_requests_total{{service=\"s{service}\"}}[{window}])))\n    \
             labels: {{{names}, sloth_window: {window}}}"
        )?;
    }
    let of = selector(service);
    writeln!(
        text,
        "  - record: slo:sli_error:ratio_rate30d\n    expr: \
         sum_over_time(slo:sli_error:ratio_rate5m{of}[30d]) / ignoring (sloth_window) \
         count_over_time(slo:sli_error:ratio_rate5m{of}[30d])\n    \
         labels: {{{names}, sloth_window: 30d}}"
    )
}

fn metadata(text: &mut String, service: usize, names: &str) -> std::fmt::Result {
    let of = selector(service);
    let budget =
        format!("/ on(sloth_id, sloth_slo, sloth_service) group_left slo:error_budget:ratio{of}");
    let rules = [
        ("slo:objective:ratio", "vector(0.999)".to_owned()),
        ("slo:error_budget:ratio", "vector(1-0.999)".to_owned()),
        ("slo:time_period:days", "vector(30)".to_owned()),
        ("slo:current_burn_rate:ratio", format!("slo:sli_error:ratio_rate5m{of} {budget}")),
        ("slo:period_burn_rate:ratio", format!("slo:sli_error:ratio_rate30d{of} {budget}")),
        ("slo:period_error_budget_remaining:ratio", format!("1 - slo:period_burn_rate:ratio{of}")),
        ("sloth_slo_info", "vector(1)".to_owned()),
    ];
    writeln!(text, "- name: sloth-slo-meta-recordings-s{service}\n  rules:")?;
    for (record, expression) in rules {
        writeln!(text, "  - record: {record}\n    expr: {expression}\n    labels: {{{names}}}")?;
    }
    Ok(())
}

fn alerts(text: &mut String, service: usize) -> std::fmt::Result {
    let of = selector(service);
    let over = |window: &str, factor: &str| {
        format!(
            "max(slo:sli_error:ratio_rate{window}{of} > ({factor} * 0.001)) without (sloth_window)"
        )
    };
    writeln!(text, "- name: sloth-slo-alerts-s{service}\n  rules:")?;
    for (severity, fast, slow) in [
        ("page", ("5m", "1h", "14.4"), ("30m", "6h", "6")),
        ("ticket", ("2h", "1d", "3"), ("6h", "3d", "1")),
    ] {
        let both =
            |(short, long, factor)| format!("({} and {})", over(short, factor), over(long, factor));
        writeln!(
            text,
            "  - alert: Burn\n    expr: |-\n      {} or {}\n    labels: {{sloth_severity: {severity}}}",
            both(fast),
            both(slow)
        )?;
    }
    Ok(())
}
