//! The stream of fulfilled orders in Redis, which billing reads.

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisResult, cmd};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How long Redis may take, so that a stuck one holds orders up no longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// The most records that the stream keeps, about; past it the oldest fall out.
const RECORDS_MAX: u32 = 100_000;

/// After so long without a record the stream is gone, so that a demo that was killed leaves none behind.
const FORGOTTEN_AFTER_S: u32 = 600;

/// The group that reads the stream.
pub(crate) const GROUP: &str = "billing";

/// Where the stream is.
#[derive(Clone, Debug)]
pub struct Topic {
    /// The server, as `redis://127.0.0.1:6379`.
    pub url: String,
    /// The stream's key.
    pub key: String,
}

impl Topic {
    /// Connects.
    ///
    /// # Errors
    /// The address is none, or nobody answers there.
    pub(crate) async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let client = redis::Client::open(self.url.as_str())?;
        client.get_multiplexed_async_connection_with_config(&config).await
    }
}

/// Writes to the stream; clones share a connection.
#[derive(Clone)]
pub(crate) struct Publisher {
    topic: Topic,
    connection: Arc<Mutex<Option<MultiplexedConnection>>>,
}

impl Publisher {
    pub(crate) fn new(topic: Topic) -> Self {
        Self { topic, connection: Arc::default() }
    }

    /// Publishes a fulfilled order. One that can't be is lost, and the log says so.
    pub(crate) async fn publish(&self, card: u32) {
        if let Err(error) = self.append(card).await {
            tracing::warn!(%error, "an order isn't published");
            *self.connection.lock().await = None;
        }
    }

    async fn append(&self, card: u32) -> RedisResult<()> {
        let mut connection = self.connection().await?;
        let mut append = cmd("XADD");
        append.arg(&self.topic.key).arg("MAXLEN").arg("~").arg(RECORDS_MAX).arg("*");
        let mut both = redis::pipe();
        both.add_command(append.arg("card").arg(card).to_owned()).ignore();
        both.cmd("EXPIRE").arg(&self.topic.key).arg(FORGOTTEN_AFTER_S).ignore();
        both.query_async(&mut connection).await
    }

    /// Returns the connection, made anew if the last one failed.
    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let mut connection = self.connection.lock().await;
        match &*connection {
            Some(open) => Ok(open.clone()),
            None => Ok(connection.insert(self.topic.connect().await?).clone()),
        }
    }
}
