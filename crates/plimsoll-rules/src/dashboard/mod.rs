//! Grafana dashboards, one for each reader: who answers for the service, who is on call, who
//! looks for the cause.

mod board;
mod debug;
mod executive;
mod levels;
mod on_call;
mod panel;
mod view;

use panel::Panel;
use serde_json::Value;

/// One dashboard.
pub struct Dashboard {
    /// The stable identity that links and imports go by.
    pub uid: &'static str,
    title: &'static str,
    description: &'static str,
    /// The time range it opens with, as `now-3h`.
    from: &'static str,
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

/// Returns every dashboard, from the widest view to the closest.
pub fn all() -> Vec<Dashboard> {
    vec![executive::dashboard(), on_call::dashboard(), debug::dashboard()]
}
