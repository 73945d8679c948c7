//! A prober between PostgreSQL and Redis, with a pipeline of the test's own.

use crate::{count, series};
use plimsoll_model::Value;
use plimsoll_prober::{Gap, PostgresQuery, PostgresTable, ProberSpec, RedisKey, RedisStream};
use plimsoll_record::Registry;
use plimsoll_tests::postgres::Postgres;
use plimsoll_tests::redis::Redis;
use plimsoll_tests::wait;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::sleep;

pub(crate) const TABLES: &str = "
    CREATE TABLE plimsoll_heartbeat (name text PRIMARY KEY, marker text NOT NULL);
    CREATE TABLE written (marker text NOT NULL, at double precision NOT NULL);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO written VALUES (NEW.marker, extract(epoch FROM clock_timestamp()));
        RETURN NEW;
    END $$;
    CREATE TRIGGER note AFTER INSERT OR UPDATE ON plimsoll_heartbeat
        FOR EACH ROW EXECUTE FUNCTION note();
    CREATE MATERIALIZED VIEW shown AS SELECT marker FROM plimsoll_heartbeat;";

/// When a marker became readable in Redis: between the two, by the wall clock.
pub(crate) type Arrivals = Arc<Mutex<HashMap<String, (f64, f64)>>>;

#[expect(clippy::disallowed_methods, reason = "it is compared with PostgreSQL's clock_timestamp()")]
fn wall() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64()
}

/// An age, and between which times it was asked for: a machine may stand still at any of these moments.
#[derive(Debug)]
struct Aged {
    before: f64,
    age: f64,
    after: f64,
}

impl Aged {
    fn now(age: impl FnOnce() -> f64) -> Self {
        let before = wall();
        let age = age();
        Self { before, age, after: wall() }
    }

    /// The wall clock may be put right meanwhile, by less than a hundredth of a second.
    fn is_as_much_older_as_time_passed_since(&self, first: &Self) {
        let passed = self.before - first.after - 0.01..=self.after - first.before + 0.01;
        assert!(passed.contains(&(self.age - first.age)), "{first:?} {self:?}: {passed:?}");
    }
}

/// Passes the heartbeat on every 20 ms, to a key, to a stream and to a materialised view.
pub(crate) async fn pipeline(stores: (String, String), runs: Arc<AtomicBool>, arrivals: Arrivals) {
    let (postgres, driver) =
        tokio_postgres::connect(&stores.0, tokio_postgres::NoTls).await.expect("a connection");
    let driver = tokio::spawn(driver);
    let client = redis::Client::open(stores.1).expect("a URL");
    let mut redis = client.get_multiplexed_async_connection().await.expect("a connection");
    let mut last = String::new();
    while !driver.is_finished() {
        sleep(Duration::from_millis(20)).await;
        if !runs.load(Ordering::Relaxed) {
            continue;
        }
        let row = postgres.query_opt("SELECT marker FROM plimsoll_heartbeat", &[]).await;
        let Some(row) = row.expect("PostgreSQL works") else { continue };
        let marker: String = row.get(0);
        if marker == last {
            continue;
        }
        let before = wall();
        let set =
            redis::cmd("SET").arg("heartbeat").arg(&marker).query_async::<()>(&mut redis).await;
        set.expect("Redis works");
        let arrival = (before, wall());
        arrivals.lock().expect("no test panics here").insert(marker.clone(), arrival);
        let mut add = redis::cmd("XADD");
        add.arg("events").arg("*").arg("marker").arg(&marker);
        add.query_async::<()>(&mut redis).await.expect("Redis works");
        postgres.batch_execute("REFRESH MATERIALIZED VIEW shown").await.expect("PostgreSQL works");
        last = marker;
    }
}

/// A prober of three stores, and the pipeline between.
struct Probing {
    postgres: Postgres,
    redis: Redis,
    registry: Registry,
    gaps: Arc<Mutex<Vec<Gap>>>,
    arrivals: Arrivals,
    runs: Arc<AtomicBool>,
}

impl Probing {
    async fn start() -> Self {
        let (postgres, redis) = (Postgres::start().await, Redis::start().await);
        postgres.connect().await.batch_execute(TABLES).await.expect("tables");
        let gaps: Arc<Mutex<Vec<Gap>>> = Arc::default();
        let (told, registry) = (Arc::clone(&gaps), Registry::new());
        let table =
            PostgresTable::new(&postgres.url, "plimsoll_heartbeat", "it's").expect("a table");
        let view = PostgresQuery::new(&postgres.url, "SELECT marker FROM shown").expect("a query");
        let prober = ProberSpec::new("postgres", table, 7)
            .store("key", RedisKey::new(&redis.url, "heartbeat").expect("a key"))
            .store("stream", RedisStream::new(&redis.url, "events", "marker").expect("a stream"))
            .store("view", view)
            .interval(Duration::from_millis(60))
            .poll(Duration::from_millis(2))
            .on_gap(move |gap| told.lock().expect("no test panics here").push(gap.clone()))
            .build_in(&registry)
            .expect("builds");
        tokio::spawn(prober.run(std::future::pending()));
        let (arrivals, runs) = (Arrivals::default(), Arc::new(AtomicBool::new(true)));
        let stores = (postgres.url.clone(), redis.url.clone());
        tokio::spawn(pipeline(stores, Arc::clone(&runs), Arc::clone(&arrivals)));
        Self { postgres, redis, registry, gaps, arrivals, runs }
    }

    fn gaps(&self, store: &str) -> Vec<Gap> {
        let gaps = self.gaps.lock().expect("no test panics here");
        gaps.iter().filter(|gap| gap.store == store).cloned().collect()
    }

    async fn until_gaps(&self, store: &str, count: usize) {
        let what = format!("{count} gaps of {store}");
        wait::until(&what, Duration::from_secs(120), || async {
            (self.gaps(store).len() >= count).then_some(())
        })
        .await;
    }

    fn oldest_unseen(&self, store: &str) -> Option<f64> {
        let family = "concurrency_propagation_oldest_unseen_seconds";
        match series(&self.registry, family, &[("store", store)]) {
            Some(Value::Gauge(age)) => Some(age),
            _ => None,
        }
    }

    fn errors(&self, store: &str, reason: &str) -> u64 {
        let labels = [("store", store), ("reason", reason)];
        count(&self.registry, "concurrency_prober_errors", &labels)
    }

    /// What was written and when, by PostgreSQL's own clock.
    async fn written(&self) -> Vec<(String, f64)> {
        let rows = self.postgres.connect().await.query("SELECT marker, at FROM written", &[]).await;
        let mut all: Vec<(String, f64)> =
            rows.expect("rows").iter().map(|row| (row.get(0), row.get(1))).collect();
        all.sort_by(|one, other| one.1.total_cmp(&other.1));
        all
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_hold_what_the_stores_know() {
    let probing = Probing::start().await;
    for store in ["key", "stream", "view"] {
        probing.until_gaps(store, 100).await;
    }
    let (gaps, written) = (probing.gaps("key"), probing.written().await);
    let arrivals = probing.arrivals.lock().expect("no test panics here").clone();
    for (at, gap) in gaps.iter().enumerate() {
        // It is readable with the first one from it on that arrived.
        let arrival = written[at..].iter().find_map(|(marker, _)| arrivals.get(marker));
        let (before, after) = *arrival.expect("it arrived, since it was seen");
        let committed = written[at].1;
        let (lower, upper) = (gap.length.lower.as_secs_f64(), gap.length.upper.expect("seen"));
        assert!(lower <= after - committed + 1e-4, "{at}: {gap:?}, {}", after - committed);
        assert!(upper.as_secs_f64() >= before - committed - 1e-4, "{at}: {gap:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_updater_shows_a_second_more_each_second() {
    let probing = Probing::start().await;
    probing.until_gaps("key", 10).await;
    probing.runs.store(false, Ordering::Relaxed);
    wait::until("a marker that stays unseen", Duration::from_secs(60), || async {
        probing.oldest_unseen("key").filter(|age| *age > 1.0)
    })
    .await;
    let first = Aged::now(|| probing.oldest_unseen("key").expect("it is known"));
    let told = probing.gaps("key").len();
    sleep(Duration::from_secs(4)).await;
    let last = Aged::now(|| probing.oldest_unseen("key").expect("it is known"));
    last.is_as_much_older_as_time_passed_since(&first);
    assert_eq!(probing.gaps("key").len(), told, "the histogram says nothing");
    probing.runs.store(true, Ordering::Relaxed);
    wait::until("it to catch up", Duration::from_secs(60), || async {
        probing.oldest_unseen("key").filter(|age| *age < 0.5)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stops_to_replay_falls_behind_and_what_it_shows_then_is_bounded() {
    let primary = Postgres::start().await;
    let writer = primary.connect().await;
    writer.batch_execute(TABLES).await.expect("tables");
    let replica = primary.replica().await;
    let (gaps, registry): (Arc<Mutex<Vec<Gap>>>, _) = (Arc::default(), Registry::new());
    let told = Arc::clone(&gaps);
    let table = |url| PostgresTable::new(url, "plimsoll_heartbeat", "orders").expect("a table");
    let prober = ProberSpec::new("primary", table(&primary.url), 3)
        .store("replica", table(&replica.url))
        .interval(Duration::from_millis(60))
        .poll(Duration::from_millis(2))
        .on_gap(move |gap| told.lock().expect("no test panics here").push(gap.clone()))
        .build_in(&registry)
        .expect("builds");
    tokio::spawn(prober.run(std::future::pending()));
    let gaps = || gaps.lock().expect("no test panics here").clone();
    let patience = Duration::from_secs(120);
    let until_gaps = |count: usize| {
        wait::until("gaps", patience, move || {
            let is_there = gaps().len() >= count;
            async move { is_there.then_some(()) }
        })
    };
    let oldest_unseen = || {
        let family = "concurrency_propagation_oldest_unseen_seconds";
        match series(&registry, family, &[("store", "replica")]) {
            Some(Value::Gauge(age)) => age,
            other => panic!("it isn't known: {other:?}"),
        }
    };
    until_gaps(20).await;
    let reader = replica.connect().await;
    reader.batch_execute("SELECT pg_wal_replay_pause()").await.expect("it pauses");
    wait::until("a second behind", patience, || async { (oldest_unseen() > 1.0).then_some(()) })
        .await;
    let first = Aged::now(oldest_unseen);
    let lacked = gaps().len();
    sleep(Duration::from_secs(3)).await;
    Aged::now(oldest_unseen).is_as_much_older_as_time_passed_since(&first);
    assert_eq!(gaps().len(), lacked, "nothing new is readable");
    let resumes = wall();
    reader.batch_execute("SELECT pg_wal_replay_resume()").await.expect("it resumes");
    until_gaps(lacked + 20).await;
    wait::until("it to catch up", patience, || async { (oldest_unseen() < 0.5).then_some(()) })
        .await;
    let rows = writer.query("SELECT at FROM written ORDER BY at", &[]).await.expect("rows");
    let written: Vec<f64> = rows.iter().map(|row| row.get(0)).collect();
    let late = written.into_iter().zip(gaps()).skip(lacked);
    held_up_until(resumes, &late.collect::<Vec<_>>());
}

/// Holds what was committed while the replica stood still against when it went on: it wasn't readable until
/// then.
fn held_up_until(resumes: f64, markers: &[(f64, Gap)]) {
    let late: Vec<_> = markers.iter().filter(|(committed, _)| *committed < resumes - 0.1).collect();
    assert!(late.len() > 10, "{}", late.len());
    for (committed, Gap { length, .. }) in late {
        let upper = length.upper.expect("it was seen").as_secs_f64();
        assert!(upper >= resumes - committed - 1e-3, "{length:?}, {}", resumes - committed);
        let lower = length.lower.as_secs_f64();
        assert!(lower <= upper && lower > resumes - committed - 1.0, "{length:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_down_is_unknown_and_comes_back() {
    let mut probing = Probing::start().await;
    probing.until_gaps("view", 5).await;
    probing.redis.process.kill();
    wait::until("Redis to be unknown", Duration::from_secs(60), || async {
        (probing.oldest_unseen("key").is_none() && probing.errors("key", "unreachable") > 0)
            .then_some(())
    })
    .await;
    let view = probing.gaps("view").len();
    probing.redis.restart().await;
    // It is empty now: what was readable isn't any more.
    wait::until("it to go back", Duration::from_secs(60), || async {
        (probing.errors("key", "regressed") > 0).then_some(())
    })
    .await;
    assert!(probing.oldest_unseen("key").expect("it is known") > 0.0);
    let garbled = ["SET", "heartbeat", "a value of the shop's"];
    probing.redis.ask::<()>(&garbled).await;
    wait::until("rubbish to be counted", Duration::from_secs(60), || async {
        (probing.errors("key", "garbled") > 0).then_some(())
    })
    .await;
    assert!(view > 0 && probing.errors("view", "unreachable") == 0, "the others are no worse off");
}
