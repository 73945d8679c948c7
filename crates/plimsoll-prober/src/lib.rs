//! Measures how long committed state takes to become readable, between the system of record and the
//! stores that a pipeline fills from it.
//!
//! A pipeline's own lag is what it thinks of itself: a stage that is stuck reports nothing, an idle one
//! the age of its last event, and the clocks of two hosts stand between commit and arrival. A
//! [`Prober`] asks from outside: at random intervals it commits a marker under a key of its own, and
//! looks at each store until the marker is there. The pipeline's code isn't touched; it passes that key
//! on as any other.
//!
//! ```no_run
//! use plimsoll_prober::{PostgresTable, ProberSpec, RedisKey};
//! use std::time::Duration;
//!
//! # async fn probe() -> Result<(), Box<dyn std::error::Error>> {
//! let orders = PostgresTable::new("postgres://probe@db/shop", "plimsoll_heartbeat", "orders")?;
//! let exposure = RedisKey::new("redis://cache:6379", "plimsoll:orders")?;
//! let prober = ProberSpec::new("postgres", orders, 42)
//!     .store("redis:exposure", exposure)
//!     .edges(&[Duration::from_millis(300)])
//!     .build()?;
//! prober.run(std::future::pending()).await;
//! # Ok(())
//! # }
//! ```
//!
//! Each gap is known between two bounds: the last look that didn't show the marker, and the first that
//! did, both reckoned from its commit, on one clock. The histogram holds the upper bound. A marker that
//! isn't readable yet counts too, in `concurrency_propagation_oldest_unseen_seconds`.
//!
//! Stores are PostgreSQL ([`PostgresTable`], [`PostgresQuery`]) and Redis ([`RedisKey`],
//! [`RedisStream`]); others implement [`Origin`] or [`Serving`].

#![forbid(unsafe_code)]

mod dial;
mod error;
mod ledger;
mod marker;
mod postgres;
mod prober;
mod redis;
mod series;
mod server;
mod spec;
mod store;
mod trouble;

pub use crate::redis::{RedisKey, RedisStream};
pub use dial::{PostgresConnection, PostgresServer, RedisServer};
pub use error::ProberError;
pub use marker::{Marker, NoMarker};
pub use postgres::{PostgresQuery, PostgresTable};
pub use prober::{Frontier, Prober};
pub use server::Server;
pub use spec::{Gap, ProberSpec};
pub use store::{Origin, Serving, StoreError};
pub use trouble::{Trouble, Troubles};
