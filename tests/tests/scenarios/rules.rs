//! Cases as tests of the generated rules, for promtool.
//!
//! Each expectation that rules can say becomes an expression that finds what is wrong, and has to
//! find nothing. What it finds is labelled with the script's line.

use super::script::{Case, Expectation, Figure, Only, Phase, Want, What, Written};
use super::slo_file;
use super::tape::{self, Expected, Tape};
use plimsoll_model::catalog::{
    RECORDED_BAD, RECORDED_BUDGET, RECORDED_BURN, RECORDED_KNOWN, RECORDED_TOTAL, Recorded,
};
use plimsoll_rules::slo::{Format, Generated, Style, generate};
use plimsoll_slo::{AlertName, Slo, length_name};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// So much is looked at of what always holds: promtool takes half a second for an hour.
const TAIL: Duration = Duration::from_secs(2 * 3_600);

/// Longer lives are evaluated less often, yet twice in the time for which a sample is looked at.
const LONG_LIFE: Duration = Duration::from_secs(12 * 3_600);

#[derive(Serialize)]
struct File {
    rule_files: [String; 1],
    evaluation_interval: String,
    /// As in the file: promtool's own order changes from run to run.
    group_eval_order: Vec<String>,
    tests: [Test; 1],
}

#[derive(Serialize)]
struct Test {
    name: String,
    interval: String,
    input_series: Vec<Series>,
    promql_expr_test: Vec<Check>,
}

#[derive(Serialize)]
struct Series {
    series: String,
    values: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Check {
    expr: String,
    eval_time: String,
    exp_samples: [(); 0],
}

/// What a case holds its rules to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Held {
    pub(crate) numbers: usize,
    pub(crate) alerts: usize,
}

/// Writes the rules and the test of a case into `folder` and returns the test's path; `None` if no
/// rule can say the case. `broken` changes the rules' text.
pub(crate) fn write(
    case: &Case,
    style: Style,
    folder: &Path,
    broken: impl Fn(String) -> String,
) -> Result<Option<(PathBuf, Held)>, String> {
    let Ok(file) = slo_file::read(case) else { return Ok(None) };
    match &case.only {
        Some(Only::Daemon) => return Ok(None),
        Some(Only::PerSlo) if style == Style::Generic => return Ok(None),
        _ => {}
    }
    let generated = generate(&file.slos, style, case.interval);
    let tape = tape::record(case, TAIL)?;
    let evaluations = if tape.end > LONG_LIFE { case.interval * 5 / 2 } else { case.interval };
    let checks = Checks { file: &case.file, slos: &file.slos, interval: case.interval };
    let mut held = Held::default();
    let found: Vec<Check> =
        tape.expected.iter().flat_map(|expected| checks.of(expected, &mut held)).collect();
    let (rules, test) = (format!("{}.rules.yaml", slug(case, style)), slug(case, style) + ".yaml");
    let text = generated.text(style, Format::Rules).map_err(|error| error.to_string())?;
    plimsoll_tests::write(folder, &rules, &broken(text));
    let file = File {
        rule_files: [rules],
        evaluation_interval: length_name(evaluations),
        group_eval_order: groups(&generated),
        tests: [Test {
            name: format!("{}: {}", case.file, case.name),
            interval: length_name(case.interval),
            input_series: input(&tape),
            promql_expr_test: found,
        }],
    };
    let text = serde_yaml::to_string(&file).map_err(|error| error.to_string())?;
    Ok(Some((plimsoll_tests::write(folder, &test, &text), held)))
}

fn slug(case: &Case, style: Style) -> String {
    let words: Vec<&str> = case.name.split_whitespace().take(4).collect();
    format!(
        "{}-{}-{style:?}",
        case.file,
        words.join("-").replace(|c: char| !c.is_alphanumeric(), "-")
    )
}

fn groups(generated: &Generated) -> Vec<String> {
    let groups = generated.files.iter().flat_map(|rules| &rules.file.groups);
    groups.map(|group| group.name.clone()).collect()
}

/// Writes the values as promtool reads them; a series that a scrape misses is stale from there.
fn input(tape: &Tape) -> Vec<Series> {
    let line = |(name, values): (&String, &Vec<Option<f64>>)| {
        let mut was_there = false;
        let mut written = Vec::with_capacity(values.len());
        for value in values {
            written.push(match value {
                Some(value) => value.to_string(),
                None if was_there => "stale".into(),
                None => "_".into(),
            });
            was_there = value.is_some();
        }
        Series { series: name.clone(), values: written.join(" ") }
    };
    tape.series.iter().map(line).collect()
}

/// Turns a case's expectations into expressions.
struct Checks<'a> {
    file: &'a str,
    slos: &'a [Slo],
    interval: Duration,
}

impl Checks<'_> {
    fn of(&self, expected: &Expected, held: &mut Held) -> Vec<Check> {
        let Expectation { subject, slo: name, what } = &expected.expectation;
        let named = |slo: &&Slo| name.as_ref().is_none_or(|name| slo.name == *name);
        let Some(slo) = self.slos.iter().find(named) else { return Vec::new() };
        match what {
            What::Figure { figure, window, want } => {
                let Some(wrong) = figure_of(slo, *figure, *window).and_then(|it| it.wrong(want))
                else {
                    return Vec::new();
                };
                held.numbers += 1;
                vec![self.check(expected, expected.at, &wrong, subject)]
            }
            What::Alert { name, want } => {
                held.alerts += 1;
                self.alert(expected, slo, *name, want)
            }
            _ => Vec::new(),
        }
    }

    fn alert(&self, expected: &Expected, slo: &Slo, name: AlertName, want: &Phase) -> Vec<Check> {
        let (alert, slo) = (name.as_str(), &slo.name);
        let firing = format!("ALERTS{{alertname=\"{alert}\",alertstate=\"firing\",slo=\"{slo}\"}}");
        let at = expected.at;
        match want {
            Phase::Firing { since, .. } => {
                let quiet = format!("absent({firing})");
                let mut checks = vec![self.check(expected, at, &quiet, "quiet")];
                if let Some(since) = since {
                    let before = since.saturating_sub(self.interval);
                    checks.push(self.check(expected, *since, &quiet, "quiet"));
                    checks.push(self.check(expected, before, &firing, "too early"));
                }
                checks
            }
            Phase::Quiet => vec![self.check(expected, at, &firing, "firing")],
            Phase::Never => {
                let ever = format!("count_over_time({firing}[{}])", length_name(at));
                vec![self.check(expected, at, &ever, "firing")]
            }
        }
    }

    /// Labels what is wrong with the script's line, and looks at all of the time in which it always
    /// has to hold.
    fn check(&self, expected: &Expected, at: Duration, wrong: &str, subject: &str) -> Check {
        let (file, line) = (self.file, expected.line);
        let since = expected.since.map(|since| at.saturating_sub(since + self.interval));
        let wrong = match since.filter(|length| !length.is_zero()) {
            Some(length) => {
                let (length, step) = (length_name(length), length_name(self.interval));
                format!("last_over_time(({wrong})[{length}:{step}])")
            }
            None => wrong.to_owned(),
        };
        Check {
            expr: format!(
                "label_replace({wrong}, \"script\", \"{file}:{line}: {subject}\", \"\", \"\")"
            ),
            eval_time: length_name(at),
            exp_samples: [],
        }
    }
}

/// An expression of a figure.
struct Expression(String);

/// Returns the figure as the rules' series tell it; `None` if they don't.
fn figure_of(slo: &Slo, figure: Figure, window: Option<Duration>) -> Option<Expression> {
    let period = slo.period.nominal();
    let window = window.unwrap_or(period);
    let of = |recorded: &Recorded, window: Duration| {
        let (name, slo, window) = (recorded.name, &slo.name, length_name(window));
        format!("sum({name}{{slo=\"{slo}\",window=\"{window}\"}})")
    };
    let (total, bad) = (of(&RECORDED_TOTAL, window), of(&RECORDED_BAD, window));
    let promised = format!(
        "({} * {} / {})",
        of(&RECORDED_TOTAL, period),
        period.as_secs(),
        of(&RECORDED_KNOWN, period)
    );
    Some(Expression(match figure {
        Figure::Good => format!("{total} - {bad}"),
        Figure::Bad => bad,
        Figure::Total => total,
        Figure::Ratio => format!("{bad} / {total}"),
        Figure::Burn => of(&RECORDED_BURN, window),
        Figure::Spent => format!("1 - {}", of(&RECORDED_BUDGET, period)),
        Figure::Events => promised,
        Figure::Share => {
            format!("{bad} / ({promised} * {} / 1000000)", slo.objective.allowed_ppm())
        }
        _ => return None,
    }))
}

impl Expression {
    /// Finds the value that isn't the wanted one, or that there is none. Rules know the lower bound
    /// of an interval.
    fn wrong(self, want: &Want) -> Option<String> {
        let found = self.0;
        match want {
            Want::Between(Some(Written { value, tolerance }), _) => Some(format!(
                "(({found}) unless abs(({found}) - {value}) <= {tolerance} or absent({found}) * -1)"
            )),
            Want::Reason(reason) if reason == "no_demand" => Some(found),
            Want::Between(None, _) | Want::Reason(_) => None,
        }
    }
}
