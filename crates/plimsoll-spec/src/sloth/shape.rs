//! The file writes its keys in snake case, the resource in camel case.

use crate::import::{METADATA, PerCent};
use crate::native::Name;
use crate::shape::refused;
use crate::{Key, MapShape, Shape, optional, required};

const NAME: Shape = Shape::parsed::<Name>();
const ANY_TEXT: Shape = Shape::Text(|_| Ok(()));

const PLUGINS: &str = "plugins are programs that only Sloth runs: take it out";
const PLUGIN: &str =
    "plugins are programs that only Sloth runs: write what it generates as `events`";
const RAW: &str = "a ratio that is divided already can't be summed: write `events`, or ask a server \
                   with `sli: {query: …}` and `backend: prometheus` in a plimsoll/v1 file";

/// A file.
pub(super) const FILE: Shape = Shape::Map(&MapShape {
    keys: &[
        required("version", Shape::TEXT),
        required("service", NAME),
        optional("labels", Shape::LABELS),
        required("slos", Shape::List(&FILE_SLO)),
        refused("slo_plugins", PLUGINS),
    ],
    check: None,
});

const FILE_SLO: Shape = Shape::Map(&MapShape {
    keys: &[
        required("name", NAME),
        required("objective", Shape::parsed::<PerCent>()),
        optional("description", ANY_TEXT),
        optional("labels", Shape::LABELS),
        required("sli", Shape::OneOf(FILE_SLI)),
        required("alerting", FILE_ALERTING),
        refused("plugins", PLUGINS),
    ],
    check: None,
});

const FILE_SLI: &[Key] =
    &[required("events", FILE_EVENTS), refused("raw", RAW), refused("plugin", PLUGIN)];

const FILE_EVENTS: Shape = Shape::Map(&MapShape {
    keys: &[required("error_query", Shape::TEXT), required("total_query", Shape::TEXT)],
    check: None,
});

const FILE_ALERTING: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("name", Shape::TEXT),
        optional("labels", Shape::LABELS),
        optional("annotations", Shape::LABELS),
        optional("page_alert", ALERT),
        optional("ticket_alert", ALERT),
    ],
    check: None,
});

/// A resource.
pub(super) const RESOURCE: Shape = Shape::Map(&MapShape {
    keys: &[
        required("apiVersion", Shape::TEXT),
        required("kind", Shape::Text(kind)),
        required("metadata", METADATA),
        required("spec", RESOURCE_SPEC),
        optional("status", Shape::Ignored),
    ],
    check: None,
});

const RESOURCE_SPEC: Shape = Shape::Map(&MapShape {
    keys: &[
        required("service", NAME),
        optional("labels", Shape::LABELS),
        required("slos", Shape::List(&RESOURCE_SLO)),
        refused("sloPlugins", PLUGINS),
    ],
    check: None,
});

const RESOURCE_SLO: Shape = Shape::Map(&MapShape {
    keys: &[
        required("name", NAME),
        required("objective", Shape::parsed::<PerCent>()),
        optional("description", ANY_TEXT),
        optional("labels", Shape::LABELS),
        required("sli", Shape::OneOf(RESOURCE_SLI)),
        required("alerting", RESOURCE_ALERTING),
        refused("plugins", PLUGINS),
    ],
    check: None,
});

const RESOURCE_SLI: &[Key] =
    &[required("events", RESOURCE_EVENTS), refused("raw", RAW), refused("plugin", PLUGIN)];

const RESOURCE_EVENTS: Shape = Shape::Map(&MapShape {
    keys: &[required("errorQuery", Shape::TEXT), required("totalQuery", Shape::TEXT)],
    check: None,
});

const RESOURCE_ALERTING: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("name", Shape::TEXT),
        optional("labels", Shape::LABELS),
        optional("annotations", Shape::LABELS),
        optional("pageAlert", ALERT),
        optional("ticketAlert", ALERT),
    ],
    check: None,
});

const ALERT: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("disable", Shape::Flag),
        optional("labels", Shape::LABELS),
        optional("annotations", Shape::LABELS),
    ],
    check: None,
});

fn kind(kind: &str) -> Result<(), String> {
    match kind {
        "PrometheusServiceLevel" => Ok(()),
        _ => Err("must be PrometheusServiceLevel".into()),
    }
}
