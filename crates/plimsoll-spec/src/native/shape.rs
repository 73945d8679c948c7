use super::scalar::{
    Address, Burn, Limit, LocalTime, Name, ObjectiveText, Rolling, SeverityText, SomeLength,
    UnitText,
};
use super::sum::SumText;
use super::{check, composite, exclusion};
use crate::promql::QueryText;
use crate::{Key, Length, MapShape, SelectorText, Shape, optional, required};
use plimsoll_slo::Zone;

const SELECTOR: Shape = Shape::parsed::<SelectorText>();
const NAME: Shape = Shape::parsed::<Name>();
const SOME_LENGTH: Shape = Shape::parsed::<SomeLength>();

/// A whole file.
pub(crate) const FILE: Shape = Shape::Map(&MapShape {
    keys: &[
        required("apiVersion", Shape::TEXT),
        required("service", NAME),
        optional("labels", Shape::LABELS),
        required("slos", Shape::List(&SLO)),
        optional("policies", Shape::Table(check::policy_name, &Shape::List(&ROW))),
        optional("exclusions", Shape::List(&EXCLUSION)),
    ],
    check: Some(check::file),
});

const SLO: Shape = Shape::Map(&MapShape {
    keys: &[
        required("name", NAME),
        required("objective", Shape::parsed::<ObjectiveText>()),
        required("window", Shape::Either(&PERIOD, &CALENDAR)),
        required("sli", Shape::OneOf(SLI_KINDS)),
        optional("labels", Shape::LABELS),
        optional("by", Shape::List(&Shape::Text(check::by_label))),
        optional("max_groups", Shape::Integer(1..=10_000)),
        optional("alerting", ALERTING),
        optional("description", Shape::TEXT),
        optional("exclusions", Shape::List(&EXCLUSION)),
        optional("backend", NAME),
    ],
    check: Some(check::slo),
});

const PERIOD: Shape = Shape::parsed::<Rolling>();
const SUM: Shape = Shape::parsed::<SumText>();
const QUERY_TEXT: Shape = Shape::parsed::<QueryText>();
const ZONE: Shape = Shape::parsed::<Zone>();

const CALENDAR: Shape = Shape::Map(&MapShape {
    keys: &[required("calendar", Shape::parsed::<UnitText>()), optional("timezone", ZONE)],
    check: None,
});

const EXCLUSION: Shape = Shape::Map(&MapShape {
    keys: &[
        required("reason", Shape::TEXT),
        required("start", Shape::parsed::<LocalTime>()),
        optional("rrule", Shape::TEXT),
        required("duration", SOME_LENGTH),
        optional("timezone", ZONE),
    ],
    check: Some(exclusion::check),
});

const SLI_KINDS: &[Key] = &[
    required("events", EVENTS),
    required("latency", LATENCY),
    required("level", LEVEL),
    required("wait", WAIT),
    required("lag", LAG),
    required("staleness", STALENESS),
    required("all_of", Shape::List(&NAME)),
    required("weighted", Shape::Table(composite::part_name, &Shape::Integer(1..=1_000_000))),
    required("query", QUERY),
];

const EVENTS: Shape = Shape::Map(&MapShape {
    keys: &[
        required("total", SUM),
        optional("good", SUM),
        optional("bad", SUM),
        optional("unknown", SUM),
    ],
    check: Some(check::events),
});

const QUERY: Shape = Shape::Map(&MapShape {
    keys: &[
        required("total", QUERY_TEXT),
        optional("good", QUERY_TEXT),
        optional("bad", QUERY_TEXT),
    ],
    check: Some(check::query),
});

const LATENCY: Shape = Shape::Map(&MapShape {
    keys: &[required("histogram", SELECTOR), required("within", SOME_LENGTH)],
    check: Some(check::histogram),
});

const WAIT: Shape = Shape::Map(&MapShape {
    keys: &[required("signal", SELECTOR), required("within", SOME_LENGTH)],
    check: Some(check::histogram),
});

const STALENESS: Shape = Shape::Map(&MapShape {
    keys: &[required("signal", SELECTOR), required("within", SOME_LENGTH), optional("when", WHEN)],
    check: Some(check::histogram),
});

const WHEN: Shape =
    Shape::Map(&MapShape { keys: &[required("in_flight", IN_FLIGHT)], check: None });

const IN_FLIGHT: Shape = Shape::Map(&MapShape {
    keys: &[required("of", Shape::TEXT), required("at_least", Shape::Integer(1..=1_000_000))],
    check: None,
});

const LEVEL: Shape = Shape::Map(&MapShape {
    keys: &[
        required("signal", SELECTOR),
        optional("below", Shape::parsed::<Limit>()),
        optional("at_most", Shape::Integer(0..=1_000_000_000)),
    ],
    check: Some(check::level),
});

const LAG: Shape = Shape::Map(&MapShape {
    keys: &[required("signal", SELECTOR), required("at_most", SOME_LENGTH)],
    check: Some(check::gauge),
});

const ALERTING: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("policy", Shape::TEXT),
        optional("runbook", Shape::parsed::<Address>()),
        optional("page", CARRIED),
        optional("ticket", CARRIED),
        optional("for", Shape::parsed::<Length>()),
        optional("min_bad", Shape::Integer(1..=1_000_000_000)),
        optional("no_data_after", SOME_LENGTH),
    ],
    check: None,
});

const CARRIED: Shape = Shape::Map(&MapShape {
    keys: &[optional("labels", Shape::LABELS), optional("annotations", Shape::LABELS)],
    check: Some(check::labels),
});

const ROW: Shape = Shape::Map(&MapShape {
    keys: &[
        required("severity", Shape::parsed::<SeverityText>()),
        required("burn", Shape::parsed::<Burn>()),
        required("long", SOME_LENGTH),
        required("short", SOME_LENGTH),
    ],
    check: Some(check::row),
});
