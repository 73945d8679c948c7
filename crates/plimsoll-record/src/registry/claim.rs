//! What an instrument is to export, worked out of its spec.

use super::RegisterError;
use super::families::{Claim, Families, Source, check_kind};
use crate::account::{Accounts, ActivityAccount, Bands, Distribution, Layout, Level};
use crate::{Activity, ActivitySpec, HistogramSpec, Outcome, Split};
use plimsoll_model::{Kind, Labels, Signal};
use std::sync::Arc;

/// What an activity is to export.
pub(super) struct ActivityClaims {
    level: Claim,
    durations: Option<Claim>,
    duration_min: Option<Claim>,
    ends: Option<Claim>,
}

impl ActivityClaims {
    pub(super) fn of(spec: &ActivitySpec, bands: &Bands) -> Result<Self, RegisterError> {
        let names: Vec<String> = bands.names().collect();
        let ends = Outcome::NAMES.iter().flat_map(|outcome| {
            names.iter().map(|band| vec![("outcome", *outcome), ("band", band)])
        });
        Ok(Self {
            level: Claim::one(spec.signal, &spec.labels),
            durations: spec.duration.as_ref().map(HistogramSpec::claim_alone).transpose()?,
            duration_min: spec.duration_min.map(|signal| Claim::one(signal, &spec.labels)),
            ends: spec
                .outcomes
                .map(|signal| Claim::split(signal, &spec.labels, ends))
                .transpose()?,
        })
    }

    pub(super) fn check_free(&self, families: &mut Families) -> Result<(), RegisterError> {
        let further = [&self.durations, &self.duration_min, &self.ends];
        std::iter::once(&self.level)
            .chain(further.into_iter().flatten())
            .try_for_each(|claim| families.check_free(claim))
    }

    pub(super) fn insert(self, families: &mut Families, of: Activity) {
        families.insert(&self.level, Source::Level(of));
        if let Some(claim) = self.durations {
            let series = claim.series.clone();
            families.insert(&claim, Source::Durations { of, series });
        }
        if let Some(claim) = self.duration_min {
            families.insert(&claim, Source::DurationMin(of));
        }
        if let Some(claim) = self.ends {
            let series = claim.series.clone();
            families.insert(&claim, Source::Ends { of, series });
        }
    }
}

impl ActivitySpec {
    pub(super) fn check(&self) -> Result<(), RegisterError> {
        check_kind(self.signal, Kind::Level)?;
        self.duration
            .iter()
            .try_for_each(|duration| check_kind(duration.signal, Kind::Histogram))?;
        self.duration_min.iter().try_for_each(|signal| check_kind(signal, Kind::Gauge))?;
        self.outcomes.iter().try_for_each(|signal| check_kind(signal, Kind::Counter))
    }

    /// Returns the label sets that it takes, by signal.
    pub(super) fn label_sets(&self) -> impl Iterator<Item = (&'static Signal, &Labels)> {
        [Some(self.signal), self.duration_min, self.outcomes]
            .into_iter()
            .flatten()
            .map(|signal| (signal, &self.labels))
            .chain(self.duration.iter().map(|duration| (duration.signal, &duration.labels)))
    }

    pub(super) fn account(&self, bands: Bands, at_ns: u64) -> ActivityAccount {
        let level = Level::new(self.limit, &self.time_weighted_edges, at_ns);
        let mut account = ActivityAccount::new(level, bands);
        if let Some(duration) = &self.duration {
            let series = match &duration.split {
                Split::Label { values, .. } => values.len(),
                Split::None | Split::Band(_) => 1,
            };
            account = account.with_duration(Distribution::of(duration.layout(), series));
        }
        if self.duration_min.is_some() {
            account = account.with_duration_min();
        }
        if self.outcomes.is_some() {
            account = account.with_ends();
        }
        account
    }
}

impl HistogramSpec {
    pub(super) fn layout(&self) -> Arc<Layout> {
        Layout::new(&self.edges, self.signal.unit == "s")
    }

    /// Claims the series of a histogram of ready values.
    pub(super) fn claim(&self, accounts: &Accounts) -> Result<Claim, RegisterError> {
        let Split::Band(activity) = self.split else { return self.claim_alone() };
        let names = accounts.band_names(activity.number());
        let further = names.iter().map(|band| vec![("band", band.as_str())]);
        Claim::split(self.signal, &self.labels, further)
    }

    /// Claims the series of a histogram that depends on no other instrument.
    pub(super) fn claim_alone(&self) -> Result<Claim, RegisterError> {
        match &self.split {
            Split::None => Ok(Claim::one(self.signal, &self.labels)),
            Split::Label { label, values } => {
                let further = values.iter().map(|value| vec![(*label, *value)]);
                Claim::split(self.signal, &self.labels, further)
            }
            Split::Band(_) => Err(RegisterError::Banded { name: self.signal.name }),
        }
    }
}
