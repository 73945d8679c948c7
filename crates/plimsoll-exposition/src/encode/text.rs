use super::number::push_number;
use super::sample::{push_histogram, push_sample};
use plimsoll_model::{Family, FamilyKind, Snapshot, Value};
use std::fmt::Write;

/// Writes `snapshot` as Prometheus text 0.0.4.
///
/// A counter's family is named `…_total`, as `promtool check metrics` wants it, and a family
/// without series isn't written at all.
pub fn text(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    for family in snapshot.families.iter().filter(|family| !family.series.is_empty()) {
        push_family(&mut out, family);
    }
    out
}

fn push_family(out: &mut String, family: &Family) {
    let (suffix, kind) = match family.kind {
        FamilyKind::Counter => ("_total", "counter"),
        FamilyKind::Gauge => ("", "gauge"),
        FamilyKind::Histogram => ("", "histogram"),
    };
    let name = &family.name;
    let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
    // A String takes every write, so there is no error to pass on.
    let _ = writeln!(out, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}");
    for series in &family.series {
        match &series.value {
            Value::Histogram(value) => {
                let of = (&**name, &series.labels);
                push_histogram(out, of, value, push_number, |_, _, _| {});
            }
            value => push_sample(out, family, &series.labels, value),
        }
    }
}
