//! Connections for those who ask a server for something else than markers.

use crate::{ProberError, Server, StoreError, postgres, redis};
use ::redis::aio::MultiplexedConnection;
use tokio_postgres::Client;

/// A PostgreSQL server, or one that speaks its protocol, which connections are made to with the TLS and
/// the password of its [`Server`].
#[derive(Debug)]
pub struct PostgresServer(postgres::Session);

/// An open connection to a [`PostgresServer`]; dropped, it is closed.
#[derive(Debug)]
pub struct PostgresConnection(postgres::Connected);

/// A Redis server which connections are made to with the TLS and the password of its [`Server`].
#[derive(Debug)]
pub struct RedisServer(redis::Session);

impl PostgresServer {
    /// Describes a server; nothing is connected yet.
    ///
    /// # Errors
    /// An address or a certificate that can't be used.
    pub fn new(server: impl Into<Server>) -> Result<Self, ProberError> {
        postgres::Session::new(server.into()).map(Self)
    }

    /// Connects anew.
    ///
    /// # Errors
    /// It can't be reached, or refuses; without the password in the words.
    pub async fn connect(&self) -> Result<PostgresConnection, StoreError> {
        self.0.connect().await.map(PostgresConnection)
    }
}

impl PostgresConnection {
    /// Returns what asks on it.
    pub fn client(&self) -> &Client {
        &self.0.client
    }
}

impl RedisServer {
    /// Describes a server; nothing is connected yet.
    ///
    /// # Errors
    /// An address or a certificate that can't be used.
    pub fn new(server: impl Into<Server>) -> Result<Self, ProberError> {
        redis::Session::new(server.into()).map(Self)
    }

    /// Connects anew.
    ///
    /// # Errors
    /// It can't be reached, or refuses; without the password in the words.
    pub async fn connect(&self) -> Result<MultiplexedConnection, StoreError> {
        self.0.connect().await
    }
}
