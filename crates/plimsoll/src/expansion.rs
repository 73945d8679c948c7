//! What the macros expand to. Not for use by hand, and free to change.

use crate::{Backpressure, Name, Operation, OperationGuard, Reason};
use plimsoll_model::Labels;
use plimsoll_record::{Outcome, Registry};
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
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

    /// Enters the operation; `limit` is asked at the first call.
    pub fn enter(&self, limit: impl FnOnce() -> Option<u64>) -> OperationGuard {
        self.operation
            .get_or_init(|| Operation::made(Registry::global(), Name::new(self.name), limit()))
            .enter()
    }
}

/// One place in the source that records an operation by labels, as one thread knows it.
#[derive(Debug)]
pub struct LabelledSite {
    name: &'static str,
    labels: &'static [&'static str],
    known: RefCell<Option<Known>>,
}

/// Operations by the hash of their labels' values; values of the same hash share a bin.
type Known = HashMap<u64, Vec<(Vec<String>, Operation)>, RandomState>;

/// Label sets that a thread remembers per place; past it, each call asks the registry.
const KNOWN_MAX: usize = 256;

impl LabelledSite {
    /// Describes the place; nothing is made before the first call.
    pub const fn new(name: &'static str, labels: &'static [&'static str]) -> Self {
        Self { name, labels, known: RefCell::new(None) }
    }

    /// Enters the operation that has these values of the place's labels.
    pub fn enter(
        site: &'static LocalKey<Self>,
        values: &[&str],
        limit: impl FnOnce() -> Option<u64>,
    ) -> OperationGuard {
        site.with(|site| site.operation(values, limit)).enter()
    }

    fn operation(&self, values: &[&str], limit: impl FnOnce() -> Option<u64>) -> Operation {
        let mut known = self.known.borrow_mut();
        let known = known.get_or_insert_default();
        let hash = known.hasher().hash_one(values);
        let of_hash = known.get(&hash).into_iter().flatten();
        if let Some((_, operation)) = of_hash.into_iter().find(|(of, _)| of == values) {
            return *operation;
        }
        let labels = Labels::new(self.labels.iter().copied().zip(values.iter().copied()));
        // The macro has checked the names.
        let name = Name::new(self.name).labels(labels.unwrap_or_default());
        let operation = Operation::made(Registry::global(), name, limit());
        if known.len() < KNOWN_MAX {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            known.entry(hash).or_default().push((values, operation));
        }
        operation
    }
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
