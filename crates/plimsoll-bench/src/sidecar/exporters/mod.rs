//! The sidecar beside the field's exporters, watching the same things: what each sees of the same fault,
//! and what it costs.
//!
//! What the peer says is read as whoever queries it would: the series that answers the question, or the
//! expression of several that comes nearest. Where nothing does there is no number.

mod bursts;
mod cost;
mod exporter;
mod pair;
mod postgres;
mod processes;
mod redis;

use crate::table::{Goal, Row, Table};
use pair::Pair;
use std::time::Duration;

/// How often everybody looks and is scraped, but for the bursts.
const INTERVAL: Duration = Duration::from_secs(1);

/// Rounds enough for a fault to show.
const SETTLE: Duration = Duration::from_secs(6);

/// Something that is true of a fault, and what each says of it.
struct Sight {
    what: &'static str,
    unit: &'static str,
    truth: f64,
    /// How far from the truth is near enough.
    within: f64,
    ours: Option<f64>,
    peer: Option<f64>,
}

impl Sight {
    fn row(self, peer_name: &'static str) -> Row {
        let rounds = vec![(self.ours.unwrap_or(f64::NAN), self.peer.unwrap_or(f64::NAN))];
        let goal = Goal::Is { truth: self.truth, within: self.within };
        Row { what: self.what.into(), unit: self.unit, peer_name, rounds, goal }
    }
}

pub(super) fn measure(table: &mut Table) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(all(table));
}

async fn all(table: &mut Table) {
    let processes = processes::Scene::start().await;
    let redis = redis::Scene::start().await;
    let postgres = postgres::Scene::start().await;
    tokio::time::sleep(SETTLE).await;
    processes.look(table).await;
    redis.look(table).await;
    postgres.look(table).await;
    let bursts = bursts::Scene::start().await;
    bursts.look(table).await;
    let pairs = [&processes.pair, &redis.pair, &postgres.pair, &bursts.pair];
    cost::measure(pairs, table).await;
}
