//! PostgreSQL: sessions and what they wait for, who blocks whom, deadlocks, the lag of replicas.

mod blockers;
mod deadlocks;
mod replica;
mod sessions;

use crate::connected::{Connected, ConnectedCollector};
use crate::kind::CollectorKind;
use crate::reading::labelled;
use crate::server::ServerConfig;
use crate::skew::Skew;
use crate::sql::{self, Row};
use crate::tls::advised;
use crate::{Collector, CollectorConfig, Flag, Pace, Reading, Reason, World};
use async_trait::async_trait;
use deadlocks::Deadlocks;
use plimsoll_model::catalog;
use plimsoll_prober::{PostgresConnection, PostgresServer};
use plimsoll_servers::StoreAddress;
use plimsoll_spec::MapShape;
use replica::Replica;
use serde::Deserialize;
use sessions::Sessions;
use std::path::Path;
use std::sync::Arc;

/// A PostgreSQL server, as a role that is a member of `pg_monitor` sees it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct PostgresConfig {
    #[serde(flatten)]
    server: ServerConfig<StoreAddress>,
}

impl PostgresConfig {
    /// Describes the server at `url`, as `postgres://user@host/database`.
    pub fn at(url: impl Into<String>) -> Self {
        Self { server: ServerConfig::new(StoreAddress(url.into())) }
    }
}

impl CollectorKind for PostgresConfig {
    const SHAPE: &'static MapShape = &sql::SHAPE;
    const PACE: Pace = Pace::EACH_5_SECONDS;
    const FLAGS: &'static [Flag] = &[Flag {
        name: "postgres",
        value: Some("URL"),
        help: "A PostgreSQL server: sessions, who blocks whom, deadlocks, replica lag; may be repeated",
        read: |url| Ok(CollectorConfig::Postgres(Self::at(url))),
    }];

    fn target(&self) -> String {
        sql::target(&self.server.address.0)
    }

    fn lies_in(&mut self, folder: &Path) {
        self.server.lies_in(folder);
    }

    fn check(&self) -> Result<(), Reason> {
        sql::server(&self.server).map(drop)
    }

    fn build(self, world: &World) -> Result<Box<dyn Collector>, Reason> {
        let server = sql::server(&self.server)?;
        let postgres = Postgres {
            server,
            name: world.name.clone(),
            sessions: Sessions::default(),
            deadlocks: Deadlocks::default(),
            replica: Replica::new(Skew::new(world)),
        };
        Ok(Box::new(Connected::new(postgres, world.clock.clone())))
    }
}

struct Postgres {
    server: PostgresServer,
    name: Arc<str>,
    sessions: Sessions,
    deadlocks: Deadlocks,
    replica: Replica,
}

/// What holds of the connection: a look that hangs ends there too, and it writes nothing.
const SETTINGS: &str = "SET application_name = 'plimsoll'; SET statement_timeout = '5s'; \
                        SET lock_timeout = '1s'; SET default_transaction_read_only = on";

/// What one row says of the server. Those who aren't superusers are refused once the rest of
/// `max_connections` is in use. A prepared transaction has no session, and holds up as much as one that has.
const SUMMARY: &str = "SELECT pg_is_in_recovery() AS is_replica, current_user AS role, \
    pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all, \
    current_setting('max_connections')::int \
        - current_setting('superuser_reserved_connections')::int \
        - coalesce(current_setting('reserved_connections', true)::int, 0) AS connections_limit, \
    count(*) AS connections, \
    coalesce(extract(epoch FROM clock_timestamp() - least( \
        min(xact_start) FILTER (WHERE pid <> pg_backend_pid()), \
        (SELECT min(prepared) FROM pg_prepared_xacts))), 0) AS oldest_transaction_s \
    FROM pg_stat_activity WHERE backend_type = 'client backend'";

#[async_trait]
impl ConnectedCollector for Postgres {
    type Connection = PostgresConnection;

    async fn connect(&self) -> Result<PostgresConnection, Reason> {
        let connection = self.server.connect().await;
        let connection = connection.map_err(|error| Reason::new(advised(error)))?;
        sql::rows(connection.client(), SETTINGS).await?;
        Ok(connection)
    }

    async fn look(&mut self, connection: &mut PostgresConnection) -> Result<Reading, Reason> {
        let client = connection.client();
        let mut reading = Reading::default();
        let summary = sql::rows(client, SUMMARY).await?;
        let summary = summary.first().ok_or_else(|| Reason::new("its answer has no rows"))?;
        self.summary(summary, &mut reading)?;
        let counted = sql::rows(client, sessions::QUERY).await?;
        let lock_waiters = self.sessions.read(&counted, &self.name, &mut reading);
        // Asking who blocks whom takes the locks of all locks for a moment: only if somebody waits.
        let edges = match lock_waiters {
            0 => Vec::new(),
            _ => sql::rows(client, blockers::QUERY).await?,
        };
        blockers::read(&edges, lock_waiters, &self.name, &mut reading);
        let counted = sql::rows(client, deadlocks::QUERY).await?;
        self.deadlocks.read(&counted, &self.name, &mut reading);
        if summary.is("is_replica") {
            let heard = sql::rows(client, replica::QUERY).await?;
            self.replica.read(&heard, &self.name, &mut reading);
        } else {
            let standbys = sql::rows(client, replica::STANDBYS).await?;
            replica::standbys(&standbys, &self.name, &mut reading);
        }
        Ok(reading)
    }
}

impl Postgres {
    fn summary(&self, row: &Row, reading: &mut Reading) -> Result<(), Reason> {
        if !row.is("sees_all") {
            let role = row.text("role").unwrap_or("?");
            return Err(Reason::new(format_args!(
                "the role {role} sees no session but its own: GRANT pg_monitor TO {role}"
            )));
        }
        let pool = labelled([("pool", &self.name)]);
        let connections = row.value("connections").unwrap_or(f64::NAN);
        let limit = row.value("connections_limit");
        reading.level(&catalog::POOL_IN_USE, &pool, connections, limit);
        let oldest_s = row.value("oldest_transaction_s").unwrap_or(f64::NAN);
        let server = labelled([("server", &self.name)]);
        reading.gauge(&catalog::POSTGRES_OLDEST_TRANSACTION, &server, oldest_s);
        Ok(())
    }
}
