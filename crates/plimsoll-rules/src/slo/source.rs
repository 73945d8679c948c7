//! From an SLI to PromQL over counters.

use super::scope::{ms, seconds};
use plimsoll_model::bucket::DEFAULT_BANDS;
use plimsoll_model::{LevelPart, MatchOp, Matcher, Selector};
use plimsoll_slo::{
    EventsPart, InFlightAtLeast, LevelBound, Linear, Query, QueryUnit, Sli, Slo, Term, length_name,
};
use std::time::Duration;

const MS_PER_S: u32 = 1_000;

/// What a window holds, as expressions that read counters alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// All events.
    pub total: String,
    /// The good or bad ones, whichever are counted.
    pub part: EventsPart<String>,
    /// Whether a part that isn't there counted nothing. Otherwise nobody knows what it counted, as
    /// of a histogram without the bucket.
    pub is_part_optional: bool,
}

impl Counted {
    /// Writes the bad ones, for a rule beside the one that records `total`.
    pub(crate) fn bad(&self, total: &str, by: &str) -> String {
        let (EventsPart::Good(part) | EventsPart::Bad(part)) = &self.part;
        let part = match self.is_part_optional {
            true => format!("({part} or on ({by}) 0 * {total})"),
            false => part.clone(),
        };
        match self.part {
            EventsPart::Bad(_) => part,
            EventsPart::Good(_) => format!("clamp_min({total} - on ({by}) {part}, 0)"),
        }
    }
}

/// Writes what the window of that length holds, in events or milliseconds; a gauge is looked at once
/// in `scrape`. `None` for an SLI that no expression can count.
pub fn counted(slo: &Slo, window: Duration, scrape: Duration) -> Option<Counted> {
    let by = slo.by.join(", ");
    let grouped = |selector: &Selector| summed(selector, &by, window);
    Some(match &slo.sli {
        Sli::Events { total, part, unknown } => Counted {
            total: linear(total, &by, window),
            part: surely(part, unknown.as_ref()).map(|part| linear(&part, &by, window)),
            is_part_optional: true,
        },
        Sli::Query { total, part, unit } => {
            let of = |query: &Query| queried(query, *unit, &by, window);
            Counted { total: of(total), part: part.as_ref().map(of), is_part_optional: true }
        }
        Sli::Within { histogram, within, when, .. } => {
            let buckets = conditioned(histogram, when.as_ref());
            within_edge(&buckets, &edge(within.as_secs_f64()), grouped)
        }
        Sli::Level { signal, bound: LevelBound::BelowLimit } => saturated(signal, &by, window),
        Sli::Level { signal, bound: LevelBound::AtMost(most) } => {
            let suffix = LevelPart::TimeWeighted.suffix();
            let buckets = signal.renamed(format!("{}{suffix}", signal.name));
            within_edge(&buckets, &edge(*most as f64), grouped)
        }
        Sli::Lag { signal, at_most } => {
            let worst = format!("max by ({}) ({signal})", with_target(&by));
            sliced(&by, &worst, &format!("> bool {}", seconds(*at_most)), window, scrape)
        }
        Sli::Up { signal } => {
            let worst = format!("min by ({}) ({signal})", with_target(&by));
            sliced(&by, &worst, "< bool 1", window, scrape)
        }
        Sli::Composite(_) => return None,
    })
}

/// Writes how many events the window of that length holds in whatever band; `None` for an SLO that
/// doesn't count one band alone.
pub(crate) fn every_band(slo: &Slo, window: Duration) -> Option<String> {
    let Sli::Within { histogram, when: Some(_), .. } = &slo.sli else { return None };
    Some(all(histogram, |selector| summed(selector, &slo.by.join(", "), window)))
}

/// What nobody could judge isn't bad: a rule counts what surely is.
fn surely(part: &EventsPart, unknown: Option<&Linear>) -> EventsPart {
    match (part.clone(), unknown) {
        (EventsPart::Good(good), Some(unknown)) => {
            EventsPart::Good(Linear(good.0.into_iter().chain(unknown.0.clone()).collect()))
        }
        (part, _) => part,
    }
}

/// Counts what a histogram holds at or below an edge, and all of it.
fn within_edge(histogram: &Selector, edge: &str, grouped: impl Fn(&Selector) -> String) -> Counted {
    let good = grouped(&bucket(histogram, edge));
    let total = all(histogram, grouped);
    Counted { total, part: EventsPart::Good(good), is_part_optional: false }
}

/// Counts all that a histogram holds.
fn all(histogram: &Selector, grouped: impl Fn(&Selector) -> String) -> String {
    grouped(&bucket(histogram, r"\+Inf"))
}

/// Counts the time that a level spends at its limit. Time passes for a series that was there at both
/// ends of the window.
fn saturated(signal: &Selector, by: &str, window: Duration) -> Counted {
    let saturated =
        signal.renamed(format!("{}{}_total", signal.name, LevelPart::Saturated.suffix()));
    let (length, passed_ms) = (length_name(window), ms(window));
    let both = format!("({saturated} and {saturated} offset {length}) * 0 + {passed_ms}");
    let bad = format!("{MS_PER_S} * sum by ({by}) ({})", increase(&saturated, window));
    let total = format!("sum by ({by}) ({both})");
    Counted { total, part: EventsPart::Bad(bad), is_part_optional: false }
}

/// Counts slices of the scrape interval: bad is each in which the worst series breaks its bound.
fn sliced(by: &str, worst: &str, breaks: &str, window: Duration, scrape: Duration) -> Counted {
    let over = |each: String, aggregation: &str| {
        let (window, step) = (length_name(window), length_name(scrape));
        let slices = format!("{aggregation} by ({by}) ({each})");
        format!("{} * sum_over_time(({slices})[{window}:{step}])", ms(scrape))
    };
    let bad = over(format!("{worst} {breaks}"), "sum");
    Counted {
        total: over(worst.into(), "count"),
        part: EventsPart::Bad(bad),
        is_part_optional: false,
    }
}

fn with_target(by: &str) -> String {
    if by.is_empty() { "job, instance".into() } else { format!("job, instance, {by}") }
}

fn queried(query: &Query, unit: QueryUnit, by: &str, window: Duration) -> String {
    let sum = format!("sum by ({by}) ({})", query.over(window));
    match unit {
        QueryUnit::Events => sum,
        QueryUnit::EventsPerSecond => format!("{} * {sum}", seconds(window)),
    }
}

/// Adds counters up; one that isn't there counted nothing.
fn linear(counters: &Linear, by: &str, window: Duration) -> String {
    let term = |Term { factor, selector }: &Term| {
        let sum = summed(selector, by, window);
        match (factor.numerator, factor.denominator.get()) {
            (1, 1) => sum,
            (numerator, 1) => format!("{numerator} * {sum}"),
            (numerator, denominator) => format!("{numerator} * {sum} / {denominator}"),
        }
    };
    match counters.0.as_slice() {
        [one] => term(one),
        terms => format!("clamp_min({}, 0)", sum_of(&terms.iter().map(term).collect::<Vec<_>>())),
    }
}

/// Adds vectors up in which a series may be missing.
pub(crate) fn sum_of(parts: &[String]) -> String {
    let numbered = |(number, part): (usize, &String)| {
        format!("label_replace({part}, \"part\", \"{number}\", \"\", \"\")")
    };
    let parts: Vec<String> = parts.iter().enumerate().map(numbered).collect();
    format!("sum without (part) (\n  {}\n)", parts.join("\n  or "))
}

fn summed(selector: &Selector, by: &str, window: Duration) -> String {
    format!("sum by ({by}) ({})", increase(selector, window))
}

/// Writes the increase of each series without a guess.
///
/// The difference of the window's two ends is exact, and windows that follow each other share the
/// sample between them. `increase`, which extrapolates, is asked where the difference means nothing:
/// the counter began anew, or one end is missing. A series with one sample is there and counted 0.
fn increase(selector: &Selector, window: Duration) -> String {
    let window = length_name(window);
    format!(
        "({selector} - {selector} offset {window} and resets({selector}[{window}]) == 0) \
         or increase({selector}[{window}]) or 0 * count_over_time({selector}[{window}])"
    )
}

fn bucket(histogram: &Selector, le: &str) -> Selector {
    let buckets = histogram.renamed(format!("{}_bucket", histogram.name));
    narrowed(buckets, "le", MatchOp::Matches, le.to_owned())
}

/// Writes a pattern for each way in which a bucket's bound is spelled: Prometheus 3 writes `1.0`
/// where others write `1`, and small numbers have an exponent in Go.
fn edge(bound: f64) -> String {
    let mut spelled = vec![bound.to_string()];
    if bound.fract() == 0.0 {
        spelled.push(format!("{bound:.1}"));
    }
    if bound < 1e-4 {
        let exponent = format!("{bound:e}");
        spelled.push(exponent.replace("e-", "e-0"));
        spelled.push(exponent);
    }
    spelled.iter().map(|text| text.replace('.', r"\.")).collect::<Vec<_>>().join("|")
}

fn conditioned(histogram: &Selector, when: Option<&InFlightAtLeast>) -> Selector {
    let Some(when) = when else { return histogram.clone() };
    let below: Vec<String> = DEFAULT_BANDS
        .iter()
        .filter(|edge| **edge < when.at_least)
        .map(ToString::to_string)
        .collect();
    // A series without the label has no band, and one without an operation is of this one.
    let bands = format!("|{}", below.join("|"));
    let selector =
        narrowed(histogram.clone(), "operation", MatchOp::Matches, format!("|{}", when.operation));
    narrowed(selector, "band", MatchOp::NotMatches, bands)
}

fn narrowed(mut selector: Selector, label: &str, op: MatchOp, value: String) -> Selector {
    selector.matchers.push(Matcher { label: label.into(), op, value });
    selector
}
