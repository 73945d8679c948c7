//! The order queue and its workers.

use super::billing::Topic;
use super::ledger::Ledger;
use super::{ORDERS_MAX, Shop};
use crate::fault::{Fault, Switches};
use crate::truth::Witness;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use plimsoll::in_flight;
use plimsoll::sync::tokio::{Semaphore, mpsc};
use plimsoll_runtime::shutdown::Stop;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

const WORKERS: usize = 4;

/// Connections of the database pool: one fewer than there are workers, so that they meet there.
const CONNECTIONS: usize = 3;

/// An order for a card.
pub(super) struct Order {
    card: u32,
}

/// Where orders are handed in; clones share the queue.
#[derive(Clone)]
pub(super) struct Counter {
    queue: mpsc::Sender<Order>,
    witness: Witness,
}

/// Where workers take them from.
pub(super) struct Belt {
    queue: Arc<Mutex<mpsc::Receiver<Order>>>,
    witness: Witness,
}

/// Makes the bounded queue.
pub(super) fn queue(witness: Witness) -> (Counter, Belt) {
    let (sender, receiver) = mpsc::channel_named("orders", ORDERS_MAX);
    let belt = Belt { queue: Arc::new(Mutex::new(receiver)), witness: witness.clone() };
    (Counter { queue: sender, witness }, belt)
}

#[derive(serde::Deserialize)]
pub(super) struct CardNumber {
    pub(super) card: u32,
}

/// Takes an order, or says that there are too many.
pub(super) async fn handle(
    State(shop): State<Arc<Shop>>,
    Query(query): Query<CardNumber>,
) -> StatusCode {
    match shop.orders.queue.try_send(Order { card: query.card }) {
        Ok(()) => {
            shop.orders.witness.pushed();
            StatusCode::ACCEPTED
        }
        Err(_) => StatusCode::TOO_MANY_REQUESTS,
    }
}

/// Starts the workers.
pub(super) fn start(
    tasks: &mut JoinSet<()>,
    belt: Belt,
    ledger: &Ledger,
    topic: Topic,
    stop: &Stop,
) {
    let connections = Arc::new(Semaphore::named("db", CONNECTIONS));
    let belt = Arc::new(belt);
    for _ in 0..WORKERS {
        let worker = Worker {
            belt: belt.clone(),
            ledger: ledger.clone(),
            topic: topic.clone(),
            connections: connections.clone(),
        };
        tasks.spawn(worker.run(stop.clone()));
    }
}

struct Worker {
    belt: Arc<Belt>,
    ledger: Ledger,
    topic: Topic,
    connections: Arc<Semaphore>,
}

impl Worker {
    async fn run(self, stop: Stop) {
        while let Some(Some(order)) = stop.run_until_stopped(self.next()).await {
            self.fulfil(order).await;
        }
    }

    async fn next(&self) -> Option<Order> {
        let order = self.belt.queue.lock().await.recv().await?;
        self.belt.witness.pulled();
        Some(order)
    }

    #[in_flight(name = "fulfil", limit = 4)]
    async fn fulfil(&self, order: Order) {
        self.transaction(&order).await;
        self.topic.publish(order.card);
    }

    /// Stands for a database transaction on one of the pool's connections.
    #[in_flight(name = "transaction")]
    async fn transaction(&self, order: &Order) {
        let _connection = self.connections.acquire().await;
        self.ledger.book(order.card, 100).await;
        tokio::time::sleep(Duration::from_millis(8)).await;
    }
}

/// Starts the partner's import, which, while its fault is on, hands in orders as fast as it can.
pub(super) fn flood(tasks: &mut JoinSet<()>, counter: Counter, switches: &Switches, stop: &Stop) {
    let (switches, stop) = (switches.clone(), stop.clone());
    tasks.spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(1));
        while stop.run_until_stopped(tick.tick()).await.is_some() {
            while switches.is_on(Fault::QueueFlood)
                && counter.queue.try_send(Order { card: 0 }).is_ok()
            {
                counter.witness.pushed();
            }
        }
    });
}
