//! What the recorder and the daemon say about themselves.

use crate::{Kind, Signal};

// === The recorder about itself.

/// Time during which exactness had to be given up.
pub const INEXACT: Signal = Signal {
    otel_name: "concurrency.inexact",
    unit: "s",
    name: "concurrency_inexact_seconds",
    kind: Kind::Counter,
    labels: &[],
    help: "Time during which exactness had to be given up.",
};

/// Negative durations that were clamped to zero.
pub const CLOCK_SKEW: Signal = Signal {
    otel_name: "concurrency.clock_skew",
    unit: "{event}",
    name: "concurrency_clock_skew",
    kind: Kind::Counter,
    labels: &[],
    help: "Negative durations that were clamped to zero.",
};

/// Label sets beyond a family's bound, which went to its overflow set.
pub const LABEL_SETS_DROPPED: Signal = Signal {
    otel_name: "concurrency.label_sets.dropped",
    unit: "{set}",
    name: "concurrency_label_sets_dropped",
    kind: Kind::Counter,
    labels: &["family"],
    help: "Label sets beyond a family's bound, which went to its overflow set.",
};

/// Little's-law residual of a level: 0 when every guard is paired.
pub const LITTLE_RESIDUAL: Signal = Signal {
    otel_name: "concurrency.little_residual",
    unit: "s",
    name: "concurrency_little_residual_seconds",
    kind: Kind::Gauge,
    labels: &["level"],
    help: "Little's-law residual of a level: 0 when every guard is paired.",
};

/// How far the snapshot's instant lies behind the scrape.
pub const WATERMARK_AGE: Signal = Signal {
    otel_name: "concurrency.watermark_age",
    unit: "s",
    name: "concurrency_watermark_age_seconds",
    kind: Kind::Gauge,
    labels: &[],
    help: "How far the snapshot's instant lies behind the scrape.",
};

/// What became of the exports by OTLP.
pub const EXPORTS: Signal = Signal {
    otel_name: "concurrency.exports",
    unit: "{export}",
    name: "concurrency_exports",
    kind: Kind::Counter,
    labels: &["result"],
    help: "Exports by OTLP: ok, retried, rejected in part, failed.",
};

/// Error of the order of two edges on different threads.
pub const CLOCK_ERROR: Signal = Signal {
    otel_name: "concurrency.clock_error",
    unit: "s",
    name: "concurrency_clock_error_seconds",
    kind: Kind::Gauge,
    labels: &[],
    help: "Error of the order of two edges on different threads.",
};

/// How many entries are timed.
pub const TIMED: Signal = Signal {
    otel_name: "concurrency.timed",
    unit: "1",
    name: "concurrency_timed_ratio",
    kind: Kind::Gauge,
    labels: &[],
    help: "Share of entries that are timed: below 1 while the overhead budget is exceeded.",
};

/// Cost of one observation, measured by the recorder itself.
pub const OBSERVATION_COST: Signal = Signal {
    otel_name: "concurrency.observation_cost",
    unit: "s",
    name: "concurrency_observation_cost_seconds",
    kind: Kind::Gauge,
    labels: &[],
    help: "Cost of one observation, measured by the recorder itself.",
};

// === The daemon about SLOs.

/// The objective.
pub const SLO_OBJECTIVE: Signal = Signal {
    otel_name: "plimsoll.slo.objective",
    unit: "1",
    name: "plimsoll_slo_objective_ratio",
    kind: Kind::Gauge,
    labels: &["service", "slo"],
    help: "The objective.",
};

/// Bad part of all events in a window; bound is low or high.
pub const SLO_ERROR: Signal = Signal {
    otel_name: "plimsoll.slo.error",
    unit: "1",
    name: "plimsoll_slo_error_ratio",
    kind: Kind::Gauge,
    labels: &["service", "slo", "window", "bound"],
    help: "Bad part of all events in a window; bound is low or high.",
};

/// Error ratio over what the objective allows.
pub const SLO_BURN_RATE: Signal = Signal {
    otel_name: "plimsoll.slo.burn_rate",
    unit: "{burn}",
    name: "plimsoll_slo_burn_rate",
    kind: Kind::Gauge,
    labels: &["service", "slo", "window", "bound"],
    help: "Error ratio over what the objective allows.",
};

/// Part of the error budget that is left.
pub const SLO_BUDGET_REMAINING: Signal = Signal {
    otel_name: "plimsoll.slo.budget_remaining",
    unit: "1",
    name: "plimsoll_slo_budget_remaining_ratio",
    kind: Kind::Gauge,
    labels: &["service", "slo", "bound"],
    help: "Part of the error budget that is left.",
};

/// Part of the expected target-time that is known.
pub const SLO_COVERAGE: Signal = Signal {
    otel_name: "plimsoll.slo.coverage",
    unit: "1",
    name: "plimsoll_slo_coverage_ratio",
    kind: Kind::Gauge,
    labels: &["service", "slo", "window"],
    help: "Part of the expected target-time that is known.",
};

/// Part of all events that an SLO of an in-flight band counts.
pub const SLO_BAND_COVERAGE: Signal = Signal {
    otel_name: "plimsoll.slo.band_coverage",
    unit: "1",
    name: "plimsoll_slo_band_coverage_ratio",
    kind: Kind::Gauge,
    labels: &["service", "slo", "window"],
    help: "Part of all events that an SLO of an in-flight band counts.",
};

/// Events by verdict: good, bad, unknown.
pub const SLO_EVENTS: Signal = Signal {
    otel_name: "plimsoll.slo.events",
    unit: "{event}",
    name: "plimsoll_slo_events",
    kind: Kind::Counter,
    labels: &["service", "slo", "verdict"],
    help: "Events by verdict: good, bad, unknown.",
};

/// Whether the alert of a severity fires: 1 or 0, for every severity that the SLO's policy has.
pub const SLO_ALERT_FIRING: Signal = Signal {
    otel_name: "plimsoll.slo.alert_firing",
    unit: "{alert}",
    name: "plimsoll_slo_alert_firing",
    kind: Kind::Gauge,
    labels: &["service", "slo", "severity"],
    help: "Whether the alert of a severity fires: 1 or 0.",
};

/// Samples that a scrape refused.
pub const SCRAPE_SAMPLES_REFUSED: Signal = Signal {
    otel_name: "plimsoll.scrape.samples_refused",
    unit: "{sample}",
    name: "plimsoll_scrape_samples_refused",
    kind: Kind::Counter,
    labels: &["target", "reason"],
    help: "Samples that a scrape refused.",
};

/// Notifications sent.
pub const NOTIFICATIONS: Signal = Signal {
    otel_name: "plimsoll.notifications",
    unit: "{notification}",
    name: "plimsoll_notifications",
    kind: Kind::Counter,
    labels: &["sink", "result"],
    help: "Notifications sent.",
};

/// Which version runs.
pub const BUILD_INFO: Signal = Signal {
    otel_name: "plimsoll.build.info",
    unit: "{build}",
    name: "plimsoll_build_info",
    kind: Kind::Gauge,
    labels: &["version"],
    help: "Always 1; the version that runs is in the label.",
};

/// Whether the running configuration is that of the file.
pub const CONFIG_LAST_RELOAD_SUCCESSFUL: Signal = Signal {
    otel_name: "plimsoll.config.last_reload.successful",
    unit: "{reload}",
    name: "plimsoll_config_last_reload_successful",
    kind: Kind::Gauge,
    labels: &[],
    help: "1 when the last reload of the configuration was taken, 0 when it was refused.",
};
