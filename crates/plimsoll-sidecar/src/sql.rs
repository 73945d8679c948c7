//! Rows of PostgreSQL's simple protocol, which PgBouncer's console speaks as well: all values are text.

use crate::Reason;
use crate::config::{DEADLINE, INTERVAL, LABEL};
use crate::server::ServerConfig;
use plimsoll_prober::PostgresServer;
use plimsoll_servers::{
    PASSWORD, PASSWORD_FILE, StoreAddress, TLS_CONFIG, check_address, no_store,
};
use plimsoll_spec::{MapShape, Shape, required};
use std::str::FromStr;
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error, SimpleQueryMessage, SimpleQueryRow};

pub(crate) struct Row(SimpleQueryRow);

impl Row {
    /// Returns a column's text; none if it is NULL, or if this version has no such column.
    pub(crate) fn text(&self, column: &str) -> Option<&str> {
        self.0.try_get(column).ok().flatten()
    }

    /// Returns a column's value; none if it is NULL or isn't one.
    pub(crate) fn value<T: FromStr>(&self, column: &str) -> Option<T> {
        self.text(column)?.parse().ok()
    }

    /// Says whether a column is true.
    pub(crate) fn is(&self, column: &str) -> bool {
        self.text(column) == Some("t")
    }
}

/// Asks for rows.
///
/// # Errors
/// What the server, or the way to it, said.
pub(crate) async fn rows(client: &Client, query: &str) -> Result<Vec<Row>, Reason> {
    let messages = client.simple_query(query).await.map_err(|error| failed(&error))?;
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(Row(row)),
        _ => None,
    });
    Ok(rows.collect())
}

fn failed(error: &Error) -> Reason {
    let Some(refused) = error.as_db_error() else { return Reason::new(error) };
    let hint = match refused.code() {
        code if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            ": GRANT pg_monitor TO the role that asks"
        }
        code if *code == SqlState::QUERY_CANCELED => ": the server is too busy to say how it is",
        _ => "",
    };
    Reason::new(format_args!("it refuses: {}{hint}", refused.message()))
}

/// The keys of every kind that asks so.
pub(crate) static SHAPE: MapShape = MapShape {
    keys: &[
        LABEL,
        INTERVAL,
        DEADLINE,
        required("url", Shape::TEXT),
        PASSWORD,
        PASSWORD_FILE,
        TLS_CONFIG,
    ],
    check: Some(|view, faults| {
        check_address(view, faults, |url| PostgresServer::new(url).map(drop).map_err(no_store));
    }),
};

/// Makes what connects.
///
/// # Errors
/// An address or a certificate that can't be used.
pub(crate) fn server(config: &ServerConfig<StoreAddress>) -> Result<PostgresServer, Reason> {
    PostgresServer::new(config.server()).map_err(Reason::new)
}

/// Returns the database that an address leads to: that of the user's name if it names none.
pub(crate) fn database(url: &str) -> Option<String> {
    let config = url.parse::<Config>().ok()?;
    config.get_dbname().or(config.get_user()).map(str::to_owned)
}

/// Names a server by its host, port and database: never by its user or password.
pub(crate) fn target(url: &str) -> String {
    let Ok(config) = url.parse::<Config>() else { return String::new() };
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        Some(Host::Unix(folder)) => folder.display().to_string(),
        None => "localhost".into(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let database = config.get_dbname().map(|name| format!("/{name}")).unwrap_or_default();
    format!("{host}:{port}{database}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_where_the_server_is_and_no_secret() {
        let url = "postgres://me:secret@db/shop?sslmode=require";
        assert_eq!(target(url), "db:5432/shop");
        assert_eq!(target("host=/run/pg port=6000"), "/run/pg:6000");
        assert_eq!(target("postgres://me:secret@["), "");
    }
}
