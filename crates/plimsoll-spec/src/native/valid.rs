use super::check::unreachable;
use super::exclusion::exclusion;
use super::raw::{
    RawAlerting, RawCarried, RawExclusion, RawFile, RawRow, RawSli, RawSlo, RawWindow,
};
use super::scalar::{Rolling, UnitText};
use super::shape::FILE;
use super::sum::SumText;
use crate::import::{Import, Keys};
use crate::promql::{QueryText, unit_of};
use crate::{Document, Fault, Parsed, SelectorText};
use plimsoll_model::bucket::DEFAULT_BANDS;
use plimsoll_model::{Labels, Selector};
use plimsoll_slo::{
    Alerting, Backend, Carried, Composite, EventsPart, Exclusion, InFlightAtLeast, LevelBound,
    Period, Policy, PolicyRow, Sli, Slo, WithinKind, Zone,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const MAX_GROUPS_DEFAULT: u64 = 200;
const MIN_BAD_DEFAULT: u64 = 5;
const NO_DATA_AFTER_DEFAULT: Duration = Duration::from_secs(300);

/// Reads a file of ours.
pub(crate) fn file(import: &mut Import<'_>) {
    let read = import.document.read(&FILE);
    let slos = match read.and_then(|raw| slos(import, raw).map_err(|fault| vec![fault])) {
        Ok(slos) => slos,
        Err(faults) => return import.found.faults.extend(faults),
    };
    for (at, slo) in slos.into_iter().enumerate() {
        let key = |key: &str| format!("slos[{at}].{key}");
        let own = Some(key("exclusions")).filter(|own| import.document.has(own));
        let exclusions_at = own.unwrap_or_else(|| "exclusions".to_owned());
        let keys = Keys {
            name: key("name"),
            period: key("window"),
            sli: key("sli"),
            exclusions: exclusions_at,
        };
        import.add(slo, keys);
    }
}

/// Puts the SLOs of a faultless file together.
fn slos(import: &mut Import<'_>, raw: RawFile) -> Result<Vec<Slo>, Fault> {
    let (document, warnings) = (import.document, &mut import.found.warnings);
    let RawFile { service, labels, slos, policies, exclusions } = raw;
    let exclusions = self::exclusions(document, "exclusions", &exclusions)?;
    let mut valid = Vec::with_capacity(slos.len());
    for (at, raw) in slos.into_iter().enumerate() {
        let reader = Reader {
            document,
            path: format!("slos[{at}]"),
            policies: &policies,
            exclusions: &exclusions,
        };
        let mut labels = labels.clone();
        labels.extend(raw.labels.clone());
        let labels = reader.labels("labels", labels)?;
        valid.push(reader.slo(service.0.0.clone(), labels, raw, warnings)?);
    }
    Ok(valid)
}

/// Reads one SLO, and knows where it stands.
struct Reader<'f> {
    document: &'f Document,
    path: String,
    policies: &'f BTreeMap<String, Vec<RawRow>>,
    /// Those of the whole file.
    exclusions: &'f [Arc<Exclusion>],
}

impl Reader<'_> {
    fn slo(
        &self,
        service: String,
        labels: Labels,
        raw: RawSlo,
        warnings: &mut Vec<Fault>,
    ) -> Result<Slo, Fault> {
        let period = period(&raw.window);
        let mut alerting = self.alerting(raw.alerting, period.nominal())?;
        let own = exclusions(self.document, &format!("{}.exclusions", self.path), &raw.exclusions)?;
        let objective = raw.objective.0.0;
        for row in alerting.policy.split_off_unreachable(objective) {
            let reason = format!("{} (left out)", unreachable(&row));
            warnings.push(self.fault("objective", reason));
        }
        Ok(Slo {
            service,
            name: raw.name.0.0,
            description: raw.description,
            labels,
            objective,
            period,
            sli: self.sli(raw.sli, warnings)?,
            backend: raw.backend.map_or(Backend::Own, |name| Backend::Prometheus(name.0.0)),
            exclusions: self.exclusions.iter().cloned().chain(own).collect(),
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
            RawSli::Events { total, good, bad, unknown } => {
                let part = self.part("sli.events", good, bad)?.map(|SumText(sum)| sum);
                Sli::Events { total: total.0.0, part, unknown: unknown.map(|sum| sum.0.0) }
            }
            RawSli::Query { total, good, bad } => {
                let part = self.part("sli.query", good, bad)?.map(|QueryText(query)| query);
                let (EventsPart::Good(of) | EventsPart::Bad(of)) = &part;
                let unit = unit_of(&[&total.0.0, of])
                    .ok_or_else(|| self.fault("sli.query", "mixes rate() and increase()"))?;
                Sli::Query { total: total.0.0, part, unit }
            }
            RawSli::AllOf(names) => {
                Sli::Composite(Composite::AllOf(names.into_iter().map(|name| name.0.0).collect()))
            }
            RawSli::Weighted(parts) => {
                Sli::Composite(Composite::Weighted(parts.into_iter().collect()))
            }
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

    fn part<T>(
        &self,
        key: &str,
        good: Option<Parsed<T>>,
        bad: Option<Parsed<T>>,
    ) -> Result<EventsPart<T>, Fault> {
        match (good, bad) {
            (Some(good), None) => Ok(EventsPart::Good(good.0)),
            (None, Some(bad)) => Ok(EventsPart::Bad(bad.0)),
            _ => Err(self.fault(key, "must have one of good and bad")),
        }
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
        let mut policy = match (Policy::builtin(&name), self.policies.get(&name)) {
            (Some(builtin), _) => builtin.for_period(period),
            (None, Some(rows)) => Policy { name, rows: rows.iter().map(row).collect() },
            (None, None) => return Err(self.fault("alerting.policy", "is no policy")),
        };
        let pending_for = raw.pending_for.map(|length| length.0.0).unwrap_or_default();
        policy.rows.iter_mut().for_each(|row| row.pending_for = pending_for);
        Ok(Alerting {
            policy,
            runbook: raw.runbook.map(|runbook| runbook.0.0),
            name: None,
            page: self.carried("alerting.page", raw.page)?,
            ticket: self.carried("alerting.ticket", raw.ticket)?,
            off: Vec::new(),
            min_bad: raw.min_bad.unwrap_or(MIN_BAD_DEFAULT),
            no_data_after: raw.no_data_after.map_or(NO_DATA_AFTER_DEFAULT, |given| given.0.0),
        })
    }

    fn carried(&self, key: &str, raw: RawCarried) -> Result<Carried, Fault> {
        let labels = self.labels(&format!("{key}.labels"), raw.labels)?;
        Ok(Carried { labels, annotations: raw.annotations })
    }

    fn labels(&self, key: &str, labels: BTreeMap<String, String>) -> Result<Labels, Fault> {
        Labels::new(labels).map_err(|error| self.fault(key, error))
    }

    fn fault(&self, key: &str, reason: impl std::fmt::Display) -> Fault {
        self.document.fault(&format!("{}.{key}", self.path), reason)
    }
}

fn period(raw: &RawWindow) -> Period {
    match raw {
        RawWindow::Rolling(Parsed(Rolling(length))) => Period::Rolling(*length),
        RawWindow::Calendar { calendar: Parsed(UnitText(unit)), timezone } => Period::Calendar {
            unit: *unit,
            zone: timezone.as_ref().map_or(Zone::UTC, |zone| zone.0),
        },
    }
}

fn exclusions(
    document: &Document,
    path: &str,
    raw: &[RawExclusion],
) -> Result<Vec<Arc<Exclusion>>, Fault> {
    let read = |(at, raw): (usize, &RawExclusion)| {
        let made = exclusion(raw).map(Arc::new);
        made.map_err(|error| document.fault(&format!("{path}[{at}].rrule"), error))
    };
    raw.iter().enumerate().map(read).collect()
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
        pending_for: Duration::ZERO,
    }
}
