//! RabbitMQ: depth, lag and who consumes, against what the test sent and holds.

use crate::{PATIENCE, Scrape, Watcher, now_s};
use plimsoll_tests::rabbitmq::RabbitMq;
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
