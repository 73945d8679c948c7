//! What an SLO held at any time of its past: its own history, or those of the parts that it weighs.

use super::Shared;
use crate::keeper::{HistoryQuery, KeepError};
use crate::view::{SloView, View};
use plimsoll_model::{Counts, TimeMs, WindowCounts};
use plimsoll_slo::{Composite, Sli, weigh};
use plimsoll_store::HistoryPoint;
use std::pin::Pin;
use std::time::Duration;

/// The past of one SLO.
#[derive(Debug)]
pub(super) enum Past {
    /// What was counted.
    Counted(Sums),
    /// A weighted composite counts nothing of its own: each stretch is put together from its parts.
    Weighed(Vec<(u32, Past)>),
}

/// Sums over points, so that any stretch is a difference.
#[derive(Debug)]
pub(super) struct Sums {
    /// When each point begins, oldest first.
    starts: Vec<TimeMs>,
    /// What all points before each held, and at the end what all held.
    before: Vec<Held>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Held {
    counts: Counts,
    known: Duration,
    expected: Duration,
    /// Points of which not even the rate is known.
    unrated: usize,
}

/// Which stretch is read, and how finely.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) from: TimeMs,
    pub(super) to: TimeMs,
    pub(super) step: Duration,
}

type Reading<'a> = Pin<Box<dyn Future<Output = Result<Past, KeepError>> + Send + 'a>>;

impl Past {
    /// Reads the past of an SLO; composites lie a bounded number of levels deep.
    pub(super) fn read<'a>(
        shared: &'a Shared,
        view: &'a View,
        slo: &'a SloView,
        stretch: Stretch,
    ) -> Reading<'a> {
        Box::pin(async move {
            let Sli::Composite(Composite::Weighted(parts)) = &slo.slo.sli else {
                let Stretch { from, to, step } = stretch;
                let (id, recent) = (slo.id.clone(), slo.recent.clone());
                let asked = HistoryQuery { id, from, to, step, recent };
                return Ok(Self::Counted(Sums::new(&shared.keeper.history(asked).await?)));
            };
            let mut weighed = Vec::new();
            for (name, weight) in parts {
                let id = format!("{}/{name}", slo.slo.service);
                if let Some(part) = view.slos.iter().find(|other| other.id == id) {
                    weighed.push((*weight, Self::read(shared, view, part, stretch).await?));
                }
            }
            Ok(Self::Weighed(weighed))
        })
    }

    /// Returns when points begin, each once, oldest first.
    pub(super) fn starts(&self) -> Vec<TimeMs> {
        match self {
            Self::Counted(sums) => sums.starts.clone(),
            Self::Weighed(parts) => {
                let mut starts: Vec<TimeMs> =
                    parts.iter().flat_map(|(_, part)| part.starts()).collect();
                starts.sort_unstable();
                starts.dedup();
                starts
            }
        }
    }

    /// Returns what the points held that begin within a stretch of that length.
    pub(super) fn held(&self, from: TimeMs, to: TimeMs, length: Duration) -> WindowCounts {
        match self {
            Self::Counted(sums) => sums.held(from, to),
            Self::Weighed(parts) => {
                let held = |(weight, part): &(u32, Self)| (*weight, part.held(from, to, length));
                weigh(&parts.iter().map(held).collect::<Vec<_>>(), length)
            }
        }
    }
}

impl Sums {
    fn new(points: &[HistoryPoint]) -> Self {
        let mut sum = Held::default();
        let mut before = vec![sum];
        for point in points {
            sum.counts += point.counts;
            sum.known += point.known;
            sum.expected += point.expected;
            sum.unrated += usize::from(point.is_rate_unknown());
            before.push(sum);
        }
        Self { starts: points.iter().map(|point| point.at).collect(), before }
    }

    fn held(&self, from: TimeMs, to: TimeMs) -> WindowCounts {
        let up_to = |edge: TimeMs| {
            let points = self.starts.partition_point(|start| *start < edge);
            self.before.get(points).copied().unwrap_or_default()
        };
        let (start, end) = (up_to(from), up_to(to.max(from)));
        let between = |of: fn(&Counts) -> u64| of(&end.counts).saturating_sub(of(&start.counts));
        WindowCounts {
            counts: Counts {
                good: between(|counts| counts.good),
                bad: between(|counts| counts.bad),
                unknown: between(|counts| counts.unknown),
            },
            known: end.known.saturating_sub(start.known),
            expected: end.expected.saturating_sub(start.expected),
            rate_unknown: end.unrated > start.unrated,
            ..WindowCounts::default()
        }
    }
}
