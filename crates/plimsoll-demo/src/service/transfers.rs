//! Transfers between two accounts, each behind a lock of its own, one task for each direction.

use crate::fault::{Fault, Switches};
use plimsoll::sync::tokio::Mutex;
use plimsoll_runtime::shutdown::Stop;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Between one lock and the other: long enough that both tasks have their first one.
const LOOKED_UP_IN: Duration = Duration::from_millis(50);

/// Cents on an account.
type Account = Arc<Mutex<u64>>;

/// Starts the two tasks. While their fault is on, each locks the account that it takes from first: they
/// wait for each other until the fault is over, then both give up, so that the demo goes on.
pub(super) fn start(tasks: &mut JoinSet<()>, switches: &Switches, stop: &Stop) {
    let [current, savings]: [Account; 2] =
        ["current", "savings"].map(|name| Arc::new(Mutex::named(name, 1_000_000)));
    for [from, to] in [[current.clone(), savings.clone()], [savings, current]] {
        let (switches, stop) = (switches.clone(), stop.clone());
        tasks.spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_millis(200));
            while stop.run_until_stopped(tick.tick()).await.is_some() {
                if switches.is_on(Fault::Deadlock) {
                    tokio::select! {
                        () = transfer(&from, &to) => {}
                        () = over(&switches, &stop) => {}
                    }
                }
            }
        });
    }
}

/// Moves a cent, with the locks in the order of the transfer and not in one order for all.
async fn transfer(from: &Account, to: &Account) {
    let mut from = from.lock().await;
    tokio::time::sleep(LOOKED_UP_IN).await;
    let mut to = to.lock().await;
    if let Some(left) = from.checked_sub(1) {
        *from = left;
        *to += 1;
    }
}

/// Waits until the fault is over, or the service ends.
async fn over(switches: &Switches, stop: &Stop) {
    let mut tick = tokio::time::interval(LOOKED_UP_IN);
    while switches.is_on(Fault::Deadlock) && stop.run_until_stopped(tick.tick()).await.is_some() {}
}
