//! Receivers that hang, dawdle, refuse or lead elsewhere: each is given up in time, tried again, and
//! told of; nobody else waits for it, and nothing is lost.

use crate::sink::Sink;
use crate::target::{Manner, Target};
use crate::world::{Folder, Running, config, slos};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// How a receiver answers.
#[derive(Clone, Copy)]
enum Answer {
    /// Never, once it has accepted.
    Never,
    /// One byte each time that its peer might give up waiting for the next.
    Slowly,
    /// With this status and these headers.
    Status(&'static str),
}

const HEALTHY: u8 = 1;

/// A receiver that answers so, until it is healed.
struct BadSink {
    address: SocketAddr,
    health: Arc<AtomicU8>,
    /// Told of each body that it took once it was healthy.
    taken: Arc<Notify>,
}

impl BadSink {
    async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (health, taken) = (Arc::new(AtomicU8::new(0)), Arc::new(Notify::new()));
        let (shared, told) = (health.clone(), taken.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer, shared.clone(), told.clone()));
            }
        });
        Self { address, health, taken }
    }

    fn heal(&self) {
        self.health.store(HEALTHY, Ordering::SeqCst);
    }
}

async fn serve(mut stream: TcpStream, answer: Answer, health: Arc<AtomicU8>, taken: Arc<Notify>) {
    let mut body = Vec::new();
    let mut chunk = [0; 4_096];
    loop {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(read) => body.extend_from_slice(&chunk[..read]),
        }
        if body.ends_with(b"]") || body.ends_with(b"}") {
            let is_page = String::from_utf8_lossy(&body).contains("SloPage");
            body.clear();
            if health.load(Ordering::SeqCst) == HEALTHY {
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await);
                if is_page {
                    taken.notify_one();
                }
                continue;
            }
            match answer {
                Answer::Never => std::future::pending().await,
                Answer::Slowly => dawdle(&mut stream).await,
                Answer::Status(head) => {
                    let head = format!("HTTP/1.1 {head}\r\nContent-Length: 4\r\n\r\nnope");
                    drop(stream.write_all(head.as_bytes()).await);
                }
            }
        }
    }
}

async fn dawdle(stream: &mut TcpStream) {
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    for byte in b"HTTP/1.1 200 OK\r\nX-Filler: and so on for much longer than anybody waits\r\n" {
        ticks.tick().await;
        if stream.write_all(&[*byte]).await.is_err() {
            return;
        }
    }
}

fn alertmanager(scheme: &str, address: SocketAddr) -> String {
    let tls = if scheme == "https" { "tls_config: {insecure_skip_verify: true}, " } else { "" };
    format!(
        "{{scheme: {scheme}, timeout: 300ms, {tls}static_configs: [{{targets: ['{address}']}}]}}"
    )
}

fn sink_at(status: &Value, address: SocketAddr) -> &Value {
    let sinks = status["sinks"].as_array().expect("sinks");
    let is_it =
        |sink: &&Value| sink["to"].as_str().is_some_and(|to| to.ends_with(&address.to_string()));
    sinks.iter().find(is_it).expect("the sink")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_sink_is_told_of_and_holds_up_nobody() {
    let (folder, target) = (Folder::new(), Target::start(Manner::Good).await);
    let redirect = "307 Temporary Redirect\r\nLocation: http://elsewhere.test/api";
    let bad = [
        ("http", Answer::Never, "no complete answer within 300 ms"),
        ("http", Answer::Slowly, "no complete answer within 300 ms"),
        ("https", Answer::Never, "no complete answer within 300 ms"),
        ("http", Answer::Status("400 Bad Request"), "answered 400 Bad Request: nope"),
        ("http", Answer::Status("500 Internal Server Error"), "answered 500 Internal Server Error"),
        ("http", Answer::Status(redirect), "the address it leads to, http://elsewhere.test/api"),
    ];
    let mut sinks = Vec::new();
    for (scheme, answer, words) in bad {
        sinks.push((scheme, BadSink::start(answer).await, words));
    }
    let good = Sink::start("/api/v2/alerts").await;
    let each = sinks.iter().map(|(scheme, sink, _)| alertmanager(scheme, sink.address));
    let all: Vec<String> = each.chain([alertmanager("http", good.address)]).collect();
    folder.write("slo.yml", &slos(&["checkout"]));
    let more = format!("alerting: {{alertmanagers: [{}]}}\n", all.join(", "));
    folder.write("plimsoll.yml", &config(&[("checkout", target.address)], &more));
    let daemon = Running::start(folder.config());
    let path = "/api/v1/slos/shop%2Fcheckout";
    daemon.until(path, |slo| slo["counts"]["good"].as_u64() > Some(100)).await;
    target.failing.store(true, Ordering::SeqCst);
    good.alert(|alert| alert["labels"]["alertname"] == "SloPage").await;

    for (_, sink, words) in &sinks {
        let is_told = |status: &Value| {
            let sink = sink_at(status, sink.address);
            // The watchdog and the page, and what fires the later the longer this takes.
            sink["waiting"].as_u64() >= Some(2)
                && sink["error"].as_str().is_some_and(|said| said.contains(words))
        };
        daemon.until("/api/v1/status", is_told).await;
    }
    let status = daemon.json("/api/v1/status").await;
    let well = sink_at(&status, good.address);
    assert_eq!((&well["error"], &well["waiting"]), (&Value::Null, &0.into()), "{well:#}");
    assert!(well["delivered_at"].is_string(), "{well:#}");
    let metrics = daemon.get("/metrics").await.text().await.expect("text");
    let failed = r#"plimsoll_notifications_total{result="failed",sink="alertmanager"}"#;
    assert!(metrics.contains(failed), "{metrics}");

    for (_, sink, _) in sinks.iter().filter(|(scheme, ..)| *scheme == "http") {
        sink.heal();
    }
    for (_, sink, _) in sinks.iter().filter(|(scheme, ..)| *scheme == "http") {
        let taken = tokio::time::timeout(Duration::from_secs(60), sink.taken.notified());
        taken.await.expect("it is told what it missed");
        let is_well = |status: &Value| sink_at(status, sink.address)["failing_since"].is_null();
        daemon.until("/api/v1/status", is_well).await;
    }
    daemon.stop().await;
}
