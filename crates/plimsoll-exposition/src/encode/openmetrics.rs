use super::number::{push_canonical, push_number, push_seconds};
use super::sample::{push_histogram, push_sample};
use plimsoll_model::{Details, Exemplar, Family, FamilyKind, Snapshot, Value};
use std::fmt::Write;

/// Writes `snapshot` as OpenMetrics 1.0, with the exemplars of `details` on the buckets of histograms.
///
/// A family without series isn't written at all.
pub fn openmetrics(snapshot: &Snapshot, details: &Details) -> String {
    let mut out = String::new();
    for family in snapshot.families.iter().filter(|family| !family.series.is_empty()) {
        push_family(&mut out, family, details);
    }
    out.push_str("# EOF\n");
    out
}

fn push_family(out: &mut String, family: &Family, details: &Details) {
    let kind = match family.kind {
        FamilyKind::Counter => "counter",
        FamilyKind::Gauge => "gauge",
        FamilyKind::Histogram => "histogram",
    };
    let name = &family.name;
    let help = family.help.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
    // A String takes every write, so there is no error to pass on.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    // A unit that the name doesn't end in would make the whole body invalid.
    if let Some(unit) = family.unit.filter(|unit| ends_in(name, unit)) {
        let _ = writeln!(out, "# UNIT {name} {unit}");
    }
    for series in &family.series {
        match &series.value {
            Value::Histogram(value) => {
                let detail = details.get(name, &series.labels);
                let exemplars = detail.map_or(&[][..], |detail| &detail.exemplars);
                let beside = |out: &mut String, below: f64, le: f64| {
                    let inside =
                        |exemplar: &&Exemplar| exemplar.value > below && exemplar.value <= le;
                    if let Some(exemplar) = exemplars.iter().find(inside) {
                        push_exemplar(out, exemplar);
                    }
                };
                push_histogram(out, (name, &series.labels), value, push_canonical, beside);
            }
            value => push_sample(out, family, &series.labels, value),
        }
    }
}

fn ends_in(name: &str, unit: &str) -> bool {
    name.strip_suffix(unit).is_some_and(|stem| stem.ends_with('_'))
}

fn push_exemplar(out: &mut String, exemplar: &Exemplar) {
    let Exemplar { value, unix_ns, trace } = exemplar;
    let (trace_id, span_id) = (trace.trace_id_text(), trace.span_id_text());
    let _ = write!(out, " # {{trace_id=\"{trace_id}\",span_id=\"{span_id}\"}} ");
    push_number(out, *value);
    out.push(' ');
    push_seconds(out, u128::from(*unix_ns));
}
