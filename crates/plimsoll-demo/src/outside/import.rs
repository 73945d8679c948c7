//! The partner's import, which hands in orders as fast as it may while its fault is on: many clients, each
//! of which sends its next order when it has the answer to the last.

use crate::fault::{Fault, Switches};
use crate::load::Target;
use plimsoll_runtime::shutdown::Stop;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// More than the proxy lets be in flight.
const CLIENTS: usize = 80;

/// How long a client that was turned away waits.
const TURNED_AWAY_FOR: Duration = Duration::from_millis(100);

/// The card that the partner pays with.
const CARD: usize = 0;

/// The import's clients.
pub(super) struct Import(JoinSet<()>);

impl Import {
    /// Starts the clients; they wait for the fault.
    pub(super) fn start(on: &Handle, target: &Target, switches: &Switches, stop: &Stop) -> Self {
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let client = hand_in(target.clone(), switches.clone(), stop.clone());
            clients.spawn_on(client, on);
        }
        Self(clients)
    }

    /// Waits until every client has its last answer, which the stop brings.
    pub(super) async fn finish(mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

async fn hand_in(target: Target, switches: Switches, stop: Stop) {
    let mut changes = switches.changes();
    while !stop.is_stopped() {
        if !switches.is_on(Fault::QueueFlood) {
            let Some(Ok(())) = stop.run_until_stopped(changes.changed()).await else { return };
            continue;
        }
        if target.send(CARD).await != Some(200) {
            stop.run_until_stopped(tokio::time::sleep(TURNED_AWAY_FOR)).await;
        }
    }
}
