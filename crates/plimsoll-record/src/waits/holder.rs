use super::{Site, Who};
use crate::clock::now_ns;
use crossbeam_utils::atomic::AtomicCell;
use std::sync::atomic::{AtomicU64, Ordering};

/// One in so many holds that needed no wait is timed.
const SAMPLE_EVERY: u64 = 64;

/// Marks the beginning of a hold that is timed only because it is one of the sample.
const SAMPLED: u64 = 1 << 63;

/// Who holds, and where it was acquired: words that only their holder writes.
pub(super) struct Holder {
    /// Nobody, or [`Who::word`].
    who: AtomicU64,
    /// It stays when the holder goes: the wait until the next one comes is still charged to it.
    site: AtomicCell<Option<Site>>,
    /// When the hold began, or 0 if it isn't timed: then no one read a clock.
    since: AtomicU64,
    /// The holds that needed no wait, on top of where the count began. Whoever holds is the only one
    /// that writes it, which takes no read-modify-write.
    count: AtomicU64,
}

/// A hold that lasts.
#[derive(Clone, Copy, Debug)]
pub struct LiveHold {
    /// Who holds.
    pub who: Who,
    /// Where it was acquired.
    pub site: Option<Site>,
    /// When it was acquired, on the clock of [`crate::clock::now_ns`]; none if that was without a
    /// wait, which reads no clock.
    pub since_ns: Option<u64>,
}

/// What is known of when a hold began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// Nothing: it needed no wait.
    Untimed,
    /// It needed no wait, and is one of the sample.
    Sampled(u64),
    /// It was acquired after a wait.
    Waited(u64),
}

impl Since {
    pub(super) fn of_word(word: u64) -> Self {
        match word {
            0 => Self::Untimed,
            since if since & SAMPLED == 0 => Self::Waited(since),
            since => Self::Sampled(since & !SAMPLED),
        }
    }

    /// Returns when it began, if it was acquired after a wait.
    pub(super) fn waited_ns(self) -> Option<u64> {
        match self {
            Self::Waited(since_ns) => Some(since_ns),
            Self::Untimed | Self::Sampled(_) => None,
        }
    }
}

impl Holder {
    /// Makes a free place whose first timed hold depends on `number`, so that of resources which are
    /// seldom held some are sampled as well.
    pub(super) fn new(number: u64) -> Self {
        Self {
            who: AtomicU64::new(0),
            site: AtomicCell::new(None),
            since: AtomicU64::new(0),
            count: AtomicU64::new(number % SAMPLE_EVERY),
        }
    }

    /// Counts and begins a hold that needed no wait.
    #[inline]
    pub(super) fn set_at_once(&self, who: Who, site: Site) {
        let count = self.count.load(Ordering::Relaxed);
        self.count.store(count.wrapping_add(1), Ordering::Relaxed);
        self.site.store(Some(site));
        // Release: whoever sees the holder sees the rest.
        self.who.store(who.word(), Ordering::Release);
        if count.is_multiple_of(SAMPLE_EVERY) {
            self.sample();
        }
    }

    #[cold]
    #[inline(never)]
    fn sample(&self) {
        self.since.store(now_ns() | SAMPLED, Ordering::Relaxed);
    }

    /// Begins a hold, `since_ns` if it was acquired after a wait.
    #[inline]
    pub(super) fn set(&self, who: Who, site: Site, since_ns: Option<u64>) {
        self.site.store(Some(site));
        self.since.store(since_ns.unwrap_or(0) & !SAMPLED, Ordering::Relaxed);
        self.who.store(who.word(), Ordering::Release);
    }

    /// Takes the place if nobody has it, until it is set or cleared.
    #[inline]
    pub(super) fn take(&self) -> bool {
        // Taken as unknown, until the rest is written.
        let unknown = Who::UNKNOWN.word();
        self.is_free()
            && self.who.compare_exchange(0, unknown, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Says who has it now, of a hold that may be handed on.
    #[inline]
    pub(super) fn hand_to(&self, who: Who) {
        if self.who.load(Ordering::Relaxed) != who.word() {
            self.who.store(who.word(), Ordering::Release);
        }
    }

    /// Says who has it for good, and where, unless that is so already.
    #[inline]
    pub(super) fn attend(&self, who: Who, site: Site) {
        if self.who.load(Ordering::Relaxed) != who.word() {
            self.set(who, site, None);
        }
    }

    /// Says who has it, as long as it is one and the same; once a second one comes, nobody knows.
    #[inline]
    pub(super) fn attend_alone(&self, who: Who, site: Site) {
        match self.who.load(Ordering::Relaxed) {
            0 => self.set(who, site, None),
            known if known == who.word() => {}
            _ => self.hand_to(Who::UNKNOWN),
        }
    }

    /// Returns a word that is 0 when the hold isn't timed.
    #[inline]
    pub(super) fn since_word(&self) -> u64 {
        self.since.load(Ordering::Relaxed)
    }

    /// Returns when the hold began.
    pub(super) fn since(&self) -> Since {
        Since::of_word(self.since_word())
    }

    /// Ends a hold that isn't timed.
    #[inline]
    pub(super) fn clear(&self) {
        self.who.store(0, Ordering::Release);
    }

    /// Ends a hold that may be timed.
    pub(super) fn clear_timed(&self) {
        self.since.store(0, Ordering::Relaxed);
        self.clear();
    }

    #[inline]
    pub(super) fn is_free(&self) -> bool {
        self.who.load(Ordering::Relaxed) == 0
    }

    pub(super) fn site(&self) -> Option<Site> {
        self.site.load()
    }

    pub(super) fn set_site(&self, site: Option<Site>) {
        self.site.store(site);
    }

    /// Returns how many holds needed no wait, of a place that was made with `number`.
    pub(super) fn at_once(&self, number: u64) -> u64 {
        self.count.load(Ordering::Relaxed).wrapping_sub(number % SAMPLE_EVERY)
    }

    /// Returns the hold that lasts, unless it changes meanwhile.
    pub(super) fn live(&self) -> Option<LiveHold> {
        let before = self.who.load(Ordering::Acquire);
        let since_ns = self.since().waited_ns();
        let site = self.site.load();
        let who = Who::of_word(self.who.load(Ordering::Acquire))?;
        (who.word() == before).then_some(LiveHold { who, site, since_ns })
    }
}
