//! PgBouncer, by its console: who waits for a connection to the database, and for how long.

use crate::connected::{Connected, ConnectedCollector};
use crate::kind::CollectorKind;
use crate::reading::labelled;
use crate::server::ServerConfig;
use crate::sql::{self, Row};
use crate::{Collector, CollectorConfig, Flag, Pace, Reading, Reason, World};
use async_trait::async_trait;
use plimsoll_model::{LevelPart, Value, catalog};
use plimsoll_prober::{PostgresConnection, PostgresServer};
use plimsoll_servers::StoreAddress;
use plimsoll_spec::MapShape;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Pools that have series of their own, those with most waiters first.
const POOLS_MAX: usize = 100;

/// A PgBouncer, as one of its `stats_users` sees it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct PgbouncerConfig {
    #[serde(flatten)]
    server: ServerConfig<StoreAddress>,
}

impl PgbouncerConfig {
    /// Describes the console at `url`, as `postgres://stats@host:6432/pgbouncer`.
    pub fn at(url: impl Into<String>) -> Self {
        Self { server: ServerConfig::new(StoreAddress(url.into())) }
    }
}

impl CollectorKind for PgbouncerConfig {
    const SHAPE: &'static MapShape = &sql::SHAPE;
    const PACE: Pace = Pace::EACH_5_SECONDS;
    const FLAGS: &'static [Flag] = &[Flag {
        name: "pgbouncer",
        value: Some("URL"),
        help: "A PgBouncer: pools against their size, who waits for one; may be repeated",
        read: |url| Ok(CollectorConfig::Pgbouncer(Self::at(url))),
    }];

    fn target(&self) -> String {
        sql::target(&self.server.address.0)
    }

    fn lies_in(&mut self, folder: &Path) {
        self.server.lies_in(folder);
    }

    fn check(&self) -> Result<(), Reason> {
        // Any other database would take the questions for its own, and give a connection of a pool away.
        if sql::database(&self.server.address.0).as_deref() != Some("pgbouncer") {
            return Err(Reason::new("the address must name the database pgbouncer: its console"));
        }
        sql::server(&self.server).map(drop)
    }

    fn build(self, world: &World) -> Result<Box<dyn Collector>, Reason> {
        let server = sql::server(&self.server)?;
        let pgbouncer = Pgbouncer { server, name: world.name.clone() };
        Ok(Box::new(Connected::new(pgbouncer, world.clock.clone())))
    }
}

struct Pgbouncer {
    server: PostgresServer,
    name: Arc<str>,
}

#[async_trait]
impl ConnectedCollector for Pgbouncer {
    type Connection = PostgresConnection;

    async fn connect(&self) -> Result<PostgresConnection, Reason> {
        self.server.connect().await.map_err(Reason::new)
    }

    async fn look(&mut self, connection: &mut PostgresConnection) -> Result<Reading, Reason> {
        let client = connection.client();
        let mut reading = Reading::default();
        let databases = sql::rows(client, "SHOW DATABASES").await?;
        let sizes: HashMap<&str, f64> = databases
            .iter()
            .filter_map(|row| Some((row.text("name")?, row.value("pool_size")?)))
            .collect();
        let paused = databases.iter().filter(|row| row.text("paused") == Some("1"));
        for name in paused.filter_map(|row| row.text("name")) {
            reading.note(format_args!("{name} is paused: whoever asks for it waits until RESUME"));
        }
        let mut pools = sql::rows(client, "SHOW POOLS").await?;
        if pools.iter().any(|pool| pool.text("cl_waiting").is_none()) {
            return Err(Reason::new(
                "it has no pools: the address must name the database pgbouncer",
            ));
        }
        pools.sort_by_key(|pool| std::cmp::Reverse(number(pool, "cl_waiting") as u64));
        self.clients(&pools, &sql::rows(client, "SHOW CONFIG").await?, &mut reading);
        // The console is a pool as well, of those who look.
        pools.retain(|pool| pool.text("database") != Some("pgbouncer"));
        if pools.len() > POOLS_MAX {
            reading.note(format_args!("{POOLS_MAX} pools are shown, of {}", pools.len()));
        }
        for pool in pools.iter().take(POOLS_MAX) {
            let size = pool.text("database").and_then(|database| sizes.get(database)).copied();
            self.pool(pool, size, &mut reading);
        }
        Ok(reading)
    }
}

impl Pgbouncer {
    /// Adds clients against the number at which more are refused.
    fn clients(&self, pools: &[Row], config: &[Row], reading: &mut Reading) {
        let clients: f64 =
            pools.iter().map(|pool| number(pool, "cl_active") + number(pool, "cl_waiting")).sum();
        let is_it = |row: &&Row| row.text("key") == Some("max_client_conn");
        let limit = config.iter().find(is_it).and_then(|row| row.value("value"));
        let labels = labelled([("pool", &self.name)]);
        reading.level(&catalog::POOL_IN_USE, &labels, clients, limit);
    }

    /// Adds a pool: server connections against their number, clients that wait for one.
    fn pool(&self, row: &Row, size: Option<f64>, reading: &mut Reading) {
        let database = row.text("database").unwrap_or_default();
        let pool = format!("{database}/{}", row.text("user").unwrap_or_default());
        let labels = labelled([("server", &self.name), ("pool", &pool)]);
        let in_use = ["sv_active", "sv_active_cancel", "sv_being_canceled"];
        let in_use = in_use.iter().map(|column| number(row, column)).sum();
        reading.level(&catalog::POOL_IN_USE, &labels, in_use, size);
        let queue = labelled([("server", &self.name), ("queue", &pool)]);
        reading.level(&catalog::QUEUE_DEPTH, &queue, number(row, "cl_waiting"), None);
        let waits_s = number(row, "maxwait") + number(row, "maxwait_us") / 1e6;
        let waits = Value::Gauge(waits_s);
        reading.level_part(&catalog::QUEUE_DEPTH, LevelPart::OldestAge, &queue, waits);
        for (side, state, column) in [
            ("client", "active", "cl_active"),
            ("client", "waiting", "cl_waiting"),
            ("server", "active", "sv_active"),
            ("server", "idle", "sv_idle"),
            ("server", "used", "sv_used"),
            ("server", "tested", "sv_tested"),
            ("server", "login", "sv_login"),
        ] {
            let labels =
                [("server", &*self.name), ("pool", &pool), ("side", side), ("state", state)];
            let connections = row.value(column).unwrap_or(f64::NAN);
            reading.gauge(&catalog::PGBOUNCER_CONNECTIONS, &labelled(labels), connections);
        }
    }
}

/// Returns a column that some versions lack, and that is 0 then.
fn number(row: &Row, column: &str) -> f64 {
    row.value(column).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_pool_is_none_of_the_console() {
        let is_taken = |url: &str| PgbouncerConfig::at(url).check().is_ok();
        assert!(is_taken("postgres://stats@pooler:6432/pgbouncer?sslmode=disable"));
        assert!(is_taken("postgres://pgbouncer@pooler:6432?sslmode=disable"));
        assert!(!is_taken("postgres://stats@pooler:6432/shop?sslmode=disable"));
        assert!(!is_taken("postgres://stats@pooler:6432?sslmode=disable"));
    }
}
