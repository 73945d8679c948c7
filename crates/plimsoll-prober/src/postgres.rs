//! PostgreSQL: a table as the system of record; the same table on a replica, or any query, as a store.

use crate::store::{Origin, Serving, StoreError, deepest};
use crate::{Marker, ProberError, Server};
use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Error, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

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
    /// Describes the heartbeat `name` in `table` of a server, as `postgres://user@host/database`. It
    /// connects when it is first asked, and again after an error.
    ///
    /// # Errors
    /// An address or a certificate that can't be used, or a table whose name isn't one.
    pub fn new(
        server: impl Into<Server>,
        table: &str,
        name: impl Into<String>,
    ) -> Result<Self, ProberError> {
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
        Ok(Self { lookup: PostgresQuery::new(server, query)?, upsert, name })
    }
}

impl PostgresQuery {
    /// Describes a query whose one row has the marker as its one column, of type `text`.
    ///
    /// # Errors
    /// An address or a certificate that can't be used.
    pub fn new(server: impl Into<Server>, query: impl Into<String>) -> Result<Self, ProberError> {
        Ok(Self { session: Session::new(server.into())?, query: query.into() })
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
pub(crate) struct Session {
    server: Server,
    config: Config,
    slot: Mutex<Option<Connected>>,
}

/// A client, and the task that moves its bytes, which ends with it.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) client: Client,
    driver: JoinHandle<()>,
}

impl Session {
    pub(crate) fn new(server: Server) -> Result<Self, ProberError> {
        let mut config = config(&server.url).map_err(|error| {
            let reason = deepest(&error);
            server.fault(format_args!("give one as postgres://user@host/db: {reason}"))
        })?;
        let is_local = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        if config.get_ssl_mode() == SslMode::Disable || is_local {
            config.ssl_mode(SslMode::Disable);
        } else {
            config.ssl_mode(SslMode::Require);
            server.check_trust()?;
        }
        Ok(Self { server, config, slot: Mutex::new(None) })
    }

    /// Returns the client in the slot, or connects anew if there is none that works.
    async fn client<'a>(&self, slot: &'a mut Option<Connected>) -> Result<&'a Client, StoreError> {
        if slot.as_ref().is_some_and(|connected| connected.client.is_closed()) {
            *slot = None;
        }
        let connected = match slot.take() {
            Some(connected) => connected,
            None => self.connect().await?,
        };
        Ok(&slot.insert(connected).client)
    }

    pub(crate) async fn connect(&self) -> Result<Connected, StoreError> {
        let mut config = self.config.clone();
        if let Some(password) = self.server.read_password()? {
            config.password(password);
        }
        if config.get_ssl_mode() == SslMode::Disable {
            return connect(&config, NoTls).await;
        }
        connect(&config, MakeRustlsConnect::new(self.server.tls()?)).await
    }
}

async fn connect<T>(config: &Config, tls: T) -> Result<Connected, StoreError>
where
    T: MakeTlsConnect<Socket, Stream: Send + 'static>,
{
    let (client, connection) = config.connect(tls).await.map_err(|error| failed(&error))?;
    // Its errors come back through the client.
    let driver = tokio::spawn(async move { drop(connection.await) });
    Ok(Connected { client, driver })
}

/// Reads an address. PostgreSQL's own clients know two modes more, which ask for what is done anyway.
fn config(url: &str) -> Result<Config, Error> {
    let url = url.replace("sslmode=verify-full", "sslmode=require");
    url.replace("sslmode=verify-ca", "sslmode=require").parse()
}

impl std::fmt::Debug for Session {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Session").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Tells an error of the server's from one of the way to it, and says what to do about it.
fn failed(error: &Error) -> StoreError {
    let Some(refused) = error.as_db_error() else {
        let mut cause = std::error::Error::source(error);
        let is_of_the_way = std::iter::from_fn(|| {
            let now = cause?;
            cause = now.source();
            Some(now)
        })
        .any(<dyn std::error::Error>::is::<std::io::Error>);
        let mut said = deepest(error);
        if said.ends_with("does not support TLS") {
            said.push_str(": set it up there, or say sslmode=disable");
        }
        return match error.is_closed() || is_of_the_way {
            true => StoreError::Unreachable(said),
            false => StoreError::Refused(said),
        };
    };
    let hint = match refused.code() {
        code if *code == SqlState::UNDEFINED_TABLE => {
            ": create it, as `CREATE TABLE … (name text PRIMARY KEY, marker text NOT NULL)`"
        }
        code if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            ": GRANT SELECT on it, and INSERT and UPDATE where markers are written"
        }
        code if *code == SqlState::READ_ONLY_SQL_TRANSACTION => {
            ": write to the primary, and watch the replica as a store"
        }
        _ => "",
    };
    StoreError::Refused(format!("{}{hint}", refused.message()))
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
    fn tls_is_left_out_only_where_the_address_says_so() {
        let local = ["postgres://a@host/b?sslmode=disable", "host=/run/postgresql user=a"];
        let remote = ["", "?sslmode=prefer", "?sslmode=require", "?sslmode=verify-full"];
        for url in local {
            let session = Session::new(Server::new(url)).expect("an address");
            assert_eq!(session.config.get_ssl_mode(), SslMode::Disable, "{url}");
        }
        for query in remote {
            let server = Server::new(format!("postgres://a@host/b{query}"));
            let session = Session::new(server).expect("an address");
            assert_eq!(session.config.get_ssl_mode(), SslMode::Require, "{query}");
        }
    }

    #[test]
    fn an_address_that_is_none_is_shown_without_its_password() {
        for url in ["postgres://a:secret@[", "postgres://a:secret@host/b?colour=red"] {
            let refused = PostgresQuery::new(url, "SELECT 1");
            let said = refused.map(|_| ()).expect_err("it is no address").to_string();
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
