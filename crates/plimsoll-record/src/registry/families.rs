use super::RegisterError;
use crate::observed::Lent;
use crate::waits::Blame;
use crate::{Activity, Counter, Gauge, Histogram};
use plimsoll_model::{Kind, Labels, Signal, catalog};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// The series that an instrument is to export in one family.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) signal: &'static Signal,
    pub(super) labels: Labels,
    pub(super) series: Vec<Labels>,
}

impl Claim {
    /// Claims one series.
    pub(super) fn one(signal: &'static Signal, labels: &Labels) -> Self {
        Self { signal, labels: labels.clone(), series: vec![labels.clone()] }
    }

    /// Claims a series for every set of further labels.
    pub(super) fn split<'a>(
        signal: &'static Signal,
        labels: &Labels,
        further: impl Iterator<Item = Vec<(&'a str, &'a str)>>,
    ) -> Result<Self, RegisterError> {
        let series = further
            .map(|pairs| {
                pairs
                    .iter()
                    .try_fold(labels.clone(), |labels, (name, value)| labels.with(name, value))
            })
            .collect::<Result<Vec<Labels>, _>>()
            .map_err(|reason| RegisterError::Split { name: signal.name, reason })?;
        Ok(Self { signal, labels: labels.clone(), series })
    }
}

/// The families of a registry, in the order in which they were first asked for.
#[derive(Debug)]
pub(super) struct Families {
    list: Vec<Family>,
    label_sets_max: usize,
}

/// One signal and what exports it.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) signal: &'static Signal,
    /// By the labels that the caller gave.
    pub(super) sources: BTreeMap<Labels, Source>,
    /// The labels of every exported series.
    series: HashSet<Labels>,
    /// Label sets that went to the overflow set, counted each time that they were asked for.
    pub(super) dropped: u64,
}

/// Where the values of one label set come from. `series` holds the labels that a split makes of it.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Counter(Counter),
    Gauge(Gauge),
    /// One series a site.
    Blame(Arc<Blame>),
    Histogram {
        histogram: Histogram,
        series: Vec<Labels>,
        zeros: Vec<Counter>,
    },
    Level(Activity),
    Durations {
        of: Activity,
        series: Vec<Labels>,
    },
    DurationMin(Activity),
    Ends {
        of: Activity,
        series: Vec<Labels>,
    },
}

impl Families {
    pub(super) fn new(label_sets_max: usize) -> Self {
        Self { list: Vec::new(), label_sets_max }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Family> {
        self.list.iter()
    }

    /// Finds what was registered under these labels.
    pub(super) fn find(&self, signal: &Signal, labels: &Labels) -> Option<&Source> {
        self.list.iter().find(|family| family.signal == signal)?.sources.get(labels)
    }

    /// Says whether the label set would pass the family's bound, and counts it if so.
    pub(super) fn overflows(&mut self, signal: &'static Signal, labels: &Labels) -> bool {
        let label_sets_max = self.label_sets_max;
        let family = self.family(signal);
        let over = !family.sources.contains_key(labels) && family.sources.len() >= label_sets_max;
        family.dropped += u64::from(over);
        over
    }

    /// Counts a label set that went to the overflow set.
    pub(super) fn note_dropped(&mut self, signal: &'static Signal) {
        self.family(signal).dropped += 1;
    }

    /// Checks that no other signal exports a family of the claim's name, and nothing one of its series.
    pub(super) fn check_free(&mut self, claim: &Claim) -> Result<(), RegisterError> {
        self.check_names(claim.signal)?;
        let family = self.family(claim.signal);
        match claim.series.iter().find(|labels| family.series.contains(labels)) {
            Some(labels) => {
                Err(RegisterError::Taken { name: claim.signal.name, labels: labels.clone() })
            }
            None => Ok(()),
        }
    }

    /// A signal that exports already was checked when it was new.
    fn check_names(&self, signal: &'static Signal) -> Result<(), RegisterError> {
        let exports = |family: &&Family| !family.series.is_empty();
        if self.list.iter().filter(exports).any(|family| family.signal == signal) {
            return Ok(());
        }
        let taken: HashSet<String> =
            self.list.iter().filter(exports).flat_map(|family| names(family.signal)).collect();
        match names(signal).find(|name| taken.contains(name)) {
            Some(family) => Err(RegisterError::Clash { name: signal.name, family }),
            None => Ok(()),
        }
    }

    /// Exports `series` from `source`, under the labels that the caller gave.
    pub(super) fn insert(&mut self, claim: &Claim, source: Source) {
        let family = self.family(claim.signal);
        family.series.extend(claim.series.iter().cloned());
        family.sources.insert(claim.labels.clone(), source);
    }

    fn family(&mut self, signal: &'static Signal) -> &mut Family {
        let place = self.list.iter().position(|family| family.signal == signal);
        let place = place.unwrap_or_else(|| {
            self.list.push(Family {
                signal,
                sources: BTreeMap::new(),
                series: HashSet::new(),
                dropped: 0,
            });
            self.list.len() - 1
        });
        &mut self.list[place]
    }
}

impl Family {
    /// Returns the numbers of the accounts that its values come from.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.sources.values().filter_map(|source| match source {
            Source::Histogram { histogram, .. } => histogram.number(),
            Source::Level(activity) => Some(activity.number()),
            _ => None,
        })
    }
}

impl Family {
    /// Returns the observed values that were lent to it.
    pub(super) fn lent(&self) -> impl Iterator<Item = Lent> {
        self.sources.values().filter_map(|source| match source {
            Source::Histogram { histogram, .. } => histogram.added(),
            _ => None,
        })
    }
}

/// An instrument that is one series and takes no edges.
pub(super) trait Single: Sized {
    /// What its signal must be.
    const KIND: Kind;

    fn new() -> Self;

    /// Returns another handle of it, to export it by.
    fn source(&self) -> Source;

    /// Returns it, if it is what is exported.
    fn known(source: &Source) -> Option<Self>;
}

impl Single for Counter {
    const KIND: Kind = Kind::Counter;

    fn new() -> Self {
        Self::new()
    }

    fn source(&self) -> Source {
        Source::Counter(self.clone())
    }

    fn known(source: &Source) -> Option<Self> {
        match source {
            Source::Counter(counter) => Some(counter.clone()),
            _ => None,
        }
    }
}

impl Single for Gauge {
    const KIND: Kind = Kind::Gauge;

    fn new() -> Self {
        Self::new()
    }

    fn source(&self) -> Source {
        Source::Gauge(self.clone())
    }

    fn known(source: &Source) -> Option<Self> {
        match source {
            Source::Gauge(gauge) => Some(gauge.clone()),
            _ => None,
        }
    }
}

impl Single for Arc<Blame> {
    const KIND: Kind = Kind::Counter;

    fn new() -> Self {
        Self::new(Blame::new())
    }

    fn source(&self) -> Source {
        Source::Blame(Self::clone(self))
    }

    fn known(source: &Source) -> Option<Self> {
        match source {
            Source::Blame(blame) => Some(Self::clone(blame)),
            _ => None,
        }
    }
}

/// Returns the names of the families that a signal exports.
fn names(signal: &'static Signal) -> impl Iterator<Item = String> {
    signal.families().into_iter().map(|(name, _, _)| name)
}

/// Checks that a signal is of the kind that its instrument records.
pub(super) fn check_kind(signal: &'static Signal, kind: Kind) -> Result<(), RegisterError> {
    if signal.kind == kind {
        Ok(())
    } else {
        Err(RegisterError::Kind { name: signal.name, kind: signal.kind })
    }
}

/// Returns the set that takes what a family's bound refuses: the same names, one value.
pub(super) fn overflow_of(labels: &Labels) -> Labels {
    Labels::new(labels.iter().map(|(name, _)| (name, catalog::OVERFLOW)))
        .unwrap_or_else(|_| Labels::default())
}
