//! Rebuilds of cached values without a herd.
//!
//! When a hot entry expires, everyone who misses it rebuilds it at once. [`Cache`] lets one of them do
//! it, and says at each step what happened, through the same registry as all other signals:
//!
//! | guard | what it prevents |
//! |---|---|
//! | single-flight, always on | two rebuilds of a key in one process |
//! | [`CacheConfig::stale_for`] | waiting, while a value that was good a moment ago is rebuilt |
//! | [`CacheConfig::early_beta`] | that a hot entry expires at all (XFetch) |
//! | [`CacheConfig::lock`] | two rebuilds in a fleet: a renewed lease, and a second look once it is got |
//! | a fenced [`Store`] | an old value over a new one, when a lease was lost |
//! | [`Cache::invalidate`] | that who read before an invalidation writes after it |
//!
//! ```
//! use plimsoll_cache::{Cache, CacheConfig, LocalStore};
//! # use std::sync::Arc;
//! # async fn load(_key: Arc<str>) -> Result<String, std::io::Error> { Ok("12.50".into()) }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let prices = Cache::named("prices", CacheConfig::default(), LocalStore::new(10_000), load)?;
//! let price = prices.get("shoe").await?;
//! assert_eq!(price.value, "12.50");
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(example())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A fleet keeps values in [`RedisStore`] and leases in [`RedisLeases`]; any other store needs three
//! functions ([`Store`]). [`Lock`] is of use by itself as well.

#![forbid(unsafe_code)]

mod adequacy;
mod breaker;
mod cache;
mod config;
mod core;
mod early;
mod entry;
mod environment;
mod error;
mod flight;
mod lock;
mod rebuild;
mod redis;
mod signals;
mod store;
mod sync;

pub use self::redis::{Redis, RedisUrlError};
pub use cache::Cache;
pub use config::{CacheConfig, Fallback, WithoutLease};
pub use entry::{Entry, Fresh, Origin, Served, Written};
pub use environment::{Environment, Random, SystemRandom};
pub use error::{ConfigError, GetError, InvalidateError, RebuildError};
pub use lock::{
    AcquireError, Acquired, Answer, Held, Leases, Lock, LockConfig, Owner, RedisLeases,
};
pub use plimsoll::{Clock, ManualClock, SystemClock};
pub use store::{LocalStore, RedisStore, Store, StoreError, Stored};
