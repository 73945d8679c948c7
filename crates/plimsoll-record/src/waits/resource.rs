use super::crowd::Crowd;
use super::holder::{Holder, LiveHold};
use super::{Blame, Role, Site, Span, Wait, Who, past};
use crate::clock::now_ns;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// How many sharers of one resource are told apart at most.
const SEATS_MAX: usize = 64;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A mutex: whoever holds it holds it alone.
    Mutex,
    /// A read-write lock: a writer holds it alone, readers share it.
    RwLock,
    /// Permits: any holder that gives one back helps.
    Semaphore,
    /// Threads or connections: any holder that gives one back helps.
    Pool,
    /// The room in a bounded channel; its receiver counts as the holder.
    Channel,
    /// A value that one makes while others wait for it.
    Once,
}

impl Kind {
    /// Returns its name, as the admin API gives it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mutex => "mutex",
            Self::RwLock => "rwlock",
            Self::Semaphore => "semaphore",
            Self::Pool => "pool",
            Self::Channel => "channel",
            Self::Once => "once",
        }
    }

    /// Returns the kind of a cycle of such resources alone, the value of the label `kind`.
    pub(super) fn cycle(self) -> &'static str {
        match self {
            Self::Mutex | Self::RwLock | Self::Once => "lock",
            Self::Semaphore => "semaphore",
            Self::Pool => "pool",
            Self::Channel => "channel",
        }
    }

    /// Says whether any one holder can end a wait, so that it is stuck only when all of them are.
    pub(super) fn any_holder_helps(self) -> bool {
        matches!(self, Self::Semaphore | Self::Pool)
    }
}

/// What all resources of one name share.
#[derive(Debug)]
pub struct What {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Where waits are charged to; none if nobody asks whose fault they are.
    pub blame: Option<Arc<Blame>>,
}

/// Who acquires, and where.
#[derive(Clone, Copy, Debug)]
pub struct By {
    /// The task, else the thread; [`Who::UNKNOWN`] if the guard may be handed to another task.
    pub who: Who,
    /// The thread that a wait blocks, if it blocks one.
    pub thread: Option<Who>,
    /// The call site.
    pub site: Site,
    /// The wait ends by itself after a time, so that it is never part of a deadlock.
    pub gives_up: bool,
}

/// One lock, semaphore, pool or channel: who holds it, and who waits.
///
/// An acquisition that needs no wait costs three stores and two loads here; of those that share it, an
/// exchange more.
pub struct Resource {
    number: u64,
    what: Arc<What>,
    made_at: Site,
    alone: Holder,
    seats: Box<[Holder]>,
    /// Sharers that found no seat.
    untold: AtomicU32,
    crowd: Crowd,
    /// When the first of those that wait for this holder began to, or 0.
    waited_for_since_ns: AtomicU64,
}

/// A holder's place in its [`Resource`], to be given back when it releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    /// It holds alone.
    Alone,
    /// It shares.
    Shared(u32),
    /// It shares, and nobody knows that it does: there are too many.
    Untold,
}

impl Resource {
    /// Makes a resource that nobody holds, and that `sharers` may share, 0 of a mutex. Beyond 64 they
    /// aren't told apart.
    pub fn new(what: Arc<What>, sharers: usize, made_at: Site) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Arc::new(Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            what,
            made_at,
            alone: Holder::default(),
            seats: (0..sharers.min(SEATS_MAX)).map(|_| Holder::default()).collect(),
            untold: AtomicU32::new(0),
            crowd: Crowd::default(),
            waited_for_since_ns: AtomicU64::new(0),
        })
    }

    /// Returns its number, in the order in which the process made them.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns what it shares with others of its name.
    pub fn what(&self) -> &What {
        &self.what
    }

    pub(super) fn shared_what(&self) -> Arc<What> {
        Arc::clone(&self.what)
    }

    /// Returns where it was made.
    pub fn made_at(&self) -> Site {
        self.made_at
    }

    /// Notes who holds it alone from now on, `since_ns` if it was acquired after a wait.
    #[inline]
    pub fn hold(&self, who: Who, site: Site, since_ns: Option<u64>) -> Seat {
        if self.crowd.is_there() {
            self.change_holder(since_ns);
        }
        self.alone.set(who, site, since_ns);
        Seat::Alone
    }

    /// Notes who shares it from now on, `since_ns` if it was acquired after a wait.
    #[inline]
    pub fn share(&self, who: Who, site: Site, since_ns: Option<u64>) -> Seat {
        if self.crowd.is_there() {
            self.change_holder(since_ns);
        }
        let start = (who.word().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize;
        let count = self.seats.len();
        for place in (0..count).map(|step| start.wrapping_add(step) % count) {
            if self.seats.get(place).is_some_and(|seat| seat.try_set(who, site, since_ns)) {
                return Seat::Shared(place as u32);
            }
        }
        self.untold.fetch_add(1, Ordering::Relaxed);
        Seat::Untold
    }

    /// Notes who receives from a channel with one receiver; it costs a comparison when that is known.
    #[inline]
    pub fn attend(&self, who: Who, site: Site) {
        self.alone.attend(who, site);
    }

    /// Notes who receives from a channel that several may receive from: when a second one comes, nobody
    /// is known to be the one whom senders wait for.
    #[inline]
    pub fn attend_alone(&self, who: Who, site: Site) {
        self.alone.attend_alone(who, site);
    }

    /// Notes who has it now, of a guard that may have been handed on since it was acquired.
    #[inline]
    pub fn hand_to(&self, seat: Seat, who: Who) {
        if let Some(holder) = self.holder(seat) {
            holder.hand_to(who);
        }
    }

    /// Notes that a holder is about to release it; `since_ns` is what its acquisition gave.
    ///
    /// Returns from when to when it made others wait: from its acquisition if that was after a wait,
    /// else from the first waiter on; none if nobody waited, and then no clock is read.
    #[inline]
    pub fn release(&self, seat: Seat, since_ns: Option<u64>) -> Option<(u64, u64)> {
        // A release that nobody waited for only reads the line: a swap would make readers contend.
        let waited_for_ns = match self.waited_for_since_ns.load(Ordering::Relaxed) {
            0 => None,
            _ => Some(self.waited_for_since_ns.swap(0, Ordering::Relaxed)),
        };
        let from_ns = since_ns.or(waited_for_ns.filter(|since_ns| *since_ns > 0));
        let made_wait = if from_ns.is_some() || self.crowd.is_there() {
            let until_ns = self.release_crowded(seat, from_ns);
            from_ns.map(|from_ns| (from_ns, until_ns))
        } else {
            None
        };
        match self.holder(seat) {
            Some(holder) => holder.clear(),
            None => {
                self.untold.fetch_sub(1, Ordering::Relaxed);
            }
        }
        made_wait
    }

    /// Begins to wait, until the returned value is finished or dropped.
    pub fn wait(self: &Arc<Self>, by: By) -> Wait {
        Wait::begin(Arc::clone(self), by)
    }

    /// Returns who holds it, as far as that is known; and how many more do.
    pub fn holders(&self) -> (Vec<LiveHold>, u32) {
        (self.known_holders().collect(), self.untold.load(Ordering::Relaxed))
    }

    /// Returns one who holds it, if any is known.
    pub(super) fn first_holder(&self) -> Option<LiveHold> {
        self.known_holders().next()
    }

    fn known_holders(&self) -> impl Iterator<Item = LiveHold> {
        std::iter::once(&self.alone).chain(&self.seats).filter_map(Holder::live)
    }

    /// Adds a waiter. Says whether there was room to charge its wait.
    pub(super) fn join(&self, at_ns: u64) -> bool {
        // A later waiter leaves the first one's time as it is.
        let _ = self.waited_for_since_ns.compare_exchange(
            0,
            at_ns.max(1),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        self.crowd.join(at_ns)
    }

    /// Takes a waiter out, and charges what is left of its wait.
    pub(super) fn leave(&self, at_ns: u64) {
        self.crowd.leave(at_ns);
        self.charge(at_ns);
    }

    /// Charges what all have waited until now to whoever holds it, or held it last.
    pub(super) fn charge(&self, at_ns: u64) {
        let shared = || self.seats.iter().find(|seat| !seat.is_free());
        let holder =
            if self.alone.is_free() { shared().unwrap_or(&self.alone) } else { &self.alone };
        self.charge_to(holder.site(), at_ns);
    }

    fn charge_to(&self, site: Option<Site>, at_ns: u64) {
        if let Some(blame) = &self.what.blame {
            blame.charge(site, self.crowd.uncharged_ns(at_ns));
        }
    }

    /// Charges the wait until now to the last holder, before another is noted.
    #[cold]
    fn change_holder(&self, since_ns: Option<u64>) {
        let at_ns = since_ns.unwrap_or_else(now_ns);
        self.charge(at_ns);
        if since_ns.is_none() {
            let _ = self.waited_for_since_ns.compare_exchange(
                0,
                at_ns,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
        }
    }

    /// Charges the wait until now to the holder that releases, and keeps the hold; returns the time.
    #[cold]
    fn release_crowded(&self, seat: Seat, from_ns: Option<u64>) -> u64 {
        let at_ns = now_ns();
        let hold = self.holder(seat).and_then(Holder::live);
        let site = self.holder(seat).and_then(Holder::site);
        if let (Some(hold), Some(from_ns)) = (hold, from_ns) {
            self.keep(hold.who, site, (from_ns, at_ns), Role::Hold);
        }
        if self.crowd.is_there() {
            self.charge_to(site, at_ns);
        }
        if seat != Seat::Alone && self.alone.is_free() {
            // What follows until the next holder is charged to the last one.
            self.alone.set_site(site);
        }
        at_ns
    }

    /// Keeps a wait or a hold that has ended, for the timeline.
    pub(super) fn keep(
        &self,
        who: Who,
        site: Option<Site>,
        (from_ns, until_ns): (u64, u64),
        role: Role,
    ) {
        past::keep(Span {
            what: self.shared_what(),
            number: self.number,
            made_at: self.made_at,
            who,
            site,
            from_ns,
            until_ns: Some(until_ns),
            role,
        });
    }

    fn holder(&self, seat: Seat) -> Option<&Holder> {
        match seat {
            Seat::Alone => Some(&self.alone),
            Seat::Shared(place) => self.seats.get(place as usize),
            Seat::Untold => None,
        }
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} #{}", self.what.kind.name(), self.what.name, self.number)
    }
}
