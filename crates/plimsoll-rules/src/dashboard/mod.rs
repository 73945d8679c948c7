//! Grafana dashboards, one for each reader: who answers for the service, who is on call, who
//! looks for the cause, who has software that nobody instrumented.

mod board;
mod debug;
mod executive;
mod levels;
mod on_call;
mod panel;
mod sidecar;
mod view;

use crate::promql::sample;
use panel::Panel;
use plimsoll_model::catalog;
use serde_json::Value;

/// One dashboard.
pub struct Dashboard {
    /// The stable identity that links and imports go by.
    pub uid: &'static str,
    title: &'static str,
    description: &'static str,
    /// The time range it opens with, as `now-3h`.
    from: &'static str,
    /// Whose jobs and instances there are to choose from.
    jobs: Jobs,
    sections: Vec<Section>,
}

/// A row of panels under a title.
struct Section {
    title: &'static str,
    panels: Vec<Panel>,
}

impl Dashboard {
    /// Returns the path of the dashboard's file in the repository.
    pub fn path(&self) -> String {
        format!("dashboards/{}.json", self.uid.trim_start_matches("plimsoll-"))
    }

    /// Returns the dashboard in Grafana's classic model, schema version 42.
    pub fn to_json(&self) -> Value {
        board::render(self)
    }
}

/// Whose series a board shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Jobs {
    /// Services with a recorder in them, and daemons.
    Recorders,
    /// Sidecars.
    Sidecars,
}

impl Jobs {
    /// Returns a pattern of names that these jobs have and no others: every recorder has a watermark,
    /// every daemon a promise, every sidecar a collector.
    fn names(self) -> String {
        match self {
            Self::Recorders => {
                format!("{}|{}", sample(&catalog::WATERMARK_AGE), sample(&catalog::SLO_OBJECTIVE))
            }
            Self::Sidecars => sample(&catalog::COLLECTOR_UP),
        }
    }

    /// Returns what "All" stands for; none is exactly those that are found. A proxy has the series of a
    /// service, so a board of sidecars takes no others.
    fn all(self) -> Option<&'static str> {
        (self == Self::Recorders).then_some(".+")
    }
}

/// Returns every dashboard, from the widest view to the closest.
pub fn all() -> Vec<Dashboard> {
    vec![executive::dashboard(), on_call::dashboard(), debug::dashboard(), sidecar::dashboard()]
}
