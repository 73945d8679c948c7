//! Exchange rates, kept for half a second and rebuilt under guard: half of all cards share one of them.

mod leases;

use leases::LocalLeases;
use plimsoll_cache::{Cache, CacheConfig, ConfigError, LocalStore, Lock, LockConfig};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

const FRESH_FOR: Duration = Duration::from_millis(500);

/// How long after that a rate is served while it is asked for anew.
const STALE_FOR: Duration = Duration::from_millis(250);

/// How long a lease lasts: many times what a rebuild takes.
const LEASED_FOR: Duration = Duration::from_secs(1);

/// How long asking for a rate takes.
const ASKED_IN: Duration = Duration::from_millis(20);

/// The currencies; a card has the one at its number modulo their number.
const CURRENCIES: [&str; 8] = ["EUR", "EUR", "EUR", "EUR", "USD", "USD", "GBP", "CHF"];

/// Cents of a euro by currency.
pub(super) type Rates = Cache<LocalStore<u64>>;

/// Makes the rates. One process needs no lease; the demo has one as a fleet would.
///
/// # Errors
/// Never, as it is configured here.
pub(super) fn open() -> Result<Rates, ConfigError> {
    let config = LockConfig { ttl: LEASED_FOR, ..LockConfig::default() };
    let config = CacheConfig {
        fresh_for: FRESH_FOR,
        stale_for: STALE_FOR,
        lock: Some(Lock::named("rates", LocalLeases::default(), config)?),
        ..CacheConfig::default()
    };
    Cache::named("rates", config, LocalStore::new(CURRENCIES.len() as u64), quote)
}

/// Returns the currency of a card.
pub(super) fn currency(card: u32) -> &'static str {
    let place = card as usize % CURRENCIES.len();
    CURRENCIES.get(place).copied().unwrap_or("EUR")
}

/// Stands for a call to who quotes rates.
async fn quote(currency: Arc<str>) -> Result<u64, Infallible> {
    tokio::time::sleep(ASKED_IN).await;
    Ok(match &*currency {
        "USD" => 93,
        "GBP" => 117,
        "CHF" => 106,
        _ => 100,
    })
}
