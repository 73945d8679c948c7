//! Redis, whose streams the test fills and reads itself.

use crate::{Scrape, Watcher};
use plimsoll_tests::redis::Redis;
use redis::Value;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

fn watch(server: &Redis, more: &str) -> Watcher {
    let url = &server.url;
    Watcher::start(&format!(
        "redis:\n- {{label: r, url: {url:?}, interval: 500ms, deadline: 500ms{more}}}\n"
    ))
}

async fn run(server: &Redis, command: &str) -> Value {
    server.ask(&command.split(' ').collect::<Vec<_>>()).await
}

async fn add(server: &Redis, stream: &str) -> String {
    server.ask(&["XADD", stream, "*", "k", "v"]).await
}

/// The server's clock, in seconds.
async fn now_s(server: &Redis) -> f64 {
    let (seconds, micros): (f64, f64) = server.ask(&["TIME"]).await;
    seconds + micros / 1e6
}

fn time_s(id: &str) -> f64 {
    id.split('-').next().unwrap().parse::<f64>().unwrap() / 1e3
}

fn of(name: &str, group: &str, stream: &str) -> String {
    format!("{name}{{group={group:?},server=\"r\",topic={stream:?}}}")
}

/// The lag of group g of the stream s: in messages, in seconds.
fn lag(seen: &Scrape) -> (Option<f64>, Option<f64>) {
    let get = |name| seen.value(&of(name, "g", "s"));
    (get("concurrency_consumer_lag"), get("concurrency_consumer_lag_seconds"))
}

/// The status of group g of the stream s.
fn status(seen: &Scrape) -> Option<&'static str> {
    let holds = |status: &&str| {
        let (group, server, topic) = (("group", "g"), ("server", "r"), ("topic", "s"));
        let labels = [group, server, topic, ("status", status)];
        seen.get("concurrency_consumer_status", &labels) == Some(1.0)
    };
    ["ok", "stalled", "stopped", "rewound"].into_iter().find(holds)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_behind_by_what_it_was_not_given_and_since_when_that_was_added() {
    let server = Redis::start().await;
    run(&server, "XGROUP CREATE s g 0 MKSTREAM").await;
    let watch = watch(&server, "");
    // Idle from the beginning: nothing to read is no lag.
    let seen = watch.until("the empty stream", |seen| lag(seen).0.is_some()).await;
    assert_eq!(lag(&seen), (Some(0.0), Some(0.0)));

    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(add(&server, "s").await);
    }
    run(&server, "XREADGROUP GROUP g c COUNT 2 STREAMS s >").await;
    let before_s = now_s(&server).await;
    let seen = watch.next_round("r").await;
    let after_s = now_s(&server).await;
    let (messages, seconds) = lag(&seen);
    assert_eq!(messages, Some(3.0));
    let seconds = seconds.expect("ids are times");
    let produced_s = time_s(&ids[2]);
    let bounds = before_s - produced_s - 0.001..=after_s - produced_s;
    assert!(bounds.contains(&seconds), "{seconds} {bounds:?}");
    assert_eq!(seen[&*of("concurrency_consumer_oldest_timestamp_seconds", "g", "s")], produced_s);
    assert_eq!(seen[&*of("concurrency_messages_consumed_total", "g", "s")], 2.0);
    let produced = r#"concurrency_messages_produced_total{server="r",topic="s"}"#;
    assert_eq!(seen[produced], 5.0);
    assert_eq!(seen[&*of("concurrency_redis_pending", "g", "s")], 2.0);
    let oldest_s = seen[&*of("concurrency_redis_pending_oldest_age_seconds", "g", "s")];
    let bounds = before_s - time_s(&ids[0]) - 0.001..=after_s - time_s(&ids[0]);
    assert!(bounds.contains(&oldest_s), "{oldest_s} {bounds:?}");

    // A stalled group's seconds grow while nothing is produced.
    let later = watch.next_round("r").await;
    assert!(lag(&later).1 > Some(seconds), "{:?} {seconds}", lag(&later));
    run(&server, "XREADGROUP GROUP g c COUNT 9 STREAMS s >").await;
    for id in &ids {
        run(&server, &format!("XACK s g {id}")).await;
    }
    let seen = watch.next_round("r").await;
    assert_eq!(lag(&seen), (Some(0.0), Some(0.0)));
    assert_eq!(seen[&*of("concurrency_redis_pending", "g", "s")], 0.0);
    assert_eq!(seen[&*of("concurrency_redis_pending_oldest_age_seconds", "g", "s")], 0.0);
    run(&server, "DEL s").await;
    let seen = watch.next_round("r").await;
    assert_eq!(lag(&seen), (None, None), "a stream that is gone leaves nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_asks_in_vain_is_stalled_and_one_that_does_not_ask_is_stopped() {
    let server = Redis::start().await;
    run(&server, "XGROUP CREATE s g 0 MKSTREAM").await;
    let stalled_after = Duration::from_secs(5);
    let watch = watch(&server, ", stalled_after: 5s");
    let is = |wanted: &'static str| move |seen: &Scrape| status(seen) == Some(wanted);
    // Idle for longer than it takes to be stalled.
    watch.until("the idle group", is("ok")).await;
    tokio::time::sleep(stalled_after + Duration::from_secs(1)).await;
    let idle = Instant::now();
    assert_eq!(status(&watch.next_round("r").await), Some("ok"));

    let poison = add(&server, "s").await;
    run(&server, "XREADGROUP GROUP g c COUNT 1 STREAMS s >").await;
    let begun = status(&watch.next_round("r").await);
    // Two looks of a machine that stands still may be further apart than that.
    assert!(begun == Some("ok") || idle.elapsed() >= stalled_after, "it has just begun: {begun:?}");
    // It asks for its own entry again and again, and never acknowledges it.
    let retries = async {
        loop {
            run(&server, "XREADGROUP GROUP g c COUNT 1 STREAMS s 0").await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = retries => unreachable!("it never ends"),
        _ = watch.until("a stalled group", is("stalled")) => {}
    }
    watch.until("a stopped group", is("stopped")).await;
    run(&server, &format!("XACK s g {poison}")).await;
    watch.until("a group that has caught up", is("ok")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_consumer_died_before_its_first_entry_is_stopped() {
    let server = Redis::start().await;
    run(&server, "XGROUP CREATE s g 0 MKSTREAM").await;
    let entry = add(&server, "s").await;
    let watch = watch(&server, ", stalled_after: 2s");
    watch.until("a stopped group", |seen| status(seen) == Some("stopped")).await;
    run(&server, "XREADGROUP GROUP g c COUNT 1 STREAMS s >").await;
    run(&server, &format!("XACK s g {entry}")).await;
    watch.until("a group that has caught up", |seen| status(seen) == Some("ok")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stream_does_not_know_is_absent_and_a_future_entry_is_counted() {
    let server = Redis::start().await;
    run(&server, "XGROUP CREATE s g 0 MKSTREAM").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(add(&server, "s").await);
    }
    run(&server, "XREADGROUP GROUP g c COUNT 1 STREAMS s >").await;
    run(&server, &format!("XDEL s {}", ids[1])).await;
    let watch = watch(&server, ", streams: [s, own, ahead]");
    watch.until_up("r", true).await;
    // The server gives up counting behind a deleted entry; the time of the next one is still known.
    let seen = watch.next_round("r").await;
    let (messages, seconds) = lag(&seen);
    assert_eq!(messages, None, "its own XINFO says null");
    assert!(seconds.is_some());

    run(&server, "XGROUP CREATE own g 0 MKSTREAM").await;
    run(&server, "XADD own 7-1 k v").await;
    let seen = watch.next_round("r").await;
    assert_eq!(seen[&*of("concurrency_consumer_lag", "g", "own")], 1.0);
    let own_s = seen.value(&of("concurrency_consumer_lag_seconds", "g", "own"));
    assert_eq!(own_s, None, "7 is no time");

    assert_eq!(seen["concurrency_clock_skew_total"], 0.0);
    run(&server, "XGROUP CREATE ahead g 0 MKSTREAM").await;
    let ahead_ms = (now_s(&server).await * 1e3) as u64 + 3_600_000;
    run(&server, &format!("XADD ahead {ahead_ms}-0 k v")).await;
    let seen = watch.next_round("r").await;
    assert_eq!(seen[&*of("concurrency_consumer_lag_seconds", "g", "ahead")], 0.0);
    assert!(seen["concurrency_clock_skew_total"] >= 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_and_spikes_are_what_the_server_says() {
    let server = Redis::start().await;
    run(&server, "CONFIG SET maxclients 123").await;
    run(&server, "CONFIG SET latency-monitor-threshold 20").await;
    let watch = watch(&server, "");
    let calm = watch.until_up("r", true).await;
    assert_eq!(calm[r#"concurrency_pool_in_use_limit{pool="r"}"#], 123.0);
    let blocked = r#"concurrency_redis_blocked_clients{server="r"}"#;
    assert_eq!(calm[blocked], 0.0);
    let pops = async {
        let popped: Option<(String, String)> = server.ask(&["BLPOP", "list", "60"]).await;
        assert!(popped.is_some());
    };
    let sees = async {
        watch.until("a blocked client", |seen| seen.value(blocked) == Some(1.0)).await;
        run(&server, "RPUSH list x").await;
    };
    tokio::join!(pops, sees);
    let before_s = now_s(&server).await.floor();
    let spin = "local begin = redis.call('TIME') local spent = 0 while spent < 80000 do \
                local now = redis.call('TIME') \
                spent = (now[1] - begin[1]) * 1000000 + now[2] - begin[2] end return spent";
    let _: u64 = server.ask(&["EVAL", spin, "0"]).await;
    let event = |name: &str| format!("{name}{{event=\"command\",server=\"r\"}}");
    let latest = event("concurrency_redis_latency_seconds");
    let seen = watch.until("the spike", |seen| seen.value(&latest) >= Some(0.08)).await;
    assert!(seen[&*latest] < 10.0, "milliseconds are seconds now");
    assert!(seen[&*event("concurrency_redis_latency_max_seconds")] >= 0.08);
    assert!(seen[&*event("concurrency_redis_latency_timestamp_seconds")] >= before_s);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_a_missing_right_and_a_fail_over_each_say_what_is_wrong() {
    let mut server = Redis::start().await;
    run(&server, "ACL SETUSER half on >half +info +time +scan ~*").await;
    let half = server.url.replace("redis://", "redis://half@");
    let collector = |label: &str, url: &str, password: &str| {
        format!("- {{label: {label}, url: {url:?}{password}, interval: 500ms, deadline: 500ms}}\n")
    };
    let watch = Watcher::start(&format!(
        "redis:\n{}{}{}",
        collector("r", &server.url, ""),
        collector("wrong", &half, ", password: guess"),
        collector("half", &half, ", password: half"),
    ));
    watch.until_up("r", true).await;
    watch.until_up("wrong", false).await;
    watch.until_up("half", false).await;
    // A look that passed its deadline has another reason, until the next.
    let page = watch.until_page(&["latency|latest", "Password authentication failed"]).await;
    assert!(!page.contains("guess"), "{page}");
    // A right that is taken away while it looks, and given back.
    run(&server, "ACL SETUSER late on >late ~* +@all").await;
    let late = server.url.replace("redis://", "redis://late@");
    let revoked =
        Watcher::start(&format!("redis:\n{}", collector("late", &late, ", password: late")));
    revoked.until_up("late", true).await;
    run(&server, "ACL SETUSER late -latency").await;
    revoked.until_up("late", false).await;
    revoked.until_page(&["it refuses", "latency|latest"]).await;
    run(&server, "ACL SETUSER late +latency").await;
    revoked.until_up("late", true).await;
    server.process.kill();
    let seen = watch.until_up("r", false).await;
    assert_eq!(seen.value(r#"concurrency_redis_blocked_clients{server="r"}"#), None);
    server.restart().await;
    watch.until_up("r", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_trimmed_unread_is_lost_and_no_lag() {
    let server = Redis::start().await;
    run(&server, "XGROUP CREATE s g 0 MKSTREAM").await;
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(add(&server, "s").await);
    }
    run(&server, "XREADGROUP GROUP g c COUNT 2 STREAMS s >").await;
    let watch = watch(&server, "");
    watch.until_up("r", true).await;
    let expired = of("concurrency_consumer_expired_messages", "g", "s");
    let seen = watch.next_round("r").await;
    assert_eq!((lag(&seen).0, seen[&*expired]), (Some(8.0), 0.0));
    // Three are left, and five that it was never given are gone.
    run(&server, "XTRIM s MAXLEN 3").await;
    let seen = watch.next_round("r").await;
    assert_eq!((lag(&seen).0, seen[&*expired]), (Some(3.0), 5.0));
    let oldest = of("concurrency_consumer_oldest_timestamp_seconds", "g", "s");
    assert_eq!(seen[&*oldest], time_s(&ids[7]));
    run(&server, "XTRIM s MAXLEN 0").await;
    let seen = watch.next_round("r").await;
    assert_eq!((lag(&seen), seen[&*expired]), ((Some(0.0), Some(0.0)), 8.0));
    // What comes after that is read, and the loss lies behind it.
    add(&server, "s").await;
    run(&server, "XREADGROUP GROUP g c COUNT 9 STREAMS s >").await;
    let seen = watch.next_round("r").await;
    assert_eq!((lag(&seen).0, seen[&*expired]), (Some(0.0), 0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_a_dead_consumer_holds_age_until_somebody_takes_them() {
    let server = Redis::start().await;
    run(&server, "XGROUP CREATE s g 0 MKSTREAM").await;
    let first = add(&server, "s").await;
    add(&server, "s").await;
    let given_s = now_s(&server).await;
    run(&server, "XREADGROUP GROUP g dead COUNT 2 STREAMS s >").await;
    let watch = watch(&server, "");
    let idle = of("concurrency_redis_pending_idle_seconds", "g", "s");
    let pending = of("concurrency_redis_pending", "g", "s");
    let consumers = of("concurrency_redis_consumers", "g", "s");
    let seen = watch.until("two seconds", |seen| seen.value(&idle) > Some(2.0)).await;
    let idle_s = seen[&*idle];
    assert!(idle_s <= now_s(&server).await - given_s + 0.1, "{idle_s}");
    assert_eq!((seen[&*pending], seen[&*consumers]), (2.0, 1.0));
    // Another takes the first over: it is as old as before, and was given just now.
    run(&server, &format!("XCLAIM s g other 0 {first}")).await;
    let seen = watch.next_round("r").await;
    let age = of("concurrency_redis_pending_oldest_age_seconds", "g", "s");
    assert!(seen[&*idle] < seen[&*age] - 1.0, "{} {}", seen[&*idle], seen[&*age]);
    assert_eq!((seen[&*pending], seen[&*consumers]), (2.0, 2.0));
    // A consumer that is deleted takes what it held with it.
    run(&server, "XGROUP DELCONSUMER s g dead").await;
    let seen = watch.next_round("r").await;
    assert_eq!((seen[&*pending], seen[&*consumers]), (1.0, 1.0));
    run(&server, &format!("XACK s g {first}")).await;
    let seen = watch.next_round("r").await;
    assert_eq!((seen[&*pending], seen[&*idle], seen[&*age]), (0.0, 0.0, 0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_began_amid_a_stream_has_a_status_and_one_that_is_set_back_says_so() {
    let server = Redis::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(add(&server, "s").await);
    }
    run(&server, &format!("XGROUP CREATE s g {}", ids[1])).await;
    let read = || async {
        let groups: Vec<HashMap<String, Value>> = server.ask(&["XINFO", "GROUPS", "s"]).await;
        groups[0]["entries-read"].clone()
    };
    assert_eq!(read().await, Value::Nil, "the server doesn't know how many it has read");
    let watch = watch(&server, ", stalled_after: 2s");
    // Nobody reads, the group has never done anything, and three entries wait.
    let seen = watch.until("a stopped group", |seen| status(seen) == Some("stopped")).await;
    assert_eq!(lag(&seen).0, None, "its own XINFO says null");
    let oldest = of("concurrency_consumer_oldest_timestamp_seconds", "g", "s");
    assert_eq!(seen[&*oldest], time_s(&ids[2]));
    let take = |count: usize| {
        let (server, ids) = (&server, &ids);
        async move {
            run(server, &format!("XREADGROUP GROUP g c COUNT {count} STREAMS s >")).await;
            run(server, &format!("XACK s g {}", ids.join(" "))).await;
        }
    };
    take(1).await;
    assert_eq!(read().await, Value::Nil);
    watch.until("a group that moves on", |seen| status(seen) == Some("ok")).await;
    let asks = async {
        loop {
            run(&server, "XREADGROUP GROUP g c COUNT 1 STREAMS s 0").await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = asks => unreachable!("it never ends"),
        _ = watch.until("a stalled group", |seen| status(seen) == Some("stalled")) => {}
    }
    take(9).await;
    let seen = watch.next_round("r").await;
    assert_eq!((status(&seen), lag(&seen).0), (Some("ok"), Some(0.0)));
    // Set back, of which the server forgets how many it had read; it isn't given them again by itself.
    run(&server, "XGROUP SETID s g 0").await;
    assert_eq!(read().await, Value::Nil);
    let seen = watch.until("a group that was set back", |s| status(s) == Some("rewound")).await;
    assert_eq!(lag(&seen).0, Some(5.0));
    run(&server, "XTRIM s MAXLEN 4").await;
    let seen = watch.until("a stopped group", |seen| status(seen) == Some("stopped")).await;
    assert_eq!((lag(&seen).0, seen[&*oldest]), (Some(4.0), time_s(&ids[1])));
    take(9).await;
    // Its end moves on without an entry: nothing is there to be read.
    run(&server, "XSETID s 99999999999999-0").await;
    watch.until("the end", |seen| (status(seen), lag(seen).0) == (Some("ok"), Some(0.0))).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let seen = watch.next_round("r").await;
    assert_eq!((status(&seen), lag(&seen)), (Some("ok"), (Some(0.0), Some(0.0))));
}
