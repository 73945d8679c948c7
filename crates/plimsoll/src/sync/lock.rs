//! What every lock records, and when.

use super::hold::Hold;
use crate::Name;
use crate::clock::now_ns;
use crate::instrument::{Count, Distribution, Level, Stay, counters};
use crate::sync::tally::{Tallies, Tally};
use crate::who::blocking;
use plimsoll_model::{Labels, catalog};
use plimsoll_record::waits::{By, Kind, Resource, Seat, Site, Wait, What, Who};
use plimsoll_record::{ActivitySpec, HistogramSpec, Outcome, Registry, Split};
use std::cell::Cell;
use std::sync::Arc;

/// How a lock is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Alone: a mutex, or the writer of a read-write lock.
    Exclusive,
    /// Together with others: a reader.
    Shared,
    /// Together with readers, and with the right to become the writer.
    Upgradable,
}

impl Mode {
    fn index(self) -> u8 {
        self as u8
    }
}

/// What sort of lock it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sort {
    kind: Kind,
    /// The values of the label `mode`, in the order of [`Mode`].
    modes: &'static [&'static str],
    /// Tells sorts of one name apart, whose modes differ.
    variant: &'static str,
}

impl Sort {
    /// A lock that is only taken alone.
    pub(crate) const MUTEX: Self =
        Self { kind: Kind::Mutex, modes: &["exclusive"], variant: "mutex" };

    /// A lock that readers share.
    pub(crate) const RW_LOCK: Self =
        Self { kind: Kind::RwLock, modes: &["exclusive", "shared"], variant: "rwlock" };

    /// A lock that readers share, one of whom may have the right to become the writer.
    pub(crate) const UPGRADABLE: Self = Self {
        kind: Kind::RwLock,
        modes: &["exclusive", "shared", "upgradable"],
        variant: "upgradable",
    };

    /// A value that one makes while others wait.
    pub(crate) const ONCE: Self = Self { kind: Kind::Once, modes: &["exclusive"], variant: "once" };
}

/// How many readers of one lock are told apart.
const READERS: usize = 8;

/// One in so many uncontended holds is timed.
const SAMPLE_EVERY: u32 = 64;

/// One lock: the instruments that it shares with others of its name, and who holds it.
#[derive(Clone, Debug)]
pub(crate) struct Lock {
    signals: Arc<LockSignals>,
    pub(super) resource: Arc<Resource>,
    /// Its own acquisitions at once, alone.
    tally: Arc<Tally>,
}

/// The instruments of all locks of one kind and name.
#[derive(Debug)]
struct LockSignals {
    what: Arc<What>,
    wait: Distribution,
    waiters: Level,
    hold: Distribution,
    hold_sampled: Distribution,
    /// By mode; of those that hold it alone `alone` is the source.
    uncontended: Vec<Count>,
    alone: Arc<Tallies>,
    contended: Vec<Count>,
}

impl LockSignals {
    fn new(registry: &Registry, name: &Name, labels: &Labels, sort: Sort) -> Self {
        let Sort { kind, modes, .. } = sort;
        let split = Split::Label { label: "mode", values: modes };
        let distribution = |signal, zeros: &[Count]| {
            let spec = HistogramSpec::new(signal, labels.clone()).split(split.clone());
            Distribution::new(registry, spec.edges(&name.edges_ns).zeros(&counters(zeros)))
        };
        let acquisitions = |contended: &str| {
            let count = |mode: &&str| {
                let of = labels.with("mode", mode).and_then(|of| of.with("contended", contended));
                // Both names are valid.
                Count::new(registry, &catalog::LOCK_ACQUISITIONS, of.unwrap_or_default())
            };
            modes.iter().map(count).collect::<Vec<_>>()
        };
        let uncontended = acquisitions("false");
        let alone = uncontended.first().cloned().unwrap_or_default();
        let blame = registry.blame(&catalog::LOCK_BLAMED, labels.clone()).ok();
        Self {
            what: Arc::new(What { kind, name: name.text.to_string(), blame }),
            // An acquisition that didn't wait is a wait of 0, and is counted once only.
            wait: distribution(&catalog::LOCK_WAIT, &uncontended),
            hold: distribution(&catalog::LOCK_HOLD, &[]),
            hold_sampled: distribution(&catalog::LOCK_HOLD_SAMPLED, &[]),
            waiters: Level::new(
                registry,
                ActivitySpec::new(&catalog::LOCK_WAITERS, labels.clone()),
            ),
            alone: Tallies::new(registry, alone),
            uncontended,
            contended: acquisitions("true"),
        }
    }
}

impl Lock {
    /// Makes an instance; the first of its name registers the name.
    pub(crate) fn new(registry: &Registry, name: &Name, sort: Sort, made_at: Site) -> Self {
        let labels = name.under("lock");
        let signals = registry.shared(&catalog::LOCK_WAIT, sort.variant, labels, |labels| {
            LockSignals::new(registry, name, labels, sort)
        });
        let readers = if sort.kind == Kind::RwLock { READERS } else { 0 };
        let resource = Resource::new(Arc::clone(&signals.what), readers, made_at);
        let tally = signals.alone.tally();
        Self { signals, resource, tally }
    }

    /// Records an acquisition that didn't wait.
    #[inline]
    pub(crate) fn uncontended(&self, mode: Mode, who: Who, site: Site) -> Tenure {
        let is_sampled = match mode {
            // The number sets locks apart, so that those of short lives are sampled as well.
            Mode::Exclusive => {
                let before = self.tally.count();
                before.wrapping_add(self.resource.number()).is_multiple_of(u64::from(SAMPLE_EVERY))
            }
            Mode::Shared | Mode::Upgradable => {
                count(&self.signals.uncontended, mode);
                is_sampled()
            }
        };
        let since = if is_sampled { Since::Sampled(now_ns()) } else { Since::Untimed };
        Tenure { mode, since, seat: self.take_seat(mode, who, site, None) }
    }

    /// Begins to wait, until the returned value is dropped.
    pub(crate) fn wait(&self, mode: Mode, by: By) -> Waiting<'_> {
        let wait = self.resource.wait(by);
        Waiting { lock: self, mode, by, wait, stay: self.signals.waiters.enter() }
    }

    /// Acquires for a thread: tries, and waits only if that fails.
    #[inline]
    pub(crate) fn acquire<G>(
        &self,
        mode: Mode,
        site: Site,
        try_now: impl FnOnce() -> Option<G>,
        wait: impl FnOnce() -> G,
    ) -> (Hold<&Self>, G) {
        match self.try_acquire(mode, site, try_now) {
            Some(acquired) => acquired,
            None => self.acquire_after(mode, blocking(site), wait),
        }
    }

    #[cold]
    fn acquire_after<G>(&self, mode: Mode, by: By, wait: impl FnOnce() -> G) -> (Hold<&Self>, G) {
        let waiting = self.wait(mode, by);
        let guard = wait();
        (Hold::new(self, waiting.acquired()), guard)
    }

    /// Acquires for a thread that may give up: tries, and waits only if that fails.
    #[inline]
    pub(crate) fn acquire_or_give_up<G>(
        &self,
        mode: Mode,
        site: Site,
        try_now: impl FnOnce() -> Option<G>,
        wait: impl FnOnce() -> Option<G>,
    ) -> Option<(Hold<&Self>, G)> {
        if let Some(acquired) = self.try_acquire(mode, site, try_now) {
            return Some(acquired);
        }
        let waiting = self.wait(mode, By { gives_up: true, ..blocking(site) });
        let guard = wait()?;
        Some((Hold::new(self, waiting.acquired()), guard))
    }

    /// Acquires if that needs no wait.
    #[inline]
    pub(crate) fn try_acquire<G>(
        &self,
        mode: Mode,
        site: Site,
        try_now: impl FnOnce() -> Option<G>,
    ) -> Option<(Hold<&Self>, G)> {
        let guard = try_now()?;
        Some((Hold::at_once(self, mode, site), guard))
    }

    #[inline]
    fn take_seat(&self, mode: Mode, who: Who, site: Site, since_ns: Option<u64>) -> Seat {
        match mode {
            Mode::Exclusive => self.resource.hold(who, site, since_ns),
            Mode::Shared | Mode::Upgradable => self.resource.share(who, site, since_ns),
        }
    }

    #[inline]
    pub(super) fn held(&self, tenure: Tenure) {
        let since_ns = match tenure.since {
            Since::Contended(since_ns) => Some(since_ns),
            Since::Sampled(_) | Since::Untimed => None,
        };
        let signals = &self.signals;
        let (hold, ns) = match (self.resource.release(tenure.seat, since_ns), tenure.since) {
            (Some((from_ns, until_ns)), _) => (signals.hold, until_ns.saturating_sub(from_ns)),
            (None, Since::Sampled(since_ns)) => {
                (signals.hold_sampled, now_ns().saturating_sub(since_ns))
            }
            (None, Since::Contended(_) | Since::Untimed) => return,
        };
        hold.observe_as(ns, tenure.mode.index());
    }
}

/// When a hold began, if its time is known.
#[derive(Clone, Copy, Debug)]
enum Since {
    /// It was acquired after a wait.
    Contended(u64),
    /// It was acquired at once and is one of the sample.
    Sampled(u64),
    /// It was acquired at once.
    Untimed,
}

/// What an acquisition leaves with its guard until the release.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tenure {
    pub(super) mode: Mode,
    since: Since,
    pub(super) seat: Seat,
}

/// A wait for a lock. It counts when it is dropped, so one that is cancelled counts as well.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    lock: &'a Lock,
    mode: Mode,
    by: By,
    wait: Wait,
    stay: Stay,
}

impl Waiting<'_> {
    /// Ends the wait with the lock acquired by `who`: the waiter, or [`Who::UNKNOWN`].
    pub(crate) fn acquired_by(mut self, who: Who) -> Tenure {
        let at_ns = self.wait.finish();
        self.stay.set_outcome(Outcome::Ok);
        count(&self.lock.signals.contended, self.mode);
        let seat = self.lock.take_seat(self.mode, who, self.by.site, Some(at_ns));
        Tenure { mode: self.mode, since: Since::Contended(at_ns), seat }
    }

    /// Ends the wait with the lock acquired by the waiter.
    pub(crate) fn acquired(self) -> Tenure {
        let who = self.by.who;
        self.acquired_by(who)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let waited_ns = self.wait.finish().saturating_sub(self.wait.since_ns());
        self.lock.signals.wait.observe_as(waited_ns, self.mode.index());
    }
}

#[inline]
fn count(by_mode: &[Count], mode: Mode) {
    if let Some(count) = by_mode.get(usize::from(mode.index())) {
        count.increment();
    }
}

/// Picks one in [`SAMPLE_EVERY`] of this thread's uncontended acquisitions that share.
#[inline]
fn is_sampled() -> bool {
    thread_local! {
        static COUNT: Cell<u32> = const { Cell::new(0) };
    }
    // A thread that is being torn down samples nothing.
    COUNT
        .try_with(|count| count.replace(count.get().wrapping_add(1)) % SAMPLE_EVERY == 0)
        .unwrap_or(false)
}
