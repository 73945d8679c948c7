use crate::StoreError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// What leases are asked answers later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Who a lease belongs to: a number that nobody else draws.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner(pub u128);

impl fmt::Display for Owner {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", self.0)
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Owner({self})")
    }
}

/// Keeps leases for all processes: a set-if-absent with a time to live, and two compare-and-do.
///
/// Every call ends by itself: a server that may hang has a time limit of its own.
pub trait Leases: Send + Sync + 'static {
    /// Gives the lease to `owner` unless someone has it; a fencing token greater than all before it, or
    /// `None`.
    fn try_acquire<'a>(
        &'a self,
        key: &'a str,
        owner: Owner,
        ttl: Duration,
    ) -> Answer<'a, Option<u64>>;

    /// Lets the lease last for `ttl` from now on, if `owner` still has it.
    fn renew<'a>(&'a self, key: &'a str, owner: Owner, ttl: Duration) -> Answer<'a, bool>;

    /// Ends the lease if `owner` still has it, and returns how long it would have lasted.
    fn release<'a>(&'a self, key: &'a str, owner: Owner) -> Answer<'a, Option<Duration>>;

    /// Returns who has the lease.
    fn holder<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Owner>>;
}
