//! Three sessions of which one holds up the next, and a replica: first of an idle primary, then of one
//! that it can't reach.

use super::{INTERVAL, Pair, SETTLE, Sight, exporter};
use crate::slo::service::wall_s;
use crate::table::Table;
use plimsoll_tests::postgres::Postgres;
use tokio_postgres::Client;

const PEER: &str = "postgres-exporter";

/// What the peer's own package shows as the way to ask for a replica's lag.
const REPLICATION: &str = "pg_replication:\n  \
    query: \"SELECT CASE WHEN NOT pg_is_in_recovery() THEN 0 ELSE GREATEST (0, EXTRACT(EPOCH FROM \
    (now() - pg_last_xact_replay_timestamp()))) END AS lag\"\n  master: true\n  metrics:\n  \
    - lag: {usage: GAUGE, description: lag}\n";

pub(super) struct Scene {
    pub(super) pair: Pair,
    replica_pair: Pair,
    primary: Postgres,
    replica: Postgres,
    /// When the last commit was made that the replica sees.
    committed_s: f64,
    _chain: Vec<Client>,
}

impl Scene {
    pub(super) async fn start() -> Self {
        let primary = Postgres::start().await;
        let replica = primary.replica().await;
        let pair = watched(&primary, "primary");
        let replica_pair = watched(&replica, "replica");
        let setup = primary.connect().await;
        run(&setup, "CREATE TABLE t (id int PRIMARY KEY, v int)").await;
        run(&setup, "INSERT INTO t VALUES (1, 0), (2, 0)").await;
        let committed_s = wall_s();
        let mut chain = Vec::new();
        for (own, next) in [(1, None), (2, Some(1)), (3, Some(2))] {
            let client = primary.connect().await;
            run(&client, &format!("BEGIN; UPDATE t SET v = 1 WHERE id = {own}")).await;
            if let Some(next) = next {
                // Waits until the chain goes.
                let wait = format!("UPDATE t SET v = 2 WHERE id = {next}");
                let waiter = std::sync::Arc::new(client);
                let waits = waiter.clone();
                tokio::spawn(async move { waits.batch_execute(&wait).await });
                tokio::time::sleep(INTERVAL / 10).await;
                continue;
            }
            chain.push(client);
        }
        Self { pair, replica_pair, primary, replica, committed_s, _chain: chain }
    }

    pub(super) async fn look(&self, table: &mut Table) {
        self.look_at_the_chain(table).await;
        let what = "idle primary: lag of its replica";
        self.look_at_the_replica(what, (0.0, 0.0), table).await;
        // The replica loses its primary, which goes on.
        let replica = self.replica.connect().await;
        run(&replica, "ALTER SYSTEM SET primary_conninfo = ''").await;
        run(&replica, "SELECT pg_reload_conf()").await;
        tokio::time::sleep(INTERVAL).await;
        let primary = self.primary.connect().await;
        let cut_s = wall_s();
        run(&primary, "CREATE TABLE that_the_replica_never_sees ()").await;
        tokio::time::sleep(SETTLE).await;
        // What is told is a bound, for the primary may have gone on since the last that was heard of it.
        let within_s = cut_s - self.committed_s + 1.0;
        let what = "cut off from its primary: lag of a replica";
        self.look_at_the_replica(what, (wall_s() - cut_s, within_s), table).await;
    }

    async fn look_at_the_chain(&self, table: &mut Table) {
        let asks = self.primary.connect().await;
        let (ours, peer) = self.pair.scrape().await;
        let root_s = number(
            &asks,
            "SELECT max(extract(epoch FROM clock_timestamp() - xact_start))::float8 FROM pg_stat_activity \
             WHERE backend_type = 'client backend'",
        )
        .await;
        let mine = |family: &str, label: &str| ours.get(family, &[(label, "primary")]);
        let oldest_s = peer.all("pg_stat_activity_max_tx_duration", &[]).reduce(f64::max);
        let sight =
            |what, unit, truth, ours, peer| Sight { what, unit, truth, within: 0.0, ours, peer };
        for sight in [
            sight(
                "chain of three: sessions that wait for a lock",
                "",
                2.0,
                mine("concurrency_lock_waiters", "lock"),
                None,
            ),
            sight(
                "chain of three: sessions that its root holds up",
                "",
                2.0,
                mine("concurrency_postgres_root_blocker_waiters", "server"),
                None,
            ),
            Sight {
                within: 1.5,
                ..sight(
                    "chain of three: age of the transaction at its root",
                    "s",
                    root_s,
                    mine("concurrency_postgres_root_blocker_age_seconds", "server"),
                    oldest_s,
                )
            },
        ] {
            table.add(sight.row(PEER));
        }
    }

    /// Compares the lag with the truth, which is so much and may be told off by so much.
    async fn look_at_the_replica(
        &self,
        what: &'static str,
        (truth, within): (f64, f64),
        table: &mut Table,
    ) {
        let (ours, peer) = self.replica_pair.scrape().await;
        let ours = ours.value("concurrency_postgres_replica_lag_seconds{server=\"replica\"}");
        let peer = peer.all("pg_replication_lag", &[]).next();
        table.add(Sight { what, unit: "s", truth, within, ours, peer }.row(PEER));
    }
}

fn watched(server: &Postgres, label: &str) -> Pair {
    let folder = crate::slo::folder(&format!("beside-{label}"));
    let queries = plimsoll_tests::write(&folder, "queries.yml", REPLICATION);
    let peer = exporter::start(PEER, "--web.listen-address", |command| {
        command.env("DATA_SOURCE_NAME", &server.url);
        if label == "replica" {
            command.arg(format!("--extend.query-path={}", queries.display()));
        }
    });
    let collectors =
        format!("postgres:\n- {{label: {label}, url: {:?}, interval: {INTERVAL:?}}}\n", server.url);
    Pair::start(collectors, peer, PEER)
}

async fn run(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn number(client: &Client, sql: &str) -> f64 {
    let row = client.query_one(sql, &[]).await;
    row.unwrap_or_else(|error| panic!("{sql}: {error}")).get(0)
}
