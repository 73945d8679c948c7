//! The registry: makes instruments, bounds their label sets, and shows them all at one instant.

mod claim;
mod error;
mod expose;
mod families;
mod own;
mod shape;
mod shared;
mod timeline;

pub use error::RegisterError;
pub use timeline::{Timeline, Track};

use crate::account::{Account, Bands, Distribution, HistogramAccount};
use crate::exemplar::{self, Of, Offered};
use crate::observed::Lent;
use crate::process::recorder;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::waits::{self, Blame};
use crate::{Activity, ActivitySpec, Counter, Gauge, Histogram, HistogramSpec, Split};
use claim::ActivityClaims;
use families::{Claim, Families, Single, Source, check_kind, overflow_of};
use plimsoll_model::{Details, Kind, Labels, Signal, Snapshot};
use shared::Shared;
use std::any::Any;
use std::collections::HashSet;
use std::fmt;
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock, Weak};

/// How many label sets a family takes, unless told otherwise.
const LABEL_SETS_MAX: usize = 2_000;

/// Makes instruments and shows them all at one instant. Cloning shares it.
///
/// Asking for an instrument takes a lock: ask once and keep the handle. When the registry's last
/// clone is dropped, its instruments record no more.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    families: Mutex<Families>,
    hooks: Mutex<Vec<Hook>>,
    shared: Mutex<Shared>,
    label_sets_max: usize,
    /// Those that it shows as well, the oldest first.
    parts: Mutex<Vec<Weak<Inner>>>,
}

type Hook = Arc<dyn Fn() -> ControlFlow<()> + Send + Sync>;

impl Registry {
    /// Returns the process's own registry.
    pub fn global() -> &'static Self {
        static GLOBAL: LazyLock<Registry> = LazyLock::new(Registry::new);
        &GLOBAL
    }

    /// Makes an empty registry that takes 2,000 label sets a family.
    #[expect(clippy::new_without_default, reason = "an empty registry isn't the default one")]
    pub fn new() -> Self {
        Self::with_label_sets_max(LABEL_SETS_MAX)
    }

    /// Makes an empty registry that takes `label_sets_max` label sets a family. What is beyond goes
    /// to one set whose values are all `overflow`, and is counted.
    pub fn with_label_sets_max(label_sets_max: usize) -> Self {
        Self(Arc::new(Inner {
            families: Mutex::new(Families::new(label_sets_max)),
            hooks: Mutex::new(Vec::new()),
            shared: Mutex::new(Shared::new(label_sets_max)),
            label_sets_max,
            parts: Mutex::default(),
        }))
    }

    /// Makes a registry whose instruments this one shows as well, at the same instant, until the part's
    /// last clone is dropped. Of a series that both have, or two parts, the newest one's is shown.
    ///
    /// For what comes and goes while the process runs, and takes its series with it. A part of a part is
    /// shown by that part alone.
    pub fn part(&self) -> Self {
        let part = Self::with_label_sets_max(self.0.label_sets_max);
        let mut parts = lock(&self.0.parts);
        parts.retain(|part| part.strong_count() > 0);
        parts.push(Arc::downgrade(&part.0));
        part
    }

    /// Makes an activity, or returns the one that has this signal and these labels already: the first
    /// one's limit, bands and edges stay.
    ///
    /// # Errors
    /// A signal of another kind, bands that don't ascend from 1, a series that another instrument
    /// exports, or a recorder that is full.
    pub fn activity(&self, spec: ActivitySpec) -> Result<Activity, RegisterError> {
        self.counted(spec.signal, self.make_activity(spec))
    }

    fn make_activity(&self, mut spec: ActivitySpec) -> Result<Activity, RegisterError> {
        spec.check()?;
        let bands =
            Bands::new(&spec.bands).ok_or(RegisterError::Bands { name: spec.signal.name })?;
        let mut families = lock(&self.0.families);
        let mut overflows = false;
        for (signal, labels) in spec.label_sets() {
            overflows |= families.overflows(signal, labels);
        }
        if overflows {
            spec.labels = overflow_of(&spec.labels);
            spec.duration.iter_mut().for_each(|spec| spec.labels = overflow_of(&spec.labels));
        }
        if let Some(Source::Level(activity)) = families.find(spec.signal, &spec.labels) {
            return Ok(*activity);
        }
        let claims = ActivityClaims::of(&spec, &bands)?;
        claims.check_free(&mut families)?;
        let mut merge = recorder().merge();
        let account = spec.account(bands, merge.watermark_ns());
        let number =
            merge.sink.open(Account::Activity(Box::new(account))).ok_or(RegisterError::Full)?;
        drop(merge);
        let activity = Activity::numbered(number);
        claims.insert(&mut families, activity);
        Ok(activity)
    }

    /// Makes a histogram, or returns the one that has this signal and these labels already: the first
    /// one's edges stay.
    ///
    /// # Errors
    /// A signal of another kind, a series that another instrument exports, or a recorder that is full.
    pub fn histogram(&self, spec: HistogramSpec) -> Result<Histogram, RegisterError> {
        self.counted(spec.signal, self.make_histogram(spec))
    }

    fn make_histogram(&self, mut spec: HistogramSpec) -> Result<Histogram, RegisterError> {
        check_kind(spec.signal, Kind::Histogram)?;
        let mut families = lock(&self.0.families);
        if families.overflows(spec.signal, &spec.labels) {
            spec.labels = overflow_of(&spec.labels);
        }
        if let Some(Source::Histogram { histogram, .. }) = families.find(spec.signal, &spec.labels)
        {
            return Ok(*histogram);
        }
        let mut merge = recorder().merge();
        let claim = spec.claim(&merge.sink)?;
        families.check_free(&claim)?;
        let series = claim.series.clone();
        let histogram = match spec.split {
            Split::Band(activity) => {
                let distribution = Distribution::of(spec.layout(), series.len());
                let account = HistogramAccount::new(distribution, activity.number());
                let account = Account::Histogram(Box::new(account));
                Histogram::banded(merge.sink.open(account).ok_or(RegisterError::Full)?)
            }
            Split::None | Split::Label { .. } => {
                Histogram::observed(Lent::new(spec.layout(), series.len()))
            }
        };
        drop(merge);
        let source = Source::Histogram { histogram, series, zeros: spec.zeros };
        families.insert(&claim, source);
        Ok(histogram)
    }

    /// Makes a counter, or returns the one that has this signal and these labels already.
    ///
    /// # Errors
    /// A signal of another kind, or a series that another instrument exports.
    pub fn counter(
        &self,
        signal: &'static Signal,
        labels: Labels,
    ) -> Result<Counter, RegisterError> {
        self.counted(signal, self.single(signal, labels))
    }

    /// Makes a gauge, or returns the one that has this signal and these labels already.
    ///
    /// # Errors
    /// A signal of another kind, or a series that another instrument exports.
    pub fn gauge(&self, signal: &'static Signal, labels: Labels) -> Result<Gauge, RegisterError> {
        self.counted(signal, self.single(signal, labels))
    }

    /// Makes the account of wait charged to call sites, which is exported with the label `site`, or
    /// returns the one that has this signal and these labels already.
    ///
    /// # Errors
    /// A signal that is no counter, or a series that another instrument exports.
    pub fn blame(
        &self,
        signal: &'static Signal,
        labels: Labels,
    ) -> Result<Arc<Blame>, RegisterError> {
        self.counted(signal, self.single(signal, labels))
    }

    /// Returns what all instances of one name share, and makes it for the first one.
    ///
    /// `variant` and the type tell kinds of instances apart. It stays when the last instance is gone,
    /// so a million short-lived ones leave one behind. A variant takes as many label sets as a family;
    /// the instances beyond share one whose label values are all `overflow`, and are counted as label
    /// sets that `signal` dropped.
    pub fn shared<T: Any + Send + Sync>(
        &self,
        signal: &'static Signal,
        variant: &'static str,
        labels: Labels,
        make: impl FnOnce(&Labels) -> T,
    ) -> Arc<T> {
        let mut shared = lock(&self.0.shared);
        if shared.overflows::<T>(variant, &labels) {
            lock(&self.0.families).note_dropped(signal);
        }
        shared.get(variant, labels, make)
    }

    /// Sets how much of a core recording may take in the whole process, in millionths; `None`, as at
    /// first, sets no bound.
    ///
    /// While recording would take more, only one entry in 2 to 64 is timed, so that the clock isn't read
    /// for the others: levels, counts and outcomes stay exact, histograms of durations hold those that
    /// were timed, and times at a level are as good as `concurrency_clock_error_seconds` says.
    /// `concurrency_timed_ratio` says how many are timed.
    pub fn set_overhead_budget(&self, core_ppm: Option<NonZeroU32>) {
        let core_ppm = core_ppm.map_or(0, |core_ppm| u64::from(core_ppm.get()));
        recorder().budget().set(core_ppm, own::writing_ns() as u64);
    }

    /// Calls `hook` before each snapshot, on the thread that takes it, until it breaks.
    ///
    /// For what is read elsewhere when someone looks, as a runtime's own counts.
    pub fn on_snapshot(&self, hook: impl Fn() -> ControlFlow<()> + Send + Sync + 'static) {
        lock(&self.0.hooks).push(Arc::new(hook));
    }

    /// Says whether any thread of the process has recorded anything yet, in this registry or another.
    /// Until then there is nothing to merge.
    pub fn has_recorded(&self) -> bool {
        recorder().has_recorded()
    }

    /// Merges what the process has recorded, so that the logs don't fill. Call it every 50 ms or
    /// oftener once something [has been recorded](Self::has_recorded), from a thread that has nothing
    /// urgent to do.
    pub fn merge(&self) {
        let offered = Offered::take();
        offered.keep(&recorder().merge().sink);
    }

    /// Merges what the process has recorded and returns every instrument as of one instant, which is
    /// no earlier than the call: what its caller has recorded is in it.
    ///
    /// It waits up to 100 ms for a thread that is stopped amid an edge.
    pub fn snapshot(&self) -> Snapshot {
        self.shown(None)
    }

    /// Does what [`Registry::snapshot`] does, and also returns what the histograms hold beyond their
    /// classic buckets, for the formats that have words for it.
    pub fn snapshot_detailed(&self) -> (Snapshot, Details) {
        let mut details = Details::default();
        (self.shown(Some(&mut details)), details)
    }

    fn shown(&self, details: Option<&mut Details>) -> Snapshot {
        // Before the locks, so that it is let go after them: a part may be in its last hands here.
        let whole = self.whole();
        whole.iter().for_each(|inner| inner.run_hooks());
        waits::charge_live();
        let offered = Offered::take();
        recorder().catch_up();
        let families = families_of(&whole);
        let mut merge = recorder().merge();
        offered.keep(&merge.sink);
        let families: Vec<&Families> = families.iter().map(|families| &**families).collect();
        expose::snapshot(&families, &mut merge, details)
    }

    /// Returns itself and the parts that there are, the oldest first.
    fn whole(&self) -> Vec<Arc<Inner>> {
        let parts = lock(&self.0.parts);
        let parts = parts.iter().filter_map(Weak::upgrade);
        std::iter::once(Arc::clone(&self.0)).chain(parts).collect()
    }

    /// Merges what the process has recorded and returns the last `back_ns`, as far as they are kept:
    /// 65,536 milliseconds in which a level changed, and 8,192 waits and holds that made others wait.
    pub fn timeline(&self, back_ns: u64) -> Timeline {
        recorder().catch_up();
        let whole = self.whole();
        let families = families_of(&whole);
        let merge = recorder().merge();
        let until_ns = merge.watermark_ns();
        let from_ns = until_ns.saturating_sub(back_ns);
        let levels = families
            .iter()
            .flat_map(|families| timeline::levels(families, &merge.sink, from_ns))
            .collect();
        drop((merge, families));
        let mut spans = waits::since(from_ns);
        spans.extend(waits::lasting());
        spans.sort_by_key(|span| span.from_ns);
        Timeline { until_ns, spans, levels }
    }

    /// Counts a refusal among the label sets that were dropped: its caller may go on without.
    fn counted<I>(
        &self,
        signal: &'static Signal,
        made: Result<I, RegisterError>,
    ) -> Result<I, RegisterError> {
        if made.is_err() {
            lock(&self.0.families).note_dropped(signal);
        }
        made
    }

    /// Makes an instrument that is one series and takes no edges, or returns the one that is there.
    fn single<I: Single>(
        &self,
        signal: &'static Signal,
        mut labels: Labels,
    ) -> Result<I, RegisterError> {
        check_kind(signal, I::KIND)?;
        let mut families = lock(&self.0.families);
        if families.overflows(signal, &labels) {
            labels = overflow_of(&labels);
        }
        if let Some(instrument) = families.find(signal, &labels).and_then(I::known) {
            return Ok(instrument);
        }
        let claim = Claim::one(signal, &labels);
        families.check_free(&claim)?;
        let instrument = I::new();
        families.insert(&claim, instrument.source());
        Ok(instrument)
    }
}

impl Inner {
    fn run_hooks(&self) {
        let hooks = lock(&self.hooks).clone();
        let ended: Vec<Hook> = hooks.into_iter().filter(|hook| hook().is_break()).collect();
        if !ended.is_empty() {
            lock(&self.hooks).retain(|hook| !ended.iter().any(|ended| Arc::ptr_eq(hook, ended)));
        }
    }
}

/// Locks the families of each: the whole comes before its parts, everywhere.
fn families_of(whole: &[Arc<Inner>]) -> Vec<MutexGuard<'_, Families>> {
    whole.iter().map(|inner| lock(&inner.families)).collect()
}

impl fmt::Debug for Registry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Registry").field("families", &self.0.families).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let families = lock(&self.families);
        let mut merge = recorder().merge();
        let mut gone = HashSet::new();
        for number in families.iter().flat_map(families::Family::numbers) {
            merge.sink.close(number);
            gone.extend([Of::Stays(number), Of::Peak(number)]);
        }
        for lent in families.iter().flat_map(families::Family::lent) {
            gone.insert(lent.exemplars());
            lent.give_back();
        }
        exemplar::forget(|of| gone.contains(&of));
    }
}
