//! A pipeline that falls behind for a moment: what decisions in each band read, against a gauge that is
//! scraped.

use crate::histogram;
use plimsoll_context::{DecisionPoint, DecisionSpec, Reading, Source, Stamp};
use plimsoll_record::Registry;
use plimsoll_record::clock::now_ns;
use plimsoll_runtime::admin::{self, Admin};
use plimsoll_runtime::ready::Readiness;
use plimsoll_tests::plimsoll::Daemon;
use plimsoll_tests::redis::Redis;
use plimsoll_tests::{scratch, wait, write};
use redis::aio::MultiplexedConnection;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// Events that are committed each second, usually and in the burst, and what the updater can do.
const USUAL: f64 = 40.0;
const BURST: f64 = 500.0;
const UPDATER: f64 = 200.0;

/// How long a decision takes: usually 4 are in flight, in the burst 50.
const THINK: Duration = Duration::from_millis(100);
const FRESH_NS: u64 = 300_000_000;
const BANDS: [u64; 2] = [1, 24];

/// The same as an SLO.
const SLO: &str = "
apiVersion: plimsoll/v1
service: shop
slos:
  - name: fresh-in-bursts
    objective: 90%
    window: 1h
    sli:
      staleness:
        signal: 'concurrency_decision_staleness_seconds{decision=\"burst\"}'
        within: 300ms
        when: {in_flight: {of: burst, at_least: 24}}
";

/// When each event was committed, in nanoseconds of the process's own clock.
type Commits = Arc<Mutex<Vec<u64>>>;

/// A decision that was taken: its band, and how stale it was in truth.
struct Taken {
    band: u64,
    stale_ns: u64,
}

/// Applies events to Redis at its own rate, as many at a time as that allows: the key holds the number of
/// the last, and when that was committed.
async fn update(mut redis: MultiplexedConnection, mut events: mpsc::UnboundedReceiver<(u64, u64)>) {
    let (mut allowed, mut since) = (0.0_f64, Instant::now());
    while !(events.is_closed() && events.is_empty()) {
        sleep(Duration::from_millis(10)).await;
        let now = Instant::now();
        allowed += (now - since).as_secs_f64() * UPDATER;
        since = now;
        let mut newest = None;
        while allowed >= 1.0 {
            let Ok(event) = events.try_recv() else { break };
            newest = Some(event);
            allowed -= 1.0;
        }
        if events.is_empty() {
            allowed = allowed.min(1.0); // What it could have done while it had nothing to do is lost.
        }
        let Some((number, at_ns)) = newest else { continue };
        let mut set = redis::cmd("MSET");
        set.arg("exposure:number").arg(number).arg("exposure:as_of").arg(at_ns);
        set.query_async::<()>(&mut redis).await.expect("Redis works");
    }
}

/// Reads, thinks and commits.
async fn decide(
    point: DecisionPoint,
    source: Source,
    mut redis: MultiplexedConnection,
    commits: Commits,
) -> Taken {
    let mut decision = point.begin([]);
    let mut get = redis::cmd("MGET");
    get.arg("exposure:number").arg("exposure:as_of");
    let (number, as_of_ns): (u64, u64) = get.query_async(&mut redis).await.expect("Redis works");
    decision.read(&source, Reading::as_of(Stamp::Own(as_of_ns)));
    sleep(THINK).await;
    let report = decision.commit(std::future::ready(Ok::<_, ()>(()))).await.expect("ready").report;
    let at_ns = now_ns();
    // The first event that was missing from what it read, if there was one by now.
    let missing = usize::try_from(number).expect("few") + 1;
    let first_ns = commits.lock().expect("no test panics here").get(missing).copied();
    Taken { band: report.band, stale_ns: first_ns.map_or(0, |ns| at_ns.saturating_sub(ns)) }
}

/// Returns how long ago the first event was committed that the store lacks: what a gauge shows.
async fn lag_ns(mut redis: MultiplexedConnection, commits: &Commits) -> u64 {
    let get = redis::cmd("GET").arg("exposure:number").query_async::<usize>(&mut redis).await;
    let missing = get.expect("Redis works") + 1;
    let first_ns = commits.lock().expect("no test panics here").get(missing).copied();
    first_ns.map_or(0, |ns| now_ns().saturating_sub(ns))
}

/// Events come, each with a decision, until the pipeline has caught up. Returns the decisions, and what a
/// scrape of the pipeline's lag finds every nine seconds.
async fn run(redis: &Redis, point: &DecisionPoint) -> (Vec<Taken>, [u64; 2]) {
    let source = point.source("redis:exposure");
    let client = redis::Client::open(redis.url.as_str()).expect("a URL");
    let connection = client.get_multiplexed_async_connection().await.expect("a connection");
    let commits: Commits = Arc::new(Mutex::new(vec![now_ns()]));
    let (events, waiting) = mpsc::unbounded_channel();
    let first_ns = commits.lock().expect("no test panics here")[0];
    redis
        .ask::<()>(&["MSET", "exposure:number", "0", "exposure:as_of", &first_ns.to_string()])
        .await;
    let at_first_ns = lag_ns(connection.clone(), &commits).await;
    let updater = tokio::spawn(update(connection.clone(), waiting));
    let (mut deciding, mut next) = (JoinSet::new(), Instant::now());
    let (burst, end) = (next + Duration::from_secs(2), next + Duration::from_secs(9));
    let mut at_last_ns = u64::MAX;
    while next < end || at_last_ns > FRESH_NS / 2 {
        if next >= end {
            at_last_ns = lag_ns(connection.clone(), &commits).await;
        }
        let is_burst = (burst..burst + Duration::from_secs(1)).contains(&next);
        next += Duration::from_secs_f64(1.0 / if is_burst { BURST } else { USUAL });
        sleep_until(next).await;
        let at_ns = now_ns();
        let number = {
            let mut commits = commits.lock().expect("no test panics here");
            commits.push(at_ns);
            commits.len() as u64 - 1
        };
        events.send((number, at_ns)).expect("the updater runs");
        let of = (point.clone(), source.clone(), connection.clone(), Arc::clone(&commits));
        deciding.spawn(decide(of.0, of.1, of.2, of.3));
    }
    drop(events);
    updater.await.expect("it has caught up");
    (deciding.join_all().await, [at_first_ns, at_last_ns])
}

/// Starts a daemon that scrapes this process.
async fn watch(admin: &Admin) -> Daemon {
    let folder = scratch();
    write(folder.path(), "slos.yaml", SLO);
    let config = format!(
        "global: {{scrape_interval: 100ms}}\nslo_files: [slos.yaml]\nscrape_configs:\n  \
         - {{job_name: shop, static_configs: [{{targets: ['{}']}}]}}\n",
        admin.address()
    );
    write(folder.path(), "plimsoll.yml", &config);
    let daemon = Daemon::serve(folder).await;
    wait::until("the first scrape", Duration::from_secs(30), || async {
        let targets = daemon.get("/api/v1/targets").await;
        (targets["targets"][0]["state"] == "up").then_some(())
    })
    .await;
    daemon
}

/// Waits until a daemon says which part of all decisions lies in the upper band, and returns its SLO.
async fn judged(daemon: &Daemon, coverage: f64) -> Value {
    wait::until(&format!("a coverage of {coverage}"), Duration::from_secs(30), || async {
        let slo = daemon.slo("fresh-in-bursts").await?;
        let share = slo["band"]["coverage"].as_f64()?;
        ((share - coverage).abs() < 1e-9).then_some(slo)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_band_has_the_share_that_was_fresh_where_a_scraped_gauge_sees_nothing() {
    let redis = Redis::start().await;
    let registry = Registry::new();
    let point = DecisionSpec::new("burst", Duration::from_nanos(FRESH_NS))
        .bands(&BANDS)
        .register_in(&registry)
        .expect("registers");
    let admin = admin::spawn(([127, 0, 0, 1], 0).into(), registry.clone(), Readiness::new());
    let admin = admin.expect("a free port");
    let daemon = watch(&admin).await;
    let (taken, scrapes_ns) = run(&redis, &point).await;
    assert!(scrapes_ns.iter().all(|lag_ns| *lag_ns <= FRESH_NS), "all is well: {scrapes_ns:?}");
    let mut shares = Vec::new();
    for band in BANDS {
        let of_band: Vec<&Taken> = taken.iter().filter(|of| of.band == band).collect();
        let fresh = of_band.iter().filter(|of| of.stale_ns <= FRESH_NS).count();
        let truth = fresh as f64 / of_band.len() as f64;
        let labels = [("decision", "burst"), ("band", &*band.to_string())];
        let seen = histogram(&registry, "concurrency_decision_staleness_seconds", &labels);
        assert_eq!(seen.count() as usize, of_band.len());
        let good: u64 = seen.buckets.iter().filter(|of| of.le <= 0.3).map(|of| of.count).sum();
        let share = good as f64 / seen.count() as f64;
        // It knows a bound: what was read was as of the last event that was in it, not of the first that
        // wasn't.
        assert!(
            share <= truth + 1e-9 && truth - share < 0.1,
            "band {band}: {share}, truth {truth}"
        );
        shares.push(share);
    }
    // The daemon says the same of the upper band, and which part of all decisions that is.
    let of_band = taken.iter().filter(|of| of.band == BANDS[1]).count();
    let slo = judged(&daemon, of_band as f64 / taken.len() as f64).await;
    let count = |which: &str| slo["counts"][which].as_u64().expect("a count") as f64;
    assert_eq!((count("good") + count("bad"), count("unknown")), (of_band as f64, 0.0), "{slo}");
    assert_eq!(count("good") / of_band as f64, shares[1], "{slo}");
    assert!(shares[1] < 0.6, "with 24 or more in flight most are stale: {shares:?}");
    assert!(shares[0] - shares[1] > 0.2, "which the whole hides: {shares:?}");
}
