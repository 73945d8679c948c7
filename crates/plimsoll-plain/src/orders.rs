//! The order queue and its workers. A client is answered when its order is fulfilled, so that what waits
//! in the queue is in flight for whoever stands in front.

use crate::checkout::{CardNumber, Shop};
use crate::ledger::Ledger;
use crate::topic::Publisher;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;

/// Orders that the queue holds.
const ORDERS_MAX: usize = 64;

const WORKERS: usize = 4;

/// How long a worker takes for an order, beside the ledger.
const FULFILLED_IN: Duration = Duration::from_millis(20);

/// An order for a card, and who waits for it.
pub(crate) struct Order {
    card: u32,
    fulfilled: oneshot::Sender<()>,
}

/// Takes an order and answers when it is fulfilled, or says at once that there are too many.
pub(crate) async fn handle(
    State(shop): State<Arc<Shop>>,
    Query(query): Query<CardNumber>,
) -> StatusCode {
    let (fulfilled, is_fulfilled) = oneshot::channel();
    match shop.orders.try_send(Order { card: query.card, fulfilled }) {
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
        Ok(()) => match is_fulfilled.await {
            Ok(()) => StatusCode::OK,
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
        },
    }
}

/// Starts the workers and returns where orders are handed in. They end with it.
pub(crate) fn start(
    tasks: &mut JoinSet<()>,
    ledger: &Ledger,
    publisher: Option<&Publisher>,
) -> mpsc::Sender<Order> {
    let (orders, queue) = mpsc::channel(ORDERS_MAX);
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..WORKERS {
        let (queue, ledger, publisher) = (queue.clone(), ledger.clone(), publisher.cloned());
        tasks.spawn(async move {
            while let Some(Order { card, fulfilled }) = next(&queue).await {
                ledger.book(card, 100).await;
                tokio::time::sleep(FULFILLED_IN).await;
                if let Some(publisher) = &publisher {
                    publisher.publish(card).await;
                }
                // The client may have gone.
                let _ = fulfilled.send(());
            }
        });
    }
    orders
}

async fn next(queue: &Mutex<mpsc::Receiver<Order>>) -> Option<Order> {
    queue.lock().await.recv().await
}
