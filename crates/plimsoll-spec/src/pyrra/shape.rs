use crate::import::{METADATA, PerCent};
use crate::native::by_label;
use crate::shape::refused;
use crate::{Key, Length, MapShape, Shape, optional, required};

const LENGTH: Shape = Shape::parsed::<Length>();
const GROUPING: Shape = Shape::List(&Shape::Text(by_label));

/// A resource.
pub(super) const RESOURCE: Shape = Shape::Map(&MapShape {
    keys: &[
        required("apiVersion", Shape::TEXT),
        required("kind", Shape::Text(kind)),
        required("metadata", METADATA),
        required("spec", SPEC),
        optional("status", Shape::Ignored),
    ],
    check: None,
});

const SPEC: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("description", Shape::Text(|_| Ok(()))),
        required("target", Shape::parsed::<PerCent>()),
        required("window", LENGTH),
        required("indicator", Shape::OneOf(INDICATORS)),
        optional("alerting", ALERTING),
        // How rules are computed, not what they say: here every count is exact at no cost.
        optional("performanceOverAccuracy", Shape::Flag),
        refused(
            "partial_response_strategy",
            "it tells a Thanos ruler what to do; the daemon takes a partial answer for unknown",
        ),
    ],
    check: None,
});

const INDICATORS: &[Key] = &[
    required("ratio", RATIO),
    required("latency", LATENCY),
    required("latencyNative", LATENCY_NATIVE),
    required("bool_gauge", BOOL_GAUGE),
];

const RATIO: Shape = Shape::Map(&MapShape {
    keys: &[required("errors", METRIC), required("total", METRIC), optional("grouping", GROUPING)],
    check: None,
});

const LATENCY: Shape = Shape::Map(&MapShape {
    keys: &[required("success", METRIC), required("total", METRIC), optional("grouping", GROUPING)],
    check: None,
});

const LATENCY_NATIVE: Shape = Shape::Map(&MapShape {
    keys: &[required("latency", LENGTH), required("total", METRIC), optional("grouping", GROUPING)],
    check: None,
});

const BOOL_GAUGE: Shape = Shape::Map(&MapShape {
    keys: &[required("metric", Shape::TEXT), optional("grouping", GROUPING)],
    check: None,
});

const METRIC: Shape =
    Shape::Map(&MapShape { keys: &[required("metric", Shape::TEXT)], check: None });

const ALERTING: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("disabled", Shape::Flag),
        optional("burnrates", Shape::Flag),
        optional("absent", Shape::Flag),
        optional("name", Shape::TEXT),
        refused("absentName", "the alert for missing data is always SloNoData: route by that name"),
        refused("severities", "severities are critical and warning: relabel them at the receiver"),
        refused("absentSeverity", "missing data pages as critical: relabel it at the receiver"),
    ],
    check: None,
});

fn kind(kind: &str) -> Result<(), String> {
    match kind {
        "ServiceLevelObjective" => Ok(()),
        _ => Err("must be ServiceLevelObjective".into()),
    }
}
