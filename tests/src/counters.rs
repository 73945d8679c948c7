//! A service whose two counters the test moves.

use axum::{Router, extract::State, routing::get};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

/// The service's counters, exposed as `calls_total` with the codes 200 and 500.
#[derive(Debug, Default)]
pub struct Counters {
    /// Calls that went well.
    pub good: AtomicU64,
    /// Calls that failed.
    pub bad: AtomicU64,
}

impl Counters {
    /// Exposes fresh counters and returns their address; one process from first to last.
    pub async fn serve() -> (Arc<Self>, SocketAddr) {
        let counters = Arc::<Self>::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let router = Router::new().route("/metrics", get(expose)).with_state(counters.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        (counters, address)
    }

    /// Lets calls come, nearly all of which fail, until the task is aborted.
    pub fn fail(self: &Arc<Self>) -> JoinHandle<()> {
        let counters = self.clone();
        tokio::spawn(async move {
            loop {
                counters.good.fetch_add(3, Ordering::SeqCst);
                counters.bad.fetch_add(40, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
    }
}

async fn expose(State(counters): State<Arc<Counters>>) -> String {
    format!(
        "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1700000000\n\
         # TYPE calls_total counter\ncalls_total{{code=\"200\"}} {}\ncalls_total{{code=\"500\"}} {}\n",
        counters.good.load(Ordering::SeqCst),
        counters.bad.load(Ordering::SeqCst)
    )
}
