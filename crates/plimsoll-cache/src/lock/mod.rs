//! A lock that processes share: leases that end by themselves.

mod held;
mod leases;
mod redis;
mod signals;

pub use self::redis::RedisLeases;
pub use held::Held;
pub use leases::{Answer, Leases, Owner};

use crate::{ConfigError, Environment, StoreError};
use plimsoll::{Name, Registry};
use signals::{Signals, Waiting};
use std::convert::Infallible;
use std::future::{Future, ready};
use std::sync::Arc;
use std::time::Duration;

/// A lock among processes (R2): who has it holds a lease that ends by itself, is renewed at a third of
/// its time to live, and is given back only by who still has it.
///
/// | series | what |
/// |---|---|
/// | histogram `concurrency_lease_wait_seconds{lease}` | how long callers waited, whether they got it or not |
/// | histogram `concurrency_lease_hold_seconds{lease}` | how long leases were held, until they were given back or dropped; exact at the time to live |
/// | histogram `concurrency_lease_margin_seconds{lease}` | time to live that was left when a lease was given back |
/// | histogram `concurrency_lease_overrun_seconds{lease}` | how late it was noticed that a lease was lost |
/// | `concurrency_lease_lost_total{lease,seen}` | leases that were lost, each where it was first seen: `renewal`, `release`, `write` |
/// | `concurrency_lease_renewals_total{lease,result}` | renewals: `ok`, `lost`, `error` |
/// | gauge `concurrency_lease_fencing_token{lease}` | the last fencing token that this process was given |
///
/// A lease is no proof: its holder may be stopped, and wake up when another has it. What a holder
/// writes has to carry the fencing token, or a generation, and the store has to refuse the lower one.
/// When the server fails over to one that doesn't know the lease, two hold it at once.
///
/// # Cost
/// A round trip to acquire, one to give back, one each third of the time to live.
///
/// # Cancellation
/// A wait that is dropped is recorded. A [`Held`] that is dropped is recorded too, but can't be given
/// back: it ends with its time to live. So does one whose answer was lost, which nobody knows to have.
///
/// # Reading it
/// ```promql
/// histogram_quantile(0.999, sum by (le) (rate(concurrency_lease_hold_seconds_bucket{lease="prices"}[1d])))  # what one hold in 1,000 exceeds
/// sum by (lease, seen) (rate(concurrency_lease_lost_total[5m])) > 0
/// ```
///
/// # Example
/// ```no_run
/// use plimsoll_cache::{Lock, LockConfig, Redis, RedisLeases};
/// use std::time::Duration;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let redis = Redis::lazy("redis://127.0.0.1", Duration::from_millis(200))?;
/// let lock = Lock::named("nightly", RedisLeases::new(redis, "shop"), LockConfig::default())?;
/// let held = lock.acquire("report").await?;
/// held.keep(async { /* what only one may do, in less than a time to live without an await */ }).await;
/// held.release().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Lock(Arc<Inner>);

struct Inner {
    leases: Box<dyn Leases>,
    config: LockConfig,
    signals: Signals,
}

/// How long leases last, and how long callers wait for one.
#[derive(Clone, Debug)]
pub struct LockConfig {
    /// How long a lease lasts that nobody renews; by default 10 s. It bounds how long a crash of its
    /// holder stops everyone.
    pub ttl: Duration,
    /// Whether a lease is renewed at a third of its time to live while [`Held::keep`] runs; by default
    /// it is. Without it, work that takes longer loses the lease.
    pub is_renewed: bool,
    /// How long a caller waits at most; by default 20 s.
    pub wait_max: Duration,
    /// Time and chance; by default the machine's.
    pub environment: Environment,
}

impl Default for LockConfig {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(10),
            is_renewed: true,
            wait_max: Duration::from_secs(20),
            environment: Environment::default(),
        }
    }
}

/// What a call for a lease came to.
pub enum Acquired<T> {
    /// The lease.
    Held(Held),
    /// It isn't needed any more: this is what the caller's look found meanwhile.
    Unneeded(T),
}

/// Why there is no lease.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum AcquireError {
    /// Others had it all the time.
    #[error("others held the lease for {0:?}: raise wait_max, or do less under it")]
    TimedOut(Duration),
    /// What keeps the leases failed.
    #[error("the lease can't be asked for: {0}")]
    Store(#[from] StoreError),
}

impl Lock {
    /// Makes a lock in the global registry.
    ///
    /// # Errors
    /// A time to live under 3 ms, or no time to wait.
    pub fn named(
        lease: impl Into<Name>,
        leases: impl Leases,
        config: LockConfig,
    ) -> Result<Self, ConfigError> {
        Self::named_in(Registry::global(), lease, leases, config)
    }

    /// Makes a lock in `registry`.
    ///
    /// # Errors
    /// A time to live under 3 ms, or no time to wait.
    pub fn named_in(
        registry: &Registry,
        lease: impl Into<Name>,
        leases: impl Leases,
        config: LockConfig,
    ) -> Result<Self, ConfigError> {
        if config.ttl < TTL_MIN {
            return Err(ConfigError::TooShort { what: "ttl", least: TTL_MIN });
        }
        if config.wait_max.is_zero() {
            return Err(ConfigError::Zero { what: "wait_max" });
        }
        let signals = Signals::new(registry, &lease.into(), config.ttl);
        Ok(Self(Arc::new(Inner { leases: Box::new(leases), config, signals })))
    }

    pub(crate) fn ttl(&self) -> Duration {
        self.0.config.ttl
    }

    /// Waits for the lease of `key`.
    ///
    /// # Errors
    /// Others hold it for as long as may be waited, or what keeps the leases fails.
    pub async fn acquire(&self, key: &str) -> Result<Held, AcquireError> {
        match self.acquire_unless(key, || ready(None::<Infallible>)).await? {
            Acquired::Held(held) => Ok(held),
            Acquired::Unneeded(never) => match never {},
        }
    }

    /// Waits for the lease of `key`, or until `look`, which is asked after each vain attempt, finds
    /// that it isn't needed.
    ///
    /// # Errors
    /// Others hold it for as long as may be waited, or what keeps the leases fails.
    pub async fn acquire_unless<T, L: Future<Output = Option<T>>>(
        &self,
        key: &str,
        mut look: impl FnMut() -> L,
    ) -> Result<Acquired<T>, AcquireError> {
        let Environment { clock, random } = &self.0.config.environment;
        let waiting = Waiting::begin(&self.0.signals, clock.as_ref());
        let mut pause = PAUSE_MIN;
        loop {
            let owner = Owner(random.unique());
            // Before the attempt: the lease begins at some instant after it.
            let asked_ns = clock.own_ns();
            let token = self.0.leases.try_acquire(key, owner, self.0.config.ttl).await?;
            if let Some(token) = token {
                self.0.signals.token(token);
                return Ok(Acquired::Held(Held::new(self, key, owner, token, asked_ns)));
            }
            if waiting.age() >= self.0.config.wait_max {
                return Err(AcquireError::TimedOut(self.0.config.wait_max));
            }
            // Between half a pause and one and a half, so that waiters don't come in step.
            tokio::time::sleep(pause.mul_f64(0.5 + random.unit())).await;
            if let Some(found) = look().await {
                return Ok(Acquired::Unneeded(found));
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Returns who has the lease of `key`.
    ///
    /// # Errors
    /// What keeps the leases fails.
    pub async fn holder(&self, key: &str) -> Result<Option<Owner>, StoreError> {
        self.0.leases.holder(key).await
    }

    /// Takes the lease of `key` away from `holder`, if it still has it, as an invalidation does.
    ///
    /// # Errors
    /// What keeps the leases fails.
    pub async fn void(&self, key: &str, holder: Owner) -> Result<(), StoreError> {
        self.0.leases.release(key, holder).await.map(drop)
    }
}

/// Renewed at a third of it, a shorter time to live is below a millisecond.
const TTL_MIN: Duration = Duration::from_millis(3);
/// How long a waiter waits before it tries again, at first and at most.
const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_millis(100);

impl std::fmt::Debug for Lock {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Lock").field("config", &self.0.config).finish_non_exhaustive()
    }
}
