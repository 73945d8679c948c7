use crate::expansion::Known;
use plimsoll_model::{Labels, Signal};
use plimsoll_record::Registry;
use std::fmt;
use std::marker::PhantomData;
use std::sync::OnceLock;
use std::thread::LocalKey;

/// One signal of a service's own catalog: a [`Level`](super::Level), [`Duration`](super::Duration),
/// [`Counter`](super::Counter) or [`Gauge`](super::Gauge), with a series for each label set `L`.
///
/// [`#[concurrency_metrics]`](macro@crate::concurrency_metrics) makes it.
pub struct Metric<S: Series, L = ()> {
    signal: &'static Signal,
    details: S::Details,
    known: Store<S>,
    labels: PhantomData<fn(&L)>,
}

/// Where the global registry's series are found again.
enum Store<S: 'static> {
    One(OnceLock<S>),
    Each(&'static LocalKey<Known<S>>),
}

/// The labels of a signal's series, which a struct of the catalog's module gives values to.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no label set",
    label = "expected a struct that stands in the catalog's module"
)]
pub trait LabelSet {
    /// The labels' names.
    const NAMES: &'static [&'static str];

    /// Calls `read` with a value for each name, in their order.
    fn read<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R;
}

impl LabelSet for () {
    const NAMES: &'static [&'static str] = &[];

    fn read<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R {
        read(&[])
    }
}

/// What a signal gives for a label set: the handle that records. The catalog's four kinds have one each.
pub trait Series: Clone + private::Sealed + 'static {
    /// What is said of the signal besides its name, unit and help.
    type Details: Copy + 'static;

    #[doc(hidden)]
    fn made(
        registry: &Registry,
        signal: &'static Signal,
        details: Self::Details,
        labels: Labels,
    ) -> Self;
}

pub(super) mod private {
    pub trait Sealed {}
}

impl<S: Series> Metric<S> {
    /// Describes a signal without labels; nothing is made before its first use.
    #[doc(hidden)]
    pub const fn single(signal: &'static Signal, details: S::Details) -> Self {
        Self { signal, details, known: Store::One(OnceLock::new()), labels: PhantomData }
    }

    pub(super) fn with<R>(&self, record: impl FnOnce(&S) -> R) -> R {
        match &self.known {
            Store::One(series) => {
                record(series.get_or_init(|| self.of_in(Registry::global(), &())))
            }
            Store::Each(_) => record(&self.of(&())),
        }
    }
}

impl<S: Series, L: LabelSet> Metric<S, L> {
    /// Describes a signal with labels; nothing is made before its first use.
    #[doc(hidden)]
    pub const fn labelled(
        signal: &'static Signal,
        details: S::Details,
        known: &'static LocalKey<Known<S>>,
    ) -> Self {
        Self { signal, details, known: Store::Each(known), labels: PhantomData }
    }

    /// Returns the series of these labels in the global registry, where it is from now on: call it at
    /// the start for the label sets that are known then, so that the first event is an increase from 0.
    pub fn of(&self, labels: &L) -> S {
        let registry = Registry::global();
        match &self.known {
            Store::One(series) => series.get_or_init(|| self.of_in(registry, labels)).clone(),
            Store::Each(known) => {
                labels.read(|values| Known::handle(known, values, || self.made(registry, values)))
            }
        }
    }

    /// Returns the series of these labels in `registry`. It is looked up at each call: keep it.
    pub fn of_in(&self, registry: &Registry, labels: &L) -> S {
        labels.read(|values| self.made(registry, values))
    }

    fn made(&self, registry: &Registry, values: &[&str]) -> S {
        let labels = Labels::new(L::NAMES.iter().copied().zip(values.iter().copied()));
        // The macro has checked the names; of a set that is written by hand the labels are left out.
        S::made(registry, self.signal, self.details, labels.unwrap_or_default())
    }
}

impl<S: Series, L> fmt::Debug for Metric<S, L> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Metric").field(&self.signal.name).finish()
    }
}
