//! The example SLOs: the daemon scrapes a sidecar and counts as bad what the test made bad, as long as it did.

use crate::panels::{program, run};
use plimsoll_tests::plimsoll::Daemon;
use plimsoll_tests::postgres::Postgres;
use plimsoll_tests::redis::Redis;
use plimsoll_tests::sidecar::Sidecar;
use plimsoll_tests::{root, scratch, wait, write};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(60);

/// How long each fault lasts.
const FAULT: Duration = Duration::from_secs(8);

/// One look, and one scrape, at each edge.
const EDGES_MS: u64 = 2_500;

/// Returns the milliseconds that an SLO counts as good and as bad.
async fn counts(daemon: &Daemon, slo: &str) -> Option<(u64, u64)> {
    let counts = daemon.slo(slo).await?["counts"].clone();
    Some((counts["good"].as_u64()?, counts["bad"].as_u64()?))
}

/// Waits until an SLO counts what a fault of `length` comes to, and says what it is.
async fn await_bad(daemon: &Daemon, slo: &str, length: Duration) {
    let length_ms = u64::try_from(length.as_millis()).expect("it was short");
    let enough = || async {
        let (_, bad) = counts(daemon, slo).await?;
        (bad + EDGES_MS >= length_ms).then_some(bad)
    };
    wait::until(&format!("{slo} to have {length_ms} ms of bad"), PATIENCE, enough).await;
    // What would be counted beyond has had its time.
    sleep(Duration::from_secs(3)).await;
    let (_, bad) = counts(daemon, slo).await.expect("counts");
    assert!(bad.abs_diff(length_ms) <= EDGES_MS, "{slo}: {bad} ms, of {length_ms}");
}

/// Holds so many connections that the last ones are sent away.
async fn fill(redis: &Redis) -> Duration {
    let address = redis.url.trim_start_matches("redis://");
    let mut held = Vec::new();
    for _ in 0..30 {
        held.push(TcpStream::connect(address).await.expect("the kernel takes it"));
    }
    let begin = Instant::now();
    sleep(FAULT).await;
    drop(held);
    begin.elapsed()
}

/// Keeps a replica from replaying for longer than 5 s, and returns by how much.
async fn pause(server: &Postgres, replica: &Postgres) -> Duration {
    let (writer, paused) = (server.connect().await, replica.connect().await);
    writer.batch_execute("CREATE TABLE beats (at timestamptz)").await.expect("made");
    let write = || writer.batch_execute("INSERT INTO beats VALUES (clock_timestamp())");
    // The replica has heard of the primary just before.
    for _ in 0..20 {
        write().await.expect("written");
        sleep(Duration::from_millis(100)).await;
    }
    paused.batch_execute("SELECT pg_wal_replay_pause()").await.expect("paused");
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(5) + FAULT {
        write().await.expect("written");
        sleep(Duration::from_millis(100)).await;
    }
    paused.batch_execute("SELECT pg_wal_replay_resume()").await.expect("resumed");
    begin.elapsed() - Duration::from_secs(5)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_test_makes_bad_is_counted_as_bad_for_as_long() {
    let folder = scratch();
    let (server, redis) = (Postgres::start().await, Redis::start().await);
    let replica = server.replica().await;
    let _: String = redis.ask(&["CONFIG", "SET", "maxclients", "20"]).await;
    let mut shop = run(&program(folder.path()), ["listen", "5"]);
    let said = folder.path().join("listen");
    let port: u16 = wait::until("its port", PATIENCE, || async {
        std::fs::read_to_string(&said).ok()?.lines().next()?.parse().ok()
    })
    .await;
    let sidecar = format!(
        "process:\n- {{label: shop, pid: {}}}\nredis:\n- {{label: db, url: '{}', interval: 1s, deadline: 1s}}\n\
         postgres:\n- {{label: replica, url: '{}', interval: 1s, deadline: 1s}}\n",
        shop.id(),
        redis.url,
        replica.url
    );
    let file = write(folder.path(), "sidecar.yml", &sidecar).display().to_string();
    let sidecar = Sidecar::start(&["--config", &file]).await;
    let config = format!(
        "global: {{scrape_interval: 500ms, scrape_timeout: 400ms}}\nscrape_configs:\n\
         - {{job_name: sidecar, static_configs: [{{targets: ['{}']}}]}}\nslo_files: ['{}']\n",
        sidecar.url.trim_start_matches("http://"),
        root().join("examples/sidecar/slo.yml").display()
    );
    let daemons = scratch();
    write(daemons.path(), "plimsoll.yml", &config);
    let daemon = Daemon::serve(daemons).await;
    for slo in ["accept-queue-empty", "pool-not-full", "replica-within-5s"] {
        let good = || async { counts(&daemon, slo).await.filter(|(good, _)| *good > 2_000) };
        let (_, bad) = wait::until(&format!("{slo} to be good"), PATIENCE, good).await;
        assert_eq!(bad, 0, "{slo}");
    }
    let accepts = async {
        let begin = Instant::now();
        let waiting = TcpStream::connect(("127.0.0.1", port)).await.expect("in the queue");
        sleep(FAULT).await;
        // It never accepts: only its end empties the queue, and then nothing is known of it.
        shop.kill();
        drop(waiting);
        begin.elapsed()
    };
    let (queued, full, late) = tokio::join!(accepts, fill(&redis), pause(&server, &replica));
    await_bad(&daemon, "accept-queue-empty", queued).await;
    await_bad(&daemon, "pool-not-full", full).await;
    await_bad(&daemon, "replica-within-5s", late).await;
}
