//! The checkout service: what a team would have written, instrumented through the public API alone.
//!
//! A card is authorised against an exposure snapshot and a ledger behind one lock; orders wait in a
//! bounded queue for four workers; what they fulfil is billed by a consumer of a log. Charges hold amounts
//! on cards, several at once on the same one, as far as the snapshot shows that there is room.

mod authorize;
mod billing;
mod cards;
mod charge;
mod exposure;
mod ledger;
mod orders;
mod rates;
mod transfers;

use crate::control::Control;
use crate::fault::Switches;
use crate::truth::Witness;
use axum::extract::{MatchedPath, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use plimsoll::RuntimeProbe;
use plimsoll_prober::Prober;
use plimsoll_runtime::clock::Clock;
use plimsoll_runtime::shutdown::Stop;
use plimsoll_tower::ConcurrencyLayer;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub(crate) use cards::CARDS;

/// Orders that the queue holds.
pub(crate) const ORDERS_MAX: usize = 64;

/// What the handlers share.
struct Shop {
    switches: Switches,
    desk: charge::Desk,
    exposure: exposure::Exposure,
    ledger: ledger::Ledger,
    orders: orders::Counter,
    witness: Witness,
}

/// The service before it serves: its port is bound and nothing runs yet.
pub(crate) struct Service {
    listener: TcpListener,
    switches: Switches,
    clock: Arc<dyn Clock>,
    witness: Witness,
}

impl Service {
    /// Binds a free loopback port.
    ///
    /// # Errors
    /// The operating system gives none.
    pub(crate) async fn bind(switches: Switches, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        Ok(Self { listener, switches, clock, witness: Witness::new(ORDERS_MAX) })
    }

    /// Returns the address of its HTTP interface.
    ///
    /// # Errors
    /// The operating system doesn't know it.
    pub(crate) fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Returns the witness of what really happens.
    pub(crate) fn witness(&self) -> Witness {
        self.witness.clone()
    }

    /// Serves until `stop`, then lets every task end.
    ///
    /// # Errors
    /// The listener fails, or an instrument can't be registered.
    pub(crate) async fn run(self, stop: Stop) -> anyhow::Result<()> {
        let _runtime = RuntimeProbe::named("checkout", &tokio::runtime::Handle::current());
        let mut tasks = JoinSet::new();
        let ledger = ledger::Ledger::new();
        let (counter, belt) = orders::queue(self.witness.clone());
        let billing = billing::start(&mut tasks, &self.switches, &stop);
        orders::start(&mut tasks, belt, &ledger, billing, &stop);
        orders::flood(&mut tasks, counter.clone(), &self.switches, &stop);
        ledger::hog(&mut tasks, ledger.clone(), &self.switches, &stop);
        transfers::start(&mut tasks, &self.switches, &stop);
        let cards = cards::Cards::new(self.witness.clone());
        let exposure =
            exposure::start(&mut tasks, cards.clone(), &self.switches, &self.clock, &stop);
        let desk = charge::Desk::open(cards, exposure.clone())?;
        probe(&mut tasks, desk.prober()?, &stop);
        let control = Control::new(self.switches.clone(), self.clock);
        let shop = Arc::new(Shop {
            switches: self.switches,
            desk,
            exposure,
            ledger,
            orders: counter,
            witness: self.witness,
        });
        let router = routes(shop).merge(control.routes());
        axum::serve(self.listener, router)
            .with_graceful_shutdown(async move { stop.stopped().await })
            .await?;
        while tasks.join_next().await.is_some() {}
        Ok(())
    }
}

fn routes(shop: Arc<Shop>) -> Router {
    Router::new()
        .route("/authorize", post(authorize::handle).layer(counted("authorize", 512)))
        .route("/charges", post(charge::handle).layer(counted("charge", 256)))
        .route("/orders", post(orders::handle).layer(counted("order", 64)))
        .route("/truth", get(truth))
        .with_state(shop)
}

/// Starts the prober of the exposure snapshot.
fn probe(tasks: &mut JoinSet<()>, prober: Prober, stop: &Stop) {
    let stop = stop.clone();
    tasks.spawn(prober.run(async move { stop.stopped().await }));
}

/// Counts the requests of one route, each until the last byte of its answer.
fn counted(operation: &'static str, limit: u64) -> ConcurrencyLayer {
    ConcurrencyLayer::named(operation)
        .limit(limit)
        .route(|request| request.extensions.get::<MatchedPath>().map(MatchedPath::as_str))
}

async fn truth(State(shop): State<Arc<Shop>>) -> Json<crate::truth::Truth> {
    Json(shop.witness.so_far())
}
