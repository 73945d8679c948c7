//! An axum service that is instrumented in five lines, marked `(1)` to `(5)`.

use axum::extract::{MatchedPath, Path, State};
use axum::http::StatusCode;
use axum::{Router, routing::post};
use plimsoll::sync::tokio::Mutex;
use plimsoll::{Registry, in_flight};
use plimsoll_runtime::{admin, ready::Readiness, shutdown};
use plimsoll_tower::ConcurrencyLayer;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

struct Till {
    ledger: Mutex<u64>,
}

/// Takes an amount; 0 is refused.
#[in_flight(name = "pay", limit = 8)] // (1) how many, how they end, how long they take
async fn pay(till: &Till, amount: u64) -> Result<u64, &'static str> {
    let mut ledger = till.ledger.lock().await;
    if amount == 0 {
        return Err("nothing to pay");
    }
    // Stands for what is written to a database while the ledger is locked.
    tokio::time::sleep(Duration::from_millis(amount)).await;
    *ledger += amount;
    Ok(*ledger)
}

async fn handle(State(till): State<Arc<Till>>, Path(amount): Path<u64>) -> (StatusCode, String) {
    match pay(&till, amount).await {
        Ok(sum) => (StatusCode::OK, sum.to_string()),
        Err(reason) => (StatusCode::UNPROCESSABLE_ENTITY, reason.to_owned()),
    }
}

fn router() -> Router {
    let till = Till { ledger: Mutex::named("ledger", 0) }; // (2) waits, waiters, holds, by whom
    let layer = ConcurrencyLayer::named("http") // (3) each request until its last byte
        .route(|request| request.extensions.get::<MatchedPath>().map(MatchedPath::as_str)); // (4)
    Router::new().route("/pay/{amount}", post(handle)).layer(layer).with_state(Arc::new(till))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".into());
    let metrics = arguments.next().unwrap_or_else(|| "127.0.0.1:9095".into()).parse()?;

    let listener = TcpListener::bind(&listen).await?;
    let admin = admin::spawn(metrics, Registry::global().clone(), Readiness::new())?; // (5)
    print_addresses(listener.local_addr()?, admin.address());

    let (stopper, stop) = shutdown::channel();
    tokio::spawn(shutdown::on_signals(stopper)?);
    let stopped = async move { stop.stopped().await };
    axum::serve(listener, router()).with_graceful_shutdown(stopped).await?;
    Ok(())
}

#[allow(clippy::print_stdout, reason = "whoever starts it needs the ports that it got")]
fn print_addresses(service: std::net::SocketAddr, metrics: std::net::SocketAddr) {
    println!("serving {service}\nmetrics {metrics}");
}
