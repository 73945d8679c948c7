//! What every lock records, and when.

use super::hold::Hold;
use super::mode::Mode;
use crate::Name;
use crate::instrument::{Count, Distribution, Level, Stay, counters};
use crate::who::{blocking, task_or_root};
use plimsoll_model::{Labels, catalog};
use plimsoll_record::waits::{By, Held, Kind, Resource, Seat, Site, Wait, What, Who};
use plimsoll_record::{ActivitySpec, HistogramSpec, Outcome, Registry, Split};
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What sort of lock it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sort {
    kind: Kind,
    /// The values of the label `mode`, in the order of [`Mode::INDEX`].
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

/// One lock: the instruments that it shares with others of its name, and who holds it.
#[derive(Clone, Debug)]
pub(crate) struct Lock {
    signals: Arc<LockSignals>,
    pub(super) resource: Arc<Resource>,
}

/// The instruments of all locks of one kind and name.
#[derive(Debug)]
struct LockSignals {
    what: Arc<What>,
    wait: Distribution,
    waiters: Level,
    hold: Distribution,
    hold_sampled: Distribution,
    /// By mode.
    uncontended: Vec<Count>,
    contended: Vec<Count>,
}

impl LockSignals {
    fn new(registry: &Registry, name: &Name, labels: &Labels, sort: &Sort) -> Self {
        let Sort { kind, modes, .. } = *sort;
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
        let blame = registry.blame(&catalog::LOCK_BLAMED, labels.clone()).ok();
        let what = What::new(kind, &*name.text).blaming(blame).counting(counters(&uncontended));
        let what = Arc::new(what);
        add_up_at_snapshots(registry, &what);
        Self {
            what,
            // An acquisition that didn't wait is a wait of 0, and is counted once only.
            wait: distribution(&catalog::LOCK_WAIT, &uncontended),
            hold: distribution(&catalog::LOCK_HOLD, &[]),
            hold_sampled: distribution(&catalog::LOCK_HOLD_SAMPLED, &[]),
            waiters: Level::new(
                registry,
                ActivitySpec::new(&catalog::LOCK_WAITERS, labels.clone()),
            ),
            uncontended,
            contended: acquisitions("true"),
        }
    }
}

impl Lock {
    /// Makes an instance; the first of its name registers the name.
    pub(crate) fn new(registry: &Registry, name: &Name, sort: &Sort, made_at: Site) -> Self {
        let labels = name.under("lock");
        let signals = registry.shared(&catalog::LOCK_WAIT, sort.variant, labels, |labels| {
            LockSignals::new(registry, name, labels, sort)
        });
        let readers = if sort.kind == Kind::RwLock { READERS } else { 0 };
        let resource = Resource::new(Arc::clone(&signals.what), readers, made_at);
        Self { signals, resource }
    }

    /// Counts an acquisition that didn't wait, of a holder that nobody knows.
    #[cold]
    pub(super) fn count_at_once(&self, mode: u8) {
        count(&self.signals.uncontended, mode);
    }

    /// Begins to wait, until the returned value is dropped.
    pub(crate) fn wait<M: Mode>(&self, by: By) -> Waiting<'_, M> {
        let (wait, stay) = (self.resource.wait(by), self.signals.waiters.enter());
        Waiting { lock: self, by, wait, stay, mode: PhantomData }
    }

    /// Begins to wait as a thread does.
    #[cold]
    #[inline(never)]
    pub(crate) fn wait_blocking<M: Mode>(&self, site: Site) -> Waiting<'_, M> {
        self.wait(blocking(site))
    }

    /// Acquires for a thread: tries, and waits only if that fails.
    #[inline]
    pub(crate) fn acquire<M: Mode, G>(
        &self,
        site: Site,
        try_now: impl FnOnce() -> Option<G>,
        wait: impl FnOnce() -> G,
    ) -> (Hold<&Self, M>, G) {
        // Asked before the lock is there: it is held for less long, and the processor has less to
        // finish before it releases it.
        let who = task_or_root();
        match try_now() {
            Some(guard) => (Hold::at_once(self, who, site), guard),
            None => self.acquire_after(blocking(site), wait),
        }
    }

    #[cold]
    #[inline(never)]
    fn acquire_after<M: Mode, G>(&self, by: By, wait: impl FnOnce() -> G) -> (Hold<&Self, M>, G) {
        let waiting = self.wait(by);
        let guard = wait();
        (waiting.acquired(), guard)
    }

    /// Acquires for a thread that may give up: tries, and waits only if that fails.
    #[inline]
    pub(crate) fn acquire_or_give_up<M: Mode, G>(
        &self,
        site: Site,
        try_now: impl FnOnce() -> Option<G>,
        wait: impl FnOnce() -> Option<G>,
    ) -> Option<(Hold<&Self, M>, G)> {
        if let Some(acquired) = self.try_acquire(site, try_now) {
            return Some(acquired);
        }
        let waiting = self.wait(By { gives_up: true, ..blocking(site) });
        let guard = wait()?;
        Some((waiting.acquired(), guard))
    }

    /// Acquires if that needs no wait.
    #[inline]
    pub(crate) fn try_acquire<M: Mode, G>(
        &self,
        site: Site,
        try_now: impl FnOnce() -> Option<G>,
    ) -> Option<(Hold<&Self, M>, G)> {
        let guard = try_now()?;
        Some((Hold::at_once(self, task_or_root(), site), guard))
    }

    /// Ends a hold, before the lock is released.
    #[inline]
    pub(super) fn end<M: Mode>(&self, mode: M) {
        if !self.resource.release_untimed(mode.seat()) {
            end_timed(self, mode.seat(), M::INDEX);
        }
    }
}

/// Ends a hold that is timed. Of the C convention, because that lets no panic out: so the compiler knows
/// that nothing interrupts a guard's drop, and keeps the guard in registers.
#[cold]
#[inline(never)]
extern "C" fn end_timed(lock: &Lock, seat: Seat, mode: u8) {
    match lock.resource.release(seat) {
        Some(Held::MadeWait(ns)) => lock.signals.hold.observe_as(ns, mode),
        Some(Held::Sampled(ns)) => lock.signals.hold_sampled.observe_as(ns, mode),
        None => {}
    }
}

/// Brings the counters of acquisitions up to date before each snapshot, while there is such a lock.
fn add_up_at_snapshots(registry: &Registry, what: &Arc<What>) {
    let what = Arc::downgrade(what);
    registry.on_snapshot(move || match what.upgrade() {
        Some(what) => {
            what.add_up();
            ControlFlow::Continue(())
        }
        None => ControlFlow::Break(()),
    });
}

/// A wait for a lock. It counts when it is dropped, so one that is cancelled counts as well.
#[derive(Debug)]
pub(crate) struct Waiting<'a, M: Mode> {
    lock: &'a Lock,
    by: By,
    wait: Wait,
    stay: Stay,
    mode: PhantomData<M>,
}

impl<'a, M: Mode> Waiting<'a, M> {
    /// Ends the wait with the lock acquired by `who`: the waiter, or [`Who::UNKNOWN`].
    pub(crate) fn acquired_by(mut self, who: Who) -> M {
        let at_ns = self.wait.finish();
        self.stay.set_outcome(Outcome::Ok);
        count(&self.lock.signals.contended, M::INDEX);
        M::begin_after(self.lock, who, self.by.site, at_ns)
    }

    /// Ends the wait with the lock acquired by the waiter.
    #[cold]
    #[inline(never)]
    pub(crate) fn acquired(self) -> Hold<&'a Lock, M> {
        let (lock, who) = (self.lock, self.by.who);
        Hold::new(lock, self.acquired_by(who))
    }
}

impl<M: Mode> Drop for Waiting<'_, M> {
    fn drop(&mut self) {
        let waited_ns = self.wait.finish().saturating_sub(self.wait.since_ns());
        self.lock.signals.wait.observe_as(waited_ns, M::INDEX);
    }
}

fn count(by_mode: &[Count], mode: u8) {
    if let Some(count) = by_mode.get(usize::from(mode)) {
        count.increment();
    }
}
