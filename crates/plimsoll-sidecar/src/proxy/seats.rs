//! The connections of one thread: who is there, and who has waited too long.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How often deadlines are looked at. A timer for each connection and each wait would cost more than
/// the wait.
pub(crate) const TICK: Duration = Duration::from_millis(250);

/// All connections of a thread.
#[derive(Debug, Default)]
pub(crate) struct Seats {
    taken: RefCell<HashMap<u64, Rc<State>>>,
    next: Cell<u64>,
    ticks: Cell<u64>,
    is_draining: Cell<bool>,
}

#[derive(Debug)]
struct State {
    waker: RefCell<Waker>,
    due: Cell<u64>,
}

/// The place of one connection; dropped, it is free.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Rc<Seats>,
    number: u64,
    state: Rc<State>,
}

impl Seats {
    pub(crate) fn seat(self: &Rc<Self>) -> Seat {
        let number = self.next.replace(self.next.get() + 1);
        let waker = RefCell::new(Waker::noop().clone());
        let state = Rc::new(State { waker, due: Cell::new(u64::MAX) });
        self.taken.borrow_mut().insert(number, state.clone());
        Seat { seats: self.clone(), number, state }
    }

    /// Lets a tick pass and wakes those whose time is up.
    pub(crate) fn tick(&self) {
        let ticks = self.ticks.get() + 1;
        self.ticks.set(ticks);
        self.wake(|state| state.due.get() <= ticks);
    }

    /// Returns how many ticks have passed.
    pub(crate) fn ticks(&self) -> u64 {
        self.ticks.get()
    }

    /// Lets those go that are between two requests, now and from now on.
    pub(crate) fn drain(&self) {
        self.is_draining.set(true);
        self.wake(|_| true);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.get()
    }

    fn wake(&self, whom: impl Fn(&State) -> bool) {
        for state in self.taken.borrow().values().filter(|state| whom(state)) {
            state.waker.borrow().wake_by_ref();
        }
    }
}

impl Seat {
    /// Makes the wait that begins now end after `limit`.
    pub(crate) fn wait_at_most(&self, limit: Duration) {
        // The tick that is under way is not a whole one.
        let ticks = 1 + limit.as_millis().div_ceil(TICK.as_millis());
        self.state.due.set(self.seats.ticks.get() + u64::try_from(ticks).unwrap_or(u64::MAX));
    }

    /// Makes the wait that begins now as long as it takes.
    pub(crate) fn wait_long(&self) {
        self.state.due.set(u64::MAX);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.seats.is_draining.get()
    }

    /// Becomes ready when the time is up.
    pub(crate) fn poll_late(&self, context: &Context<'_>) -> Poll<()> {
        if self.seats.ticks.get() >= self.state.due.get() {
            return Poll::Ready(());
        }
        self.poll_woken(context)
    }

    /// Becomes ready when the thread drains.
    pub(crate) fn poll_draining(&self, context: &Context<'_>) -> Poll<()> {
        if self.seats.is_draining.get() {
            return Poll::Ready(());
        }
        self.poll_woken(context)
    }

    fn poll_woken(&self, context: &Context<'_>) -> Poll<()> {
        let mut waker = self.state.waker.borrow_mut();
        if !waker.will_wake(context.waker()) {
            *waker = context.waker().clone();
        }
        Poll::Pending
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken.borrow_mut().remove(&self.number);
    }
}
