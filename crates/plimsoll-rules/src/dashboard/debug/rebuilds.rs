//! Rebuilds of cached values: who does them, who waits, and whether one alone writes.

use super::quantiles;
use crate::dashboard::levels::REBUILD_WAITERS;
use crate::dashboard::panel::{Panel, Thresholds, Unit, View};
use crate::promql::{PANEL, bucket, sample};
use plimsoll_model::{Signal, catalog};

pub(super) fn rebuilds() -> Vec<Panel> {
    vec![
        stacked(
            "Look-ups per second",
            "Look-ups by what they found. A stale value is served while it is rebuilt; a miss waits.",
            &catalog::CACHE_LOOKUPS,
            "cache, result",
        )
        .runbook("ConcurrencyRebuildWaitHigh"),
        herd(),
        stacked(
            "Roles",
            "Calls that waited for a rebuild, per second: who began it, who followed, who went on \
             without, who was dropped.",
            &catalog::REBUILD_CALLS,
            "cache, role",
        )
        .runbook("ConcurrencyRebuildWaitHigh"),
        REBUILD_WAITERS
            .oldest(
                "Longest wait for a rebuild",
                "Age of the oldest call that waits for a rebuild: for how long readers are blacked \
                 out.",
            )
            .thresholds(Thresholds::Rising(0.5, 1.0))
            .runbook("ConcurrencyRebuildWaitHigh"),
        quantiles(
            "Age of stale values",
            "How old stale values were when they were served.",
            &catalog::STALE_SERVED_AGE,
            ("cache", ""),
        )
        .runbook("ConcurrencyRebuildWaitHigh"),
        margin(),
        lost(),
        writes(),
        stacked(
            "Faults around caches",
            "What went wrong while the service went on, per second: stores and leases that failed, \
             waits that timed out.",
            &catalog::CACHE_FAULTS,
            "cache, fault",
        )
        .runbook("ConcurrencyRebuildWaitHigh"),
    ]
}

/// Returns the panel of a counter's increase per second by `labels`.
fn stacked(
    title: &'static str,
    description: &str,
    counter: &Signal,
    labels: &'static str,
) -> Panel {
    let names: Vec<String> = labels.split(", ").map(|label| format!("{{{{{label}}}}}")).collect();
    Panel::new(View::Stacked, Unit::PerSecond, title, description).query(
        &format!("{{{{job}}}} {}", names.join(" ")),
        PANEL.sum_rate(labels, &sample(counter), ""),
    )
}

fn herd() -> Panel {
    let herd = bucket(&catalog::REBUILD_HERD);
    Panel::new(
        View::Lines,
        Unit::Count,
        "Herd",
        "Calls that followed one rebuild, of every rebuild: what would have rebuilt as well without \
         single-flight.",
    )
    .query("{{job}} {{cache}} p50", PANEL.quantile(0.5, "cache", &herd))
    .query("{{job}} {{cache}} p99", PANEL.quantile(0.99, "cache", &herd))
    .runbook("ConcurrencyRebuildWaitHigh")
}

fn margin() -> Panel {
    let of = |q, signal| PANEL.quantile(q, "lease", &bucket(signal));
    Panel::new(
        View::Lines,
        Unit::Seconds,
        "Lease: hold and margin",
        "How long one in a hundred leases is held, and the time to live that the tightest hundredth \
         had left when given back. A margin near zero is a time to live that is too short.",
    )
    .query("{{job}} {{lease}} held, p99", of(0.99, &catalog::LEASE_HOLD))
    .query("{{job}} {{lease}} left, p1", of(0.01, &catalog::LEASE_MARGIN))
    .runbook("ConcurrencyLeaseLost")
}

fn lost() -> Panel {
    Panel::new(
        View::Lines,
        Unit::PerSecond,
        "Lost leases",
        "Leases that ended while they were held, per second, by where that was first seen: two may \
         have held them at once.",
    )
    .query(
        "{{job}} {{lease}} seen at {{seen}}",
        PANEL.sum_rate("lease, seen", &sample(&catalog::LEASE_LOST), ""),
    )
    .runbook("ConcurrencyLeaseLost")
}

fn writes() -> Panel {
    Panel::new(
        View::Lines,
        Unit::PerSecond,
        "Writes of rebuilt values",
        "By result, per second: the first since the look-up, a duplicate of another rebuild, regressed \
         over a later one, refused by the store's fence.",
    )
    .query(
        "{{job}} {{cache}} {{result}}, fenced {{fenced}}",
        PANEL.sum_rate("cache, result, fenced", &sample(&catalog::REBUILD_WRITES), ""),
    )
    .runbook("ConcurrencyRebuildRegressed")
}
