//! Which series play which part in which SLO.

use crate::StoreError;
use plimsoll_model::{Labels, LevelPart, MatchOp, Selector};
use plimsoll_slo::{Backend, EventsPart, LevelBound, Linear, Sli, Slo, Term};
use regex::Regex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What a series is to an SLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// All events, each worth so many of the account's units.
    Total(i64),
    /// The good events, the bad ones, or the saturated time: whichever the SLO names.
    Named(i64),
    /// The events that nobody could judge.
    Unknown(i64),
    /// A bucket of a histogram, whose `le` says what it holds.
    Bucket,
    /// A gauge that says slice by slice what is good.
    Gauge,
}

/// A part that a series plays in the SLO of that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) slo: usize,
    pub(crate) part: Part,
}

/// Every selector of every SLO, by metric name.
#[derive(Debug, Default)]
pub(crate) struct Selection(HashMap<String, OfName>);

/// The selectors of one metric name, found by a label that must be equal: among thousands of SLOs
/// on one metric a series looks only at those that may be meant.
#[derive(Debug, Default)]
struct OfName {
    entries: Vec<(Match, Vec<Condition>)>,
    /// By label and its value: numbers of entries.
    equal: HashMap<String, HashMap<String, Vec<usize>>>,
    /// Those without any.
    others: Vec<usize>,
}

impl Selection {
    pub(crate) fn new(slos: &[Arc<Slo>]) -> Result<Self, StoreError> {
        let (mut selection, mut patterns) = (Self::default(), Patterns::default());
        for (number, slo) in slos.iter().enumerate() {
            for (part, selector) in parts(slo) {
                let conditions = compile(slo, &selector, &mut patterns)?;
                let entry = (Match { slo: number, part }, conditions);
                selection.0.entry(selector.name).or_default().entries.push(entry);
            }
        }
        selection.0.values_mut().for_each(OfName::index);
        Ok(selection)
    }

    /// Iterates over the names of the series that play any part.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns the parts that the series plays, in the order of the SLOs.
    pub(crate) fn matches(&self, name: &str, labels: &Labels) -> Vec<Match> {
        self.0.get(name).map(|of_name| of_name.matches(labels)).unwrap_or_default()
    }
}

impl OfName {
    /// Puts each entry under that of its labels which tells the most of them apart.
    fn index(&mut self) {
        let mut values: HashMap<&str, HashSet<&str>> = HashMap::new();
        for (label, value) in self.entries.iter().flat_map(|(_, all)| equals(all)) {
            values.entry(label).or_default().insert(value);
        }
        let told_apart = |label: &str| values.get(label).map_or(0, HashSet::len);
        let mut equal: HashMap<String, HashMap<String, Vec<usize>>> = HashMap::new();
        for (number, (_, conditions)) in self.entries.iter().enumerate() {
            match equals(conditions).max_by_key(|(label, _)| told_apart(label)) {
                Some((label, value)) => {
                    let by_value = equal.entry(label.to_owned()).or_default();
                    by_value.entry(value.to_owned()).or_default().push(number);
                }
                None => self.others.push(number),
            }
        }
        self.equal = equal;
    }

    fn matches(&self, labels: &Labels) -> Vec<Match> {
        let by_label = self
            .equal
            .iter()
            .filter_map(|(label, by_value)| by_value.get(labels.get(label).unwrap_or_default()));
        let mut numbers: Vec<usize> = by_label.flatten().chain(&self.others).copied().collect();
        numbers.sort_unstable();
        let entries = numbers.into_iter().filter_map(|number| self.entries.get(number));
        entries
            .filter(|(_, conditions)| conditions.iter().all(|condition| condition.holds(labels)))
            .map(|(found, _)| *found)
            .collect()
    }
}

fn equals(conditions: &[Condition]) -> impl Iterator<Item = (&str, &str)> {
    conditions.iter().filter_map(|condition| match &condition.test {
        Test::Equal(value) => Some((&*condition.label, &**value)),
        _ => None,
    })
}

/// Compiled patterns: thousands of SLOs share a few, and each takes kilobytes, as does the scratch
/// memory of every clone.
type Patterns = HashMap<String, Arc<Regex>>;

/// Returns the metrics that the store reads for an SLO, each with its part.
fn parts(slo: &Slo) -> Vec<(Part, Selector)> {
    if slo.backend != Backend::Own {
        return Vec::new();
    }
    let suffixed =
        |selector: &Selector, suffix: &str| selector.renamed(format!("{}{suffix}", selector.name));
    match &slo.sli {
        Sli::Events { total, part: EventsPart::Good(named) | EventsPart::Bad(named), unknown } => {
            let units = units(&slo.sli);
            let totals = terms(total, units).map(|(worth, of)| (Part::Total(worth), of));
            let named = terms(named, units).map(|(worth, of)| (Part::Named(worth), of));
            let unknown = unknown.iter().flat_map(|unknown| terms(unknown, units));
            let unknown = unknown.map(|(worth, of)| (Part::Unknown(worth), of));
            totals.chain(named).chain(unknown).collect()
        }
        Sli::Within { histogram, .. } => vec![(Part::Bucket, suffixed(histogram, "_bucket"))],
        Sli::Level { signal, bound: LevelBound::BelowLimit } => {
            let suffix = format!("{}_total", LevelPart::Saturated.suffix());
            vec![(Part::Named(1), suffixed(signal, &suffix))]
        }
        Sli::Level { signal, bound: LevelBound::AtMost(_) } => {
            let suffix = format!("{}_bucket", LevelPart::TimeWeighted.suffix());
            vec![(Part::Bucket, suffixed(signal, &suffix))]
        }
        Sli::Lag { signal, .. } | Sli::Up { signal } => vec![(Part::Gauge, signal.clone())],
        Sli::Composite(_) | Sli::Query { .. } => Vec::new(),
    }
}

/// Returns how many units make one event: the least that every factor of the SLI is whole in, so
/// that sums of fractions stay integers.
pub(crate) fn units(sli: &Sli) -> u64 {
    let Sli::Events { total, part, unknown } = sli else { return 1 };
    let (EventsPart::Good(named) | EventsPart::Bad(named)) = part;
    let terms = total.0.iter().chain(&named.0).chain(unknown.iter().flat_map(|sum| &sum.0));
    terms.fold(1, |units, term| {
        let denominator = u64::from(term.factor.denominator.get());
        units / common_divisor(units, denominator) * denominator
    })
}

fn common_divisor(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { common_divisor(other, one % other) }
}

/// Returns the counters of a sum, each with what one of it is worth.
fn terms(sum: &Linear, units: u64) -> impl Iterator<Item = (i64, Selector)> {
    sum.0.iter().map(move |Term { factor, selector }| {
        let of_one = units / u64::from(factor.denominator.get());
        let worth = i64::try_from(of_one).unwrap_or(i64::MAX);
        (worth.saturating_mul(factor.numerator.into()), selector.clone())
    })
}

/// A condition on one label.
#[derive(Debug)]
struct Condition {
    label: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Equal(String),
    /// A bucket's upper bound, however its digits are written.
    Bound(f64),
    NotEqual(String),
    Matches(Arc<Regex>),
    NotMatches(Arc<Regex>),
    /// An in-flight band whose lower edge is at least so much.
    BandAtLeast(u64),
    /// No such label, or this value.
    EqualIfThere(String),
}

impl Condition {
    fn holds(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.label).unwrap_or("");
        match &self.test {
            Test::Equal(other) => value == other,
            Test::Bound(bound) => value.parse::<f64>().is_ok_and(|value| value == *bound),
            Test::NotEqual(other) => value != other,
            Test::Matches(pattern) => pattern.is_match(value),
            Test::NotMatches(pattern) => !pattern.is_match(value),
            Test::BandAtLeast(least) => value.parse::<u64>().is_ok_and(|band| band >= *least),
            Test::EqualIfThere(other) => value.is_empty() || value == other,
        }
    }
}

fn compile(
    slo: &Slo,
    selector: &Selector,
    patterns: &mut Patterns,
) -> Result<Vec<Condition>, StoreError> {
    let mut conditions = Vec::with_capacity(selector.matchers.len());
    for matcher in &selector.matchers {
        let test = match matcher.op {
            MatchOp::Equal => match matcher.value.parse::<f64>() {
                Ok(bound) if matcher.label == "le" => Test::Bound(bound),
                _ => Test::Equal(matcher.value.clone()),
            },
            MatchOp::NotEqual => Test::NotEqual(matcher.value.clone()),
            MatchOp::Matches => Test::Matches(anchored(slo, &matcher.value, patterns)?),
            MatchOp::NotMatches => Test::NotMatches(anchored(slo, &matcher.value, patterns)?),
        };
        conditions.push(Condition { label: matcher.label.clone(), test });
    }
    if let Sli::Within { when: Some(when), .. } = &slo.sli {
        let operation = Test::EqualIfThere(when.operation.clone());
        let band = Test::BandAtLeast(when.at_least);
        conditions.push(Condition { label: "operation".into(), test: operation });
        conditions.push(Condition { label: "band".into(), test: band });
    }
    Ok(conditions)
}

/// Compiles a pattern as Prometheus does: anchored at both ends, and `.` is any character.
fn anchored(slo: &Slo, pattern: &str, patterns: &mut Patterns) -> Result<Arc<Regex>, StoreError> {
    if let Some(known) = patterns.get(pattern) {
        return Ok(known.clone());
    }
    let regex = Regex::new(&format!("^(?s:{pattern})$")).map_err(|error| StoreError::Pattern {
        slo: format!("{}/{}", slo.service, slo.name),
        pattern: pattern.into(),
        reason: error.to_string(),
    })?;
    let regex = Arc::new(regex);
    patterns.insert(pattern.to_owned(), regex.clone());
    Ok(regex)
}
