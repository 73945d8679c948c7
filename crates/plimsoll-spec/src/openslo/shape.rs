//! The objects of each version, as tables.

use super::budgeting::{self, Method};
use crate::import::{PartOfOne, PerCent};
use crate::native::{Burn, Name, SomeLength};
use crate::shape::refused;
use crate::{Length, MapShape, Shape, optional, required};
use plimsoll_slo::Zone;

pub(super) const NAME: Shape = Shape::parsed::<Name>();
const ANY_TEXT: Shape = Shape::Text(|_| Ok(()));
const LABELS: Shape = Shape::Table(|_| Ok(()), &Shape::Either(&ANY_TEXT, &Shape::List(&ANY_TEXT)));
const COMPOSED: &str = "an SLO out of others is written in plimsoll/v1, as `sli: {weighted: …}`";

/// Makes the shape of an object around that of its spec.
macro_rules! object {
    ($(#[$doc:meta])* $name:ident, $spec:expr) => {
        $(#[$doc])*
        pub(super) const $name: Shape = Shape::Map(&MapShape {
            keys: &[
                required("apiVersion", Shape::TEXT),
                required("kind", Shape::TEXT),
                required("metadata", METADATA),
                required("spec", $spec),
            ],
            check: None,
        });
    };
}

object!(/** An SLO of v1. */ SLO, SLO_SPEC);
object!(/** An SLO of v2alpha. */ SLO_V2, SLO_V2_SPEC);
object!(/** An SLO of v1alpha. */ SLO_ALPHA, super::alpha::SPEC);
object!(/** An SLI of v1. */ SLI, SLI_SPEC);
object!(/** An SLI of v2alpha. */ SLI_V2, SLI_V2_SPEC);
object!(/** A data source. */ DATA_SOURCE, DATA_SOURCE_SPEC);
object!(/** A service. */ SERVICE, DESCRIBED);
object!(/** A policy. */ POLICY, POLICY_SPEC);
object!(/** A condition. */ CONDITION, CONDITION_SPEC);
object!(/** A target of notifications. */ TARGET, TARGET_SPEC);

const METADATA: Shape = Shape::Map(&MapShape {
    keys: &[
        required("name", Shape::TEXT),
        optional("namespace", Shape::Ignored),
        optional("displayName", Shape::Ignored),
        optional("labels", LABELS),
        optional("annotations", crate::import::TEXTS),
    ],
    check: None,
});

const DESCRIBED: Shape =
    Shape::Map(&MapShape { keys: &[optional("description", ANY_TEXT)], check: None });

/// Makes the shape of an SLO around how its version calls an SLI, and its objective.
macro_rules! slo {
    ($name:ident, $sli:literal, $inline:expr, $reference:literal, $objective:expr) => {
        const $name: Shape = Shape::Map(&MapShape {
            keys: &[
                optional("description", ANY_TEXT),
                required("service", NAME),
                optional($sli, $inline),
                optional($reference, Shape::TEXT),
                required("timeWindow", Shape::List(&WINDOW)),
                required("budgetingMethod", METHOD),
                required("objectives", Shape::List(&$objective)),
                optional("alertPolicies", Shape::List(&POLICY_OR_REF)),
            ],
            check: None,
        });
    };
}

slo!(SLO_SPEC, "indicator", INLINE_SLI, "indicatorRef", OBJECTIVE);
slo!(SLO_V2_SPEC, "sli", INLINE_SLI_V2, "sliRef", OBJECTIVE_V2);

pub(super) const METHOD: Shape = Shape::parsed::<Method>();

const WINDOW: Shape = Shape::Map(&MapShape {
    keys: &[
        required("duration", Shape::TEXT),
        optional("isRolling", Shape::Flag),
        optional("calendar", CALENDAR),
    ],
    check: None,
});

/// Where a unit of the calendar begins.
pub(super) const CALENDAR: Shape = Shape::Map(&MapShape {
    keys: &[required("startTime", Shape::TEXT), required("timeZone", Shape::parsed::<Zone>())],
    check: None,
});

/// Makes the shape of an objective with what only one version has.
macro_rules! objective {
    ($name:ident $(, $more:expr)*) => {
        const $name: Shape = Shape::Map(&MapShape {
            keys: &[
                optional("displayName", Shape::Ignored),
                optional("op", Shape::TEXT),
                optional("value", Shape::TEXT),
                optional("target", Shape::parsed::<PartOfOne>()),
                optional("targetPercent", Shape::parsed::<PerCent>()),
                budgeting::TARGET,
                budgeting::WINDOW,
                $($more),*
            ],
            check: None,
        });
    };
}

objective!(OBJECTIVE);
objective!(
    OBJECTIVE_V2,
    optional("labels", LABELS),
    refused("sli", COMPOSED),
    refused("sliRef", COMPOSED),
    refused("compositeWeight", COMPOSED)
);

const INLINE_METADATA: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("name", Shape::TEXT),
        optional("displayName", Shape::Ignored),
        optional("labels", Shape::Ignored),
        optional("annotations", Shape::Ignored),
    ],
    check: None,
});

/// Makes the shape of an object in place of a reference to it.
macro_rules! inline {
    ($name:ident, $reference:literal, $spec:expr) => {
        const $name: Shape = Shape::Map(&MapShape {
            keys: &[
                optional($reference, Shape::TEXT),
                optional("apiVersion", Shape::TEXT),
                optional("kind", Shape::TEXT),
                optional("metadata", INLINE_METADATA),
                optional("spec", $spec),
            ],
            check: None,
        });
    };
}

inline!(POLICY_OR_REF, "alertPolicyRef", POLICY_SPEC);
inline!(CONDITION_OR_REF, "conditionRef", CONDITION_SPEC);
inline!(TARGET_OR_REF, "targetRef", TARGET_SPEC);

/// Makes the shape of an SLI in place.
macro_rules! inline_sli {
    ($name:ident, $spec:expr) => {
        const $name: Shape = Shape::Map(&MapShape {
            keys: &[optional("metadata", INLINE_METADATA), required("spec", $spec)],
            check: None,
        });
    };
}

inline_sli!(INLINE_SLI, SLI_SPEC);
inline_sli!(INLINE_SLI_V2, SLI_V2_SPEC);

const RAW: &str = "a ratio that is divided already can't be summed: write good or bad, and total";

/// Makes the shape of an SLI around that of its metrics.
macro_rules! sli {
    ($name:ident, $ratio:ident, $metric:expr) => {
        const $name: Shape = Shape::Map(&MapShape {
            keys: &[
                optional("description", ANY_TEXT),
                optional("thresholdMetric", $metric),
                optional("ratioMetric", $ratio),
            ],
            check: None,
        });

        const $ratio: Shape = Shape::Map(&MapShape {
            keys: &[
                optional("counter", Shape::Flag),
                optional("good", $metric),
                optional("bad", $metric),
                required("total", $metric),
                refused("raw", RAW),
                refused("rawType", RAW),
            ],
            check: None,
        });
    };
}

sli!(SLI_SPEC, RATIO, METRIC);
sli!(SLI_V2_SPEC, RATIO_V2, METRIC_V2);

const METRIC: Shape =
    Shape::Map(&MapShape { keys: &[required("metricSource", SOURCE)], check: None });

const SOURCE: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("metricSourceRef", Shape::TEXT),
        optional("type", Shape::TEXT),
        required("spec", QUERY),
    ],
    check: None,
});

const METRIC_V2: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("dataSourceRef", Shape::TEXT),
        optional("dataSourceSpec", DATA_SOURCE_SPEC),
        required("spec", QUERY),
    ],
    check: None,
});

const QUERY: Shape = Shape::Map(&MapShape { keys: &[required("query", Shape::TEXT)], check: None });

const DATA_SOURCE_SPEC: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("description", ANY_TEXT),
        required("type", Shape::TEXT),
        // The daemon reads what it scrapes: it connects to no source.
        optional("connectionDetails", Shape::Ignored),
    ],
    check: None,
});

const POLICY_SPEC: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("description", ANY_TEXT),
        optional("alertWhenNoData", Shape::Flag),
        optional("alertWhenResolved", Shape::Flag),
        optional("alertWhenBreaching", Shape::Flag),
        required("conditions", Shape::List(&CONDITION_OR_REF)),
        optional("notificationTargets", Shape::List(&TARGET_OR_REF)),
    ],
    check: None,
});

const CONDITION_SPEC: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("description", ANY_TEXT),
        required("severity", Shape::TEXT),
        required("condition", BURN),
    ],
    check: None,
});

const BURN: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("kind", Shape::Text(burn_rate)),
        optional("op", Shape::Text(over)),
        required("threshold", Shape::parsed::<Burn>()),
        required("lookbackWindow", Shape::parsed::<SomeLength>()),
        optional("alertAfter", Shape::parsed::<Length>()),
    ],
    check: None,
});

const TARGET_SPEC: Shape = Shape::Map(&MapShape {
    keys: &[optional("description", ANY_TEXT), required("target", Shape::TEXT)],
    check: None,
});

fn burn_rate(kind: &str) -> Result<(), String> {
    match kind {
        "burnrate" | "Burnrate" | "BurnRate" => Ok(()),
        _ => Err("must be burnrate".into()),
    }
}

fn over(op: &str) -> Result<(), String> {
    match op {
        "gt" | "gte" => Ok(()),
        "lt" | "lte" => {
            Err("would alert while the budget isn't burning: write gt, or leave it out".into())
        }
        _ => Err("must be gt or gte".into()),
    }
}
