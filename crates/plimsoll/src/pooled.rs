use crate::{Leased, Name, PoolProbe};
use plimsoll_record::{Outcome, Registry};
use std::future::Future;
use std::ops::Deref;
use std::panic::Location;

/// A pool that resources can be taken from: what [`Pooled`] needs to know of one.
///
/// A few lines for a pool of any make, on a type of your own:
///
/// ```
/// # struct Pool; struct Connection; struct PoolError;
/// # impl Pool {
/// #     async fn get(&self) -> Result<Connection, PoolError> { Ok(Connection) }
/// #     fn max_size(&self) -> u32 { 8 }
/// # }
/// struct Db(Pool); // of deadpool, bb8, sqlx …
///
/// impl plimsoll::Pool for Db {
///     type Resource<'a> = Connection;
///     type Error = PoolError;
///
///     async fn get(&self) -> Result<Connection, PoolError> {
///         self.0.get().await
///     }
///
///     fn size(&self) -> u64 {
///         self.0.max_size().into()
///     }
/// }
///
/// # async fn example() -> Result<(), PoolError> {
/// let db = plimsoll::Pooled::named("db", Db(Pool));
/// let connection = db.acquire().await?;
/// # Ok(())
/// # }
/// ```
pub trait Pool {
    /// What it gives. It goes back when it is dropped.
    type Resource<'a>
    where
        Self: 'a;
    /// Why it gives none.
    type Error;

    /// Waits for a resource.
    fn get(&self) -> impl Future<Output = Result<Self::Resource<'_>, Self::Error>> + Send;

    /// Returns how many resources it has at most.
    fn size(&self) -> u64;

    /// Says whether an error is that the wait took too long: then it counts as `timed_out`.
    fn is_timeout(_error: &Self::Error) -> bool {
        false
    }
}

/// A [`Pool`] whose use is recorded by a [`PoolProbe`], which says what is recorded. It derefs to the
/// pool.
#[derive(Debug)]
pub struct Pooled<P> {
    pool: P,
    probe: PoolProbe,
}

impl<P: Pool> Pooled<P> {
    /// Records `pool` in the global registry.
    #[track_caller]
    pub fn named(name: impl Into<Name>, pool: P) -> Self {
        Self::named_in(Registry::global(), name, pool)
    }

    /// Records `pool` in `registry`.
    #[track_caller]
    pub fn named_in(registry: &Registry, name: impl Into<Name>, pool: P) -> Self {
        let probe = PoolProbe::named_in(registry, name, pool.size());
        Self { pool, probe }
    }

    /// Waits for a resource, and counts it as in use until it is dropped.
    ///
    /// # Errors
    /// That of the pool; the wait counts as `timed_out` if the pool says so, else as `error`.
    #[track_caller]
    pub fn acquire(&self) -> impl Future<Output = Result<Leased<P::Resource<'_>>, P::Error>> {
        let site = Location::caller();
        async move {
            let judge = |error: &P::Error| match P::is_timeout(error) {
                true => Outcome::TimedOut,
                false => Outcome::Error,
            };
            self.probe.acquire_at(site, self.pool.get(), judge).await
        }
    }

    /// Asks the pool for its size anew, after it was changed.
    pub fn resized(&self) {
        self.probe.set_size(self.pool.size());
    }
}

impl<P> Deref for Pooled<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.pool
    }
}
