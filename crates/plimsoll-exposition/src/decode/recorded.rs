//! Samples of long ago: OpenMetrics lines that each have a time, as `promtool tsdb dump-openmetrics`
//! writes them.

use super::error::{DecodeError, Fault, Misfit};
use super::line::{Line, line};
use super::tail::tail;
use crate::Format;
use plimsoll_model::{Labels, SeriesKey};
use std::collections::HashMap;
use std::sync::Arc;

/// Reads recorded samples: `each` gets the series, the value, and the time in milliseconds since
/// the Unix epoch, in the order of the text.
///
/// A series may stand any number of times, which is what tells such a text from a body that is
/// scraped; metadata and blank lines don't count.
///
/// # Errors
/// The first line that can't be read, or has no time.
pub fn recorded(text: &str, mut each: impl FnMut(&SeriesKey, f64, i64)) -> Result<(), DecodeError> {
    let mut known: HashMap<&str, SeriesKey> = HashMap::new();
    let mut labels = Vec::new();
    for (number, whole) in text.lines().enumerate().filter(|(_, whole)| !whole.is_empty()) {
        let at = |misfit: Misfit| DecodeError {
            line: number + 1,
            column: misfit.at + 1,
            what: misfit.what,
        };
        let head = match line(Format::OpenMetrics, whole, &mut labels).map_err(at)? {
            Line::Sample(head) => head,
            Line::End => break,
            Line::Idle | Line::Metadata { .. } => continue,
        };
        let (series, rest) = whole.split_at_checked(head.value_at).unwrap_or((whole, ""));
        let tail = tail(Format::OpenMetrics, rest)
            .map_err(|misfit| at(Misfit { at: head.value_at + misfit.at, what: misfit.what }))?;
        let missing = Misfit { at: whole.len(), what: Fault::Timestamp };
        let at_ms = tail.at_ms.ok_or(missing).map_err(at)?;
        if !known.contains_key(series) {
            let pairs = labels.iter().filter(|(_, value)| !value.is_empty());
            let twice = Misfit { at: 0, what: Fault::LabelTwice };
            let labels = Labels::new(pairs.map(|(name, value)| (*name, &**value)));
            let labels = labels.map_err(|_| at(twice))?;
            known.insert(series, SeriesKey { name: Arc::from(head.name), labels });
        }
        if let Some(key) = known.get(series) {
            each(key, tail.value, at_ms);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, f64, i64)>, String> {
        let mut samples = Vec::new();
        recorded(text, |key, value, at_ms| {
            samples.push((format!("{}{}", key.name, key.labels), value, at_ms));
        })
        .map_err(|error| error.to_string())?;
        Ok(samples)
    }

    #[test]
    fn a_series_may_stand_many_times() {
        let text = "# TYPE a counter\na_total{b=\"c\"} 1 1.5\na_total{b=\"c\"} 2 3\n# EOF\n";
        let series = r#"a_total{b="c"}"#.to_owned();
        assert_eq!(read(text), Ok(vec![(series.clone(), 1.0, 1_500), (series, 2.0, 3_000)]));
    }

    #[test]
    fn rubbish_is_told_with_its_line() {
        for (text, place) in [
            ("a 1 1\na 2\n", "line 2, column 4"),
            ("a 1 1\n\nb one 2\n", "line 3, column 3"),
            ("a{b=\"c} 1 1\n", "line 1, column"),
        ] {
            let error = read(text).expect_err("rubbish");
            assert!(error.starts_with(place), "{error}");
        }
    }
}
