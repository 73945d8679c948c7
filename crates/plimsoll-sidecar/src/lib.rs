//! The concurrency signals of software that isn't Rust, with no change to its code.
//!
//! A [`Collector`] looks at one thing from outside, as often as it is told to, and returns a
//! [`Reading`]: every series that it knows now. What a round doesn't return is gone from the next
//! scrape, so that a process that ended leaves nothing behind, and what can't be known is absent. A
//! collector that fails or takes too long costs its own series only, and says why on the page.
//!
//! ```text
//! configuration ─build→ Collector ─collect→ Reading ─publish→ Board ─append→ Snapshot
//!    config                host, …             round.rs          board.rs      admin thread
//! ```

#![forbid(unsafe_code)]

mod amplify;
mod blocking;
mod board;
mod collector;
mod config;
mod connected;
mod fetch;
mod haproxy;
mod host;
mod kafka;
mod kind;
mod lag;
mod levels;
mod nats;
mod nginx;
mod page;
mod paged;
mod pgbouncer;
mod postgres;
mod probe;
mod process;
mod proxy;
mod rabbitmq;
mod reading;
mod redis;
mod roster;
mod round;
mod server;
mod sidecar;
mod skew;
mod socket;
mod sql;
mod tls;

pub use amplify::AmplifyConfig;
pub use collector::{Collector, Reason, World};
pub use config::{CollectorConfig, Config, KINDS, LISTEN, Pace, Planned};
pub use haproxy::HaproxyConfig;
pub use host::HostConfig;
pub use kafka::KafkaConfig;
pub use kind::{Flag, Kind};
pub use nats::NatsConfig;
pub use nginx::NginxConfig;
pub use paged::PageConfig;
pub use pgbouncer::PgbouncerConfig;
pub use postgres::PostgresConfig;
pub use probe::ProbeConfig;
pub use process::ProcessConfig;
pub use proxy::ProxyConfig;
pub use rabbitmq::RabbitMqConfig;
pub use reading::Reading;
pub use redis::RedisConfig;
pub use server::AddressError;
pub use sidecar::{Bound, CollectorError, ReloadError, Sidecar, StartError};
