//! `POST /faults/lock-hog?for=20s`: turns a fault on for a while.

use crate::fault::{self, Fault, Switches, parse_time};
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::post;
use plimsoll_runtime::clock::Clock;
use std::sync::Arc;
use std::time::Duration;

/// The longest that a fault can be asked for at once.
const LENGTH_MAX: Duration = Duration::from_secs(3600);

/// The switches, in reach of whoever may ask.
#[derive(Clone)]
pub(crate) struct Control {
    switches: Switches,
    clock: Arc<dyn Clock>,
    refuse: Refuse,
}

/// Says why a fault can't be had.
type Refuse = Arc<dyn Fn(Fault) -> Option<String> + Send + Sync>;

#[derive(serde::Deserialize)]
struct For {
    r#for: Option<String>,
}

impl Control {
    /// Lets every fault be asked for.
    pub(crate) fn new(switches: Switches, clock: Arc<dyn Clock>) -> Self {
        Self { switches, clock, refuse: Arc::new(|_| None) }
    }

    /// Lets those not be asked for that there is a reason against.
    pub(crate) fn refusing(
        self,
        refuse: impl Fn(Fault) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self { refuse: Arc::new(refuse), ..self }
    }

    /// Returns the route.
    pub(crate) fn routes(self) -> Router {
        Router::new().route("/faults/{name}", post(turn_on)).with_state(self)
    }
}

async fn turn_on(
    State(control): State<Control>,
    Path(name): Path<String>,
    Query(query): Query<For>,
) -> Result<String, (StatusCode, String)> {
    let names = Fault::ALL.map(Fault::name).join(", ");
    let fault = Fault::named(&name)
        .ok_or_else(|| (StatusCode::NOT_FOUND, format!("there are {names}\n")))?;
    if let Some(reason) = (control.refuse)(fault) {
        return Err((StatusCode::CONFLICT, format!("{reason}\n")));
    }
    let length = parse_time(query.r#for.as_deref().unwrap_or("20s"))
        .map_err(|error| (StatusCode::BAD_REQUEST, format!("{error}\n")))?;
    let length = length.min(LENGTH_MAX);
    tokio::spawn(fault::hold(control.switches, fault, length, control.clock));
    let breaks = fault.breaks().unwrap_or("no SLO; /debug/cycles beside the metrics names it");
    Ok(format!("{name} for {length:?}; it breaks {breaks}\n"))
}
