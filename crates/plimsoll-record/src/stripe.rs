use crate::sync::{AtomicU64, OnceLock, Ordering, Padded, global};
use std::cell::Cell;
use std::sync::atomic::AtomicUsize;

/// How many lines a sum is spread over; threads beyond it share.
const STRIPES: usize = 8;

/// A sum that threads add to: in one word, until two of them meet there, then on lines of their own.
///
/// Most sums never see two threads at a time; eight lines each would be a kilobyte, which every scrape
/// would read.
#[derive(Debug)]
pub(crate) struct Striped {
    word: AtomicU64,
    lines: OnceLock<Box<[Padded<AtomicU64>; STRIPES]>>,
}

impl Striped {
    pub(crate) fn new() -> Self {
        Self { word: AtomicU64::new(0), lines: OnceLock::new() }
    }

    #[inline]
    pub(crate) fn add(&self, amount: u64) {
        if !self.try_add(amount) {
            self.add_at(own_stripe(), amount);
        }
    }

    /// Adds to the word, unless threads have met there, or meet now.
    #[inline]
    fn try_add(&self, amount: u64) -> bool {
        let sum = self.word.load(Ordering::Relaxed);
        let (then, relaxed) = (sum.wrapping_add(amount), Ordering::Relaxed);
        self.lines.get().is_none()
            && self.word.compare_exchange(sum, then, relaxed, relaxed).is_ok()
    }

    /// Adds to a line.
    #[inline]
    pub(crate) fn add_at(&self, stripe: usize, amount: u64) {
        if self.lines.get().is_none() {
            // Another thread may be quicker, as the one that was met here is likely to be.
            let _ = self.lines.set(Box::new(std::array::from_fn(|_| Padded(AtomicU64::new(0)))));
        }
        if let Some(stripe) = self.lines.get().and_then(|lines| lines.get(stripe)) {
            stripe.0.fetch_add(amount, Ordering::Relaxed);
        }
    }

    pub(crate) fn raise_to(&self, total: u64) {
        self.word.fetch_max(total, Ordering::Relaxed);
    }

    pub(crate) fn sum(&self) -> u64 {
        let lines = self.lines.get().into_iter().flat_map(|lines| lines.iter());
        let word = self.word.load(Ordering::Relaxed);
        lines.fold(word, |sum, line| sum.wrapping_add(line.0.load(Ordering::Relaxed)))
    }
}

/// Returns the stripe of this thread: threads take turns when they first add.
#[inline]
fn own_stripe() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    OWN.with(|own| {
        if own.get() == usize::MAX {
            own.set(NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES);
        }
        own.get()
    })
}

/// How many threads have a line that nobody else writes.
pub(crate) const OWN_LINES: usize = if cfg!(loom) { 1 } else { 32 };

global! {
    /// Which lines are taken, a bit for each.
    static TAKEN: AtomicU64 = AtomicU64::new(0);
}

/// A thread's line, from when it first asks until it ends.
struct OwnLine(Cell<Option<Option<usize>>>);

impl OwnLine {
    #[cold]
    fn take(&self) -> Option<usize> {
        let line = take_line();
        self.0.set(Some(line));
        line
    }
}

impl Drop for OwnLine {
    fn drop(&mut self) {
        if let Some(Some(line)) = self.0.get() {
            give_back_line(line);
        }
    }
}

/// Takes a line that nobody else has until it is given back.
pub(crate) fn take_line() -> Option<usize> {
    let mut line = None;
    // Acquire: what the last owner of the line has written there is added to, not overwritten.
    let _ = TAKEN.fetch_update(Ordering::Acquire, Ordering::Relaxed, |taken| {
        line = Some(taken.trailing_ones() as usize).filter(|line| *line < OWN_LINES);
        line.map(|line| taken | 1 << line)
    });
    line
}

/// Gives a line back with what was written there.
pub(crate) fn give_back_line(line: usize) {
    TAKEN.fetch_and(!(1 << line), Ordering::Release);
}

/// Returns the line that this thread alone writes; none when all are taken, or the thread is ending.
#[inline]
pub(crate) fn own_line() -> Option<usize> {
    thread_local! {
        static OWN: OwnLine = const { OwnLine(Cell::new(None)) };
    }
    OWN.try_with(|own| own.0.get().unwrap_or_else(|| own.take())).ok().flatten()
}
