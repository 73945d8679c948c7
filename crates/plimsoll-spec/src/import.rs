//! What the dialects of other tools have in common: their numbers, labels and defaults.

use crate::native::unreachable;
use crate::promql::{Range, Sum, linear};
use crate::scalar::{Percentage, PercentageError};
use crate::{Document, Fault, MapShape, Shape, optional, required};
use plimsoll_model::{Labels, Selector};
use plimsoll_slo::{Alerting, Backend, Carried, EventsPart, Objective, Period, Policy, Sli, Slo};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

const MAX_GROUPS: usize = 200;
const MIN_BAD: u64 = 5;
const NO_DATA_AFTER: Duration = Duration::from_secs(300);

/// What reading one or several documents found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The SLOs, each with the number of its document and the path to it there.
    pub(crate) slos: Vec<Sited>,
    pub(crate) warnings: Vec<Fault>,
    pub(crate) faults: Vec<Fault>,
}

/// An SLO, and where it is written.
#[derive(Debug)]
pub(crate) struct Sited {
    pub(crate) slo: Slo,
    pub(crate) document: usize,
    pub(crate) keys: Keys,
}

/// The paths of what a lint may have to name.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) name: String,
    pub(crate) period: String,
    pub(crate) sli: String,
    pub(crate) exclusions: String,
}

/// Collects what one document says.
pub(crate) struct Import<'d> {
    pub(crate) document: &'d Document,
    pub(crate) number: usize,
    pub(crate) found: &'d mut Found,
}

impl Import<'_> {
    /// Notes a fault at a path, and gives nothing.
    pub(crate) fn fault<T>(&mut self, path: &str, reason: impl Display) -> Option<T> {
        self.found.faults.push(self.document.fault(path, reason));
        None
    }

    /// Notes a warning at a path.
    pub(crate) fn warn(&mut self, path: &str, reason: impl Display) {
        self.found.warnings.push(self.document.fault(path, reason));
    }

    /// Takes what was read, or notes why it couldn't be.
    pub(crate) fn take<T, E: Display>(&mut self, path: &str, read: Result<T, E>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(reason) => self.fault(path, reason),
        }
    }

    /// Makes label names of what Kubernetes allows in keys: `app.kubernetes.io/name` becomes
    /// `app_kubernetes_io_name`, as in Prometheus.
    pub(crate) fn labels(
        &mut self,
        path: &str,
        given: impl IntoIterator<Item = (String, String)>,
    ) -> Option<Labels> {
        let named = given.into_iter().map(|(key, value)| (label_name(&key), value));
        let made = Labels::new(named);
        self.take(path, made)
    }

    /// Takes annotations, whose names are made as those of labels. They are sent as they are:
    /// nothing expands templates.
    pub(crate) fn annotations(
        &mut self,
        path: &str,
        given: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        for (name, text) in given.iter().filter(|(_, text)| text.contains("{{")) {
            let path = format!("{path}.{name}");
            let reason = "is a template, which a Prometheus expands: write plain text";
            let _: Option<()> = self.fault(&path, format!("`{text}` {reason}"));
        }
        given.iter().map(|(name, text)| (label_name(name), text.clone())).collect()
    }

    /// Reads a total and its part as sums of counters, grouped alike.
    pub(crate) fn events(
        &mut self,
        total: (&str, &str),
        part: EventsPart<(&str, &str)>,
        wanted: Wanted,
    ) -> Option<(Sli, Vec<String>)> {
        let (EventsPart::Good(of) | EventsPart::Bad(of)) = &part;
        let (whole, named) = (self.sum(total, wanted), self.sum(*of, wanted));
        let (whole, named) = (whole?, named?);
        if whole.range != named.range {
            let reason = "counts otherwise than the total: use one function and one range in both";
            return self.fault(of.0, reason);
        }
        if whole.by != named.by {
            return self.fault(of.0, "is grouped by other labels than the total");
        }
        let sli =
            Sli::Events { total: whole.linear, part: part.map(|_| named.linear), unknown: None };
        Some((sli, whole.by))
    }

    fn sum(&mut self, (path, text): (&str, &str), wanted: Wanted) -> Option<Sum> {
        let sum = self.take(path, linear(text))?;
        if sum.linear.0.is_empty() {
            return self.fault(path, "counts nothing");
        }
        let fits = match wanted {
            Wanted::Counters => sum.range == Some(Range::Counter),
            Wanted::Window => matches!(sum.range, Some(Range::Window(_))),
            Wanted::Increases => sum.range != Some(Range::Counter),
        };
        if fits { Some(sum) } else { self.fault(path, wanted.reason()) }
    }

    /// Reads a metric and conditions on its labels, without any function.
    pub(crate) fn selector(&mut self, path: &str, text: &str) -> Option<Selector> {
        let sum = self.sum((path, text), Wanted::Counters)?;
        match sum.linear.as_selector() {
            Some(selector) if sum.by.is_empty() => Some(selector.clone()),
            _ => self.fault(path, "must be one metric with conditions on its labels"),
        }
    }

    /// Leaves out the rows that the objective can't reach, with a warning each.
    pub(crate) fn reachable(
        &mut self,
        path: &str,
        mut policy: Policy,
        objective: Objective,
    ) -> Policy {
        for row in policy.split_off_unreachable(objective) {
            self.warn(path, format!("{} (left out)", unreachable(&row)));
        }
        policy
    }

    /// Puts an SLO in.
    pub(crate) fn add(&mut self, slo: Slo, keys: Keys) {
        self.found.slos.push(Sited { slo, document: self.number, keys });
    }
}

/// Makes the name of a label of what Kubernetes allows in a key.
fn label_name(key: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric().then_some(character);
    key.chars().map(|character| plain(character).unwrap_or('_')).collect()
}

/// What a query has to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Counters as they are.
    Counters,
    /// Increases or rates over the window.
    Window,
    /// Increases or rates over any one range.
    Increases,
}

impl Wanted {
    fn reason(self) -> &'static str {
        match self {
            Self::Counters => "must be counters as they are, without rate() or increase()",
            Self::Window => "must be rates or increases over [{{.window}}]",
            Self::Increases => "must be rates or increases: a counter as it is never goes down",
        }
    }
}

/// Makes an SLO that says nothing yet but what every one says.
pub(crate) fn plain(service: String, name: String, objective: Objective, sli: Sli) -> Slo {
    let period = Period::Rolling(Duration::from_secs(30 * 86_400));
    Slo {
        service,
        name,
        description: String::new(),
        labels: Labels::default(),
        objective,
        period,
        sli,
        backend: Backend::Own,
        exclusions: Vec::new(),
        by: Vec::new(),
        max_groups: MAX_GROUPS,
        alerting: alerting(Policy::workbook()),
    }
}

/// Makes the alerting of an SLO that says no more about it than its policy.
pub(crate) fn alerting(policy: Policy) -> Alerting {
    Alerting {
        policy,
        runbook: None,
        name: None,
        page: Carried::default(),
        ticket: Carried::default(),
        off: Vec::new(),
        min_bad: MIN_BAD,
        no_data_after: NO_DATA_AFTER,
    }
}

/// Takes labels in, which win over those that are there.
pub(crate) fn with_labels(labels: &Labels, more: &Labels) -> Labels {
    more.iter()
        .fold(labels.clone(), |labels, (name, value)| labels.with(name, value).unwrap_or(labels))
}

/// An objective in per cent without the sign, as `99.9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PerCent(pub(crate) Objective);

/// An objective as a part of one, as `0.999`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartOfOne(pub(crate) Objective);

/// Why a number is no objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NumberError {
    #[error("isn't a number: write it as {0}")]
    Syntax(&'static str),
    #[error("is finer than one part per million")]
    TooFine,
    #[error("must lie between 0 and {0}, so that there is a budget")]
    Range(&'static str),
}

impl FromStr for PerCent {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        match format!("{text}%").parse() {
            Ok(Percentage(ppm)) => {
                Objective::from_ppm(ppm).map(Self).ok_or(NumberError::Range("100"))
            }
            Err(PercentageError::Syntax) => Err(NumberError::Syntax("99.9")),
            Err(PercentageError::TooFine) => Err(NumberError::TooFine),
            Err(PercentageError::TooLarge) => Err(NumberError::Range("100")),
        }
    }
}

impl FromStr for PartOfOne {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(whole) || !is_digits(part) {
            return Err(NumberError::Syntax("0.999"));
        }
        let part = part.trim_end_matches('0');
        if part.len() > 6 {
            return Err(NumberError::TooFine);
        }
        if whole.bytes().any(|digit| digit != b'0') {
            return Err(NumberError::Range("1"));
        }
        let ppm = format!("{part:0<6}").parse().map_err(|_| NumberError::Syntax("0.999"))?;
        Objective::from_ppm(ppm).map(Self).ok_or(NumberError::Range("1"))
    }
}

/// The metadata of a Kubernetes object.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct RawMetadata {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) namespace: String,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// Any keys, with texts.
pub(crate) const TEXTS: Shape = Shape::Table(|_| Ok(()), &Shape::Text(|_| Ok(())));

/// Any labels: names are made of the keys later.
pub(crate) const METADATA: Shape = Shape::Map(&MapShape {
    keys: &[
        required("name", Shape::TEXT),
        optional("namespace", Shape::TEXT),
        optional("labels", TEXTS),
        optional("annotations", TEXTS),
        optional("uid", Shape::Ignored),
        optional("resourceVersion", Shape::Ignored),
        optional("generation", Shape::Ignored),
        optional("creationTimestamp", Shape::Ignored),
        optional("deletionTimestamp", Shape::Ignored),
        optional("managedFields", Shape::Ignored),
        optional("ownerReferences", Shape::Ignored),
        optional("finalizers", Shape::Ignored),
        optional("selfLink", Shape::Ignored),
    ],
    check: None,
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objective_is_exact_however_it_is_written() {
        let per_cent =
            |text: &str| text.parse::<PerCent>().map(|PerCent(objective)| objective.ppm());
        let part =
            |text: &str| text.parse::<PartOfOne>().map(|PartOfOne(objective)| objective.ppm());
        assert_eq!((per_cent("99.9"), part("0.999")), (Ok(999_000), Ok(999_000)));
        assert_eq!((per_cent("99"), part("0.98")), (Ok(990_000), Ok(980_000)));
        assert_eq!(part("0.9999990"), Ok(999_999));
        assert_eq!(part("0.9999999"), Err(NumberError::TooFine));
        assert_eq!(part("1.0"), Err(NumberError::Range("1")));
        assert_eq!(part("98"), Err(NumberError::Range("1")));
        assert_eq!(per_cent("100"), Err(NumberError::Range("100")));
        assert_eq!(per_cent("99.9%"), Err(NumberError::Syntax("99.9")));
        assert!(part("").is_err() && part("-0.5").is_err() && part("0.x").is_err());
    }
}
