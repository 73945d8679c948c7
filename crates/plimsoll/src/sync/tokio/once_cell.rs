use crate::Name;
use crate::sync::hold::Hold;
use crate::sync::lock::{Sort, Waiting};
use crate::sync::lock_cell::LockCell;
use crate::sync::mode::Exclusive;
use crate::who::{awaiting, task_or_root};
use plimsoll_record::Registry;
use plimsoll_record::waits::Site;
use std::convert::Infallible;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{self, SetError};

/// A [`tokio::sync::OnceCell`] that records how long its making takes and is waited for (M4).
///
/// It records what [`Mutex`](super::Mutex) does: whoever makes the value holds it, and whoever comes
/// meanwhile waits, and counts as an acquisition only if it has to make the value after all. A value
/// that is there costs and records nothing.
///
/// # Cost
/// Nothing once the value is there. Until then that of a [`Mutex`](super::Mutex).
///
/// # Cancellation
/// As in the original, a maker that is dropped leaves the making to another; its hold counts. A wait
/// that is dropped counts with the time it took.
///
/// # Reading it
/// ```promql
/// histogram_quantile(0.99, rate(concurrency_lock_wait_seconds_bucket{lock="config"}[5m]))
/// ```
pub struct OnceCell<T> {
    lock: LockCell,
    inner: sync::OnceCell<T>,
}

impl<T> OnceCell<T> {
    /// Makes an empty cell that is called after the caller's place in the source.
    #[track_caller]
    pub const fn new() -> Self {
        let lock = LockCell::unnamed(&Sort::ONCE, Location::caller());
        Self { lock, inner: sync::OnceCell::const_new() }
    }

    /// Makes an empty cell: [`OnceCell::new`], under the original's name for constants.
    #[track_caller]
    pub const fn const_new() -> Self {
        Self::new()
    }

    /// Makes a cell that may hold a value, and is called after the caller's place in the source.
    #[track_caller]
    pub fn new_with(value: Option<T>) -> Self {
        let lock = LockCell::unnamed(&Sort::ONCE, Location::caller());
        Self { lock, inner: sync::OnceCell::new_with(value) }
    }

    /// Makes an empty cell that records in the global registry.
    #[track_caller]
    pub fn named(name: impl Into<Name>) -> Self {
        Self::named_in(Registry::global(), name)
    }

    /// Makes an empty cell that records in `registry`.
    #[track_caller]
    pub fn named_in(registry: &Registry, name: impl Into<Name>) -> Self {
        let lock = LockCell::named(registry, &name.into(), &Sort::ONCE, Location::caller());
        Self { lock, inner: sync::OnceCell::new() }
    }

    /// Says whether the value is there.
    pub fn initialized(&self) -> bool {
        self.inner.initialized()
    }

    /// Returns the value if it is there.
    pub fn get(&self) -> Option<&T> {
        self.inner.get()
    }

    /// Returns the value if it is there.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.inner.get_mut()
    }

    /// Puts a value into it.
    ///
    /// # Errors
    /// There is one, or it is being made; it gives the value back.
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        self.inner.set(value)
    }

    /// Returns the value; makes it if it isn't there, or waits for who does.
    #[track_caller]
    pub fn get_or_init<F, Fut>(&self, make: F) -> impl Future<Output = &T>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        let site = Location::caller();
        async move {
            match self.made(site, || async { Ok::<_, Infallible>(make().await) }).await {
                Ok(value) => value,
                Err(never) => match never {},
            }
        }
    }

    /// Returns the value; tries to make it if it isn't there, or waits for who does.
    ///
    /// # Errors
    /// That of `make`; then the value isn't there, and another may make it.
    #[track_caller]
    pub fn get_or_try_init<E, F, Fut>(&self, make: F) -> impl Future<Output = Result<&T, E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.made(Location::caller(), make)
    }

    /// Consumes the cell and returns the value if it is there.
    pub fn into_inner(self) -> Option<T> {
        self.inner.into_inner()
    }

    /// Takes the value out, if it is there.
    pub fn take(&mut self) -> Option<T> {
        self.inner.take()
    }

    async fn made<E, F, Fut>(&self, site: Site, make: F) -> Result<&T, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        if let Some(value) = self.inner.get() {
            return Ok(value);
        }
        let lock = self.lock.get();
        let turns = Turns(Mutex::default());
        let mut making = pin!(self.inner.get_or_try_init(|| {
            let waited = {
                let mut turn = turns.now();
                turn.is_making = true;
                turn.waiting.take()
            };
            let hold = match waited {
                Some(waiting) => waiting.acquired(),
                None => Hold::at_once(lock, task_or_root(), site),
            };
            let making = make();
            async move {
                let made = making.await;
                drop(hold);
                made
            }
        }));
        poll_fn(|context| {
            let polled = making.as_mut().poll(context);
            let mut turn = turns.now();
            if polled.is_pending() && !turn.is_making && turn.waiting.is_none() {
                let who = task_or_root().strand(context.waker());
                turn.waiting = Some(lock.wait(awaiting(who, site)));
            }
            polled
        })
        .await
    }
}

/// What a call has come to.
#[derive(Default)]
struct Turn<'a> {
    /// It makes the value.
    is_making: bool,
    /// Another makes the value.
    waiting: Option<Waiting<'a, Exclusive>>,
}

/// What a call has come to, shared by its future and what that one calls. Only the task that polls
/// takes the lock, so it is free.
struct Turns<'a>(Mutex<Turn<'a>>);

impl<'a> Turns<'a> {
    fn now(&self) -> MutexGuard<'_, Turn<'a>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for OnceCell<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new_with(Some(value))
    }
}

impl<T: PartialEq> PartialEq for OnceCell<T> {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl<T: Eq> Eq for OnceCell<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(out)
    }
}
