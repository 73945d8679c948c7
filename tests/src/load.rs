//! A load whose truth is known: what its counters said last.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::JoinHandle;

/// Requests that happen between two ticks, and how many of them fail.
const REQUESTS: u64 = 100;
const FAILURES: u64 = 3;

const TICK: Duration = Duration::from_millis(100);

/// A service that exposes `requests_total` and `failures_total`.
pub struct Load {
    /// Its host and port.
    pub address: String,
    counters: Arc<Counters>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Counters {
    requests: AtomicU64,
    failures: AtomicU64,
    started_s: f64,
}

impl Load {
    /// Starts one whose process begins now.
    pub async fn start() -> Self {
        #[allow(clippy::disallowed_methods, reason = "a process says when it began")]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let counters = Arc::new(Counters {
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            started_s: now.as_secs_f64(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let router = Router::new().route("/metrics", get(expose)).with_state(counters.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the load serves");
        });
        Self { address, counters, server }
    }

    /// Lets requests happen for so long, `bad` of a hundred more failing than usual.
    pub async fn run(&self, length: Duration, bad: u64) {
        let mut tick = tokio::time::interval(TICK);
        for _ in 0..length.as_millis() / TICK.as_millis() {
            tick.tick().await;
            self.counters.failures.fetch_add(FAILURES + bad, Ordering::SeqCst);
            self.counters.requests.fetch_add(REQUESTS, Ordering::SeqCst);
        }
    }

    /// Returns the good and the bad requests so far.
    pub fn truth(&self) -> (u64, u64) {
        let failures = self.counters.failures.load(Ordering::SeqCst);
        (self.counters.requests.load(Ordering::SeqCst) - failures, failures)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn expose(State(counters): State<Arc<Counters>>) -> String {
    format!(
        "# TYPE requests_total counter\nrequests_total {}\n# TYPE failures_total counter\n\
         failures_total {}\n# TYPE process_start_time_seconds gauge\n\
         process_start_time_seconds {}\n",
        counters.requests.load(Ordering::SeqCst),
        counters.failures.load(Ordering::SeqCst),
        counters.started_s
    )
}
