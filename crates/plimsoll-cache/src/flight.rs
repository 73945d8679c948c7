//! Single-flight within a process: one rebuild of a key at a time, and whoever else wants it waits.
//!
//! Who flies and who waits is settled under one lock and before the first await, so that a second
//! caller can't slip in between a look-up and the promise. A leader that is dropped lands all the same,
//! with nothing, so that nobody waits for ever.

use crate::sync::{Mutex, lock};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// The flights of one cache, by key; at most so many at once.
pub(crate) struct Flights<T> {
    by_key: Mutex<HashMap<Arc<str>, Arc<Flight<T>>>>,
    flights_max: usize,
}

struct Flight<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    /// What it brought; `Some(None)` when its leader was dropped.
    landed: Option<Option<T>>,
    /// Who waits, each at its own place.
    waiting: Vec<Option<Waker>>,
    /// How many have joined besides the first.
    followers: u64,
}

/// How a caller takes part.
pub(crate) struct Joined<T: Clone> {
    /// What to wait with.
    pub(crate) waiter: Waiter<T>,
    /// The flight itself, for who has begun it.
    pub(crate) leader: Option<Leader<T>>,
}

impl<T: Clone> Flights<T> {
    pub(crate) fn new(flights_max: usize) -> Self {
        Self { by_key: Mutex::new(HashMap::new()), flights_max }
    }

    /// Joins the flight of `key`, or begins it; `None` when as many are under way as may be.
    pub(crate) fn join(self: &Arc<Self>, key: &Arc<str>) -> Option<Joined<T>> {
        let mut by_key = lock(&self.by_key);
        if let Some(flight) = by_key.get(key) {
            lock(&flight.state).followers += 1;
            return Some(Joined { waiter: Waiter::new(flight), leader: None });
        }
        let leader = self.begin(&mut by_key, key)?;
        Some(Joined { waiter: Waiter::new(&leader.flight), leader: Some(leader) })
    }

    /// Begins the flight of `key` unless it is under way; also `None` when as many are as may be.
    pub(crate) fn lead(self: &Arc<Self>, key: &Arc<str>) -> Option<Leader<T>> {
        let mut by_key = lock(&self.by_key);
        if by_key.contains_key(key) { None } else { self.begin(&mut by_key, key) }
    }

    fn begin(
        self: &Arc<Self>,
        by_key: &mut HashMap<Arc<str>, Arc<Flight<T>>>,
        key: &Arc<str>,
    ) -> Option<Leader<T>> {
        if by_key.len() >= self.flights_max {
            return None;
        }
        let state = State { landed: None, waiting: Vec::new(), followers: 0 };
        let flight = Arc::new(Flight { state: Mutex::new(state) });
        by_key.insert(Arc::clone(key), Arc::clone(&flight));
        Some(Leader { flights: Arc::clone(self), key: Arc::clone(key), flight })
    }

    /// Lets the flight of `key` go on by itself: who comes from now on begins another.
    pub(crate) fn detach(&self, key: &str) {
        lock(&self.by_key).remove(key);
    }

    fn take_off(&self, key: &str, flight: &Arc<Flight<T>>) {
        let mut by_key = lock(&self.by_key);
        if by_key.get(key).is_some_and(|found| Arc::ptr_eq(found, flight)) {
            by_key.remove(key);
        }
    }
}

/// The duty to land a flight. Dropped, it lands it with nothing.
pub(crate) struct Leader<T: Clone> {
    flights: Arc<Flights<T>>,
    key: Arc<str>,
    flight: Arc<Flight<T>>,
}

impl<T: Clone> Leader<T> {
    /// Returns the key that is rebuilt.
    pub(crate) fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// Gives everyone who waits what the flight brought.
    pub(crate) fn land(&self, value: T) {
        self.end(Some(value));
    }

    /// Says how many have joined besides the first.
    pub(crate) fn followers(&self) -> u64 {
        lock(&self.flight.state).followers
    }

    fn end(&self, value: Option<T>) {
        // Who joins after it has landed gets what it brought, so it leaves the map second.
        let waiting = {
            let mut state = lock(&self.flight.state);
            if state.landed.is_some() {
                return;
            }
            state.landed = Some(value);
            std::mem::take(&mut state.waiting)
        };
        self.flights.take_off(&self.key, &self.flight);
        waiting.into_iter().flatten().for_each(Waker::wake);
    }
}

impl<T: Clone> Drop for Leader<T> {
    fn drop(&mut self) {
        self.end(None);
    }
}

/// Waits for a flight to land: `None` when its leader was dropped.
pub(crate) struct Waiter<T> {
    flight: Arc<Flight<T>>,
    /// Where its waker stands.
    place: Option<usize>,
}

impl<T> Waiter<T> {
    fn new(flight: &Arc<Flight<T>>) -> Self {
        Self { flight: Arc::clone(flight), place: None }
    }
}

impl<T: Clone> Future for Waiter<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let flight = Arc::clone(&self.flight);
        let mut state = lock(&flight.state);
        if let Some(landed) = &state.landed {
            return Poll::Ready(landed.clone());
        }
        let waker = Some(context.waker().clone());
        match self.place.and_then(|place| state.waiting.get_mut(place)) {
            Some(place) => *place = waker,
            None => {
                self.place = Some(state.waiting.len());
                state.waiting.push(waker);
            }
        }
        Poll::Pending
    }
}

impl<T> Drop for Waiter<T> {
    fn drop(&mut self) {
        let mut state = lock(&self.flight.state);
        if let Some(place) = self.place.and_then(|place| state.waiting.get_mut(place)) {
            *place = None;
        }
    }
}
