//! Redis: a key, or the entries of a stream.

use crate::store::{Origin, Serving, StoreError};
use crate::{Marker, ProberError, Server};
use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use redis::{
    Client, ClientTlsConfig, Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue,
    IntoConnectionInfo, RedisError, TlsCertificates, cmd,
};
use std::collections::HashMap;
use tokio::sync::Mutex;

/// A key in Redis whose value is the marker: a store, and an origin as well.
#[derive(Debug)]
pub struct RedisKey {
    session: Session,
    key: String,
}

/// A stream in Redis, some of whose entries have the marker as a field; every other entry is read and
/// passed over, once.
#[derive(Debug)]
pub struct RedisStream {
    session: Session,
    stream: String,
    field: String,
    read: Mutex<Cursor>,
}

/// How far a stream was read.
#[derive(Debug)]
struct Cursor {
    /// The entry that was read last.
    after: String,
    newest: Option<Marker>,
}

/// How many entries are read at once, and how often at most for one look.
const ENTRIES: usize = 1_000;
const READS_MAX: usize = 64;

impl RedisKey {
    /// Describes `key` of a server, as `redis://host:6379/0`, or `rediss://` with TLS. It connects when
    /// it is first asked, and again after an error.
    ///
    /// # Errors
    /// An address or a certificate that can't be used.
    pub fn new(server: impl Into<Server>, key: impl Into<String>) -> Result<Self, ProberError> {
        Ok(Self { session: Session::new(server.into())?, key: key.into() })
    }
}

impl RedisStream {
    /// Describes `field` of the entries of `stream`, from its beginning on.
    ///
    /// # Errors
    /// An address or a certificate that can't be used.
    pub fn new(
        server: impl Into<Server>,
        stream: impl Into<String>,
        field: impl Into<String>,
    ) -> Result<Self, ProberError> {
        let read = Mutex::new(Cursor { after: "0-0".to_owned(), newest: None });
        let (stream, field) = (stream.into(), field.into());
        Ok(Self { session: Session::new(server.into())?, stream, field, read })
    }
}

#[async_trait]
impl Origin for RedisKey {
    async fn write(&self, marker: Marker) -> Result<(), StoreError> {
        self.session.ask(cmd("SET").arg(&self.key).arg(marker.to_string())).await
    }
}

#[async_trait]
impl Serving for RedisKey {
    async fn newest(&self) -> Result<Option<Marker>, StoreError> {
        let shown: Option<Vec<u8>> = self.session.ask(cmd("GET").arg(&self.key)).await?;
        shown.map(|shown| StoreError::marker(&String::from_utf8_lossy(&shown))).transpose()
    }
}

#[async_trait]
impl Origin for RedisStream {
    async fn write(&self, marker: Marker) -> Result<(), StoreError> {
        let mut add = cmd("XADD");
        add.arg(&self.stream).arg("*").arg(&self.field).arg(marker.to_string());
        self.session.ask(&add).await
    }
}

#[async_trait]
impl Serving for RedisStream {
    async fn newest(&self) -> Result<Option<Marker>, StoreError> {
        type Entries = Vec<(String, HashMap<Vec<u8>, Vec<u8>>)>;
        let mut read = self.read.lock().await;
        for _ in 0..READS_MAX {
            let mut range = cmd("XRANGE");
            let after = format!("({}", read.after);
            range.arg(&self.stream).arg(after).arg("+").arg("COUNT").arg(ENTRIES);
            let entries: Entries = self.session.ask(&range).await?;
            let is_last = entries.len() < ENTRIES;
            for (id, fields) in entries {
                if let Some(shown) = fields.get(self.field.as_bytes()) {
                    read.newest = Some(StoreError::marker(&String::from_utf8_lossy(shown))?);
                }
                read.after = id;
            }
            if is_last {
                return Ok(read.newest);
            }
        }
        // The next look goes on from here; what it has come to isn't the newest.
        Err(StoreError::TimedOut)
    }
}

/// A connection that is made when it is needed.
#[derive(Debug)]
pub(crate) struct Session {
    server: Server,
    info: ConnectionInfo,
    slot: Mutex<Option<MultiplexedConnection>>,
}

impl Session {
    pub(crate) fn new(server: Server) -> Result<Self, ProberError> {
        let info = server.url.as_str().into_connection_info();
        let info = info.map_err(|error| {
            server.fault(format_args!("give one as redis://host:6379: {error}"))
        })?;
        if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            server.check_trust()?;
        }
        Ok(Self { server, info, slot: Mutex::new(None) })
    }

    pub(crate) async fn connect(&self) -> Result<MultiplexedConnection, StoreError> {
        let mut info = self.info.clone();
        if let Some(password) = self.server.read_password()? {
            let settings = info.redis_settings().clone().set_password(password);
            info = info.set_redis_settings(settings);
        }
        let client = match info.addr() {
            ConnectionAddr::TcpTls { .. } => Client::build_with_tls(info, self.certificates()?),
            _ => Client::open(info),
        };
        let client = client.map_err(|error| failed(&error))?;
        client.get_multiplexed_async_connection().await.map_err(|error| failed(&error))
    }

    fn certificates(&self) -> Result<TlsCertificates, StoreError> {
        let trust = self.server.trust().map_err(StoreError::Unreachable)?;
        let client_tls = trust
            .identity
            .map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key });
        Ok(TlsCertificates { client_tls, root_cert: trust.roots })
    }

    /// Asks on the connection in the slot, or on a new one. Dropped at an await, or failed, it leaves
    /// none: nobody else gets an answer that was meant for it.
    async fn ask<T: FromRedisValue>(&self, what: &Cmd) -> Result<T, StoreError> {
        let mut slot = self.slot.lock().await;
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let answer = what.query_async(&mut connection).await.map_err(|error| failed(&error));
        if !matches!(answer, Err(StoreError::Unreachable(_))) {
            *slot = Some(connection);
        }
        answer
    }
}

/// Tells an error of the server's from one of the way to it.
fn failed(error: &RedisError) -> StoreError {
    if error.is_io_error() || error.is_connection_dropped() || error.is_timeout() {
        StoreError::Unreachable(error.to_string())
    } else {
        StoreError::Refused(error.to_string())
    }
}
