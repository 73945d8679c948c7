//! Kafka: lag against what its own client produced and committed, and when.

use crate::{Scrape, Watcher, now_s};
use plimsoll_tests::kafka::{Client, Kafka};

pub(crate) fn watcher(kafka: &Kafka) -> Watcher {
    Watcher::start(&format!(
        "kafka: [{{url: 'kafka://{}', label: kafka, interval: 500ms, stalled_after: 3s}}]",
        kafka.address
    ))
}

/// A group in the only partition of a topic.
pub(crate) struct Of(pub(crate) &'static str, pub(crate) &'static str);

impl Of {
    pub(crate) fn get(&self, scrape: &Scrape, name: &str) -> Option<f64> {
        scrape.get(name, &[("group", self.0), ("topic", self.1), ("partition", "0")])
    }

    pub(crate) fn lag(&self, scrape: &Scrape) -> Option<f64> {
        self.get(scrape, "concurrency_consumer_lag")
    }

    pub(crate) fn seconds(&self, scrape: &Scrape) -> Option<f64> {
        self.get(scrape, "concurrency_consumer_lag_seconds")
    }

    /// Says whether it is that far behind, and it is known since when: a record's own time is asked for
    /// later, of another server maybe, and may not come in time.
    pub(crate) fn has(&self, scrape: &Scrape, messages: f64) -> bool {
        self.lag(scrape) == Some(messages) && self.seconds(scrape).is_some()
    }

    pub(crate) fn oldest_ms(&self, scrape: &Scrape) -> Option<i64> {
        let oldest = self.get(scrape, "concurrency_consumer_oldest_timestamp_seconds")?;
        Some((oldest * 1e3).round() as i64)
    }

    pub(crate) fn is(&self, scrape: &Scrape, status: &str) -> bool {
        let labels = [("group", self.0), ("topic", self.1), ("partition", "0"), ("status", status)];
        scrape.get("concurrency_consumer_status", &labels) == Some(1.0)
    }

    pub(crate) fn is_in(&self, scrape: &Scrape, state: &str) -> bool {
        let labels = [("group", self.0), ("state", state)];
        scrape.get("concurrency_kafka_group_state", &labels) == Some(1.0)
    }
}

/// Returns a time some seconds ago, in milliseconds since 1970.
pub(crate) fn ago_ms(seconds: f64) -> i64 {
    ((now_s() - seconds) * 1e3) as i64
}

pub(crate) async fn topic(client: &mut Client, name: &str) {
    client.obey(&format!("topic {name} 1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lag_is_as_old_as_the_record_that_comes_next() {
    let Some(kafka) = Kafka::start().await else { return };
    let mut client = kafka.client();
    let watcher = watcher(&kafka);
    topic(&mut client, "orders").await;
    let of = Of("billing", "orders");
    // Six records of one batch, a second apart, of which two are read: the third comes next.
    let first_ms = ago_ms(600.0);
    client.obey(&format!("produce orders 0 none - {first_ms} a b c d e f")).await;
    client.obey("consume billing orders 2").await;
    let seen = watcher.until("four messages left", |s| of.has(s, 4.0)).await;
    assert_eq!(of.oldest_ms(&seen), Some(first_ms + 2_000));
    let (age, truth) = (of.seconds(&seen).expect("an age"), now_s() - first_ms as f64 / 1e3 - 2.0);
    assert!((truth - 3.0..=truth).contains(&age), "{age} {truth}");
    assert_eq!(of.get(&seen, "concurrency_messages_consumed_total"), Some(2.0));
    let produced = [("topic", "orders"), ("partition", "0")];
    assert_eq!(seen.get("concurrency_messages_produced_total", &produced), Some(6.0));
    assert!(of.is_in(&seen, "stable"));
    // The member is there and reads nothing; then it leaves; then it comes back and reads on.
    watcher.until("a stalled group", |s| of.is(s, "stalled") && of.is_in(s, "stable")).await;
    client.obey("leave billing").await;
    watcher.until("a stopped group", |s| of.is(s, "stopped") && of.is_in(s, "empty")).await;
    client.obey("consume billing orders 4").await;
    let done = watcher.until("no message left", |s| of.has(s, 0.0)).await;
    assert_eq!(of.seconds(&done), Some(0.0), "the end offset says that nothing is left");
    assert_eq!(of.oldest_ms(&done), None);
    assert!(of.is(&done, "ok"));
    // Idle since, and then behind from the first record on.
    let now_ms = ago_ms(0.0);
    client.obey(&format!("produce orders 0 none - {now_ms} g")).await;
    let behind = watcher.until("one message left", |s| of.has(s, 1.0)).await;
    assert_eq!(of.oldest_ms(&behind), Some(now_ms));
    assert!(of.is(&behind, "ok"), "its idleness isn't held against it");
    client.obey("leave billing").await;
    client.obey("commit billing orders 0 1").await;
    let back = watcher.until("a group that was set back", |s| of.has(s, 6.0)).await;
    assert_eq!(of.oldest_ms(&back), Some(first_ms + 1_000));
    assert!(of.is(&back, "rewound"));
    watcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_no_record_whatever_packs_the_batch() {
    let Some(kafka) = Kafka::start().await else { return };
    let mut client = kafka.client();
    let watcher = watcher(&kafka);
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let (name, group) = (format!("t-{codec}"), format!("g-{codec}"));
        topic(&mut client, &name).await;
        let first_ms = ago_ms(100.0);
        client.obey(&format!("produce {name} 0 {codec} - {first_ms} a b c d")).await;
        client.obey(&format!("commit {group} {name} 0 3")).await;
        let labels = [("group", &*group), ("topic", &*name), ("partition", "0")];
        let oldest = |s: &Scrape| s.get("concurrency_consumer_oldest_timestamp_seconds", &labels);
        let truth = (first_ms + 3_000) as f64 / 1e3;
        watcher
            .until(codec, |s| oldest(s).is_some_and(|oldest| (oldest - truth).abs() < 1e-3))
            .await;
    }
    // A transaction's marker takes an offset, and isn't a message that somebody waits for.
    topic(&mut client, "paid").await;
    let paid_ms = ago_ms(50.0);
    client.obey(&format!("produce paid 0 none tx {paid_ms} a")).await;
    client.obey("commit ledger paid 0 1").await;
    let of = Of("ledger", "paid");
    let marker = watcher.until("a marker", |s| of.has(s, 1.0)).await;
    assert_eq!(of.seconds(&marker), Some(0.0), "no record is left up to the end");
    // Records that retention took can't be waited for either.
    topic(&mut client, "short").await;
    let short_ms = ago_ms(50.0);
    client.obey(&format!("produce short 0 none - {short_ms} a b c d")).await;
    client.obey("commit slow short 0 1").await;
    client.obey("delete short 0 3").await;
    let of = Of("slow", "short");
    let expired = watcher.until("what expired", |s| of.has(s, 1.0)).await;
    assert_eq!(of.get(&expired, "concurrency_consumer_expired_messages"), Some(2.0));
    assert_eq!(of.oldest_ms(&expired), Some(short_ms + 3_000));
    // A producer whose clock is ahead.
    topic(&mut client, "ahead").await;
    let before = expired.get("concurrency_clock_skew_total", &[]).unwrap_or(0.0);
    client.obey(&format!("produce ahead 0 none - {} a", ago_ms(-900.0))).await;
    client.obey("commit early ahead 0 0").await;
    let of = Of("early", "ahead");
    let ahead = watcher.until("a record from the future", |s| of.has(s, 1.0)).await;
    assert_eq!(of.seconds(&ahead), Some(0.0));
    let skewed = |s: &Scrape| s.0.get("concurrency_clock_skew_total").copied().unwrap_or(0.0);
    assert!(skewed(&ahead) > before, "{ahead:?}");
    watcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compacted_records_and_groups_of_the_newer_protocol_leave_the_truth() {
    let Some(kafka) = Kafka::start().await else { return };
    let mut client = kafka.client();
    let watcher = watcher(&kafka);
    let settings = "cleanup.policy=compact segment.ms=100 min.cleanable.dirty.ratio=0.01 \
                    max.compaction.lag.ms=100";
    client.obey(&format!("topic state 1 {settings}")).await;
    let first_ms = ago_ms(300.0);
    client.obey(&format!("produce state 0 none - {first_ms} k k k l")).await;
    client.obey("commit reader state 0 0").await;
    let of = Of("reader", "state");
    watcher.until("four messages", |s| of.has(s, 4.0)).await;
    // A later batch rolls the segment, and the cleaner keeps the last record of each key only.
    client.obey(&format!("produce state 0 none - {} z", ago_ms(1.0))).await;
    watcher.until("compaction", |s| of.oldest_ms(s) == Some(first_ms + 2_000)).await;
    // A group that its broker assigns: the newer protocol has coordinators and offsets of its own.
    client.obey("topic shared 2").await;
    client.obey(&format!("produce shared 0 none - {first_ms} a b")).await;
    client.obey("consume new/1 shared 2").await;
    let of = Of("new", "shared");
    let stable = watcher.until("a stable group", |s| of.is_in(s, "stable")).await;
    assert_eq!(of.lag(&stable).unwrap_or(0.0), 0.0);
    client.obey(&format!("produce shared 0 none - {first_ms} c")).await;
    let behind = watcher.until("one message", |s| of.has(s, 1.0)).await;
    assert_eq!(of.oldest_ms(&behind), Some(first_ms));
    watcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_let_in_or_told_what_it_lacks() {
    let Some(mut kafka) = Kafka::start().await else { return };
    let mut client = kafka.client();
    topic(&mut client, "orders").await;
    client.obey(&format!("produce orders 0 none - {} a", ago_ms(60.0))).await;
    client.obey("commit billing orders 0 0").await;
    let at = |user: &str, sasl: &str| {
        let url = format!("kafka://{user}@{}", kafka.guarded);
        Watcher::start(&format!(
            "kafka: [{{url: '{url}', password: secret, sasl: {sasl}, interval: 2s, deadline: 2s}}]"
        ))
    };
    let of = Of("billing", "orders");
    for (user, sasl) in [("watch", "plain"), ("scram", "scram-sha-256")] {
        let watcher = at(user, sasl);
        watcher.until_page(&["lacks DESCRIBE on groups"]).await;
        for grant in ["GROUP DESCRIBE", "TOPIC DESCRIBE", "TOPIC READ"] {
            client.obey(&format!("grant {user} {grant}")).await;
        }
        watcher.until("an age", |s| of.seconds(s).is_some_and(|age| age > 55.0)).await;
        client.obey(&format!("revoke {user} TOPIC READ")).await;
        watcher.until_page(&["grant READ"]).await;
        let without = watcher.scrape().await;
        assert_eq!((of.lag(&without), of.seconds(&without)), (Some(1.0), None));
        watcher.stop().await;
    }
    for (user, sasl) in [("wrong", "plain"), ("wrong", "scram-sha-256")] {
        let watcher = at(user, sasl);
        let page = watcher.until_page(&["it refuses this user"]).await;
        assert!(!page.contains("secret"), "{page}");
        watcher.stop().await;
    }
    let open = watcher(&kafka);
    open.until("a lag", |s| of.lag(s) == Some(1.0)).await;
    kafka.kill(0);
    let gone = open.until("nothing", |s| of.lag(s).is_none()).await;
    assert_eq!(gone.get("concurrency_collector_up", &[("collector", "kafka")]), Some(0.0));
    kafka.restart(0).await;
    open.until("a lag again", |s| of.lag(s) == Some(1.0)).await;
    let tls = format!("kafka: [{{url: 'kafka+ssl://{}', interval: 500ms}}]", kafka.address);
    Watcher::start(&tls).until_page(&["TLS was refused"]).await;
    let http = open.url.trim_start_matches("http://");
    Watcher::start(&format!("kafka: [{{url: 'kafka://{http}'}}]"))
        .until_page(&["class=down"])
        .await;
    open.stop().await;
}
