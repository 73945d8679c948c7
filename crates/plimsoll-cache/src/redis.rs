//! The connection that stores and leases on Redis share.

use crate::StoreError;
use crate::breaker::{Breaker, PAUSE};
use crate::environment::ns;
use plimsoll::{Backpressure, Clock, Reason, Registry, SystemClock};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{FromRedisValue, IntoConnectionInfo, RedisError, ScriptInvocation};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A connection to one Redis server, which is made when it is first used and made anew when it breaks.
///
/// Cloning shares it. Every command ends within its time limit, whether the server is down, stopped or
/// slow. Once the server has answered nobody for as long, commands fail at once with
/// [`StoreError::CircuitOpen`], and one a second asks whether it is back.
///
/// | series | what |
/// |---|---|
/// | `concurrency_backpressure_total{source="redis:HOST:PORT",reason="breaker"}` | commands that weren't given, since the server answered nobody |
///
/// # Cost
/// Two clock reads a command.
///
/// # Cancellation
/// A command that is dropped may have been given.
///
/// # Reading it
/// ```promql
/// sum by (source) (rate(concurrency_backpressure_total{reason="breaker"}[5m])) > 0
/// ```
#[derive(Clone)]
pub struct Redis {
    connection: ConnectionManager,
    time_limit: Duration,
    guard: Arc<Guard>,
}

struct Guard {
    breaker: Breaker,
    pushed_back: Backpressure,
}

impl Redis {
    /// Describes the server at `url` (`redis://host:port/database`, or `rediss://` for TLS, which
    /// trusts the authorities that the machine trusts); every command may take `time_limit`. The server
    /// needn't be up. Its signals are in the global registry.
    ///
    /// # Errors
    /// The URL is none of Redis, or the limit is zero.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn lazy(url: &str, time_limit: Duration) -> Result<Self, RedisUrlError> {
        Self::lazy_in(Registry::global(), url, time_limit)
    }

    /// Describes the server at `url` with its signals in `registry`; else as [`lazy`](Self::lazy).
    ///
    /// # Errors
    /// The URL is none of Redis, or the limit is zero.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn lazy_in(
        registry: &Registry,
        url: &str,
        time_limit: Duration,
    ) -> Result<Self, RedisUrlError> {
        let refused = |reason: String| RedisUrlError { url: without_secret(url), reason };
        if time_limit.is_zero() {
            return Err(refused("its time limit is zero".to_owned()));
        }
        // Without effect where the process has chosen already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let because = |error: RedisError| refused(error.to_string());
        let server = url.into_connection_info().map_err(because)?;
        let source = format!("redis:{}", server.addr());
        let client = redis::Client::open(server).map_err(because)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(time_limit))
            .set_response_timeout(Some(time_limit))
            .set_max_delay(PAUSE);
        let connection =
            ConnectionManager::new_lazy_with_config(client, config).map_err(because)?;
        let pushed_back = Backpressure::named_in(registry, source);
        let guard = Arc::new(Guard { breaker: Breaker::default(), pushed_back });
        Ok(Self { connection, time_limit, guard })
    }

    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        let (Guard { breaker, pushed_back }, limit_ns) = (&*self.guard, ns(self.time_limit));
        let asked_ns = SystemClock.own_ns();
        if !breaker.admits(asked_ns, limit_ns) {
            pushed_back.count(Reason::Breaker);
            return Err(StoreError::CircuitOpen(PAUSE));
        }
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
        let answer = tokio::time::timeout(self.time_limit, answer).await;
        let now_ns = SystemClock.own_ns();
        match answer {
            Err(_) => breaker.unanswered(asked_ns, now_ns),
            Ok(Err(ref error)) if error.is_io_error() => breaker.unanswered(asked_ns, now_ns),
            Ok(_) => breaker.answered(now_ns),
        }
        match answer {
            Ok(answer) => answer.map_err(|error| self.error(&error)),
            Err(_) => Err(StoreError::TimedOut(self.time_limit)),
        }
    }

    fn error(&self, error: &RedisError) -> StoreError {
        if error.is_timeout() {
            StoreError::TimedOut(self.time_limit)
        } else {
            StoreError::Failed(error.to_string())
        }
    }
}

/// Leaves out who logs in with which password.
fn without_secret(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
        Some((scheme, (_, server))) => format!("{scheme}://…@{server}"),
        None => url.to_owned(),
    }
}
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_in_no_error() {
        let error = Redis::lazy("http://me:s3cret@cache:6379", Duration::from_secs(1)).err();
        let error = error.expect("it is none of Redis").to_string();
        assert!(error.contains("http://…@cache:6379") && !error.contains("s3cret"), "{error}");
    }

    #[tokio::test]
    async fn tls_is_understood() {
        let made = Redis::lazy("rediss://cache:6380/2", Duration::from_secs(1));
        assert!(made.is_ok(), "{made:?}");
    }
}
