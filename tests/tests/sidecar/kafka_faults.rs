//! Kafka when brokers die, members come and go, transactions fail and retention is faster than a reader.

use crate::kafka::{Of, ago_ms, topic, watcher};
use crate::{PATIENCE, Watcher, now_s};
use plimsoll_tests::kafka::{Client, Kafka};
use plimsoll_tests::scrape::Scrape;
use plimsoll_tests::wait;

/// Says whether a group's lag is that, as old as that, or unknown; never anything else.
fn is_true_or_absent(of: &Of, seen: &Scrape, messages: f64, oldest_ms: i64) -> bool {
    let age_s = now_s() - oldest_ms as f64 / 1e3;
    of.lag(seen).is_none_or(|lag| lag == messages)
        && of.oldest_ms(seen).is_none_or(|at_ms| at_ms == oldest_ms)
        && of.seconds(seen).is_none_or(|seconds| (age_s - 10.0..=age_s).contains(&seconds))
}

/// Leaves a group four messages of a topic that all brokers have, and returns when the oldest of those was
/// produced.
async fn four_left(client: &mut Client) -> (Of, i64) {
    client.obey("topic orders 1 replicas=3").await;
    let first_ms = ago_ms(600.0);
    client.obey(&format!("produce orders 0 none - {first_ms} a b c d e f")).await;
    client.obey("commit billing orders 0 2").await;
    (Of("billing", "orders"), first_ms + 2_000)
}

/// Asks who leads a partition until it is none of those.
async fn leader(client: &mut Client, of: &str, none_of: &[usize]) -> usize {
    let begin = now_s();
    loop {
        let told = client.ask(&format!("leader {of} 0")).await;
        match told.parse::<usize>() {
            Ok(id) if !none_of.contains(&(id - 1)) => return id - 1,
            _ => assert!(now_s() - begin < PATIENCE.as_secs_f64(), "no leader: {told}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_killed_or_hangs_costs_a_reason_and_no_truth() {
    let Some(mut kafka) = Kafka::cluster(3, "").await else { return };
    let mut client = kafka.client();
    let (of, oldest_ms) = four_left(&mut client).await;
    let killed = leader(&mut client, "orders", &[]).await;
    // The one that dies is the one of the address: the others are known by then.
    let watcher = Watcher::start(&format!(
        "kafka: [{{url: 'kafka://{}', label: kafka, interval: 500ms, stalled_after: 3s}}]",
        kafka.address_of(killed)
    ));
    let seen = watcher.until("four messages", |s| of.has(s, 4.0)).await;
    assert_eq!(of.oldest_ms(&seen), Some(oldest_ms));
    let after = |seen: &Scrape| is_true_or_absent(&of, seen, 4.0, oldest_ms);
    kafka.kill(killed);
    let gone = kafka.address_of(killed);
    watcher.until_page(&[&gone, "can&#39;t be reached"]).await;
    // Until another leads, and the group has a coordinator again, there is no number or the right one.
    until_true_again(&watcher, &of, &gone, after).await;
    let up = watcher.next_round("kafka").await;
    assert_eq!((of.lag(&up), of.oldest_ms(&up)), (Some(4.0), Some(oldest_ms)));
    let next = leader(&mut client, "orders", &[killed]).await;
    kafka.restart(killed).await;

    // One that hangs takes connections and answers nothing: it costs its own part of a round.
    kafka.signal(next, "STOP");
    let hung = kafka.address_of(next);
    watcher.until_page(&[&hung, "no answer within"]).await;
    until_true_again(&watcher, &of, &hung, after).await;
    kafka.signal(next, "CONT");
    watcher.stop().await;
}

/// Watches until the page doesn't speak of that broker any more, and the lag is known again.
async fn until_true_again(
    watcher: &Watcher,
    of: &Of,
    broker: &str,
    is_true: impl Fn(&Scrape) -> bool,
) {
    wait::until("the lag", PATIENCE, || async {
        let (page, seen) = (watcher.get("/").await, watcher.scrape().await);
        assert!(is_true(&seen), "{:?} {:?}", of.lag(&seen), of.seconds(&seen));
        of.seconds(&seen).filter(|_| !page.contains(broker)).map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebalance_is_a_state_and_neither_a_stop_nor_a_change_of_lag() {
    let Some(kafka) = Kafka::start().await else { return };
    let mut client = kafka.client();
    let watcher = watcher(&kafka);
    client.obey("topic shared 2").await;
    let first_ms = ago_ms(300.0);
    for partition in 0..2 {
        client.obey(&format!("produce shared {partition} none - {first_ms} a b c")).await;
    }
    client.obey("consume pair/a shared 2").await;
    let of = Of("pair", "shared");
    let total = |seen: &Scrape| {
        let lag = |partition| {
            let labels = [("group", "pair"), ("topic", "shared"), ("partition", partition)];
            seen.get("concurrency_consumer_lag", &labels)
        };
        Some(lag("0").unwrap_or(0.0) + lag("1")?)
    };
    let both =
        |seen: &Scrape| seen.0.keys().filter(|key| key.contains("_lag{group=\"pair\"")).count();
    let seen =
        watcher.until("a stable group", |s| of.is_in(s, "stable") && total(s).is_some()).await;
    let left = total(&seen);
    // The other member waits for the first, which is busy and doesn't poll.
    client.obey("join pair/b shared").await;
    let seen = watcher.until("a rebalance", |s| of.is_in(s, "preparing_rebalance")).await;
    assert_eq!((total(&seen), both(&seen)), (left, both(&seen)));
    assert!(!of.is(&seen, "stopped"), "its members are there");
    client.obey("settle 2 pair/a pair/b").await;
    watcher.until("a stable pair", |s| of.is_in(s, "stable") && total(s) == left).await;
    client.obey("leave pair/a").await;
    client.obey("settle 2 pair/b").await;
    let alone = watcher.until("a stable member", |s| of.is_in(s, "stable")).await;
    assert_eq!(total(&alone), left);
    client.obey("consume pair/b shared 4").await;
    watcher.until("no message left", |s| total(s) == Some(0.0) && of.is(s, "ok")).await;
    client.obey("leave pair/b").await;
    watcher.until("nobody", |s| of.is_in(s, "empty") && of.is(s, "ok")).await;
    watcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_aborted_waits_for_nobody_and_what_is_open_does() {
    let Some(kafka) = Kafka::start().await else { return };
    let mut client = kafka.client();
    let watcher = watcher(&kafka);
    topic(&mut client, "paid").await;
    client.obey(&format!("produce paid 0 none abort {} a b c", ago_ms(900.0))).await;
    client.obey("commit ledger paid 0 0").await;
    let of = Of("ledger", "paid");
    // Three records and a marker, none of which anybody will be given.
    let seen = watcher.until("four offsets", |s| of.has(s, 4.0)).await;
    assert_eq!((of.seconds(&seen), of.oldest_ms(&seen)), (Some(0.0), None));
    let begin_s = now_s();
    while now_s() - begin_s < 4.0 {
        let seen = watcher.next_round("kafka").await;
        assert!(of.is(&seen, "ok"), "nothing to do is no stop");
    }
    let paid_ms = ago_ms(300.0);
    client.obey(&format!("produce paid 0 none paid {paid_ms} d")).await;
    let seen = watcher.until("a record", |s| of.has(s, 6.0)).await;
    assert_eq!(of.oldest_ms(&seen), Some(paid_ms), "the first that isn't aborted");
    client.obey("commit ledger paid 0 6").await;
    watcher.until("no message left", |s| of.has(s, 0.0)).await;
    let open_ms = ago_ms(100.0);
    client.obey(&format!("produce paid 0 none open {open_ms} e")).await;
    let seen = watcher.until("an open one", |s| of.has(s, 1.0)).await;
    assert_eq!(of.oldest_ms(&seen), Some(open_ms));
    watcher.until("a stopped group", |s| of.is(s, "stopped")).await;
    watcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_those_of_the_record_or_of_its_arrival_and_what_expired_is_counted() {
    let Some(kafka) = Kafka::start().await else { return };
    let mut client = kafka.client();
    let watcher = watcher(&kafka);
    // The broker's time of arrival stands in for what the producer says.
    client.obey("topic arrived 1 message.timestamp.type=LogAppendTime").await;
    let before_ms = ago_ms(0.0);
    client.obey(&format!("produce arrived 0 lz4 - {} a b", ago_ms(900.0))).await;
    let after_ms = ago_ms(0.0);
    client.obey("commit reader arrived 0 1").await;
    let of = Of("reader", "arrived");
    let seen = watcher.until("one message", |s| of.has(s, 1.0)).await;
    let oldest_ms = of.oldest_ms(&seen).expect("a time");
    assert!((before_ms..=after_ms).contains(&oldest_ms), "{before_ms} {oldest_ms} {after_ms}");
    // Retention is faster than the group: it isn't behind any more, and hasn't caught up either.
    topic(&mut client, "short").await;
    client.obey(&format!("produce short 0 none - {} a b c d", ago_ms(600.0))).await;
    client.obey("commit slow short 0 1").await;
    let of = Of("slow", "short");
    let expired = |s: &Scrape| of.get(s, "concurrency_consumer_expired_messages");
    let seen = watcher.until("three messages", |s| of.has(s, 3.0)).await;
    assert_eq!(expired(&seen), Some(0.0));
    client.obey("set short retention.ms=1000 segment.ms=100").await;
    let seen = watcher.until("nothing left", |s| of.has(s, 0.0)).await;
    assert_eq!((expired(&seen), of.seconds(&seen)), (Some(3.0), Some(0.0)));
    watcher.until("a stopped group", |s| of.is(s, "stopped")).await;
    // It starts again where there is something left, and what it lost is no longer ahead of it.
    client.obey("commit slow short 0 4").await;
    let seen = watcher.until("a new start", |s| expired(s) == Some(0.0)).await;
    assert!(of.is(&seen, "ok"));
    watcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_without_a_commit_is_named_and_has_no_lag_that_is_made_up() {
    let Some(kafka) = Kafka::start().await else { return };
    let mut client = kafka.client();
    let watcher = watcher(&kafka);
    client.obey("topic orders 2").await;
    let first_ms = ago_ms(600.0);
    for partition in 0..2 {
        client.obey(&format!("produce orders {partition} none - {first_ms} a b c")).await;
    }
    // It reads from the earliest record on, as only its member knows, and ends before it commits.
    client.obey("join late/a orders").await;
    client.obey("settle 2 late/a").await;
    let of = Of("late", "orders");
    for (state, order) in [("stable", None), ("empty", Some("leave late/a"))] {
        if let Some(order) = order {
            client.obey(order).await;
        }
        watcher.until(state, |s| of.is_in(s, state)).await;
        watcher.next_round("kafka").await;
        watcher.until_page(&["1 groups have committed nothing, as late:"]).await;
        let seen = watcher.scrape().await;
        assert_eq!((of.lag(&seen), of.seconds(&seen)), (None, None), "{state}");
    }
    // One partition has a commit and a status, and of the other it is said that it has none.
    client.obey("commit late orders 0 1").await;
    watcher.until_page(&["1 partitions hold records", "as orders 1 of late"]).await;
    let seen = watcher.until("a stopped group", |s| of.is(s, "stopped")).await;
    assert_eq!((of.lag(&seen), of.oldest_ms(&seen)), (Some(2.0), Some(first_ms + 1_000)));
    let other = [("group", "late"), ("topic", "orders"), ("partition", "1")];
    assert_eq!(seen.get("concurrency_consumer_lag", &other), None);
    client.obey("commit late orders 1 0").await;
    let lag = |s: &Scrape| s.get("concurrency_consumer_lag", &other);
    watcher.until("the other lag", |s| lag(s) == Some(3.0)).await;
    let page = watcher.get("/").await;
    assert!(!page.contains("committed nothing"), "{page}");
    watcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_without_a_quorum_tells_the_truth_or_nothing() {
    let Some(mut kafka) = Kafka::cluster(3, "").await else { return };
    let mut client = kafka.client();
    let (of, oldest_ms) = four_left(&mut client).await;
    let left = leader(&mut client, "orders", &[]).await;
    let (killed, hung) = ((left + 1) % 3, (left + 2) % 3);
    let watcher = Watcher::start(&format!(
        "kafka: [{{url: 'kafka://{}', label: kafka, interval: 500ms}}]",
        kafka.address_of(left)
    ));
    watcher.until("four messages", |s| of.has(s, 4.0)).await;
    kafka.kill(killed);
    kafka.signal(hung, "STOP");
    // Two of three controllers: nobody elects another leader or coordinator from here on.
    let (killed_at, hung_at) = (kafka.address_of(killed), kafka.address_of(hung));
    watcher.until_page(&[&killed_at, "can&#39;t be reached", &hung_at, "no answer within"]).await;
    for _ in 0..3 {
        let seen = watcher.next_round("kafka").await;
        assert!(is_true_or_absent(&of, &seen, 4.0, oldest_ms), "{:?}", of.lag(&seen));
        let age_s = seen.get("concurrency_collector_round_seconds", &[("collector", "kafka")]);
        assert!(age_s.is_none_or(|age_s| age_s < 5.0), "{age_s:?}");
    }
    kafka.signal(hung, "CONT");
    kafka.restart(killed).await;
    let after = |seen: &Scrape| is_true_or_absent(&of, seen, 4.0, oldest_ms);
    until_true_again(&watcher, &of, &killed_at, after).await;
    watcher.stop().await;
}
