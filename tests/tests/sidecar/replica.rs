//! Replicas of PostgreSQL, held against what the test wrote to the primary, and when.

use crate::postgres::{file, number, run};
use crate::{PATIENCE, Watcher, now_s};
use plimsoll_tests::postgres::Postgres;
use plimsoll_tests::scrape::Scrape;
use plimsoll_tests::wait;
use tokio_postgres::Client;

/// What is seen of the server that the sidecar calls `label`.
struct Replica(&'static str);

impl Replica {
    fn get(&self, seen: &Scrape, what: &str) -> Option<f64> {
        seen.get(&format!("concurrency_postgres_replica_{what}"), &[("server", self.0)])
    }

    fn lag_s(&self, seen: &Scrape) -> Option<f64> {
        self.get(seen, "lag_seconds")
    }
}

/// Writes a row to the primary and returns when that was.
async fn write(primary: &Client) -> f64 {
    let at_s = now_s();
    run(primary, "INSERT INTO t VALUES (1)").await;
    at_s
}

/// Waits until a server shows as many rows.
async fn until_shows(server: &Postgres, rows: f64) {
    let client = server.connect().await;
    wait::until("the rows", PATIENCE, || async {
        (number(&client, "SELECT count(*) FROM t").await == rows).then_some(())
    })
    .await;
}

/// What everybody computes: since when nothing was replayed.
const USUAL: &str = "SELECT extract(epoch FROM now() - pg_last_xact_replay_timestamp())";

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_replica_is_level_and_one_that_is_held_is_as_late_as_what_it_lacks() {
    let primary = Postgres::start().await;
    let writer = primary.connect().await;
    run(&writer, "CREATE TABLE t (v int)").await;
    let replica = primary.replica().await;
    write(&writer).await;
    until_shows(&replica, 1.0).await;
    let watch = Watcher::start(&format!(
        "postgres:\n{}{}",
        file("primary", &primary.url),
        file("replica", &replica.url)
    ));
    let of = Replica("replica");
    let reader = replica.connect().await;
    watch.until("a level replica", |seen| of.lag_s(seen) == Some(0.0)).await;
    // Nobody writes: the usual number grows, this one doesn't.
    let usual = || async { Some(number(&reader, USUAL).await).filter(|usual_s| *usual_s > 8.0) };
    wait::until("an idle time", PATIENCE, usual).await;
    let idle = watch.next_round("replica").await;
    assert_eq!((of.lag_s(&idle), of.get(&idle, "lag_bytes")), (Some(0.0), Some(0.0)));
    let heard_s = of.get(&idle, "heard_seconds").expect("it has heard its primary");

    run(&reader, "SELECT pg_wal_replay_pause()").await;
    let written_s = write(&writer).await;
    let late = watch.until("a late replica", |seen| of.lag_s(seen) > Some(0.0)).await;
    let lag_s = of.lag_s(&late).expect("late");
    // It is late since the last look before the write, and not since the primary spoke before that.
    let most_s = now_s() - written_s + 2.0;
    assert!(lag_s <= most_s, "{lag_s} {most_s}, heard {heard_s} s before");
    for _ in 0..2 {
        let before_s = now_s() - written_s;
        let seen = watch.next_round("replica").await;
        let lag_s = of.lag_s(&seen).expect("still late");
        assert!((before_s..=now_s() - written_s + 2.0).contains(&lag_s), "{before_s} {lag_s}");
    }
    let behind = "SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())";
    let standby = [("server", "primary"), ("standby", "walreceiver")];
    let ahead = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) FROM pg_stat_replication";
    let truth = || async { [number(&reader, behind).await, number(&writer, ahead).await] };
    // A server notes something in its log by itself now and then, so that neither stands still for good.
    wait::until("bytes that stand still", PATIENCE, || async {
        let before = truth().await;
        let (one, other) = (watch.next_round("replica").await, watch.next_round("primary").await);
        let is_steady = truth().await == before;
        is_steady.then(|| {
            let seen = other.get("concurrency_postgres_standby_lag_bytes", &standby);
            assert_eq!([of.get(&one, "lag_bytes"), seen], before.map(Some));
        })
    })
    .await;
    run(&reader, "SELECT pg_wal_replay_resume()").await;
    watch.until("a level replica", |seen| of.lag_s(seen) == Some(0.0)).await;
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_hears_nothing_is_not_level_and_each_of_a_chain_tells_its_own_part() {
    let mut primary = Postgres::start().await;
    let writer = primary.connect().await;
    run(&writer, "CREATE TABLE t (v int)").await;
    let replica = primary.replica().await;
    let second = replica.replica().await;
    let admin = replica.connect().await;
    run(&admin, "ALTER SYSTEM SET wal_receiver_timeout = '4s'").await;
    run(&admin, "SELECT pg_reload_conf()").await;
    write(&writer).await;
    until_shows(&second, 1.0).await;
    let watch = Watcher::start(&format!(
        "postgres:\n{}{}",
        file("replica", &replica.url),
        file("second", &second.url)
    ));
    let (of_first, of_second) = (Replica("replica"), Replica("second"));
    watch
        .until("a level chain", |seen| {
            of_first.lag_s(seen) == Some(0.0) && of_second.lag_s(seen) == Some(0.0)
        })
        .await;
    // The second is held; the one before it is none the worse.
    let tail = second.connect().await;
    run(&tail, "SELECT pg_wal_replay_pause()").await;
    let written_s = write(&writer).await;
    until_shows(&replica, 2.0).await;
    let held = watch.until("a late second", |seen| of_second.lag_s(seen) > Some(1.0)).await;
    assert!(of_second.lag_s(&held) <= Some(now_s() - written_s + 2.0), "{held:?}");
    assert_eq!(of_first.lag_s(&held), Some(0.0));
    run(&tail, "SELECT pg_wal_replay_resume()").await;
    watch.until("a level chain", |seen| of_second.lag_s(seen) == Some(0.0)).await;
    // The primary still runs and says nothing: what it writes now isn't known.
    primary.process.signal("STOP");
    for worker in children(primary.process.id()) {
        signal(worker, "STOP");
    }
    let silent_s = now_s();
    let lost = watch.until("a lost primary", |seen| of_first.lag_s(seen) > Some(0.0)).await;
    // What is looked at from now on has lasted for as long, but for what was under way.
    let truth_s = now_s() - silent_s;
    let later = watch.next_round("replica").await;
    let (lag_s, later_s) = (of_first.lag_s(&lost), of_first.lag_s(&later));
    assert!(later_s >= Some(truth_s - 1.0), "{later_s:?} {truth_s}");
    assert!(later_s > lag_s, "it grows: {lag_s:?} {later_s:?}");
    // The second is level with whom it follows, which is all that it can know.
    assert_eq!(of_second.lag_s(&later), Some(0.0));
    for worker in children(primary.process.id()) {
        signal(worker, "CONT");
    }
    primary.process.signal("CONT");
    watch.until("a level replica", |seen| of_first.lag_s(seen) == Some(0.0)).await;
    // It is killed: the same, and since when it was heard is still known.
    primary.process.kill();
    let gone = watch.until("no primary", |seen| of_first.lag_s(seen) > Some(1.0)).await;
    let heard_s = of_first.get(&gone, "heard_seconds").expect("it was heard");
    assert!(of_first.lag_s(&gone) <= Some(heard_s + 0.1), "{gone:?}");
    assert_eq!(of_first.get(&gone, "lag_bytes"), None, "nobody says how much is missing");
    watch.stop().await;
}

/// Returns the processes that a server has started.
fn children(of: u32) -> Vec<u32> {
    let all = std::fs::read_to_string(format!("/proc/{of}/task/{of}/children")).expect("they run");
    all.split_ascii_whitespace().map(|id| id.parse().expect("an id")).collect()
}

fn signal(process: u32, name: &str) {
    let mut kill = std::process::Command::new("kill");
    // A worker may have ended since.
    let _ = kill.args([&format!("-{name}"), &process.to_string()]).status();
}
