use super::crowd::Crowd;
use super::holder::{Holder, LiveHold, Since};
use super::{Held, Role, Seat, Site, Span, Wait, What, Who, past};
use crate::clock::now_ns;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// How many sharers of one resource are told apart at most.
const SEATS_MAX: usize = 64;

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
/// An acquisition that needs no wait costs three stores and three loads here; of those that share it, an
/// exchange more.
pub struct Resource {
    line: Line,
    number: u64,
    what: Arc<What>,
    made_at: Site,
    /// Those of sharers, after that of the reader who may become the writer: there is one at most.
    seats: Box<[Holder]>,
    /// Sharers that found no seat.
    untold: AtomicU32,
    /// Its place among what is counted.
    place: Option<usize>,
}

/// What an acquisition and a release touch, on a line of its own.
#[repr(align(64))]
struct Line {
    alone: Holder,
    crowd: Crowd,
    /// When the first of those that wait for this holder began to, or 0.
    waited_for_since_ns: AtomicU64,
}

impl Resource {
    /// Makes a resource that nobody holds, and that `sharers` may share, 0 of a mutex. Beyond 64 they
    /// aren't told apart.
    pub fn new(what: Arc<What>, sharers: usize, made_at: Site) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let seats = if sharers == 0 { 0 } else { 1 + sharers.min(SEATS_MAX) };
        What::enlist(&Arc::clone(&what), |place| Self {
            line: Line {
                alone: Holder::new(number),
                crowd: Crowd::default(),
                waited_for_since_ns: AtomicU64::new(0),
            },
            number,
            what,
            made_at,
            seats: (0..seats).map(|_| Holder::new(number)).collect(),
            untold: AtomicU32::new(0),
            place,
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

    /// Counts an acquisition that needed no wait, and notes who holds it from now on, in a seat that one
    /// alone can have at a time. One in 64 reads a clock.
    #[inline]
    pub fn hold_at_once(&self, seat: Seat, who: Who, site: Site) {
        if self.line.crowd.is_there() {
            self.change_holder(None);
        }
        if let Some(holder) = self.holder(seat) {
            holder.set_at_once(who, site);
        }
    }

    /// Notes who holds it from now on, acquired after a wait at `since_ns`, in such a seat.
    pub fn hold(&self, seat: Seat, who: Who, site: Site, since_ns: u64) {
        if self.line.crowd.is_there() {
            self.change_holder(Some(since_ns));
        }
        if let Some(holder) = self.holder(seat) {
            holder.set(who, site, Some(since_ns));
        }
    }

    /// Notes who shares it from now on, and counts an acquisition that needed no wait, unless there is
    /// no seat. One in 64 reads a clock.
    #[inline]
    pub fn share_at_once(&self, who: Who, site: Site) -> Seat {
        match self.take_seat(who, None) {
            Some((place, seat)) => {
                seat.set_at_once(who, site);
                Seat::at(place)
            }
            None => self.stand(None),
        }
    }

    /// Notes who shares it from now on, `since_ns` if it was acquired after a wait.
    pub fn share(&self, who: Who, site: Site, since_ns: Option<u64>) -> Seat {
        match self.take_seat(who, since_ns) {
            Some((place, seat)) => {
                seat.set(who, site, since_ns);
                Seat::at(place)
            }
            None => self.stand(since_ns),
        }
    }

    /// Takes the seat that the holder would have each time, or another one that is free.
    #[inline]
    fn take_seat(&self, who: Who, since_ns: Option<u64>) -> Option<(usize, &Holder)> {
        if self.line.crowd.is_there() {
            self.change_holder(since_ns);
        }
        let sharers = self.seats.len().saturating_sub(1) as u64;
        // The upper half of a product, instead of a remainder, which takes a division.
        let spread = who.word().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let place = 1 + ((spread * sharers) >> 32) as usize;
        match self.seats.get(place) {
            Some(seat) if seat.take() => Some((place, seat)),
            _ => self.take_other_seat(place),
        }
    }

    #[cold]
    #[inline(never)]
    fn take_other_seat(&self, than: usize) -> Option<(usize, &Holder)> {
        let shared = || self.seats.iter().enumerate().skip(1);
        shared().skip(than).chain(shared().take(than)).find(|(_, seat)| seat.take())
    }

    /// Notes that one more shares it than there are seats.
    #[cold]
    fn stand(&self, since_ns: Option<u64>) -> Seat {
        self.untold.fetch_add(1, Ordering::Relaxed);
        Seat::untold(since_ns)
    }

    /// Notes who receives from a channel with one receiver; it costs a comparison when that is known.
    #[inline]
    pub fn attend(&self, who: Who, site: Site) {
        self.line.alone.attend(who, site);
    }

    /// Notes who receives from a channel that several may receive from: when a second one comes, nobody
    /// is known to be the one whom senders wait for.
    #[inline]
    pub fn attend_alone(&self, who: Who, site: Site) {
        self.line.alone.attend_alone(who, site);
    }

    /// Notes who has it now, of a guard that may have been handed on since it was acquired.
    #[inline]
    pub fn hand_to(&self, seat: Seat, who: Who) {
        if let Some(holder) = self.holder(seat) {
            holder.hand_to(who);
        }
    }

    /// Notes that a holder is about to release it, if that takes no clock: nobody waited for it, and the
    /// hold isn't timed. If not, it says so, and [`Resource::release`] is left to do.
    #[inline]
    #[must_use = "a hold that isn't released stays"]
    pub fn release_untimed(&self, seat: Seat) -> bool {
        // One test of all together, since that is nearly always all that is done here.
        let waited =
            self.line.crowd.count() | self.line.waited_for_since_ns.load(Ordering::Relaxed);
        match self.holder(seat) {
            Some(holder) if waited | holder.since_word() == 0 => {
                holder.clear();
                true
            }
            _ => false,
        }
    }

    /// Notes that a holder is about to release it. Returns its hold, if that is known in time.
    pub fn release(&self, seat: Seat) -> Option<Held> {
        // A release that nobody waited for only reads the line: a swap would make readers contend.
        let waited_for_ns = match self.line.waited_for_since_ns.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.line.waited_for_since_ns.swap(0, Ordering::Relaxed),
        };
        let since = match self.holder(seat) {
            Some(holder) => holder.since(),
            None => seat.untold_since_ns().map_or(Since::Untimed, Since::Waited),
        };
        let made_wait_ns = since.waited_ns().or(Some(waited_for_ns).filter(|ns| *ns > 0));
        let held = if made_wait_ns.is_some() || self.line.crowd.is_there() {
            let until_ns = self.release_crowded(seat, made_wait_ns);
            made_wait_ns.map(|from_ns| Held::MadeWait(until_ns.saturating_sub(from_ns)))
        } else if let Since::Sampled(from_ns) = since {
            Some(Held::Sampled(now_ns().saturating_sub(from_ns)))
        } else {
            None
        };
        match self.holder(seat) {
            Some(holder) => holder.clear_timed(),
            None => {
                self.untold.fetch_sub(1, Ordering::Relaxed);
            }
        }
        held
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
        std::iter::once(&self.line.alone).chain(&self.seats).filter_map(Holder::live)
    }

    /// Adds a waiter. Says whether there was room to charge its wait.
    pub(super) fn join(&self, at_ns: u64) -> bool {
        // A later waiter leaves the first one's time as it is.
        let _ = self.line.waited_for_since_ns.compare_exchange(
            0,
            at_ns.max(1),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        self.line.crowd.join(at_ns)
    }

    /// Takes a waiter out, and charges what is left of its wait.
    pub(super) fn leave(&self, at_ns: u64) {
        self.line.crowd.leave(at_ns);
        self.charge(at_ns);
    }

    /// Charges what all have waited until now to whoever holds it, or held it last.
    pub(super) fn charge(&self, at_ns: u64) {
        let shared = || self.seats.iter().find(|seat| !seat.is_free());
        let holder = if self.line.alone.is_free() {
            shared().unwrap_or(&self.line.alone)
        } else {
            &self.line.alone
        };
        self.charge_to(holder.site(), at_ns);
    }

    fn charge_to(&self, site: Option<Site>, at_ns: u64) {
        if let Some(blame) = &self.what.blame {
            blame.charge(site, self.line.crowd.uncharged_ns(at_ns));
        }
    }

    /// Charges the wait until now to the last holder, before another is noted.
    #[cold]
    #[inline(never)]
    fn change_holder(&self, since_ns: Option<u64>) {
        let at_ns = since_ns.unwrap_or_else(now_ns);
        self.charge(at_ns);
        if since_ns.is_none() {
            let _ = self.line.waited_for_since_ns.compare_exchange(
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
        if self.line.crowd.is_there() {
            self.charge_to(site, at_ns);
        }
        if seat != Seat::ALONE && self.line.alone.is_free() {
            // What follows until the next holder is charged to the last one.
            self.line.alone.set_site(site);
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

    #[inline]
    fn holder(&self, seat: Seat) -> Option<&Holder> {
        match seat {
            Seat::ALONE => Some(&self.line.alone),
            other => self.seats.get(other.place()),
        }
    }

    #[cfg(test)]
    pub(super) fn place(&self) -> Option<usize> {
        self.place
    }

    /// Returns how many acquisitions needed no wait: alone, shared and upgradable.
    pub(super) fn at_once(&self) -> [u64; 3] {
        let count = |seat: &Holder| seat.at_once(self.number);
        let upgradable = self.seats.first().map_or(0, count);
        [count(&self.line.alone), self.seats.iter().skip(1).map(count).sum(), upgradable]
    }
}

impl Drop for Resource {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.what.strike(place, self.at_once());
        }
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} #{}", self.what.kind.name(), self.what.name, self.number)
    }
}
