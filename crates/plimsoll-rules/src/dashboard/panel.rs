//! What a panel shows, before it is JSON.

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// How many.
    Count,
    /// A duration.
    Seconds,
    /// A part of one, shown as percent.
    Ratio,
    /// Events per second.
    PerSecond,
    /// Seconds per second: how many wait, or run, on average.
    SecondsPerSecond,
    /// Multiples of what the objective allows.
    Burn,
    /// A size.
    Bytes,
    /// Yes or no.
    Firing,
}

impl Unit {
    /// Returns the name that Grafana gives the unit.
    pub(crate) fn grafana_id(self) -> &'static str {
        match self {
            Self::Count | Self::SecondsPerSecond => "short",
            Self::Seconds => "s",
            Self::Ratio => "percentunit",
            Self::PerSecond => "cps",
            Self::Burn => "none",
            Self::Bytes => "bytes",
            Self::Firing => "bool",
        }
    }
}

/// How a panel draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// Lines over time.
    Lines,
    /// Areas over time that add up.
    Stacked,
    /// One number for each series.
    Stat,
    /// One bar for each series.
    Bars,
    /// One row for each label set.
    Table,
    /// How a distribution moves.
    Heatmap,
    /// A band of colour for each series, for states.
    Timeline,
}

/// One expression of a panel.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// PromQL with Grafana's variables.
    pub(crate) expr: String,
    /// Grafana's template of a series' name; a table uses it as the column's title.
    pub(crate) legend: String,
    /// Drawn dashed and without area: a bound, not a measurement.
    pub(crate) is_bound: bool,
}

/// One panel.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    pub(crate) description: String,
    pub(crate) unit: Unit,
    pub(crate) view: View,
    pub(crate) queries: Vec<Query>,
    /// Where it turns orange and where red; a panel may turn red downwards.
    pub(crate) thresholds: Option<Thresholds>,
    /// The alert whose runbook explains the panel.
    pub(crate) runbook: Option<&'static str>,
    /// Columns of 24.
    pub(crate) width: u32,
}

/// Where a value stops being harmless.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Thresholds {
    /// Orange from the first on, red from the second.
    Rising(f64, f64),
    /// Red up to the first, orange up to the second.
    Falling(f64, f64),
}

impl Panel {
    /// Starts a panel of a third of the board's width.
    pub(crate) fn new(view: View, unit: Unit, title: &'static str, description: &str) -> Self {
        Self {
            title,
            description: description.to_owned(),
            unit,
            view,
            queries: Vec::new(),
            thresholds: None,
            runbook: None,
            width: 8,
        }
    }

    /// Adds an expression.
    pub(crate) fn query(self, legend: &str, expr: String) -> Self {
        self.with(Query { expr, legend: legend.to_owned(), is_bound: false })
    }

    /// Adds an expression that gives a bound.
    pub(crate) fn bound(self, legend: &str, expr: String) -> Self {
        self.with(Query { expr, legend: legend.to_owned(), is_bound: true })
    }

    /// Sets where it turns orange and red.
    pub(crate) fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = Some(thresholds);
        self
    }

    /// Links the runbook of `alert`.
    pub(crate) fn runbook(mut self, alert: &'static str) -> Self {
        self.runbook = Some(alert);
        self
    }

    /// Sets the width in columns of 24.
    pub(crate) fn width(mut self, columns: u32) -> Self {
        self.width = columns;
        self
    }

    fn with(mut self, query: Query) -> Self {
        self.queries.push(query);
        self
    }
}
