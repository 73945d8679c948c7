//! The series that recording rules store for SLOs, named `level:metric:operation` as Prometheus
//! recommends. They aren't exposed by anybody: a ruler that loads generated rules makes them.

/// A series that a recording rule stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its name.
    pub name: &'static str,
    /// What one of it is.
    pub unit: &'static str,
    /// Its labels, beside those that the SLO is split by and carries.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

/// Every recorded series.
pub const RECORDED: &[&Recorded] = &[
    &RECORDED_TOTAL,
    &RECORDED_BAD,
    &RECORDED_EVERY_BAND,
    &RECORDED_BAND_COVERAGE,
    &RECORDED_KNOWN,
    &RECORDED_BURN,
    &RECORDED_BUDGET,
    &RECORDED_ALLOWED,
];

/// All events of a window, or its milliseconds.
pub const RECORDED_TOTAL: Recorded = Recorded {
    name: "slo:events:increase",
    unit: "{event}",
    labels: &["service", "slo", "window"],
    help: "All events of a window; milliseconds for an SLO on time.",
};

/// The bad ones of a window.
pub const RECORDED_BAD: Recorded = Recorded {
    name: "slo:events_bad:increase",
    unit: "{event}",
    labels: &["service", "slo", "window"],
    help: "Bad events of a window; milliseconds for an SLO on time.",
};

/// All events of a window in whatever band, of an SLO that counts one band.
pub const RECORDED_EVERY_BAND: Recorded = Recorded {
    name: "slo:events_every_band:increase",
    unit: "{event}",
    labels: &["service", "slo", "window"],
    help: "Events of a window in every band, beside an SLO of one in-flight band.",
};

/// The part of all events that an SLO of one band counts.
pub const RECORDED_BAND_COVERAGE: Recorded = Recorded {
    name: "slo:band_coverage:ratio",
    unit: "1",
    labels: &["service", "slo", "window"],
    help: "Part of a window's events in every band that an SLO of one in-flight band counts; absent \
           without any event.",
};

/// The part of a window that something is known of.
pub const RECORDED_KNOWN: Recorded = Recorded {
    name: "slo:known_seconds:sum",
    unit: "s",
    labels: &["service", "slo", "window"],
    help: "Seconds of a window that something is known of.",
};

/// The burn of a window.
pub const RECORDED_BURN: Recorded = Recorded {
    name: "slo:burn_rate:ratio",
    unit: "{burn}",
    labels: &["service", "slo", "window"],
    help: "Error ratio of a window over what the objective allows; absent without demand.",
};

/// What is left of the budget.
pub const RECORDED_BUDGET: Recorded = Recorded {
    name: "slo:budget_remaining:ratio",
    unit: "1",
    labels: &["service", "slo", "window"],
    help: "Part of the error budget that is left.",
};

/// What the objective allows.
pub const RECORDED_ALLOWED: Recorded = Recorded {
    name: "slo:allowed_ppm:constant",
    unit: "1e-6",
    labels: &["service", "slo", "policy"],
    help: "Parts per million that may be bad.",
};
