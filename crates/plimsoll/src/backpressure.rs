use crate::Name;
use crate::instrument::Count;
use plimsoll_model::catalog;
use plimsoll_record::Registry;
use std::sync::Arc;

/// Why work was pushed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A queue or pool had no room.
    Full,
    /// It was dropped on purpose to keep the rest in time.
    Shed,
    /// It waited for its turn too long.
    Timeout,
    /// Its caller sends more than it may.
    RateLimited,
    /// What it depends on is known to be down.
    Breaker,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 5] =
        [Self::Full, Self::Shed, Self::Timeout, Self::RateLimited, Self::Breaker];

    /// Returns its value of the label `reason`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Shed => "shed",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate_limited",
            Self::Breaker => "breaker",
        }
    }
}

/// Counts the work that a source pushes back (M8).
///
/// | series | what |
/// |---|---|
/// | `concurrency_backpressure_total{source,reason}` | what was turned away, and why: `full`, `shed`, `timeout`, `rate_limited`, `breaker` |
///
/// Every reason is exported from the start, at 0, so that the first push-back is an increase.
/// [`backpressure!`](crate::backpressure) does it in one line; this handle is for sources whose
/// names are known only when the program runs.
///
/// # Cost
/// One relaxed addition.
///
/// # Cancellation
/// There is nothing to cancel: a count is over at once.
///
/// # Reading it
/// ```promql
/// sum by (source, reason) (rate(concurrency_backpressure_total[5m]))
/// ```
#[derive(Clone, Debug)]
pub struct Backpressure(Arc<[Count; Reason::ALL.len()]>);

impl Backpressure {
    /// Makes the source's counters in the global registry, or finds them.
    pub fn named(source: impl Into<Name>) -> Self {
        Self::named_in(Registry::global(), source)
    }

    /// Makes the source's counters in `registry`, or finds them.
    pub fn named_in(registry: &Registry, source: impl Into<Name>) -> Self {
        Self::made(registry, &source.into())
    }

    pub(crate) fn made(registry: &Registry, source: &Name) -> Self {
        Self(Arc::new(Reason::ALL.map(|reason| {
            let labels = source.with(&[("source", &source.text), ("reason", reason.name())]);
            Count::new(registry, &catalog::BACKPRESSURE, labels)
        })))
    }

    /// Counts once.
    pub fn count(&self, reason: Reason) {
        self.count_n(reason, 1);
    }

    /// Counts `times` at once.
    pub fn count_n(&self, reason: Reason, times: u64) {
        if let Some(counter) = self.0.get(reason as usize) {
            counter.add(times);
        }
    }
}

/// Counts one push-back in the global registry: `backpressure!("orders", reason = full)`.
///
/// The reason is one of `full`, `shed`, `timeout`, `rate_limited`, `breaker`. The source is an
/// expression that is read at the first call, and anything that a [`Name`] is made from.
///
/// ```
/// # let queue_is_full = true;
/// if queue_is_full {
///     plimsoll::backpressure!("orders", reason = full);
/// }
/// ```
#[macro_export]
macro_rules! backpressure {
    ($source:expr, reason = full) => { $crate::backpressure!(@ $source, Full) };
    ($source:expr, reason = shed) => { $crate::backpressure!(@ $source, Shed) };
    ($source:expr, reason = timeout) => { $crate::backpressure!(@ $source, Timeout) };
    ($source:expr, reason = rate_limited) => { $crate::backpressure!(@ $source, RateLimited) };
    ($source:expr, reason = breaker) => { $crate::backpressure!(@ $source, Breaker) };
    ($source:expr, reason = $other:ident) => {
        ::core::compile_error!(::core::concat!(
            "unknown reason `", ::core::stringify!($other),
            "`: expected full, shed, timeout, rate_limited or breaker"
        ))
    };
    (@ $source:expr, $reason:ident) => {{
        static SITE: $crate::expansion::BackpressureSite =
            $crate::expansion::BackpressureSite::new();
        SITE.count(|| $crate::Name::from($source), $crate::Reason::$reason);
    }};
}
