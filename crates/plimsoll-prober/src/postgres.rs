//! PostgreSQL: a table as the system of record; the same table on a replica, or any query, as a store.

use crate::store::{Origin, Serving, StoreError};
use crate::{Marker, ProberError};
use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error, NoTls};

/// The heartbeats of a table in PostgreSQL, by name: an origin, and a store as well.
///
/// The table is
/// `CREATE TABLE plimsoll_heartbeat (name text PRIMARY KEY, marker text NOT NULL)`.
/// What a pipeline passes on is the row.
#[derive(Debug)]
pub struct PostgresTable {
    lookup: PostgresQuery,
    upsert: String,
    name: String,
}

/// What a query in PostgreSQL shows: a materialised view, a table that a pipeline fills, a replica.
#[derive(Debug)]
pub struct PostgresQuery {
    session: Session,
    query: String,
}

impl PostgresTable {
    /// Describes the heartbeat `name` in `table` of the server at `url`, as
    /// `postgres://user@host/database`. It connects when it is first asked, and again after an error.
    ///
    /// # Errors
    /// An address that can't be used, or a table whose name isn't one.
    pub fn new(url: &str, table: &str, name: impl Into<String>) -> Result<Self, ProberError> {
        let is_plain = |part: &str| {
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            !part.starts_with(|first: char| first.is_ascii_digit())
                && !part.is_empty()
                && part.bytes().all(is_letter)
        };
        if !table.split('.').all(is_plain) {
            return Err(ProberError::Table(table.to_owned()));
        }
        let name = name.into();
        let quoted = name.replace('\'', "''");
        let query = format!("SELECT marker FROM {table} WHERE name = '{quoted}'");
        let upsert = format!(
            "INSERT INTO {table} (name, marker) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET marker = excluded.marker"
        );
        Ok(Self { lookup: PostgresQuery::new(url, query)?, upsert, name })
    }
}

impl PostgresQuery {
    /// Describes a query whose one row has the marker as its one column, of type `text`.
    ///
    /// # Errors
    /// An address that can't be used.
    pub fn new(url: &str, query: impl Into<String>) -> Result<Self, ProberError> {
        Ok(Self { session: Session::new(url)?, query: query.into() })
    }
}

#[async_trait]
impl Origin for PostgresTable {
    async fn write(&self, marker: Marker) -> Result<(), StoreError> {
        let marker = marker.to_string();
        let session = &self.lookup.session;
        let mut slot = session.slot.lock().await;
        let client = session.client(&mut slot).await?;
        let written = client.execute(self.upsert.as_str(), &[&self.name, &marker]).await;
        written.map(|_| ()).map_err(|error| failed(&error))
    }
}

#[async_trait]
impl Serving for PostgresTable {
    async fn newest(&self) -> Result<Option<Marker>, StoreError> {
        self.lookup.newest().await
    }
}

#[async_trait]
impl Serving for PostgresQuery {
    async fn newest(&self) -> Result<Option<Marker>, StoreError> {
        let mut slot = self.session.slot.lock().await;
        let client = self.session.client(&mut slot).await?;
        let row = client.query_opt(self.query.as_str(), &[]).await;
        let Some(row) = row.map_err(|error| failed(&error))? else { return Ok(None) };
        let text: &str = row.try_get(0).map_err(|error| failed(&error))?;
        StoreError::marker(text).map(Some)
    }
}

/// A connection that is made when it is needed.
#[derive(Debug)]
struct Session {
    config: Config,
    slot: Mutex<Option<Connected>>,
}

/// A client, and the task that moves its bytes, which ends with it.
#[derive(Debug)]
struct Connected {
    client: Client,
    driver: JoinHandle<()>,
}

impl Session {
    fn new(url: &str) -> Result<Self, ProberError> {
        let config = url.parse().map_err(|error: Error| ProberError::Address {
            address: without_password(url),
            reason: error.to_string(),
        })?;
        Ok(Self { config, slot: Mutex::new(None) })
    }

    /// Returns the client in the slot, or connects anew if there is none that works.
    async fn client<'a>(&self, slot: &'a mut Option<Connected>) -> Result<&'a Client, StoreError> {
        if slot.as_ref().is_some_and(|connected| connected.client.is_closed()) {
            *slot = None;
        }
        let connected = match slot.take() {
            Some(connected) => connected,
            None => {
                let connected = self.config.connect(NoTls).await;
                let (client, connection) = connected.map_err(|error| failed(&error))?;
                // Its errors come back through the client.
                let driver = tokio::spawn(async move { drop(connection.await) });
                Connected { client, driver }
            }
        };
        Ok(&slot.insert(connected).client)
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Tells an error of the server's from one of the way to it.
fn failed(error: &Error) -> StoreError {
    match error.as_db_error() {
        Some(refused) => StoreError::Refused(refused.to_string()),
        None => StoreError::Unreachable(error.to_string()),
    }
}

/// Returns an address as it may be shown.
pub(crate) fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 < at => {
            format!("{}…{}", url.get(..scheme + 3).unwrap_or(""), url.get(at..).unwrap_or(""))
        }
        _ if url.contains("password") => "…".to_owned(),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_a_name_and_no_more() {
        let url = "postgres://user@localhost/shop";
        for table in ["plimsoll_heartbeat", "ops.heartbeat_2"] {
            assert!(PostgresTable::new(url, table, "it's").is_ok(), "{table}");
        }
        for table in ["", "a.", "2a", "a; DROP TABLE b", "a b", "\"a\""] {
            let refused = PostgresTable::new(url, table, "shop").err();
            assert_eq!(refused, Some(ProberError::Table(table.to_owned())));
        }
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        assert_eq!(without_password("postgres://a:secret@host/b"), "postgres://…@host/b");
        assert_eq!(without_password("host=a password=secret"), "…");
        assert_eq!(without_password("redis://host/0"), "redis://host/0");
        let refused = PostgresQuery::new("postgres://a:secret@[", "SELECT 1");
        let said = refused.map(|_| ()).expect_err("it is no address").to_string();
        assert!(!said.contains("secret"), "{said}");
    }
}
