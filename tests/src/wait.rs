//! Waiting for something to become true, with a limit past which the test has failed.

use std::future::Future;
use std::time::Duration;
use tokio::time::Instant;

/// Asks `look` until it answers.
///
/// # Panics
/// It gives no answer within `limit`; `what` says what was waited for.
pub async fn until<T, F>(what: &str, limit: Duration, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let end = Instant::now() + limit;
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    loop {
        tick.tick().await;
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "waited {limit:?} in vain for {what}");
    }
}
