//! Authorising a card: asks the card network, books on the ledger.

use crate::checkout::{CardNumber, Shop};
use crate::faults::SLOW_DEPENDENCY;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use rand::Rng;
use std::sync::Arc;
use std::time::Duration;

/// One authorisation in a thousand fails because the card network refuses to answer.
const REFUSED_ONE_IN: u32 = 1_000;

/// Authorises a card.
pub(crate) async fn handle(
    State(shop): State<Arc<Shop>>,
    Query(query): Query<CardNumber>,
) -> StatusCode {
    if !is_answered_by_network(&shop).await {
        return StatusCode::BAD_GATEWAY;
    }
    shop.ledger.book(query.card, 1_000).await;
    StatusCode::OK
}

/// Stands for a call to the card network.
async fn is_answered_by_network(shop: &Shop) -> bool {
    let (is_refused, usual_ms) = {
        let mut random = rand::rng();
        (random.random_ratio(1, REFUSED_ONE_IN), random.random_range(10..30))
    };
    let takes_ms = if shop.faults.is_on(SLOW_DEPENDENCY) { 400 } else { usual_ms };
    tokio::time::sleep(Duration::from_millis(takes_ms)).await;
    !is_refused
}
