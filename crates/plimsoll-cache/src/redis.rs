//! The connection that stores and leases on Redis share.

use crate::StoreError;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{FromRedisValue, ScriptInvocation};
use std::fmt;
use std::time::Duration;

/// A connection to one Redis server, which is made when it is first used and made anew when it breaks.
///
/// Cloning shares it. Every command ends within its time limit, whether the server is down, stopped or
/// slow.
#[derive(Clone)]
pub struct Redis {
    connection: ConnectionManager,
    time_limit: Duration,
}

impl Redis {
    /// Describes the server at `url` (`redis://host:port/database`); every command may take
    /// `time_limit`. The server needn't be up.
    ///
    /// # Errors
    /// The URL is none of Redis, or the limit is zero.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn lazy(url: &str, time_limit: Duration) -> Result<Self, RedisUrlError> {
        let refused = |reason: String| RedisUrlError { url: url.to_owned(), reason };
        if time_limit.is_zero() {
            return Err(refused("its time limit is zero".to_owned()));
        }
        let client = redis::Client::open(url).map_err(|error| refused(error.to_string()))?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(time_limit))
            .set_response_timeout(Some(time_limit))
            .set_max_delay(RETRY_DELAY_MAX);
        let connection = ConnectionManager::new_lazy_with_config(client, config)
            .map_err(|error| refused(error.to_string()))?;
        Ok(Self { connection, time_limit })
    }

    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection.clone();
        let answer = async {
            match script.invoke_async(&mut connection).await {
                // One that broke while nobody used it fails the first command; all of ours may be
                // given twice.
                Err(error) if error.is_connection_dropped() => {
                    script.invoke_async(&mut connection).await
                }
                answer => answer,
            }
        };
        // The driver's own limit is for one answer; this one is for reconnecting as well.
        match tokio::time::timeout(self.time_limit, answer).await {
            Ok(answer) => answer.map_err(|error| self.error(&error)),
            Err(_) => Err(StoreError::TimedOut(self.time_limit)),
        }
    }

    fn error(&self, error: &redis::RedisError) -> StoreError {
        if error.is_timeout() {
            StoreError::TimedOut(self.time_limit)
        } else {
            StoreError::Failed(error.to_string())
        }
    }
}

/// How long a connection that broke waits at most before it is tried again.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(1);

impl fmt::Debug for Redis {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Redis").field("time_limit", &self.time_limit).finish_non_exhaustive()
    }
}

/// Why a server can't be described.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{url:?} can't be used: {reason}; give redis://host:port/database and a limit above 0")]
pub struct RedisUrlError {
    url: String,
    reason: String,
}
