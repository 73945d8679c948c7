//! Writes `docs/signals.md`, a reader's table of every series, from the catalog and the pages.

use crate::instruments::Page;
use crate::kinds::SidecarKind;
use plimsoll_model::{FamilyKind, Kind, LevelPart, Signal, catalog};
use std::fmt::Write;

const PREAMBLE: &str = "\
# Every series

Written by `cargo xtask generate`; change the catalog instead.

Units are UCUM's; Prometheus names end in theirs. A *level* of the name `X` is seven series of the
same labels:

";

/// The title of each part, and the signal that it begins with.
const PARTS: [(&str, &Signal); 23] = [
    ("Operations", &catalog::IN_FLIGHT),
    ("Queues", &catalog::QUEUE_DEPTH),
    ("Workers and the runtime", &catalog::WORKERS_BUSY),
    ("Locks", &catalog::LOCK_WAIT),
    ("Pools", &catalog::POOL_IN_USE),
    ("Back-pressure", &catalog::BACKPRESSURE),
    ("Consumers and scaling", &catalog::CONSUMER_LAG),
    ("What was read, and how stale it was", &catalog::SNAPSHOT_STALENESS),
    ("Rebuilds and leases", &catalog::REBUILD_CALLS),
    ("Retries and deadlocks", &catalog::ATTEMPTS),
    ("The recorder about itself", &catalog::INEXACT),
    ("The daemon about SLOs", &catalog::SLO_OBJECTIVE),
    ("The sidecar about its collectors", &catalog::COLLECTOR_UP),
    ("Amplified gauges", &catalog::AMPLIFIED),
    ("The host", &catalog::HOST_CPUS),
    ("PostgreSQL and PgBouncer", &catalog::POSTGRES_SESSIONS),
    ("The proxy", &catalog::PROXY_CONNECTIONS),
    ("Processes, from outside", &catalog::PROCESS_MEMBERS),
    ("Brokers' consumers", &catalog::CONSUMER_STATUS),
    ("Redis", &catalog::REDIS_BLOCKED_CLIENTS),
    ("Kafka and RabbitMQ", &catalog::KAFKA_GROUP_STATE),
    ("nginx and HAProxy", &catalog::NGINX_CONNECTIONS),
    ("The process", &catalog::BUILD_INFO),
];

/// Returns the whole page.
pub(crate) fn page(pages: &[Page], kinds: &[SidecarKind]) -> String {
    let mut text = PREAMBLE.to_owned();
    text.push_str("| series | type | meaning |\n|---|---|---|\n");
    for part in LevelPart::ALL {
        let what = part.help(&Signal { help: "X", ..catalog::IN_FLIGHT });
        let what = what.trim_start_matches("X: ");
        let kind = part.family_kind();
        line(&mut text, &[&code(&sample(&format!("X{}", part.suffix()), kind)), name(kind), what]);
    }
    text.push_str(
        "\nA histogram is exported as `_bucket`, `_sum` and `_count`. The last column says what records a\n\
         series in a Rust service, and which kinds of the sidecar have it; where it is empty nothing in\n\
         this repository does yet, or the daemon, the recorder or the admin thread does it by itself.\n",
    );
    for signal in catalog::ALL {
        if let Some((title, _)) = PARTS.iter().find(|(_, first)| first == signal) {
            let _ = write!(
                text,
                "\n## {title}\n\n| series | type | unit | meaning | by |\n|---|---|---|---|---|\n"
            );
        }
        line(
            &mut text,
            &[
                &code(&series(signal)),
                kind(signal),
                &code(signal.unit),
                signal.help,
                &by(signal, pages, kinds),
            ],
        );
    }
    text
}

/// Says which instruments' pages have the signal in their tables, and which kinds' pages name it.
fn by(signal: &Signal, pages: &[Page], kinds: &[SidecarKind]) -> String {
    let families = signal.families();
    let records = |page: &&Page| {
        page.records(pages).iter().any(|series| {
            let bare = series.strip_suffix("_total").unwrap_or(series);
            families.iter().any(|(family, ..)| family == bare)
        })
    };
    let mut names: Vec<String> = pages.iter().filter(records).map(|page| code(&page.of)).collect();
    names.sort();
    names.dedup();
    names.extend(kinds.iter().filter(|kind| kind.tells_of(signal)).map(SidecarKind::link));
    names.join(", ")
}

fn series(signal: &Signal) -> String {
    let kind = match signal.kind {
        Kind::Counter => FamilyKind::Counter,
        Kind::Gauge | Kind::Level => FamilyKind::Gauge,
        Kind::Histogram => FamilyKind::Histogram,
    };
    let name = sample(signal.name, kind);
    if signal.labels.is_empty() { name } else { format!("{name}{{{}}}", signal.labels.join(", ")) }
}

/// A counter's samples are named `…_total`.
fn sample(family: &str, kind: FamilyKind) -> String {
    let total = if kind == FamilyKind::Counter { "_total" } else { "" };
    format!("{family}{total}")
}

fn kind(signal: &Signal) -> &'static str {
    match signal.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
        Kind::Level => "level",
    }
}

fn name(kind: FamilyKind) -> &'static str {
    match kind {
        FamilyKind::Counter => "counter",
        FamilyKind::Gauge => "gauge",
        FamilyKind::Histogram => "histogram",
    }
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn line(text: &mut String, cells: &[&str]) {
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}
