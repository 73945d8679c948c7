//! Redis: clients, what held the server up, and how far the groups of streams are behind.

mod facts;
mod info;
mod latency;
mod streams;

use crate::config::{DEADLINE, INTERVAL, LABEL, length};
use crate::connected::{Connected, ConnectedCollector};
use crate::kind::CollectorKind;
use crate::lag::STALLED_AFTER;
use crate::server::ServerConfig;
use crate::tls::advised;
use crate::{Collector, CollectorConfig, Flag, Pace, Reading, Reason, World};
use ::redis::aio::MultiplexedConnection;
use ::redis::{
    Cmd, ConnectionAddr, FromRedisValue, IntoConnectionInfo, RedisError, ServerErrorKind,
};
use async_trait::async_trait;
use plimsoll_prober::RedisServer;
use plimsoll_servers::{
    PASSWORD, PASSWORD_FILE, StoreAddress, TLS_CONFIG, check_address, no_store,
};
use plimsoll_spec::{Length, MapShape, Parsed, Shape, optional, required};
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;
use streams::Streams;

static SHAPE: MapShape = MapShape {
    keys: &[
        LABEL,
        INTERVAL,
        DEADLINE,
        required("url", Shape::TEXT),
        PASSWORD,
        PASSWORD_FILE,
        TLS_CONFIG,
        optional("streams", Shape::List(&Shape::TEXT)),
        optional("stalled_after", Shape::Text(length)),
    ],
    check: Some(|view, faults| {
        check_address(view, faults, |url| RedisServer::new(url).map(drop).map_err(no_store));
    }),
};

/// A Redis server.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RedisConfig {
    #[serde(flatten)]
    server: ServerConfig<StoreAddress>,
    /// The streams whose groups are looked at; else those that are found.
    streams: Option<Vec<String>>,
    stalled_after: Option<Parsed<Length>>,
}

impl RedisConfig {
    /// Describes the server at `url`, as `redis://host:6379/0`, with every stream that it has.
    pub fn at(url: impl Into<String>) -> Self {
        let server = ServerConfig::new(StoreAddress(url.into()));
        Self { server, streams: None, stalled_after: None }
    }
}

impl CollectorKind for RedisConfig {
    const SHAPE: &'static MapShape = &SHAPE;
    const PACE: Pace = Pace::EACH_5_SECONDS;
    const FLAGS: &'static [Flag] = &[Flag {
        name: "redis",
        value: Some("URL"),
        help: "A Redis server: clients, latency, how far the groups of streams are behind; may be repeated",
        read: |url| Ok(CollectorConfig::Redis(Self::at(url))),
    }];

    fn target(&self) -> String {
        target(&self.server.address.0)
    }

    fn lies_in(&mut self, folder: &Path) {
        self.server.lies_in(folder);
    }

    fn check(&self) -> Result<(), Reason> {
        RedisServer::new(self.server.server()).map(drop).map_err(Reason::new)
    }

    fn build(self, world: &World) -> Result<Box<dyn Collector>, Reason> {
        let server = RedisServer::new(self.server.server()).map_err(Reason::new)?;
        let stalled_after = self.stalled_after.map_or(STALLED_AFTER, |length| length.0.0);
        let streams = Streams::new(world, self.streams, stalled_after);
        let redis = Redis { server, name: world.name.clone(), streams };
        Ok(Box::new(Connected::new(redis, world.clock.clone())))
    }
}

/// Names a server by its host, port and database: never by its user or password.
pub(crate) fn target(url: &str) -> String {
    let Ok(info) = url.into_connection_info() else {
        return String::new();
    };
    let place = match info.addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            format!("{host}:{port}")
        }
        other => other.to_string(),
    };
    match info.redis_settings().db() {
        0 => place,
        database => format!("{place}/{database}"),
    }
}

struct Redis {
    server: RedisServer,
    name: Arc<str>,
    streams: Streams,
}

#[async_trait]
impl ConnectedCollector for Redis {
    type Connection = MultiplexedConnection;

    async fn connect(&self) -> Result<MultiplexedConnection, Reason> {
        self.server.connect().await.map_err(|error| Reason::new(advised(error)))
    }

    async fn look(&mut self, connection: &mut MultiplexedConnection) -> Result<Reading, Reason> {
        let mut reading = Reading::default();
        info::read(connection, &self.name, &mut reading).await?;
        latency::read(connection, &self.name, &mut reading).await?;
        self.streams.read(connection, &mut reading).await?;
        Ok(reading)
    }
}

/// Asks, and says in words what the server refused.
async fn ask<T: FromRedisValue>(
    connection: &mut MultiplexedConnection,
    command: &Cmd,
) -> Result<T, Reason> {
    command.query_async(connection).await.map_err(|error| failed(&error))
}

fn failed(error: &RedisError) -> Reason {
    match error.kind() {
        ::redis::ErrorKind::Server(ServerErrorKind::NoPerm) => {
            let detail = error.detail().unwrap_or("a command is forbidden");
            Reason::new(format_args!(
                "it refuses: {detail}: ACL SETUSER … +info +time +scan +latency|latest \
                 +xinfo|stream +xinfo|groups +xinfo|consumers +xrange +xpending ~*"
            ))
        }
        _ => Reason::new(error),
    }
}

/// Says whether an answer only means that there is no such thing (any more), or that it is another.
fn is_absence(error: &RedisError) -> bool {
    let words = error.detail().unwrap_or_default();
    error.code() == Some("WRONGTYPE")
        || error.code() == Some("NOGROUP")
        || words.contains("no such key")
}
