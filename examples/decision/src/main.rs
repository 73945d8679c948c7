//! Card authorisations that race, judged where they commit.
//!
//! Each card has room for one authorisation. Four decide on each card at once: each reads how often it was
//! charged, thinks for some milliseconds, and charges it. First as they please, then guarded.

use plimsoll_context::{
    Clock, ConflictKey, DecisionPoint, DecisionSpec, Guarded, Reading, Source, SystemClock,
};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// How often each card was charged: the system of record.
#[derive(Default)]
struct Ledger(Mutex<HashMap<u32, u32>>);

impl Ledger {
    fn charges(&self, card: u32) -> u32 {
        let charges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        charges.get(&card).copied().unwrap_or(0)
    }

    async fn charge(&self, card: u32) -> Result<(), Infallible> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(card).or_default() += 1;
        Ok(())
    }

    fn double_charges(&self) -> u32 {
        let charges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        charges.values().map(|times| times - 1).sum()
    }
}

/// Authorises a charge if the card has room. Returns whether it was overtaken, unless it was declined.
async fn authorise(
    (auth, exposure): (DecisionPoint, Source),
    ledger: Arc<Ledger>,
    card: u32,
    is_guarded: bool,
) -> Option<bool> {
    let mut decision = auth.begin([ConflictKey::of(card)]); // before anything is read
    decision.read(&exposure, Reading::as_of(SystemClock.wall()));
    if ledger.charges(card) > 0 {
        decision.abort();
        return None;
    }
    tokio::time::sleep(Duration::from_millis(2)).await; // it thinks
    if is_guarded {
        let store = async { ledger.charge(card).await.map(Some) };
        return match decision.commit_guarded(store).await {
            Ok(Guarded::Committed(of)) => Some(of.report.conflicts.stale_keys > 0),
            Ok(Guarded::Refused) => None, // it would decide anew
        };
    }
    match decision.commit(ledger.charge(card)).await {
        Ok(of) => Some(of.report.conflicts.stale_keys > 0),
    }
}

/// Lets four race for each of 50 cards; returns the double charges and how many were told.
async fn race(of: &(DecisionPoint, Source), is_guarded: bool) -> (u32, usize) {
    let ledger = Arc::<Ledger>::default();
    let mut deciding = JoinSet::new();
    for card in 0..50 {
        for _ in 0..4 {
            deciding.spawn(authorise(of.clone(), Arc::clone(&ledger), card, is_guarded));
        }
    }
    let told = deciding.join_all().await.into_iter().flatten().filter(|overtaken| *overtaken);
    let told = told.count();
    (ledger.double_charges(), told)
}

#[tokio::main]
#[allow(clippy::print_stdout, reason = "it shows what it has seen")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let auth = DecisionSpec::new("card_auth", Duration::from_millis(300)).register()?;
    let of = (auth.clone(), auth.source("ledger"));
    for (how, is_guarded) in [("as they please", false), ("guarded", true)] {
        let (double, told) = race(&of, is_guarded).await;
        println!("{how}: {double} double charges, {told} decisions told that they were overtaken");
    }
    let stale = |line: &&str| line.starts_with("concurrency_stale_commits");
    plimsoll::text().lines().filter(stale).for_each(|line| println!("{line}"));
    Ok(())
}
