//! Alerts about context and rebuilds: decisions on what had changed, and values that more than one
//! wrote. What isn't known has no series here and makes no alert.

use super::signals::cause;
use crate::promql::{self, RULE};
use crate::rule::Alert;
use plimsoll_model::{LevelPart, catalog};

/// How many of the decisions that commit may be on context that surely was no longer good.
const INVALID_RATIO_MAX: f64 = 0.01;
/// How many may overtake another: more than the stripes of a busy service count by mistake.
const STALE_COMMITS_RATIO_MAX: f64 = 0.01;
/// How long committed state may take to become readable.
const UNSEEN_S_MAX: u32 = 30;
/// How long a caller may wait for a rebuild.
const REBUILD_WAIT_S_MAX: u32 = 1;

pub(super) fn alerts() -> Vec<Alert> {
    vec![
        decisions_invalid(),
        stale_commits(),
        propagation_stalled(),
        lease_lost(),
        rebuild_regressed(),
        rebuild_wait_high(),
    ]
}

/// Gives the decisions that commit per second.
fn committed() -> String {
    RULE.sum_rate("decision", &promql::sample(&catalog::DECISIONS), r#"outcome="committed""#)
}

fn decisions_invalid() -> Alert {
    let invalid =
        RULE.sum_rate("decision", &promql::sample(&catalog::DECISIONS), r#"verdict="invalid""#);
    let ratio = promql::ratio(&invalid, &committed());
    cause("ConcurrencyDecisionsInvalid", format!("{ratio} > {INVALID_RATIO_MAX}"))
        .pending_for("5m")
        .says(
            "Decisions are committed on context that was no longer good.",
            "{{ $value | humanizePercentage }} of the decisions {{ $labels.decision }} of \
             {{ $labels.job }} were surely beyond their validity window when they committed.",
        )
}

fn stale_commits() -> Alert {
    let stale = RULE.sum_rate("decision", &promql::sample(&catalog::STALE_COMMITS), "");
    let ratio = promql::ratio(&stale, &committed());
    cause("ConcurrencyStaleCommits", format!("{ratio} > {STALE_COMMITS_RATIO_MAX}"))
        .pending_for("5m")
        .says(
            "Decisions commit although another one of the same key came first.",
            "{{ $value | humanizePercentage }} of the decisions {{ $labels.decision }} of \
             {{ $labels.job }} had been overtaken when they committed.",
        )
}

/// The gauge grows by itself while nothing arrives; the histogram of what arrived would be silent.
fn propagation_stalled() -> Alert {
    let age = promql::sample(&catalog::PROPAGATION_OLDEST_UNSEEN);
    cause("ConcurrencyPropagationStalled", format!("{age} > {UNSEEN_S_MAX}"))
        .pending_for("2m")
        .says(
            "Committed state doesn't become readable.",
            "Store {{ $labels.store }} hasn't shown what was committed {{ $value | humanizeDuration }} \
             ago ({{ $labels.job }}, {{ $labels.instance }}).",
        )
}

/// A single one counts: somebody may have worked beside another holder.
fn lease_lost() -> Alert {
    let lost = RULE.rate(&promql::sample(&catalog::LEASE_LOST), "");
    cause("ConcurrencyLeaseLost", format!("{lost} > 0")).says(
        "A lease ended while it was held: two may have held it at once.",
        "Lease {{ $labels.lease }} of {{ $labels.job }} ({{ $labels.instance }}) was lost within \
         the last five minutes, seen at {{ $labels.seen }}.",
    )
}

/// A single one counts: an old value stands in the place of a new one.
fn rebuild_regressed() -> Alert {
    let regressed = RULE.rate(&promql::sample(&catalog::REBUILD_WRITES), r#"result="regressed""#);
    cause("ConcurrencyRebuildRegressed", format!("{regressed} > 0")).says(
        "A rebuild wrote an old value over a later one.",
        "A write to cache {{ $labels.cache }} of {{ $labels.job }} ({{ $labels.instance }}) \
         regressed within the last five minutes.",
    )
}

fn rebuild_wait_high() -> Alert {
    let age = promql::level(&catalog::REBUILD_WAITERS, LevelPart::OldestAge);
    cause("ConcurrencyRebuildWaitHigh", format!("{age} > {REBUILD_WAIT_S_MAX}"))
        .pending_for("1m")
        .says(
            "Readers wait long for a value that is being rebuilt.",
            "Somebody has waited {{ $value | humanizeDuration }} for a rebuild of cache \
             {{ $labels.cache }} of {{ $labels.job }} ({{ $labels.instance }}).",
        )
}
