//! What the macros expand to. Not for use by hand, and free to change.

mod known;

pub use known::Known;
pub use plimsoll_model::{Kind, Signal};

use crate::{Backpressure, InFlightStream, Name, Operation, Reason};
use futures_core::Stream;
use plimsoll_model::Labels;
use plimsoll_record::{Outcome, Registry};
use std::sync::OnceLock;
use std::thread::LocalKey;

/// One place in the source that records an operation without labels of its own.
#[derive(Debug)]
pub struct Site {
    name: &'static str,
    operation: OnceLock<Operation>,
}

impl Site {
    /// Describes the place; nothing is made before the first call.
    pub const fn new(name: &'static str) -> Self {
        Self { name, operation: OnceLock::new() }
    }

    /// Returns the operation; `limit` is asked at the first call.
    pub fn operation(&self, limit: impl FnOnce() -> Option<u64>) -> Operation {
        if let Some(operation) = self.operation.get() {
            return *operation;
        }
        // Made outside of the lock, because what the limit is read from may come here again.
        let made = Operation::made(Registry::global(), Name::new(self.name), limit());
        *self.operation.get_or_init(|| made)
    }
}

/// Returns the operation of this name and these labels, as the thread knows it or as the registry
/// does. There is a value for each label.
pub fn labelled(
    known: &'static LocalKey<Known<Operation>>,
    name: &'static str,
    labels: &'static [&'static str],
    values: &[&str],
    limit: impl FnOnce() -> Option<u64>,
) -> Operation {
    Known::handle(known, values, || {
        let labels = Labels::new(labels.iter().copied().zip(values.iter().copied()));
        // The macro has checked the names.
        let name = Name::new(name).labels(labels.unwrap_or_default());
        Operation::made(Registry::global(), name, limit())
    })
}

/// Calls what a function was, as a closure that is called once: with that it may return what it
/// borrows of its arguments.
#[inline]
pub fn call<T>(body: impl FnOnce() -> T) -> T {
    body()
}

/// Counts a stream as one call from now on; `fails` says which items make it an error.
pub fn stream<S: Stream>(
    operation: Operation,
    stream: S,
    fails: fn(&S::Item) -> bool,
) -> InFlightStream<S> {
    operation.judged_stream(stream, fails)
}

/// One place in the source that pushes work back.
#[derive(Debug, Default)]
pub struct BackpressureSite(OnceLock<Backpressure>);

impl BackpressureSite {
    /// Describes the place; nothing is made before the first call.
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Counts once.
    pub fn count(&self, source: impl FnOnce() -> Name, reason: Reason) {
        self.0.get_or_init(|| Backpressure::named(source())).count(reason);
    }
}

/// A returned value, of which a `Result` says how the call ended.
#[derive(Debug)]
pub struct Returned<'a, T>(pub &'a T);

/// Found before [`AnyValue`] because a type's own methods are.
impl<T, E> Returned<'_, Result<T, E>> {
    /// `Err` is an error.
    pub fn outcome(&self) -> Outcome {
        if self.0.is_ok() { Outcome::Ok } else { Outcome::Error }
    }
}

/// What any other returned value says.
pub trait AnyValue {
    /// It returned, so it is fine.
    fn outcome(&self) -> Outcome {
        Outcome::Ok
    }
}

impl<T> AnyValue for Returned<'_, T> {}
