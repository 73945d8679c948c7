use super::number::{Number, Seconds};
use plimsoll_model::{Family, FamilyKind, HistogramValue, Labels, Snapshot, Value};
use std::fmt::{self, Write};

/// Writes `snapshot` as Prometheus text 0.0.4.
///
/// A counter's family is named `…_total`, as `promtool check metrics` wants it, and a family
/// without series isn't written at all.
pub fn text(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    for family in snapshot.families.iter().filter(|family| !family.series.is_empty()) {
        // A String takes every write, so there is no error to pass on.
        let _ = write_family(&mut out, family);
    }
    out
}

fn write_family(out: &mut String, family: &Family) -> fmt::Result {
    let (suffix, kind) = match family.kind {
        FamilyKind::Counter => ("_total", "counter"),
        FamilyKind::Gauge => ("", "gauge"),
        FamilyKind::Histogram => ("", "histogram"),
    };
    let name = &family.name;
    let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
    writeln!(out, "# HELP {name}{suffix} {help}")?;
    writeln!(out, "# TYPE {name}{suffix} {kind}")?;
    for series in &family.series {
        let labels = &series.labels;
        match &series.value {
            Value::Count(count) => {
                // Piece by piece, since a format of five takes twice as long.
                out.push_str(name);
                out.push_str(suffix);
                writeln!(out, "{labels} {count}")?;
            }
            Value::SecondsNs(ns) => writeln!(out, "{name}{suffix}{labels} {}", Seconds(*ns))?,
            Value::Gauge(value) => writeln!(out, "{name}{suffix}{labels} {}", Number(*value))?,
            Value::Histogram(histogram) => write_histogram(out, name, labels, histogram)?,
        }
    }
    Ok(())
}

fn write_histogram(
    out: &mut String,
    name: &str,
    labels: &Labels,
    histogram: &HistogramValue,
) -> fmt::Result {
    // The labels are the same on every line but for `le`, which is put before the closing brace.
    let shown = labels.to_string();
    let open = shown.strip_suffix('}').map_or_else(|| "{".into(), |shown| format!("{shown},"));
    let mut cumulative = 0;
    for bucket in &histogram.buckets {
        cumulative += bucket.count;
        writeln!(out, "{name}_bucket{open}le=\"{}\"}} {cumulative}", Number(bucket.le))?;
    }
    let count = histogram.count();
    writeln!(out, "{name}_bucket{open}le=\"+Inf\"}} {count}")?;
    writeln!(out, "{name}_sum{labels} {}", Number(histogram.sum))?;
    writeln!(out, "{name}_count{labels} {count}")
}
