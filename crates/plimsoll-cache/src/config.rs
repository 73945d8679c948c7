use crate::{ConfigError, Environment, Lock};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How a [`Cache`](crate::Cache) guards its rebuilds. [`Cache::named`](crate::Cache::named) checks it.
///
/// ```
/// use plimsoll_cache::CacheConfig;
/// use std::time::Duration;
///
/// let config = CacheConfig::<String> { fresh_for: Duration::from_secs(30), ..CacheConfig::default() };
/// ```
#[derive(Clone)]
pub struct CacheConfig<V> {
    /// How long a value is fresh; by default a minute.
    pub fresh_for: Duration,
    /// How long after that it is served while it is refreshed; by default five minutes. Zero: never.
    pub stale_for: Duration,
    /// How eagerly a value is refreshed before it expires: 1, the default, is the optimum of XFetch;
    /// 0 refreshes nothing early.
    pub early_beta: f64,
    /// How long a caller waits for a rebuild; by default 5 s. The rebuild goes on without it.
    pub wait_max: Duration,
    /// How long a rebuild may take; by default 30 s.
    pub rebuild_max: Duration,
    /// How many keys are rebuilt at once at most; by default 10,000.
    pub flights_max: usize,
    /// The lock that all processes share; by default none, and each process rebuilds for itself.
    pub lock: Option<Lock>,
    /// What is done without a lease, when nothing answers or others hold it for too long.
    pub without_lease: WithoutLease,
    /// Of how many keys this process keeps its last copy, to be served while the store or the rebuild
    /// fails; by default 0. A local store needs none.
    pub copies_max: u64,
    /// What is served when there is nothing else; by default nothing is, and the caller gets the error.
    pub fallback: Option<Fallback<V>>,
    /// Time and chance; by default the machine's.
    pub environment: Environment,
}

/// Gives a value for a key when there is nothing else, or none.
pub type Fallback<V> = Arc<dyn Fn(&str) -> Option<V> + Send + Sync>;

/// What is done when there is no lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WithoutLease {
    /// Rebuild without: as many rebuilds as processes, rather than none.
    #[default]
    Rebuild,
    /// Rebuild nothing: callers get a stale value, the fallback, or an error.
    Refuse,
}

impl<V> Default for CacheConfig<V> {
    fn default() -> Self {
        Self {
            fresh_for: Duration::from_secs(60),
            stale_for: Duration::from_secs(300),
            early_beta: 1.0,
            wait_max: Duration::from_secs(5),
            rebuild_max: Duration::from_secs(30),
            flights_max: 10_000,
            lock: None,
            without_lease: WithoutLease::default(),
            copies_max: 0,
            fallback: None,
            environment: Environment::default(),
        }
    }
}

impl<V> CacheConfig<V> {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let lengths = [
            ("fresh_for", self.fresh_for),
            ("wait_max", self.wait_max),
            ("rebuild_max", self.rebuild_max),
        ];
        for (what, length) in lengths {
            if length < LEAST {
                return Err(match length.is_zero() {
                    true => ConfigError::Zero { what },
                    false => ConfigError::TooShort { what, least: LEAST },
                });
            }
        }
        for (what, length) in lengths.into_iter().chain([("stale_for", self.stale_for)]) {
            if length > MOST {
                return Err(ConfigError::TooLong { what, most: MOST });
            }
        }
        if self.flights_max == 0 {
            return Err(ConfigError::Zero { what: "flights_max" });
        }
        if !(0.0..=1_000.0).contains(&self.early_beta) {
            return Err(ConfigError::Beta(self.early_beta));
        }
        Ok(())
    }

    /// How long a value is of any use.
    pub(crate) fn keep(&self) -> Duration {
        self.fresh_for + self.stale_for
    }
}

/// What stores count in.
const LEAST: Duration = Duration::from_millis(1);
/// A century: longer than that is a mistake in a unit.
const MOST: Duration = Duration::from_secs(100 * 365 * 86_400);

impl<V> fmt::Debug for CacheConfig<V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("CacheConfig")
            .field("fresh_for", &self.fresh_for)
            .field("stale_for", &self.stale_for)
            .field("lock", &self.lock)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(change: impl FnOnce(&mut CacheConfig<u8>)) -> String {
        let mut config = CacheConfig::default();
        change(&mut config);
        config.check().map_or_else(|fault| fault.to_string(), |()| "none".to_owned())
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_name() {
        assert_eq!(fault(|_| {}), "none");
        assert_eq!(fault(|config| config.stale_for = Duration::ZERO), "none");
        let zero = |what| format!("{what} is zero: give a value above it");
        assert_eq!(fault(|config| config.fresh_for = Duration::ZERO), zero("fresh_for"));
        assert_eq!(fault(|config| config.wait_max = Duration::ZERO), zero("wait_max"));
        assert_eq!(fault(|config| config.rebuild_max = Duration::ZERO), zero("rebuild_max"));
        assert_eq!(fault(|config| config.flights_max = 0), zero("flights_max"));
        let short = fault(|config| config.fresh_for = Duration::from_nanos(1));
        assert_eq!(short, "fresh_for is shorter than 1ms: give at least that");
        for length in [Duration::MAX, MOST + Duration::from_nanos(1)] {
            assert!(fault(|config| config.stale_for = length).starts_with("stale_for is longer"));
            assert!(fault(|config| config.fresh_for = length).starts_with("fresh_for is longer"));
        }
        for beta in [-1.0, f64::NAN, f64::INFINITY, 1_001.0] {
            assert!(
                fault(|config| config.early_beta = beta).starts_with("early_beta is"),
                "{beta}"
            );
        }
    }
}
