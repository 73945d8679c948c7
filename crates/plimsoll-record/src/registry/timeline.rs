//! The last seconds: waits, holds that made others wait, and levels.

use super::families::{Families, Source};
use crate::account::Accounts;
use crate::waits::Span;
use plimsoll_model::{Labels, Signal};

/// What happened in the last seconds, as far as it is kept.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// When it ends, on the clock of [`crate::clock::now_ns`].
    pub until_ns: u64,
    /// Waits of the whole process and the holds that made others wait, by their beginning.
    pub spans: Vec<Span>,
    /// The registry's levels that changed.
    pub levels: Vec<Track>,
}

/// How one level changed.
#[derive(Clone, Debug)]
pub struct Track {
    /// The level's signal.
    pub signal: &'static Signal,
    /// Its labels.
    pub labels: Labels,
    /// Times and levels, ascending. Of changes within a millisecond there are the highest and the last.
    pub points: Vec<(u64, u32)>,
}

/// Returns the levels that changed at or after `from_ns`.
pub(super) fn levels(families: &Families, accounts: &Accounts, from_ns: u64) -> Vec<Track> {
    let of_family = families.iter().flat_map(|family| {
        family.sources.iter().filter_map(|(labels, source)| match source {
            Source::Level(activity) => Some((family.signal, labels, activity.number())),
            _ => None,
        })
    });
    of_family
        .filter_map(|(signal, labels, number)| {
            let points: Vec<(u64, u32)> = accounts
                .marks()
                .of(number, from_ns)
                .flat_map(|mark| {
                    let last =
                        (mark.until_ns > mark.from_ns).then_some((mark.until_ns, mark.level));
                    std::iter::once((mark.from_ns, mark.peak)).chain(last)
                })
                .collect();
            (!points.is_empty()).then(|| Track { signal, labels: labels.clone(), points })
        })
        .collect()
}
