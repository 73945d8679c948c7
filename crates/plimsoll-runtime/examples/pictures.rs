//! Makes a convoy, a deadlock or a flooded queue, and serves its timeline until it is stopped.
//!
//! ```text
//! cargo run -p plimsoll-runtime --example pictures -- convoy 127.0.0.1:9404
//! chromium --headless --window-size=1400,900 --virtual-time-budget=3000 \
//!     --screenshot=convoy.png http://127.0.0.1:9404/debug/timeline/view
//! ```

use plimsoll::Registry;
use plimsoll::sync::tokio::{Mutex, RwLock, mpsc};
use plimsoll_runtime::admin;
use plimsoll_runtime::ready::Readiness;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let scene = arguments.next().unwrap_or_default();
    let address = arguments.next().as_deref().unwrap_or("127.0.0.1:9404").parse()?;
    let _admin = admin::spawn(address, Registry::global().clone(), Readiness::new())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match scene.as_str() {
            "convoy" => convoy().await,
            "deadlock" => deadlock().await,
            "flooded-queue" => flooded_queue().await,
            _ => return Err("choose convoy, deadlock or flooded-queue".into()),
        }
        std::future::pending().await
    })
}

/// Eight workers take a lock for a moment each; now and then one keeps it for long, and all queue up.
async fn convoy() {
    let ledger = Arc::new(Mutex::named("ledger", 0_u64));
    for worker in 0..8_u64 {
        let ledger = Arc::clone(&ledger);
        tokio::spawn(async move {
            for turn in 0..10_u64 {
                sleep(Duration::from_millis(5 + (worker * 7 + turn * 3) % 11)).await;
                if worker == 3 && turn % 4 == 2 {
                    rewrite(&ledger).await;
                } else {
                    book(&ledger).await;
                }
            }
        });
    }
    sleep(Duration::from_millis(600)).await;
}

async fn book(ledger: &Mutex<u64>) {
    let mut ledger = ledger.lock().await;
    sleep(Duration::from_millis(1)).await;
    *ledger += 1;
}

/// The call site that is to blame.
async fn rewrite(ledger: &Mutex<u64>) {
    let mut ledger = ledger.lock().await;
    sleep(Duration::from_millis(60)).await;
    *ledger = 0;
}

/// Three tasks lock in a ring, and two more come to wait for what they hold.
async fn deadlock() {
    let orders = Arc::new(Mutex::named("orders", ()));
    let stock = Arc::new(RwLock::named("stock", ()));
    let ledger = Arc::new(Mutex::named("ledger", ()));
    let pause = || sleep(Duration::from_millis(400));
    let (o, s, l) = (Arc::clone(&orders), Arc::clone(&stock), Arc::clone(&ledger));
    tokio::spawn(async move {
        let _orders = o.lock().await;
        pause().await;
        let _stock = s.write().await;
        drop(l);
    });
    let (s, l) = (Arc::clone(&stock), Arc::clone(&ledger));
    tokio::spawn(async move {
        let _stock = s.write().await;
        pause().await;
        let _ledger = l.lock().await;
    });
    let (o, l) = (Arc::clone(&orders), Arc::clone(&ledger));
    tokio::spawn(async move {
        let _ledger = l.lock().await;
        sleep(Duration::from_millis(700)).await;
        let _orders = o.lock().await;
    });
    for (late, lock) in [(1_000, orders), (1_300, ledger)] {
        tokio::spawn(async move {
            sleep(Duration::from_millis(late)).await;
            let _late = lock.lock().await;
        });
    }
    sleep(Duration::from_millis(2_500)).await;
}

/// Four producers send faster than one consumer takes, until the queue is full and they wait.
async fn flooded_queue() {
    let (orders, mut queue) = mpsc::channel_named("orders", 32);
    let prices = Arc::new(Mutex::named("prices", ()));
    for producer in 0..4_u64 {
        let orders = orders.clone();
        tokio::spawn(async move {
            for order in 0..40_u64 {
                sleep(Duration::from_millis(2 + (producer + order) % 3)).await;
                if orders.send(order).await.is_err() {
                    return;
                }
            }
        });
    }
    drop(orders);
    let consumer = Arc::clone(&prices);
    tokio::spawn(async move {
        while queue.recv().await.is_some() {
            let _prices = consumer.lock().await;
            sleep(Duration::from_millis(1)).await;
        }
    });
    // What slows the consumer down: someone else keeps the lock that it needs.
    tokio::spawn(async move {
        for _ in 0..3 {
            sleep(Duration::from_millis(40)).await;
            let _prices = prices.lock().await;
            sleep(Duration::from_millis(70)).await;
        }
    });
    sleep(Duration::from_millis(700)).await;
}
