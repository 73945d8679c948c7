//! The daemon's HTTP: what it knows as JSON, what it says about itself, and the page.

mod corrections;
mod events;
mod export;
mod guard;
mod history;
mod import;
mod manage;
mod metrics;
mod openapi;
mod page;
mod past;
mod problem;
mod push;
mod query;
mod read;
mod shape;
mod stream;

use crate::corrections::Corrections;
use crate::imports::Imports;
use crate::inbox::Inbox;
use crate::keeper::Keeper;
use crate::lens::Lens;
use crate::notify::Tally;
use crate::own_series::OwnSeries;
use crate::reload::ReloadAsk;
use crate::timeline::Timeline;
use crate::view::View;
use crate::web::{Front, Gate};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use plimsoll_model::TimeMs;
use plimsoll_runtime::clock::Clock;
use plimsoll_runtime::process::Probe;
use plimsoll_runtime::ready::Readiness;
use plimsoll_runtime::reload::ReloadState;
use plimsoll_runtime::shutdown::Stop;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::sync::{Semaphore, broadcast, mpsc};

pub(crate) use events::keep_marks;
pub(crate) use stream::{BATCHES, Batch, STREAMS_MAX, broadcast_changes};

/// What a request may be long: nobody posts more than a sentence.
const BODY_BYTES_MAX: usize = 64 << 10;

/// What every request may look at.
pub(crate) struct Shared {
    pub(crate) about: About,
    pub(crate) clock: Timeline,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) gate: Gate,
    pub(crate) lens: Lens,
    pub(crate) keeper: Keeper,
    pub(crate) tally: Arc<Tally>,
    pub(crate) corrections: Corrections,
    pub(crate) imports: Imports,
    pub(crate) own: OwnSeries,
    /// Held by the one import that is being taken in.
    pub(crate) import_turn: Arc<tokio::sync::Mutex<()>>,
    pub(crate) process: Mutex<Probe>,
    pub(crate) readiness: Readiness,
    pub(crate) reloads: mpsc::Sender<ReloadAsk>,
    pub(crate) reload: Mutex<ReloadState>,
    pub(crate) batches: broadcast::Sender<Batch>,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) stop: Stop,
}

/// What doesn't change while the daemon runs.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) version: &'static str,
    /// Another one for each start.
    pub(crate) instance: String,
    pub(crate) started: TimeMs,
    pub(crate) config_file: PathBuf,
    pub(crate) data_dir: PathBuf,
}

impl Shared {
    fn now(&self) -> TimeMs {
        self.clock.now()
    }

    async fn seen(&self) -> Arc<View> {
        self.lens.look().await
    }
}

/// Lays the routes.
fn router(shared: Arc<Shared>) -> Router {
    let changes = Router::new()
        .route("/api/v1/corrections", post(corrections::put))
        .route("/api/v1/events", post(events::put))
        .route("/api/v1/import", post(import::import))
        .route("/api/v1/write", post(push::remote_write))
        .route("/v1/metrics", post(push::otlp_metrics))
        .route("/-/reload", post(manage::reload))
        .route_layer(from_fn(guard::may_change));
    Router::new()
        .route("/", get(page::index))
        .route("/api/openapi.json", get(openapi::document))
        .route("/api/v1/slos", get(read::slos))
        .route("/api/v1/slos/{*id}", get(read::slo_or_history))
        .route("/api/v1/alerts", get(read::alerts))
        .route("/api/v1/signals", get(read::signals))
        .route("/api/v1/targets", get(read::targets))
        .route("/api/v1/status", get(read::status))
        .route("/api/v1/stream", get(stream::stream))
        .route("/api/v1/corrections", get(corrections::list))
        .route("/api/v1/events", get(events::list))
        .route("/api/v1/export", get(export::export))
        .route("/-/healthy", get(manage::healthy))
        .route("/-/ready", get(manage::ready))
        .route("/metrics", get(metrics::metrics))
        .merge(changes)
        .route("/{*name}", get(page::file))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(shared.clone(), guard::may_enter))
        .with_state(shared)
}

/// Answers requests until the daemon stops.
pub(crate) async fn serve(front: Front, shared: Arc<Shared>) {
    let stop = shared.stop.clone();
    let service = router(shared).into_make_service_with_connect_info::<SocketAddr>();
    // Tapped, because that is how a listener of one's own tells handlers its peers.
    let served = axum::serve(front.tap_io(|_| {}), service)
        .with_graceful_shutdown(async move { stop.stopped().await })
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the HTTP server ended");
    }
}
