use super::number::{Number, Seconds};
use plimsoll_model::{
    Details, Exemplar, Family, FamilyKind, HistogramValue, Series, Snapshot, Value,
};
use std::fmt::{self, Display, Write};

/// Writes `snapshot` as OpenMetrics 1.0, with the exemplars of `details` on the buckets of histograms.
///
/// A family without series isn't written at all.
pub fn openmetrics(snapshot: &Snapshot, details: &Details) -> String {
    let mut out = String::new();
    for family in snapshot.families.iter().filter(|family| !family.series.is_empty()) {
        // A String takes every write, so there is no error to pass on.
        let _ = write_family(&mut out, family, details);
    }
    out.push_str("# EOF\n");
    out
}

fn write_family(out: &mut String, family: &Family, details: &Details) -> fmt::Result {
    let kind = match family.kind {
        FamilyKind::Counter => "counter",
        FamilyKind::Gauge => "gauge",
        FamilyKind::Histogram => "histogram",
    };
    let name = &family.name;
    let help = family.help.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
    writeln!(out, "# HELP {name} {help}")?;
    writeln!(out, "# TYPE {name} {kind}")?;
    // A unit that the name doesn't end in would make the whole body invalid.
    if let Some(unit) = family.unit.filter(|unit| ends_in(name, unit)) {
        writeln!(out, "# UNIT {name} {unit}")?;
    }
    for series in &family.series {
        let labels = &series.labels;
        match &series.value {
            Value::Count(count) => writeln!(out, "{name}_total{labels} {count}")?,
            Value::SecondsNs(ns) => writeln!(out, "{name}_total{labels} {}", Seconds(*ns))?,
            Value::Gauge(value) => writeln!(out, "{name}{labels} {}", Number(*value))?,
            Value::Histogram(histogram) => {
                let detail = details.get(name, labels);
                let exemplars = detail.map_or(&[][..], |detail| &detail.exemplars);
                write_histogram(out, (name, series), histogram, exemplars)?;
            }
        }
    }
    Ok(())
}

fn ends_in(name: &str, unit: &str) -> bool {
    name.strip_suffix(unit).is_some_and(|stem| stem.ends_with('_'))
}

fn write_histogram(
    out: &mut String,
    (name, series): (&str, &Series),
    histogram: &HistogramValue,
    exemplars: &[Exemplar],
) -> fmt::Result {
    let labels = &series.labels;
    // The labels are the same on every line but for `le`, which is put before the closing brace.
    let shown = labels.to_string();
    let open = shown.strip_suffix('}').map_or_else(|| "{".into(), |shown| format!("{shown},"));
    let (mut cumulative, mut below) = (0, f64::NEG_INFINITY);
    let bounds = histogram.buckets.iter().map(|bucket| (bucket.le, bucket.count));
    for (le, count) in bounds.chain([(f64::INFINITY, histogram.above)]) {
        cumulative += count;
        write!(out, "{name}_bucket{open}le=\"{}\"}} {cumulative}", Canonical(le))?;
        let inside = |exemplar: &&Exemplar| exemplar.value > below && exemplar.value <= le;
        if let Some(exemplar) = exemplars.iter().find(inside) {
            write!(out, " # {}", Shown(exemplar))?;
        }
        out.push('\n');
        below = le;
    }
    writeln!(out, "{name}_sum{labels} {}", Number(histogram.sum))?;
    writeln!(out, "{name}_count{labels} {cumulative}")
}

/// A bound in the one form that OpenMetrics gives it: with a point when it is whole.
struct Canonical(f64);

impl Display for Canonical {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0.fract() == 0.0 && self.0.abs() < 1e17;
        write!(out, "{}{}", Number(self.0), if whole { ".0" } else { "" })
    }
}

struct Shown<'a>(&'a Exemplar);

impl Display for Shown<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Exemplar { value, unix_ns, trace } = self.0;
        let (trace_id, span_id) = (trace.trace_id_text(), trace.span_id_text());
        write!(out, "{{trace_id=\"{trace_id}\",span_id=\"{span_id}\"}} {}", Number(*value))?;
        write!(out, " {}", Seconds(u128::from(*unix_ns)))
    }
}
