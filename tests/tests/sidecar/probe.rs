//! The prober as a collector, held against what PostgreSQL itself says of primary and replica.

use crate::{Watcher, now_s};
use plimsoll_tests::postgres::Postgres;
use tokio_postgres::Client;

/// Every write of a marker notes when it was, by the server's clock.
const TABLES: &str = "CREATE TABLE plimsoll_heartbeat (name text PRIMARY KEY, marker text NOT NULL); \
    CREATE TABLE written (at float8 NOT NULL); \
    CREATE FUNCTION note() RETURNS trigger AS 'BEGIN \
        INSERT INTO written VALUES (extract(epoch FROM clock_timestamp())); RETURN NEW; END' \
        LANGUAGE plpgsql; \
    CREATE TRIGGER note AFTER INSERT OR UPDATE ON plimsoll_heartbeat \
        FOR EACH ROW EXECUTE FUNCTION note()";

const UNSEEN: &str = r#"concurrency_propagation_oldest_unseen_seconds{store="replica"}"#;
const COUNT: &str = r#"concurrency_propagation_seconds_count{store="replica"}"#;
const SUM: &str = r#"concurrency_propagation_seconds_sum{store="replica"}"#;

async fn watch(primary: &Postgres, replica: &Postgres) -> Watcher {
    let (primary, replica) = (&primary.url, &replica.url);
    Watcher::start(&format!(
        "probe:\n- name: orders\n  interval: 100ms\n  \
         origin: {{postgres: {{url: '{primary}', table: plimsoll_heartbeat}}}}\n  stores:\n  \
         - {{name: replica, postgres: {{url: '{replica}', table: plimsoll_heartbeat}}}}\n  \
         - {{name: query, postgres: {{url: '{replica}', query: SELECT marker FROM plimsoll_heartbeat}}}}\n"
    ))
    .await_markers()
    .await
}

impl Watcher {
    async fn await_markers(self) -> Self {
        self.until("ten markers", |seen| seen.value(COUNT) >= Some(10.0)).await;
        self
    }
}

/// Returns how long each marker that was written between two times lay unread until `resumes`, in all.
async fn waited_s(writer: &Client, from: f64, resumes: f64) -> (f64, f64) {
    let sums = "SELECT count(*)::float8, coalesce(sum($2 - at), 0) FROM written \
                WHERE at > $1 AND at < $2";
    let row = writer.query_one(sums, &[&from, &resumes]).await.expect("a row");
    (row.get(0), row.get(1))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stops_to_replay_is_as_late_as_sql_says() {
    let primary = Postgres::start().await;
    let writer = primary.connect().await;
    writer.batch_execute(TABLES).await.expect("tables");
    let replica = primary.replica().await;
    let watch = watch(&primary, &replica).await;
    watch.until_page(&["1 of 1 collectors are up"]).await;
    let reader = replica.connect().await;
    reader.batch_execute("SELECT pg_wal_replay_pause()").await.expect("it pauses");
    let paused = "SELECT pg_get_wal_replay_pause_state() = 'paused'";
    while !reader.query_one(paused, &[]).await.expect("a row").get::<_, bool>(0) {
        tokio::task::yield_now().await;
    }
    let (paused, before) = (now_s(), watch.scrape().await);
    let stuck = watch.until("3 s behind", |seen| seen.value(UNSEEN) >= Some(3.0)).await;
    // The first marker that the replica lacks was written in the last moments before the pause, or after.
    let first = "SELECT min(at) FROM written WHERE at > $1";
    let first: f64 = writer.query_one(first, &[&(paused - 0.01)]).await.expect("a row").get(0);
    assert!(stuck[UNSEEN] <= now_s() - first + 0.5, "{} {first}", stuck[UNSEEN]);
    assert!(stuck[COUNT] - before[COUNT] <= 1.0, "nothing new is readable");
    let resumes = now_s();
    reader.batch_execute("SELECT pg_wal_replay_resume()").await.expect("it resumes");
    let (late, waited_s) = waited_s(&writer, paused, resumes).await;
    assert!(late >= 10.0, "{late} markers were written while it stood still");
    let caught_up = |seen: &crate::Scrape| seen[COUNT] - before[COUNT] >= late;
    let after = watch.until("all that were late", caught_up).await;
    // Each of them waited at least until the replica went on, and markers after it add little.
    let added_s = after[SUM] - before[SUM];
    assert!(added_s >= waited_s && added_s <= 1.3 * waited_s + 2.0, "{added_s} s of {waited_s} s");
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_said_and_the_other_store_goes_on() {
    let primary = Postgres::start().await;
    let writer = primary.connect().await;
    writer.batch_execute(TABLES).await.expect("tables");
    let mut replica = primary.replica().await;
    let text = format!(
        "probe:\n- name: orders\n  interval: 100ms\n  \
         origin: {{postgres: {{url: '{0}', table: plimsoll_heartbeat}}}}\n  stores:\n  \
         - {{name: replica, postgres: {{url: '{1}', table: plimsoll_heartbeat}}}}\n  \
         - {{name: absent, postgres: {{url: '{0}', table: no_such_table}}}}\n\
         - name: nowhere\n  interval: 100ms\n  \
         origin: {{postgres: {{url: '{0}', table: no_such_table}}}}\n  \
         stores: [{{name: other, postgres: {{url: '{0}', table: plimsoll_heartbeat}}}}]\n",
        primary.url, replica.url
    );
    let watch = Watcher::start(&text).await_markers().await;
    watch.until_up("probe:orders", true).await;
    watch.until_up("probe:nowhere", false).await;
    let words = ["absent: it refuses: relation", "create it, as", "nowhere: it refuses: relation"];
    watch.until_page(&words).await;
    replica.process.kill();
    // One store is gone, the other was never there: nothing is known, and no age is made up.
    let seen = watch.until_up("probe:orders", false).await;
    assert_eq!(seen.value(UNSEEN), None);
    watch.stop().await;
}
