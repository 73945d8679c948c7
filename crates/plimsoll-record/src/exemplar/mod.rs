//! In which trace a slow wait, or a peak, was.
//!
//! Whoever records knows its trace and not the level; the merge knows the level and no trace. So a
//! recording thread offers the trace of a stay that is longer than every other of its instrument since
//! the last merge: of a random sequence of n that are ln n, and the slowest is always among them. The
//! merge keeps the last offer of each power of two, and gives a peak the trace of a stay that spans it.
//! Without a source of traces all this is one load and a comparison that fails.

mod offers;

pub(crate) use offers::Offers;

use crate::account::Accounts;
use crate::clock::{now_ns, unix_ns};
use crate::sync::{global, lock};
use plimsoll_model::{Exemplar, HistogramValue, TraceContext};
use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

/// Returns the trace that the calling thread works for now, if it is one that is kept.
pub type TraceSource = fn() -> Option<TraceContext>;

/// Series that exemplars are kept of.
const SERIES_MAX: usize = 10_000;

static SOURCE: OnceLock<TraceSource> = OnceLock::new();

global! {
    static OFFERS: Offers<Offer> = Offers::new();
}

/// What is kept of each series, by the power of two that the value lies in.
type Known = BTreeMap<(Of, usize), BTreeMap<u32, Seen>>;

static KNOWN: Mutex<Known> = Mutex::new(Known::new());

/// What an exemplar is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Of {
    /// The stays of an activity, by its number.
    Stays(u32),
    /// The peak of an activity, by its number.
    Peak(u32),
    /// A histogram of ready values, by where these are counted.
    Values(usize),
}

/// A stay or a value, and its trace.
#[derive(Clone, Copy, Debug)]
struct Offer {
    of: Of,
    series: usize,
    value: u64,
    at_ns: u64,
    trace: TraceContext,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    value: u64,
    unix_ns: u64,
    trace: TraceContext,
}

/// Asks `source` for the trace of what is slow, so that histograms carry exemplars: a few times a
/// second, never more than 256 times between two merges. The first source of a process stays.
///
/// It is called on the thread that records, and may wait for nothing that is recorded there.
pub fn trace_by(source: TraceSource) {
    if SOURCE.set(source).is_ok() {
        OFFERS.open();
    }
}

/// Offers what was recorded if it is the longest of its instrument for now. `at_ns` is when, if that is
/// known already.
#[inline]
pub(crate) fn consider(of: Of, series: usize, value: u64, at_ns: Option<u64>) {
    let slot = match of {
        Of::Stays(number) | Of::Peak(number) => number as usize,
        // The low bits of an address are all the same.
        Of::Values(address) => address >> 8,
    };
    OFFERS.consider(slot, value, || {
        let trace = SOURCE.get().and_then(|source| source())?;
        Some(Offer { of, series, value, at_ns: at_ns.unwrap_or_else(now_ns), trace })
    });
}

/// Takes what was offered. Before a merge, so that the merge has all that the offers are of.
pub(crate) struct Offered(Vec<Offer>);

impl Offered {
    pub(crate) fn take() -> Self {
        Self(OFFERS.take())
    }

    /// Keeps them, and gives the peaks that they span their trace.
    pub(crate) fn keep(self, accounts: &Accounts) {
        if self.0.is_empty() {
            return;
        }
        let mut known = lock(&KNOWN);
        for offer in self.0 {
            let seen =
                Seen { value: offer.value, unix_ns: unix_ns(offer.at_ns), trace: offer.trace };
            insert(&mut known, (offer.of, offer.series), seen);
            let Of::Stays(number) = offer.of else { continue };
            let Some((peak, peaked_ns)) = accounts.crest(number) else { continue };
            let entered_ns = offer.at_ns.saturating_sub(offer.value);
            if (entered_ns..=offer.at_ns).contains(&peaked_ns) {
                let seen = Seen { value: peak, unix_ns: unix_ns(peaked_ns), ..seen };
                insert(&mut known, (Of::Peak(number), 0), seen);
            }
        }
    }
}

fn insert(known: &mut Known, key: (Of, usize), seen: Seen) {
    if known.len() >= SERIES_MAX && !known.contains_key(&key) {
        return;
    }
    known.entry(key).or_default().insert(seen.value.checked_ilog2().map_or(0, |of| of + 1), seen);
}

/// Returns the latest exemplar of each classic bucket, of values of which `units` make an exported one.
pub(crate) fn exemplars(
    of: Of,
    series: usize,
    units: f64,
    value: &HistogramValue,
) -> Vec<Exemplar> {
    let known = lock(&KNOWN);
    let Some(seen) = known.get(&(of, series)) else { return Vec::new() };
    let mut by_bucket: BTreeMap<usize, Exemplar> = BTreeMap::new();
    for seen in seen.values() {
        let shown =
            Exemplar { value: seen.value as f64 / units, unix_ns: seen.unix_ns, trace: seen.trace };
        let bucket = value.buckets.partition_point(|bucket| bucket.le < shown.value);
        let latest = by_bucket.entry(bucket).or_insert(shown);
        if latest.unix_ns < shown.unix_ns {
            *latest = shown;
        }
    }
    by_bucket.into_values().collect()
}

/// Forgets the exemplars of instruments that are gone.
pub(crate) fn forget(gone: impl Fn(Of) -> bool) {
    lock(&KNOWN).retain(|(of, _), _| !gone(*of));
}
