//! What was written, and what of it each store shows. Pure: time is an argument.

use crate::Marker;
use crate::store::Reason;
use plimsoll_context::Bounds;
use std::collections::VecDeque;
use std::time::Duration;

/// When something was done: it happened between the two, on one clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from_ns: u64,
    pub(crate) until_ns: u64,
}

/// A marker that is committed, or several in a row of which the oldest stands for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Written {
    /// The number of the last of them.
    number: u32,
    /// When the first was committed.
    commit: Span,
    in_flight: Option<u64>,
    times: u64,
}

/// What has become readable, and how long that took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Visible {
    pub(crate) gap: Bounds,
    pub(crate) in_flight: Option<u64>,
    /// How many markers it stands for.
    pub(crate) times: u64,
}

/// The markers of one run, and the stores that are watched for them.
#[derive(Debug)]
pub(crate) struct Ledger {
    run: u32,
    last: u32,
    written: VecDeque<Written>,
    /// Whether the last write went through.
    writes: bool,
    stores: Vec<Watched>,
}

/// What one store shows.
#[derive(Clone, Debug, Default)]
struct Watched {
    /// The newest number that it shows, as of the last look that went through; 0 is none.
    shown: u32,
    /// The newest that it ever showed: up to there the gaps are known.
    counted: u32,
    /// When the last look that went through began.
    looked_ns: Option<u64>,
    /// Whether the last look went through.
    looks: bool,
    /// When the newest marker that it shows was committed, at the earliest.
    frontier_ns: Option<u64>,
}

/// How many markers are remembered. Beyond it the ones that all stores have shown go, then two become one.
const WRITTEN_MAX: usize = 1_024;

impl Ledger {
    pub(crate) fn new(run: u32, stores: usize) -> Self {
        let stores = vec![Watched::default(); stores];
        Self { run, last: 0, written: VecDeque::new(), writes: false, stores }
    }

    /// Returns the next marker to write.
    pub(crate) fn next(&mut self) -> Marker {
        self.last = self.last.saturating_add(1);
        Marker { run: self.run, number: self.last }
    }

    /// Notes that a marker is committed.
    pub(crate) fn wrote(&mut self, marker: Marker, commit: Span, in_flight: Option<u64>) {
        self.writes = true;
        if self.written.len() >= WRITTEN_MAX {
            self.make_room();
        }
        self.written.push_back(Written { number: marker.number, commit, in_flight, times: 1 });
    }

    /// Notes that a marker may not be committed.
    pub(crate) fn failed_to_write(&mut self) {
        self.writes = false;
    }

    /// Notes that a store couldn't be looked at.
    pub(crate) fn failed_to_look(&mut self, store: usize) {
        if let Some(store) = self.stores.get_mut(store) {
            store.looks = false;
        }
    }

    /// Notes what a store showed, and returns what has become readable in it since the last look.
    pub(crate) fn saw(
        &mut self,
        store: usize,
        look: Span,
        shown: Option<Marker>,
    ) -> (Vec<Visible>, Option<Reason>) {
        let Some(watched) = self.stores.get_mut(store) else { return (Vec::new(), None) };
        let number = match shown {
            None => 0,
            Some(marker) if marker.run == self.run && marker.number <= self.last => marker.number,
            // What an earlier run has left is there until the first marker of this one is readable.
            Some(_) if watched.counted == 0 => 0,
            Some(_) => {
                watched.looks = false;
                return (Vec::new(), Some(Reason::Foreign));
            }
        };
        let fault = (number < watched.shown).then_some(Reason::Regressed);
        let before_ns = watched.looked_ns.replace(look.from_ns);
        let counted = watched.counted;
        watched.looks = true;
        if number != watched.shown {
            let after = first_after(&self.written, number);
            let newest = after.checked_sub(1).and_then(|place| self.written.get(place));
            watched.frontier_ns = newest.map(|written| written.commit.from_ns);
            watched.shown = number;
        }
        watched.counted = counted.max(number);
        let from = first_after(&self.written, counted);
        let new = self.written.range(from..).take_while(|written| written.number <= number);
        (new.map(|written| written.visible(before_ns, look)).collect(), fault)
    }

    /// Says whether a store lacks a marker.
    pub(crate) fn lacks(&self, store: usize) -> bool {
        self.oldest_unseen(store).is_some()
    }

    /// Returns the greatest age of the oldest committed marker that isn't readable, 0 when all are; none
    /// when that isn't known.
    pub(crate) fn oldest_unseen_ns(&self, store: usize, now_ns: u64) -> Option<u64> {
        self.stores.get(store).filter(|of| of.looks)?;
        match self.oldest_unseen(store) {
            Some(written) => Some(now_ns.saturating_sub(written.commit.from_ns)),
            None => self.writes.then_some(0),
        }
    }

    /// Returns when the first marker was committed, while a store has shown none of them.
    pub(crate) fn waits_since_ns(&self, store: usize) -> Option<u64> {
        self.stores.get(store).filter(|of| of.looks && of.counted == 0)?;
        self.oldest_unseen(store).map(|written| written.commit.from_ns)
    }

    /// Returns a time of which all that was committed before it is readable in a store.
    pub(crate) fn frontier_ns(&self, store: usize) -> Option<u64> {
        self.stores.get(store).filter(|of| of.looks)?.frontier_ns
    }

    fn oldest_unseen(&self, store: usize) -> Option<&Written> {
        let shown = self.stores.get(store)?.shown;
        self.written.get(first_after(&self.written, shown))
    }

    /// Forgets the oldest that all stores show, or else halves what is remembered.
    fn make_room(&mut self) {
        let seen_by_all = self.stores.iter().map(|of| of.shown.min(of.counted)).min().unwrap_or(0);
        if self.written.front().is_some_and(|written| written.number <= seen_by_all) {
            self.written.pop_front();
            return;
        }
        let all = std::mem::take(&mut self.written);
        for written in all {
            match self.written.back_mut() {
                // What one of the stores has shown doesn't become one with what it hasn't.
                Some(last) if last.may_take(&written, &self.stores) => last.take(&written),
                _ => self.written.push_back(written),
            }
        }
        if self.written.len() >= WRITTEN_MAX {
            self.written.pop_front();
        }
    }
}

/// Returns the place of the first that ends after a number; numbers ascend.
fn first_after(written: &VecDeque<Written>, number: u32) -> usize {
    written.partition_point(|of| of.number <= number)
}

impl Written {
    /// Says whether the next one may become one with it: as many markers, and all stores show both or
    /// neither.
    fn may_take(&self, next: &Self, stores: &[Watched]) -> bool {
        let parts = |number: u32| self.number <= number && number < next.number;
        self.times == next.times && !stores.iter().any(|of| parts(of.shown) || parts(of.counted))
    }

    fn take(&mut self, next: &Self) {
        self.number = next.number;
        self.times += next.times;
    }

    /// Says how long it took, if a look showed it and the one that began at `before_ns` didn't.
    fn visible(&self, before_ns: Option<u64>, look: Span) -> Visible {
        let ns = Duration::from_nanos;
        let upper = ns(look.until_ns.saturating_sub(self.commit.from_ns));
        // Of several in a row, the first may have been readable long before the last.
        let unseen_ns = before_ns.filter(|_| self.times == 1);
        let lower = unseen_ns.map_or(0, |at_ns| at_ns.saturating_sub(self.commit.until_ns));
        let gap = Bounds { lower: ns(lower), upper: Some(upper) };
        Visible { gap, in_flight: self.in_flight, times: self.times }
    }
}
