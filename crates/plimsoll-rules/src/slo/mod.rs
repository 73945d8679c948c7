//! From SLOs to recording and alert rules for whatever ruler speaks Prometheus's language.
//!
//! Bad and total are recorded apart for each window, and only then divided: a long window is
//! Σ bad ÷ Σ total and never an average of ratios. Longer windows are put together from shorter ones
//! that lie one behind the other. The alerts are the daemon's own decision, as far as PromQL can say
//! it; what it can't is told with the rules.

mod alerts;
mod generic;
mod limits;
mod per_slo;
mod recording;
mod scope;
mod source;
mod text;
mod windows;

use crate::rule::{Group, Rule, RuleFile};
use plimsoll_slo::{PolicyRow, Sli, Slo, length_name};
pub use source::{Counted, counted};
use std::time::Duration;
pub use text::{Format, TextError};

/// How rules are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Rules of its own for each SLO: they read up to six hours of the counters, so that they know
    /// their past from the first evaluation on.
    PerSlo,
    /// Three rules for each SLO, and a few dozen for all SLOs of a policy: the counters are read over
    /// the shortest window only, and longer ones fill as time goes by. What happens while no scrape
    /// succeeds for longer than that is lost to them.
    Generic,
}

/// Rules that belong in one file.
#[derive(Clone, Debug, PartialEq)]
pub struct SloRules {
    /// What they are called: the service, or what the SLOs have in common.
    pub name: String,
    /// The rules.
    pub file: RuleFile,
}

/// The rules of some SLOs.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// The rules, by file.
    pub files: Vec<SloRules>,
    /// What PromQL can't say of these SLOs, each in a sentence.
    pub limits: Vec<String>,
}

/// Writes the rules of `slos`, whose targets are scraped each `scrape_interval`: no window is shorter
/// than two of them.
pub fn generate(slos: &[Slo], style: Style, scrape_interval: Duration) -> Generated {
    let expressible: Vec<&Slo> = slos.iter().filter(|slo| limits::is_expressible(slo)).collect();
    let files = match style {
        Style::PerSlo => per_slo::files(&expressible, scrape_interval),
        Style::Generic => generic::files(&expressible, scrape_interval),
    };
    Generated { files, limits: limits::of(slos) }
}

/// Returns the policy's rows in whole scrapes, as the daemon reads them.
fn rows(slo: &Slo, scrape: Duration) -> Vec<PolicyRow> {
    slo.alerting.policy.rows.iter().map(|row| row.in_slices(scrape)).collect()
}

/// Says whether the SLO counts one in-flight band alone.
fn counts_band(slo: &Slo) -> bool {
    matches!(slo.sli, Sli::Within { when: Some(_), .. })
}

fn group(name: String, interval: Duration, rules: Vec<Rule>) -> Group {
    Group { name, interval: Some(length_name(interval)), rules }
}

/// Collects what belongs to each key, in the order in which the keys came first.
fn grouped<'a, K: PartialEq, V>(
    values: impl Iterator<Item = V> + 'a,
    key: impl Fn(&V) -> K,
) -> Vec<(K, Vec<V>)> {
    let mut groups: Vec<(K, Vec<V>)> = Vec::new();
    for value in values {
        let its = key(&value);
        match groups.iter_mut().find(|(other, _)| *other == its) {
            Some((_, values)) => values.push(value),
            None => groups.push((its, vec![value])),
        }
    }
    groups
}
