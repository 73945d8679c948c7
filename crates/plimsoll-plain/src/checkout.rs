//! The checkout service's HTTP interface and what its handlers share.

use crate::faults::Faults;
use crate::ledger::Ledger;
use crate::orders::Order;
use crate::topic::{Publisher, Topic};
use crate::{authorize, orders, owner};
use axum::Router;
use axum::routing::post;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Threads that book on the ledger.
const BOOKING_THREADS: usize = 16;

/// How long such a thread stays without work: as long as a demo, so that their number is known.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);

/// What the handlers share.
pub(crate) struct Shop {
    pub(crate) faults: Faults,
    pub(crate) ledger: Ledger,
    pub(crate) orders: mpsc::Sender<Order>,
}

#[derive(serde::Deserialize)]
pub(crate) struct CardNumber {
    pub(crate) card: u32,
}

/// Serves on a free loopback port until the owner is gone. The first line on standard output is the
/// address; each `tell` on standard input is answered with a line of [`Waited`](crate::Waited) as JSON.
///
/// # Errors
/// There is no port or no thread to be had, or the listener fails.
pub fn checkout(topic: Option<Topic>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(BOOKING_THREADS)
        .thread_keep_alive(KEPT_FOR)
        .thread_name("checkout")
        .enable_all()
        .build()?;
    runtime.block_on(serve(topic))?;
    runtime.shutdown_background();
    Ok(())
}

async fn serve(topic: Option<Topic>) -> anyhow::Result<()> {
    let (faults, ledger) = (Faults::default(), Ledger::default());
    let knows = ledger.clone();
    let gone = owner::obey(faults.clone(), move || knows.waited())?;
    ledger.start_batch(faults.clone())?;
    let mut workers = JoinSet::new();
    let publisher = topic.map(Publisher::new);
    let orders = orders::start(&mut workers, &ledger, publisher.as_ref());
    let shop = Arc::new(Shop { faults, ledger, orders });
    let router = Router::new()
        .route("/authorize", post(authorize::handle))
        .route("/orders", post(orders::handle))
        .with_state(shop);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    owner::greet(&listener.local_addr()?.to_string())?;
    tokio::select! {
        served = axum::serve(listener, router) => Ok(served?),
        // Whoever waited for an answer is gone too.
        _ = gone => Ok(()),
    }
}
