//! NATS JetStream: lag against what the test published and acknowledged, and when.

use crate::{PATIENCE, Scrape, Watcher, now_s};
use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::{AckKind, Context, stream};
use futures_util::StreamExt;
use plimsoll_tests::nats::Nats;
use plimsoll_tests::wait;
use serde_json::json;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A user who may do everything, and one with no more than the page on NATS asks for.
const USERS: &str = r#"
authorization { users: [
  { user: all, password: secret }
  { user: watch, password: secret, permissions: {
    publish: ["$JS.API.STREAM.LIST", "$JS.API.CONSUMER.LIST.*", "$JS.API.STREAM.MSG.GET.*"]
    subscribe: ["_INBOX.>"] } }
  { user: count, password: secret, permissions: {
    publish: ["$JS.API.STREAM.LIST", "$JS.API.CONSUMER.LIST.*"], subscribe: ["_INBOX.>"] } }
] }"#;

fn watcher(nats: &Nats, user: &str) -> Watcher {
    Watcher::start(&format!(
        "nats: [{{url: 'nats://{user}@{}', password: secret, label: nats, interval: 200ms, stalled_after: 2s}}]",
        nats.address
    ))
}

async fn stream(client: &Context, name: &str, subjects: &str) -> stream::Stream {
    let subjects = vec![subjects.to_owned()];
    let config = stream::Config { name: name.into(), subjects, ..Default::default() };
    client.create_stream(config).await.expect("a stream")
}

async fn consumer(stream: &stream::Stream, name: &str, filter: &str) -> PullConsumer {
    let config = pull::Config {
        durable_name: Some(name.into()),
        filter_subject: filter.into(),
        max_ack_pending: 500,
        ..Default::default()
    };
    stream.create_consumer(config).await.expect("a consumer")
}

/// Publishes and returns between which times that was.
async fn publish(client: &Context, subject: &str) -> [f64; 2] {
    let before = now_s();
    let sent = client.publish(subject.to_owned(), "x".into()).await.expect("sent");
    sent.await.expect("stored");
    [before, now_s()]
}

async fn acknowledge(consumer: &PullConsumer, count: usize) {
    let messages = consumer.fetch().max_messages(count).messages().await.expect("messages");
    let acknowledged = messages.then(|message| async {
        message.expect("a message").double_ack().await.expect("acknowledged");
    });
    assert_eq!(acknowledged.count().await, count);
}

struct Of<'a>(&'a str, &'a str);

impl Of<'_> {
    fn labels(&self) -> [(&str, &str); 2] {
        [("group", self.0), ("topic", self.1)]
    }

    fn get(&self, scrape: &Scrape, name: &str) -> Option<f64> {
        scrape.get(name, &self.labels())
    }

    fn lag(&self, scrape: &Scrape) -> Option<f64> {
        self.get(scrape, "concurrency_consumer_lag")
    }

    fn seconds(&self, scrape: &Scrape) -> Option<f64> {
        self.get(scrape, "concurrency_consumer_lag_seconds")
    }

    /// Says whether it is that far behind, and it is known since when: a record's own time is asked for
    /// later, of another server maybe, and may not come in time.
    fn has(&self, scrape: &Scrape, messages: f64) -> bool {
        self.lag(scrape) == Some(messages) && self.seconds(scrape).is_some()
    }

    fn is(&self, scrape: &Scrape, status: &str) -> bool {
        let labels = [&self.labels()[..], &[("status", status)]].concat();
        scrape.get("concurrency_consumer_status", &labels) == Some(1.0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lag_is_what_was_published_and_not_acknowledged_and_as_old() {
    let Some(nats) = Nats::start(USERS).await else { return };
    let client = nats.client("all").await;
    let orders = stream(&client, "ORDERS", "orders.>").await;
    let billing = consumer(&orders, "billing", "").await;
    let eu = consumer(&orders, "eu", "orders.eu").await;
    let (of_billing, of_eu) = (Of("billing", "ORDERS"), Of("eu", "ORDERS"));
    let watcher = watcher(&nats, "watch");
    // Nothing was ever published: the end says that nobody is behind.
    let idle = watcher.until("an idle consumer", |s| of_billing.has(s, 0.0)).await;
    assert_eq!(of_billing.seconds(&idle), Some(0.0));
    assert_eq!(of_billing.get(&idle, "concurrency_consumer_oldest_timestamp_seconds"), None);

    let first = publish(&client, "orders.us").await;
    let second = publish(&client, "orders.eu").await;
    publish(&client, "orders.us").await;
    let seen = watcher.until("three messages", |s| of_billing.has(s, 3.0)).await;
    assert_eq!(of_eu.lag(&seen), Some(1.0));
    for (of, [from, to]) in [(&of_billing, first), (&of_eu, second)] {
        let at = of.get(&seen, "concurrency_consumer_oldest_timestamp_seconds").expect("a time");
        // JetStream's stamp is cut to the millisecond here.
        assert!((from - 0.001..=to).contains(&at), "{from} {at} {to}");
        let now = now_s();
        let age = of.seconds(&seen).expect("an age");
        assert!((now - to - 5.0..=now - from).contains(&age), "{age}");
    }
    let produced = seen.get("concurrency_messages_produced_total", &[("topic", "ORDERS")]);
    assert_eq!(produced, Some(3.0));

    // Nobody fetches, and the age grows by itself: it stops counting only when they are acknowledged.
    let stopped = watcher.until("a stopped consumer", |s| of_billing.is(s, "stopped")).await;
    assert!(of_billing.seconds(&stopped).expect("an age") >= 2.0);
    acknowledge(&billing, 2).await;
    let moved = watcher.until("one message left", |s| of_billing.has(s, 1.0)).await;
    assert!(of_billing.is(&moved, "ok"));
    assert_eq!(of_billing.get(&moved, "concurrency_messages_consumed_total"), Some(2.0));
    acknowledge(&eu, 1).await;
    let done = watcher.until("no message left", |s| of_eu.has(s, 0.0)).await;
    assert_eq!(of_eu.seconds(&done), Some(0.0));
    watcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_held_or_was_deleted_is_told_from_the_next_one() {
    let Some(nats) = Nats::start(USERS).await else { return };
    let client = nats.client("all").await;
    let jobs = stream(&client, "JOBS", "jobs").await;
    let worker = consumer(&jobs, "worker", "").await;
    let of = Of("worker", "JOBS");
    publish(&client, "jobs").await;
    let second = publish(&client, "jobs").await;
    let watcher = watcher(&nats, "watch");
    let mut messages = worker.fetch().max_messages(1).messages().await.expect("messages");
    let held = messages.next().await.expect("one").expect("a message");
    let labels = [("group", "worker"), ("topic", "JOBS")];
    let pending = |s: &Scrape| s.get("concurrency_nats_ack_pending", &labels);
    let seen = watcher.until("a held message", |s| pending(s) == Some(1.0)).await;
    assert_eq!(of.lag(&seen), Some(2.0), "it is held, not done");
    assert_eq!(seen.get("concurrency_nats_ack_pending_limit", &labels), Some(500.0));
    held.double_ack().await.expect("acknowledged");
    let left = watcher.until("one message left", |s| of.has(s, 1.0)).await;
    let at = of.get(&left, "concurrency_consumer_oldest_timestamp_seconds").expect("a time");
    assert!((second[0] - 0.001..=second[1]).contains(&at), "{second:?} {at}");
    // A gap in the sequence: the next that is there is the third.
    let third = publish(&client, "jobs").await;
    jobs.delete_message(2).await.expect("deleted");
    let oldest = |s: &Scrape| of.get(s, "concurrency_consumer_oldest_timestamp_seconds");
    let in_third = |at: f64| (third[0] - 0.001..=third[1]).contains(&at);
    watcher.until("the third message's time", |s| oldest(s).is_some_and(in_third)).await;
    watcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_said_without_secrets_and_passes() {
    let Some(mut nats) = Nats::start(USERS).await else { return };
    let client = nats.client("all").await;
    let orders = stream(&client, "ORDERS", "orders").await;
    consumer(&orders, "billing", "").await;
    publish(&client, "orders").await;
    let of = Of("billing", "ORDERS");
    // Without the right to read messages, counts are there, times aren't, and the page says which right.
    let counting = watcher(&nats, "count");
    let seen = counting.until("a lag", |s| of.lag(s) == Some(1.0)).await;
    assert_eq!(of.seconds(&seen), None);
    counting.until_page(&["may not publish to $JS.API.STREAM.MSG.GET.ORDERS"]).await;
    counting.stop().await;

    let watcher = watcher(&nats, "watch");
    let is_up = |up: f64| {
        move |s: &Scrape| s.get("concurrency_collector_up", &[("collector", "nats")]) == Some(up)
    };
    watcher.until("a lag", |s| of.has(s, 1.0)).await;
    nats.kill();
    let gone = watcher.until("it to be down", is_up(0.0)).await;
    assert_eq!(of.lag(&gone), None, "what isn't known is absent");
    nats.restart(None).await;
    watcher.until("it to be up again", |s| of.lag(s) == Some(1.0)).await;
    let revoked = USERS.replace("user: watch, password: secret", "user: watch, password: other");
    nats.restart(Some(&revoked)).await;
    let page = watcher.until_page(&["the server refuses this user"]).await;
    assert!(!page.contains("secret"), "{page}");
    nats.restart(Some(&format!("{USERS}\njetstream: disabled"))).await;
    watcher.until_page(&["JetStream isn&#39;t enabled"]).await;
    watcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_no_nats_and_no_tls_costs_a_reason() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let rubbish = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, &[0xff; 4096]).await;
        }
    });
    let watcher = Watcher::start(&format!(
        "nats: [{{url: 'nats://{address}', interval: 1s}}, {{url: 'tls://{address}', interval: 1s}}]\n\
         host: [{{}}]"
    ));
    watcher.until_page(&["1 of 3 collectors are up", "class=down"]).await;
    watcher.stop().await;
    rubbish.abort();
    let Some(nats) = Nats::start("").await else { return };
    let watcher =
        Watcher::start(&format!("nats: [{{url: 'tls://{}', interval: 1s}}]", nats.address));
    watcher.until_page(&["can&#39;t connect with TLS"]).await;
    tokio::time::timeout(Duration::from_secs(5), watcher.stop()).await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_redeliveries_and_a_pause_are_told_from_progress() {
    let Some(nats) = Nats::start(USERS).await else { return };
    let client = nats.client("all").await;
    let jobs = stream(&client, "JOBS", "jobs").await;
    let worker = consumer(&jobs, "worker", "").await;
    let (of, watcher) = (Of("worker", "JOBS"), watcher(&nats, "watch"));
    let deliveries = |s: &Scrape| of.get(s, "concurrency_nats_deliveries_total");
    let consumed = |s: &Scrape| of.get(s, "concurrency_messages_consumed_total");
    publish(&client, "jobs").await;
    // A message that each worker throws back.
    let mut again = worker.messages().await.expect("messages");
    for _ in 0..20 {
        let message = again.next().await.expect("one").expect("a message");
        message.ack_with(AckKind::Nak(None)).await.expect("thrown back");
    }
    let message = again.next().await.expect("one").expect("a message");
    let storm = watcher.until("a storm", |s| deliveries(s) == Some(21.0)).await;
    assert_eq!((consumed(&storm), of.lag(&storm)), (Some(0.0), Some(1.0)));
    assert_eq!(of.get(&storm, "concurrency_nats_redelivered"), Some(1.0));
    message.double_ack().await.expect("acknowledged");
    let calm = watcher.until("no message left", |s| of.has(s, 0.0)).await;
    assert_eq!(
        (deliveries(&calm), of.get(&calm, "concurrency_nats_paused")),
        (Some(21.0), Some(0.0))
    );
    // It is paused for an hour: what comes now waits, although somebody asks for it.
    let until = OffsetDateTime::from_unix_timestamp(now_s() as i64 + 3_600).expect("a time");
    let until = json!({ "pause_until": until.format(&Rfc3339).expect("a time") });
    let pause = "CONSUMER.PAUSE.JOBS.worker";
    let _: serde_json::Value = client.request(pause, &until).await.expect("paused");
    publish(&client, "jobs").await;
    let paused = |s: &Scrape| of.get(s, "concurrency_nats_paused") == Some(1.0);
    let held = watcher.until("a stall", |s| paused(s) && of.is(s, "stalled")).await;
    assert_eq!((of.lag(&held), deliveries(&held)), (Some(1.0), Some(21.0)));
    watcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_a_leader_is_named_and_the_others_are_seen() {
    let Some(mut servers) = Nats::cluster(3, USERS).await else { return };
    let client = servers[0].client("all").await;
    for (name, tag) in [("KEPT", "n1"), ("LOST", "n3")] {
        let placement = stream::Placement { tags: vec![tag.into()], ..Default::default() };
        let subjects = vec![name.to_lowercase()];
        let config = || stream::Config {
            name: name.into(),
            subjects: subjects.clone(),
            placement: Some(placement.clone()),
            ..Default::default()
        };
        // The cluster has a leader of its own to elect first.
        let made = wait::until("a stream", PATIENCE, || async {
            client.create_stream(config()).await.ok()
        });
        consumer(&made.await, "worker", "").await;
        publish(&client, &name.to_lowercase()).await;
    }
    // The servers wait 4 s for one that is gone.
    let watcher = Watcher::start(&format!(
        "nats: [{{url: 'nats://watch@{}', password: secret, label: nats, interval: 5s}}]",
        servers[0].address
    ));
    let (kept, lost) = (Of("worker", "KEPT"), Of("worker", "LOST"));
    watcher.until("both", |s| kept.lag(s) == Some(1.0) && lost.lag(s) == Some(1.0)).await;
    servers[2].kill();
    watcher.until_page(&["streams are missing, as LOST"]).await;
    let seen = watcher.until("the other", |s| kept.has(s, 1.0)).await;
    assert_eq!((lost.lag(&seen), lost.seconds(&seen)), (None, None), "what isn't known is absent");
    assert!(kept.seconds(&seen) > Some(0.0));
    servers[2].restart(None).await;
    watcher.until("both again", |s| lost.lag(s) == Some(1.0)).await;
    watcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_that_is_stuck_is_no_stall_while_those_behind_it_are_done() {
    let Some(nats) = Nats::start(USERS).await else { return };
    let client = nats.client("all").await;
    let jobs = stream(&client, "JOBS", "jobs").await;
    let worker = consumer(&jobs, "worker", "").await;
    let (of, watcher) = (Of("worker", "JOBS"), watcher(&nats, "watch"));
    for _ in 0..12 {
        publish(&client, "jobs").await;
    }
    let mut messages = worker.fetch().max_messages(1).messages().await.expect("messages");
    let stuck = messages.next().await.expect("one").expect("a message");
    let begin_s = now_s();
    // Each round has one more, for longer than it takes to be stalled or stopped.
    for done in 1..=10 {
        acknowledge(&worker, 1).await;
        let left = 12.0 - f64::from(done);
        let seen = watcher.until("one message less", |s| of.lag(s) == Some(left)).await;
        assert!(of.is(&seen, "ok"), "{done} are done");
        watcher.next_round("nats").await;
    }
    assert!(now_s() - begin_s > 3.0, "its floor has stood for longer than that");
    watcher.until("nobody who goes on", |s| of.is(s, "stopped")).await;
    stuck.double_ack().await.expect("acknowledged");
    acknowledge(&worker, 1).await;
    watcher.until("no message left", |s| of.lag(s) == Some(0.0) && of.is(s, "ok")).await;
    watcher.stop().await;
}
