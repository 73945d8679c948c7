use super::{Site, Who};
use crossbeam_utils::atomic::AtomicCell;
use std::sync::atomic::{AtomicU64, Ordering};

/// Who holds, and where it was acquired: words that only their holder writes.
#[derive(Default)]
pub(super) struct Holder {
    /// Nobody, or [`Who::word`].
    who: AtomicU64,
    /// It stays when the holder goes: the wait until the next one comes is still charged to it.
    site: AtomicCell<Option<Site>>,
    /// When the hold began, or 0 if it was acquired at once: then no one read a clock.
    since_ns: AtomicU64,
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

impl Holder {
    #[inline]
    pub(super) fn set(&self, who: Who, site: Site, since_ns: Option<u64>) {
        self.site.store(Some(site));
        self.since_ns.store(since_ns.unwrap_or(0), Ordering::Relaxed);
        // Release: whoever sees the holder sees the rest.
        self.who.store(who.word(), Ordering::Release);
    }

    /// Takes the place if nobody has it.
    #[inline]
    pub(super) fn try_set(&self, who: Who, site: Site, since_ns: Option<u64>) -> bool {
        let free = self.who.load(Ordering::Relaxed) == 0;
        // Taken as unknown, until the rest is written.
        let unknown = Who::UNKNOWN.word();
        let taken = free
            && self.who.compare_exchange(0, unknown, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if taken {
            self.set(who, site, since_ns);
        }
        taken
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

    #[inline]
    pub(super) fn clear(&self) {
        self.who.store(0, Ordering::Release);
    }

    pub(super) fn is_free(&self) -> bool {
        self.who.load(Ordering::Relaxed) == 0
    }

    pub(super) fn site(&self) -> Option<Site> {
        self.site.load()
    }

    pub(super) fn set_site(&self, site: Option<Site>) {
        self.site.store(site);
    }

    /// Returns the hold that lasts, unless it changes meanwhile.
    pub(super) fn live(&self) -> Option<LiveHold> {
        let before = self.who.load(Ordering::Acquire);
        let since_ns = Some(self.since_ns.load(Ordering::Relaxed)).filter(|since_ns| *since_ns > 0);
        let site = self.site.load();
        let who = Who::of_word(self.who.load(Ordering::Acquire))?;
        (who.word() == before).then_some(LiveHold { who, site, since_ns })
    }
}
