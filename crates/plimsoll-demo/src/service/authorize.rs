//! Authorising a card: reads the exposure snapshot, asks the card network, books on the ledger.

use super::Shop;
use super::orders::CardNumber;
use crate::fault::Fault;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use rand::Rng;
use std::sync::Arc;
use std::time::Duration;

/// One authorisation in a thousand fails because the card network refuses to answer.
const REFUSED_ONE_IN: u32 = 1_000;

/// Authorises a card.
pub(super) async fn handle(
    State(shop): State<Arc<Shop>>,
    Query(query): Query<CardNumber>,
) -> StatusCode {
    match authorize(&shop, query.card).await {
        Ok(()) => StatusCode::OK,
        Err(Refused) => StatusCode::BAD_GATEWAY,
    }
}

/// The card network refused to answer.
struct Refused;

async fn authorize(shop: &Shop, card: u32) -> Result<(), Refused> {
    let _held = shop.exposure.read(card);
    ask_network(shop).await?;
    shop.ledger.book(card, 1_000).await;
    Ok(())
}

/// Stands for a call to the card network.
async fn ask_network(shop: &Shop) -> Result<(), Refused> {
    let (is_refused, usual_ms) = {
        let mut random = rand::rng();
        (random.random_ratio(1, REFUSED_ONE_IN), random.random_range(10..30))
    };
    let takes_ms = if shop.switches.is_on(Fault::SlowDependency) { 400 } else { usual_ms };
    tokio::time::sleep(Duration::from_millis(takes_ms)).await;
    if is_refused { Err(Refused) } else { Ok(()) }
}
