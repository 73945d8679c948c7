//! RabbitMQ: depth, lag and who consumes, against what the test sent and holds.

use crate::{PATIENCE, Scrape, Watcher, now_s};
use plimsoll_tests::rabbitmq::RabbitMq;
use plimsoll_tests::wait;
use reqwest::Method;
use serde_json::json;

fn of_queue(scrape: &Scrape, name: &str) -> Option<f64> {
    scrape.get(name, &[("queue", "jobs")])
}

fn of_group(scrape: &Scrape, name: &str) -> Option<f64> {
    scrape.get(name, &[("group", "jobs"), ("topic", "jobs")])
}

fn is(scrape: &Scrape, status: &str) -> bool {
    let labels = [("group", "jobs"), ("topic", "jobs"), ("status", status)];
    scrape.get("concurrency_consumer_status", &labels) == Some(1.0)
}

async fn publish(server: &RabbitMq, queue: &str, properties: serde_json::Value) {
    let message = json!({
        "routing_key": queue, "payload": "x", "payload_encoding": "string", "properties": properties,
    });
    server.ask(Method::POST, "exchanges/%2f/amq.default/publish", message).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_is_as_deep_and_as_old_as_what_was_sent() {
    let mut server = RabbitMq::start().await;
    let queue = json!({ "durable": true, "arguments": { "x-max-length": 100 } });
    server.ask(Method::PUT, "queues/%2f/jobs", queue).await;
    let watcher = Watcher::start(&format!(
        "rabbitmq: [{{url: 'http://guest@{}', password: guest, label: rabbit, interval: 500ms, stalled_after: 3s}}]",
        server.api
    ));
    let depth = |s: &Scrape| of_queue(s, "concurrency_queue_depth");
    let lag = |s: &Scrape| of_group(s, "concurrency_consumer_lag");
    let seconds = |s: &Scrape| of_group(s, "concurrency_consumer_lag_seconds");
    let empty = watcher.until("an empty queue", |s| depth(s) == Some(0.0)).await;
    assert_eq!(of_queue(&empty, "concurrency_queue_depth_limit"), Some(100.0));
    assert_eq!((lag(&empty), seconds(&empty)), (Some(0.0), Some(0.0)));
    let sent_s = now_s().floor() - 500.0;
    publish(&server, "jobs", json!({ "timestamp": sent_s as u64 })).await;
    publish(&server, "jobs", json!({ "timestamp": sent_s as u64 + 60 })).await;
    let two = watcher.until("two messages", |s| depth(s) == Some(2.0)).await;
    let oldest = of_group(&two, "concurrency_consumer_oldest_timestamp_seconds");
    assert_eq!(oldest, Some(sent_s));
    let age = seconds(&two).expect("an age");
    assert!((now_s() - sent_s - 3.0..=now_s() - sent_s).contains(&age), "{age}");
    watcher.until("nobody there", |s| is(s, "stopped")).await;
    // A consumer takes the first and holds it: it isn't ready, and not done either.
    let mut consumer = server.consumer("jobs", 1);
    let held = watcher
        .until("a held message", |s| of_queue(s, "concurrency_rabbitmq_unacked") == Some(1.0))
        .await;
    assert_eq!((depth(&held), lag(&held)), (Some(1.0), Some(2.0)));
    assert_eq!(of_queue(&held, "concurrency_rabbitmq_consumers"), Some(1.0));
    watcher.until("a stalled consumer", |s| is(s, "stalled")).await;
    let running = |s: &Scrape| {
        s.get("concurrency_rabbitmq_connections", &[("state", "running")]) == Some(1.0)
    };
    watcher.until("its connection", running).await;
    consumer.kill();
    watcher.until("the message back", |s| depth(s) == Some(2.0)).await;
    // Messages whose publishers don't say when have no age, which isn't 0.
    server.ask(Method::DELETE, "queues/%2f/jobs/contents", json!({})).await;
    watcher.until("an empty queue again", |s| lag(s) == Some(0.0)).await;
    publish(&server, "jobs", json!({})).await;
    let unknown = watcher.until("one message", |s| lag(s) == Some(1.0)).await;
    assert_eq!(seconds(&unknown), None);
    let wrong = Watcher::start(&format!(
        "rabbitmq: [{{url: 'http://guest@{}', password: wr0ng}}]",
        server.api
    ));
    let page = wrong.until_page(&["refuses this user"]).await;
    assert!(!page.contains("wr0ng"), "{page}");
    wrong.stop().await;
    server.kill();
    let up = |s: &Scrape| s.get("concurrency_collector_up", &[("collector", "rabbit")]);
    let gone = watcher.until("it to be down", |s| up(s) == Some(0.0)).await;
    assert_eq!(lag(&gone), None);
    watcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_alarm_blocks_publishers_and_a_stream_is_no_queue() {
    let server = RabbitMq::start().await;
    server.ask(Method::PUT, "queues/%2f/jobs", json!({ "durable": true })).await;
    let log = json!({ "durable": true, "arguments": { "x-queue-type": "stream" } });
    server.ask(Method::PUT, "queues/%2f/log", log).await;
    let watcher = Watcher::start(&format!(
        "rabbitmq: [{{url: 'http://guest@{}', password: guest, label: rabbit, interval: 500ms}}]",
        server.api
    ));
    let connections = |s: &Scrape, state: &str| {
        s.get("concurrency_rabbitmq_connections", &[("state", state)]).unwrap_or(0.0)
    };
    let seen =
        watcher.until("the queue", |s| of_queue(s, "concurrency_queue_depth") == Some(0.0)).await;
    assert_eq!(connections(&seen, "blocked"), 0.0);
    // All memory is too much: whoever publishes is held.
    server.eval("vm_memory_monitor:set_vm_memory_high_watermark({absolute, 1000}).");
    let mut publishers = [server.publisher("jobs"), server.publisher("jobs")];
    let held = watcher.until("two blocked ones", |s| connections(s, "blocked") == 2.0).await;
    assert_eq!(of_queue(&held, "concurrency_queue_depth"), Some(0.0), "nothing comes through");
    server.eval("vm_memory_monitor:set_vm_memory_high_watermark(0.9).");
    for publisher in &mut publishers {
        assert!(publisher.ended(PATIENCE).await.success());
    }
    // The server tells of queues and of connections each at its own time.
    let freed = |s: &Scrape| {
        of_queue(s, "concurrency_queue_depth") == Some(2.0) && connections(s, "blocked") == 0.0
    };
    watcher.until("two messages and nobody blocked", freed).await;
    // What stands in a stream stays there: that is neither a depth nor a lag.
    publish(&server, "log", json!({})).await;
    let published =
        |s: &Scrape| s.get("concurrency_messages_produced_total", &[("topic", "log")]) == Some(1.0);
    let seen = watcher.until("a message of the stream", published).await;
    let of_log = [("group", "log"), ("topic", "log")];
    assert_eq!(seen.get("concurrency_consumer_lag", &of_log), None);
    assert_eq!(seen.get("concurrency_queue_depth", &[("queue", "log")]), None);
    watcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quorum_queue_has_a_lag_and_a_restart_sets_nobody_back() {
    let mut server = RabbitMq::start().await;
    let quorum = json!({ "durable": true, "arguments": { "x-queue-type": "quorum" } });
    server.ask(Method::PUT, "queues/%2f/jobs", quorum).await;
    let watcher = Watcher::start(&format!(
        "rabbitmq: [{{url: 'http://guest@{}', password: guest, label: rabbit, interval: 500ms, stalled_after: 3s}}]",
        server.api
    ));
    for _ in 0..4 {
        publish(&server, "jobs", json!({ "delivery_mode": 2 })).await;
    }
    let lag = |s: &Scrape| of_group(s, "concurrency_consumer_lag");
    let consumed = |s: &Scrape| of_group(s, "concurrency_messages_consumed_total");
    let four = watcher.until("four messages", |s| lag(s) == Some(4.0)).await;
    assert_eq!(of_queue(&four, "concurrency_queue_depth"), Some(4.0));
    // Nobody has ever consumed.
    watcher.until("nobody there", |s| is(s, "stopped")).await;
    let mut consumer = server.consumer("jobs", 1);
    let held = watcher
        .until("a held message", |s| of_queue(s, "concurrency_rabbitmq_unacked") == Some(1.0))
        .await;
    assert_eq!(lag(&held), Some(4.0), "it isn't done");
    watcher.until("a stalled consumer", |s| is(s, "stalled")).await;
    consumer.kill();
    let take = json!({ "count": 2, "ackmode": "ack_requeue_false", "encoding": "auto" });
    wait::until("two messages taken", PATIENCE, || async {
        server.ask(Method::POST, "queues/%2f/jobs/get", take.clone()).await;
        let seen = watcher.next_round("rabbit").await;
        (lag(&seen) <= Some(2.0)).then_some(())
    })
    .await;
    let before = watcher.until("what was taken", |s| consumed(s) >= Some(2.0)).await;
    server.restart().await;
    // Its counts begin anew; what is left isn't more than before, and nobody has set it back.
    let begin_s = now_s();
    while now_s() - begin_s < 8.0 {
        let seen = watcher.scrape().await;
        assert!(!is(&seen, "rewound"));
        assert!(lag(&seen).is_none_or(|left| Some(left) <= lag(&before)), "{:?}", lag(&seen));
    }
    watcher.until("the queue again", |s| lag(s) == lag(&before) && !is(s, "rewound")).await;
    // A queue that is deleted leaves nothing, and costs the others nothing.
    server.ask(Method::PUT, "queues/%2f/other", json!({ "durable": true })).await;
    server.ask(Method::DELETE, "queues/%2f/jobs", json!({})).await;
    let gone = watcher.until("no such queue", |s| lag(s).is_none()).await;
    assert_eq!(of_queue(&gone, "concurrency_queue_depth"), None);
    let other = [("queue", "other")];
    watcher.until("the other", |s| s.get("concurrency_queue_depth", &other) == Some(0.0)).await;
    watcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_queues_are_read_in_a_part_of_the_deadline() {
    const QUEUES: usize = 520;
    let server = RabbitMq::start().await;
    for queue in 0..QUEUES {
        let path = format!("queues/%2f/jobs-{queue:03}");
        server.ask(Method::PUT, &path, json!({ "durable": false })).await;
    }
    publish(&server, "jobs-519", json!({})).await;
    let watcher = Watcher::start(&format!(
        "rabbitmq: [{{url: 'http://guest@{}', password: guest, label: rabbit, interval: 1s}}]",
        server.api
    ));
    let last = [("group", "jobs-519"), ("topic", "jobs-519")];
    let seen = watcher
        .until("the last queue", |s| s.get("concurrency_consumer_lag", &last) == Some(1.0))
        .await;
    assert_eq!(seen.all("concurrency_queue_depth", &[]).count(), QUEUES);
    let round = [("collector", "rabbit")];
    let took_s = seen.get("concurrency_collector_round_seconds", &round).expect("a round");
    assert!(took_s < 2.5, "{took_s}");
    // A family has 2,000 series at most, of which a status takes four: who is left out is counted.
    assert_eq!(seen.all("concurrency_consumer_status", &[]).count(), 2_000);
    watcher.until_page(&["80 series are left out"]).await;
    watcher.stop().await;
}
