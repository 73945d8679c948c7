//! What was found, as tests of the generated rules.

use crate::{Fired, Outcome, Recording, SloOutcome};
use plimsoll_model::{Sample, TimeMs};
use plimsoll_rules::slo::{Format, Style, TextError, generate};
use plimsoll_slo::{AlertName, Slo, Span, length_name};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// So many pages become tests: each takes promtool some seconds.
const PAGES_MAX: usize = 10;

/// What goes before a page is as long as the longest window that pages, and this at least.
const BEFORE_MIN: Duration = Duration::from_secs(600);

/// Why the tests could not be written.
#[derive(Debug, thiserror::Error)]
pub enum PromtoolError {
    /// The rules can't be.
    #[error(transparent)]
    Rules(#[from] TextError),
    /// The tests can't be.
    #[error("the tests can't be written as YAML: {0}; this is a fault of plimsoll-backtest")]
    Yaml(#[from] serde_yaml::Error),
}

#[derive(Serialize)]
struct Tests {
    rule_files: Vec<String>,
    evaluation_interval: String,
    /// As in the file: promtool's own order changes from run to run.
    group_eval_order: Vec<String>,
    tests: Vec<Test>,
}

#[derive(Serialize)]
struct Test {
    name: String,
    interval: String,
    input_series: Vec<Series>,
    promql_expr_test: Vec<Expectation>,
}

#[derive(Serialize)]
struct Series {
    series: String,
    values: String,
}

#[derive(Serialize)]
struct Expectation {
    expr: String,
    eval_time: String,
    exp_samples: Vec<Expected>,
}

#[derive(Serialize)]
struct Expected {
    labels: String,
    value: f64,
}

/// Writes the rules of the outcome's SLOs, and a test of them for each page that was found: quiet
/// before it, firing in its midst. `rules_file` is what the tests call the rules.
///
/// # Errors
/// Something can't be written as YAML.
pub fn promtool(
    recording: &Recording,
    outcome: &Outcome,
    rules_file: &str,
) -> Result<(String, String), PromtoolError> {
    let mut slos: Vec<Slo> = Vec::new();
    for found in &outcome.slos {
        if !slos.iter().any(|slo| slo.service == found.slo.service && slo.name == found.slo.name) {
            slos.push((*found.slo).clone());
        }
    }
    let generated = generate(&slos, Style::PerSlo, outcome.step);
    let groups = generated.files.iter().flat_map(|rules| &rules.file.groups);
    let group_eval_order = groups.map(|group| group.name.clone()).collect();
    let rules = generated.text(Style::PerSlo, Format::Rules)?;
    let tests = Tests {
        rule_files: vec![rules_file.to_owned()],
        evaluation_interval: length_name(outcome.step),
        group_eval_order,
        tests: scenes(outcome).map(|scene| scene.test(recording)).collect(),
    };
    Ok((rules, serde_yaml::to_string(&tests)?))
}

/// Returns the stretches whose samples [`promtool`] needs.
pub fn tested(outcome: &Outcome) -> Vec<Span> {
    let step_ms = millis(outcome.step).max(1);
    let stretch = |scene: Scene<'_>| Span {
        start: TimeMs(scene.start().saturating_sub(step_ms)),
        end: TimeMs(scene.middle().saturating_add(step_ms)),
    };
    scenes(outcome).map(stretch).collect()
}

fn scenes(outcome: &Outcome) -> impl Iterator<Item = Scene<'_>> {
    let pages = outcome.slos.iter().flat_map(|slo| {
        let pages = slo.fired.iter().filter(|fired| fired.name == AlertName::Page);
        pages.map(move |fired| (slo, fired))
    });
    pages.take(PAGES_MAX).map(|(slo, fired)| Scene { outcome, slo, fired })
}

/// One page, and what led to it.
struct Scene<'a> {
    outcome: &'a Outcome,
    slo: &'a SloOutcome,
    fired: &'a Fired,
}

impl Scene<'_> {
    fn test(&self, recording: &Recording) -> Test {
        let (start, middle) = (self.start(), self.middle());
        let step = millis(self.outcome.step).max(1);
        let mut expectations = vec![self.expects(middle - start, true)];
        let quiet = self.quiet_before(start, step);
        expectations.extend(quiet.map(|at| self.expects(at - start, false)));
        Test {
            name: format!("{} pages at {}", self.slo.id, crate::when::rfc3339(self.fired.from)),
            interval: length_name(self.outcome.step),
            input_series: series(recording, start, middle + step, step),
            promql_expr_test: expectations,
        }
    }

    /// Returns when the test begins: the longest window that pages before the page, six hours at most.
    fn start(&self) -> i64 {
        let rows = &self.slo.slo.alerting.policy.rows;
        let longest = rows.iter().map(|row| row.long).max().unwrap_or_default();
        let before = millis(longest.clamp(BEFORE_MIN, Duration::from_secs(21_600)));
        (self.fired.from.0 - before).max(self.outcome.from.0)
    }

    /// Returns the page's midst, or so long after its start that a rule's evaluation has come.
    fn middle(&self) -> i64 {
        let step = millis(self.outcome.step).max(1);
        let lasted = millis(self.fired.lasted(self.outcome.to));
        let middle = self.fired.from.0 + (lasted / 2).max(step).min(3_600_000);
        middle.min(self.outcome.to.0)
    }

    /// Two looks before it fired, unless another page was over just then.
    fn quiet_before(&self, start: i64, step: i64) -> Option<i64> {
        let at = self.fired.from.0 - 2 * step;
        let fires = |fired: &&Fired| {
            fired.name == AlertName::Page
                && fired.from.0 < at
                && fired.to.is_none_or(|to| to.0 > at)
        };
        (at > start && !self.slo.fired.iter().any(|fired| fires(&fired))).then_some(at)
    }

    fn expects(&self, after_ms: i64, fires: bool) -> Expectation {
        let (service, name) = (&self.slo.slo.service, &self.slo.slo.name);
        let own = self.slo.slo.alerting.name.as_deref();
        let alert = own.unwrap_or(AlertName::Page.as_str());
        let expected = Expected { labels: "{}".into(), value: 1.0 };
        let after = Duration::from_millis(u64::try_from(after_ms).unwrap_or(0));
        Expectation {
            expr: format!(
                "max(ALERTS{{alertname=\"{alert}\",alertstate=\"firing\",service=\"{service}\",\
                 slo=\"{name}\"}})"
            ),
            eval_time: length_name(after),
            exp_samples: if fires { vec![expected] } else { Vec::new() },
        }
    }
}

/// Returns the samples at whole steps since `start`; `_` where there is none.
fn series(recording: &Recording, start: i64, end: i64, step: i64) -> Vec<Series> {
    let length = usize::try_from((end - start) / step + 1).unwrap_or(0);
    let mut values: BTreeMap<String, Vec<Option<f64>>> = BTreeMap::new();
    for ((job, instance), recorded) in &recording.targets {
        for (at, samples) in recorded.scrapes.range(start..=end) {
            let place = usize::try_from((at - start + step - 1) / step).unwrap_or(length);
            for sample in samples {
                let Some(name) = named(recording, sample, job, instance) else { continue };
                let line = values.entry(name).or_insert_with(|| vec![None; length]);
                if let Some(value) = line.get_mut(place) {
                    *value = Some(sample.value);
                }
            }
        }
    }
    let written = |value: &Option<f64>| value.map_or("_".to_owned(), |value| value.to_string());
    let line = |(series, values): (String, Vec<Option<f64>>)| Series {
        series,
        values: values.iter().map(written).collect::<Vec<_>>().join(" "),
    };
    values.into_iter().map(line).collect()
}

fn named(recording: &Recording, sample: &Sample, job: &str, instance: &str) -> Option<String> {
    let key = recording.keys.get(sample.series.0 as usize)?;
    let own = [("job", job), ("instance", instance)].into_iter();
    let own = own.filter(|(_, value)| !value.is_empty());
    let labels = key.labels.iter().chain(own);
    let pairs: Vec<String> = labels.map(|(label, value)| format!("{label}={value:?}")).collect();
    Some(format!("{}{{{}}}", key.name, pairs.join(",")))
}

fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}
