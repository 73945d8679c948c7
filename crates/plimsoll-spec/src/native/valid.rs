use super::check::unreachable;
use super::raw::{RawAlerting, RawCarried, RawFile, RawRow, RawSli, RawSlo};
use crate::{Document, Fault, Length, Parsed, SelectorText};
use plimsoll_model::bucket::DEFAULT_BANDS;
use plimsoll_model::{Labels, Selector};
use plimsoll_slo::{
    Alerting, Backend, Carried, EventsPart, InFlightAtLeast, LevelBound, Period, Policy, PolicyRow,
    Sli, Slo, WithinKind,
};
use std::collections::BTreeMap;
use std::time::Duration;

const MAX_GROUPS_DEFAULT: u64 = 200;
const MIN_BAD_DEFAULT: u64 = 5;
const NO_DATA_AFTER_DEFAULT: Duration = Duration::from_secs(300);

/// Puts the SLOs of a faultless file together, with what is worth a warning.
pub(crate) fn slos(document: &Document, raw: RawFile) -> Result<(Vec<Slo>, Vec<Fault>), Fault> {
    let mut warnings = Vec::new();
    let RawFile { service, labels, slos, policies } = raw;
    let mut valid = Vec::with_capacity(slos.len());
    for (at, raw) in slos.into_iter().enumerate() {
        let reader = Reader { document, path: format!("slos[{at}]"), policies: &policies };
        let mut labels = labels.clone();
        labels.extend(raw.labels.clone());
        let labels = reader.labels("labels", labels)?;
        valid.push(reader.slo(service.0.0.clone(), labels, raw, &mut warnings)?);
    }
    Ok((valid, warnings))
}

/// Reads one SLO, and knows where it stands.
struct Reader<'f> {
    document: &'f Document,
    path: String,
    policies: &'f BTreeMap<String, Vec<RawRow>>,
}

impl Reader<'_> {
    fn slo(
        &self,
        service: String,
        labels: Labels,
        raw: RawSlo,
        warnings: &mut Vec<Fault>,
    ) -> Result<Slo, Fault> {
        let period = raw.window.0.0;
        let mut alerting = self.alerting(raw.alerting, period)?;
        let objective = raw.objective.0.0;
        for row in alerting.policy.split_off_unreachable(objective) {
            let reason = format!("{} (left out)", unreachable(&row));
            warnings.push(self.fault("objective", reason));
        }
        Ok(Slo {
            service,
            name: raw.name.0.0,
            description: String::new(),
            labels,
            objective,
            period: Period::Rolling(period),
            sli: self.sli(raw.sli, warnings)?,
            backend: Backend::Own,
            exclusions: Vec::new(),
            by: raw.by,
            max_groups: usize::try_from(raw.max_groups.unwrap_or(MAX_GROUPS_DEFAULT))
                .unwrap_or(usize::MAX),
            alerting,
        })
    }

    fn sli(&self, raw: RawSli, warnings: &mut Vec<Fault>) -> Result<Sli, Fault> {
        let within = |of, histogram: Parsed<SelectorText>, within: Duration, when| Sli::Within {
            of,
            histogram: selector(histogram),
            within,
            when,
        };
        Ok(match raw {
            RawSli::Events { total, good, bad } => Sli::Events {
                total: selector(total).into(),
                part: match (good, bad) {
                    (Some(good), None) => EventsPart::Good(selector(good).into()),
                    (None, Some(bad)) => EventsPart::Bad(selector(bad).into()),
                    _ => return Err(self.fault("sli.events", "must have one of good and bad")),
                },
            },
            RawSli::Latency { histogram, within: most } => {
                within(WithinKind::Latency, histogram, most.0.0, None)
            }
            RawSli::Wait { signal, within: most } => {
                within(WithinKind::Wait, signal, most.0.0, None)
            }
            RawSli::Staleness { signal, within: most, when } => {
                let when = when.map(|when| InFlightAtLeast {
                    operation: when.in_flight.of,
                    at_least: when.in_flight.at_least,
                });
                warnings.extend(when.as_ref().and_then(|when| self.band_warning(when.at_least)));
                within(WithinKind::Staleness, signal, most.0.0, when)
            }
            RawSli::Level { signal, below, at_most } => Sli::Level {
                signal: selector(signal),
                bound: match (below, at_most) {
                    (Some(_), None) => LevelBound::BelowLimit,
                    (None, Some(at_most)) => LevelBound::AtMost(at_most),
                    _ => return Err(self.fault("sli.level", "must have one of below and at_most")),
                },
            },
            RawSli::Lag { signal, at_most } => {
                Sli::Lag { signal: selector(signal), at_most: at_most.0.0 }
            }
        })
    }

    /// An operation may declare edges of its own, which no file knows of: that is no fault.
    fn band_warning(&self, at_least: u64) -> Option<Fault> {
        let edges = DEFAULT_BANDS.map(|edge| edge.to_string()).join(", ");
        (!DEFAULT_BANDS.contains(&at_least)).then(|| {
            let reason = format!(
                "isn't an edge of the default bands ({edges}): nothing counts unless the operation \
                 declares it"
            );
            self.fault("sli.staleness.when.in_flight.at_least", reason)
        })
    }

    fn alerting(&self, raw: RawAlerting, period: Duration) -> Result<Alerting, Fault> {
        let name = raw.policy.unwrap_or_else(|| "workbook".to_owned());
        let policy = match (Policy::builtin(&name), self.policies.get(&name)) {
            (Some(builtin), _) => builtin.for_period(period),
            (None, Some(rows)) => Policy { name, rows: rows.iter().map(row).collect() },
            (None, None) => return Err(self.fault("alerting.policy", "is no policy")),
        };
        let length = |given: Option<Parsed<Length>>| given.map(|length| length.0.0);
        Ok(Alerting {
            policy,
            runbook: raw.runbook.map(|runbook| runbook.0.0),
            name: None,
            page: self.carried("alerting.page", raw.page)?,
            ticket: self.carried("alerting.ticket", raw.ticket)?,
            off: Vec::new(),
            pending_for: length(raw.pending_for).unwrap_or_default(),
            min_bad: raw.min_bad.unwrap_or(MIN_BAD_DEFAULT),
            no_data_after: raw.no_data_after.map_or(NO_DATA_AFTER_DEFAULT, |given| given.0.0),
        })
    }

    fn carried(&self, key: &str, raw: RawCarried) -> Result<Carried, Fault> {
        let labels = self.labels(&format!("{key}.labels"), raw.labels)?;
        Ok(Carried { labels, annotations: BTreeMap::new() })
    }

    fn labels(&self, key: &str, labels: BTreeMap<String, String>) -> Result<Labels, Fault> {
        Labels::new(labels).map_err(|error| self.fault(key, error))
    }

    fn fault(&self, key: &str, reason: impl std::fmt::Display) -> Fault {
        self.document.fault(&format!("{}.{key}", self.path), reason)
    }
}

fn selector(parsed: Parsed<SelectorText>) -> Selector {
    parsed.0.0
}

fn row(raw: &RawRow) -> PolicyRow {
    PolicyRow {
        severity: raw.severity.0.0,
        burn: raw.burn.0.0,
        long: raw.long.0.0,
        short: raw.short.0.0,
    }
}
