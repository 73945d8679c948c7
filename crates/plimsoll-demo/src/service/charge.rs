//! Charging a card: reads what is held on it from the exposure snapshot and its currency's rate from a
//! cache, thinks, and holds the amount if the card has room. Several at once decide on one card.

use super::cards::{Card, Cards};
use super::exposure::Exposure;
use super::orders::CardNumber;
use super::rates::{self, Rates};
use super::{Shop, exposure};
use crate::fault::{Fault, Switches};
use anyhow::Context;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use plimsoll_cache::Served;
use plimsoll_context::{
    Clock, ConflictKey, Decision, DecisionPoint, DecisionSpec, Guarded, Reading, Source, Stamp,
    SystemClock,
};
use plimsoll_prober::{Prober, ProberSpec};
use rand::Rng;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// How long what a charge reads stays good for it.
const VALIDITY: Duration = Duration::from_secs(1);

/// How much every charge is of, in its card's currency: two don't fit on a card.
const AMOUNT_CENTS: u64 = 6_000;

/// How long the system of record takes to commit.
const COMMITTED_IN: Duration = Duration::from_millis(1);

/// The mean time between two heartbeats.
const HEARTBEAT_EVERY: Duration = Duration::from_millis(200);

/// The lower edges of the in-flight bands: one card by itself, one group, several groups.
const BANDS: [u64; 3] = [1, 4, 16];

/// Where charges are decided.
pub(super) struct Desk {
    cards: Cards,
    exposure: Exposure,
    rates: Rates,
    point: DecisionPoint,
    from_exposure: Source,
    from_rates: Source,
}

/// What came of a charge.
enum Charged {
    Held,
    /// The card has no room for it.
    Declined,
    /// Another one of the same card came first.
    Overtaken,
}

/// Why nothing came of it.
enum NotCharged {
    NoSuchCard,
    NoRate,
}

/// Charges a card.
pub(super) async fn handle(
    State(shop): State<Arc<Shop>>,
    Query(query): Query<CardNumber>,
) -> StatusCode {
    match shop.desk.charge(query.card, &shop.switches).await {
        Ok(Charged::Held) => StatusCode::OK,
        Ok(Charged::Declined) => StatusCode::PAYMENT_REQUIRED,
        Ok(Charged::Overtaken) => StatusCode::CONFLICT,
        Err(NotCharged::NoSuchCard) => StatusCode::NOT_FOUND,
        Err(NotCharged::NoRate) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl Desk {
    /// Opens the desk.
    ///
    /// # Errors
    /// An instrument can't be registered.
    pub(super) fn open(cards: Cards, exposure: Exposure) -> anyhow::Result<Self> {
        let point = DecisionSpec::new("charge", VALIDITY).bands(&BANDS).register();
        let point = point.context("the charges' decisions")?;
        Ok(Self {
            from_exposure: point.source("snapshot:exposure"),
            from_rates: point.source("cache:rates"),
            rates: rates::open().context("the cache of rates")?,
            cards,
            exposure,
            point,
        })
    }

    /// Makes the prober of how long a hold takes until the snapshot shows it.
    ///
    /// # Errors
    /// An instrument can't be registered.
    pub(super) fn prober(&self) -> anyhow::Result<Prober> {
        let point = self.point.clone();
        let spec = ProberSpec::new("cards", self.cards.clone(), rand::rng().random())
            .store("exposure", self.exposure.clone())
            .interval(HEARTBEAT_EVERY)
            .edges(&[exposure::FRESH])
            .banded(&BANDS, move || Some(point.in_flight()));
        spec.build().context("the prober of the exposure snapshot")
    }

    async fn charge(&self, number: u32, switches: &Switches) -> Result<Charged, NotCharged> {
        let key = ConflictKey::of(number);
        let mut decision = self.point.begin([key]);
        let (card, reading) = self.exposure.card(number).ok_or(NotCharged::NoSuchCard)?;
        decision.read_version(key, card.version);
        decision.read(&self.from_exposure, reading);
        let rate = self.rates.get(rates::currency(number)).await;
        let rate = rate.map_err(|_| NotCharged::NoRate)?;
        decision.read(&self.from_rates, reading_of(&rate));
        let cents = AMOUNT_CENTS.saturating_mul(rate.value) / 100;
        if !card.has_room(cents) {
            decision.abort();
            return Ok(Charged::Declined);
        }
        think().await;
        let hold = Hold { cards: &self.cards, card, number, cents };
        let Ok(charged) = if switches.is_on(Fault::UnguardedCommits) {
            hold.commit(decision).await
        } else {
            hold.commit_guarded(decision).await
        };
        Ok(charged)
    }
}

/// An amount that is to be held on a card, as it was when it was read.
struct Hold<'a> {
    cards: &'a Cards,
    card: Card,
    number: u32,
    cents: u64,
}

impl Hold<'_> {
    /// Commits whatever others did since: the fault.
    async fn commit(self, decision: Decision) -> Result<Charged, Infallible> {
        let store = async {
            tokio::time::sleep(COMMITTED_IN).await;
            let version = self.cards.hold(self.number as usize, self.cents);
            Ok(((), version.unwrap_or_default()))
        };
        decision.commit_versioned(store).await.map(|_| Charged::Held)
    }

    /// Commits if nobody else did since: by the stripes of this process, and by the card's version, since
    /// what was read may be older than the decision.
    async fn commit_guarded(self, decision: Decision) -> Result<Charged, Infallible> {
        let store = async {
            tokio::time::sleep(COMMITTED_IN).await;
            let Self { cards, card, number, cents } = self;
            Ok::<_, Infallible>(cards.hold_if(number as usize, card.version, cents))
        };
        Ok(match decision.commit_guarded(store).await? {
            Guarded::Committed(_) => Charged::Held,
            Guarded::Refused => Charged::Overtaken,
        })
    }
}

/// Says how current a rate is: as of when it was kept.
fn reading_of(rate: &Served<u64>) -> Reading {
    rate.age.map_or_else(Reading::unknown, |age| {
        let age_ns = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
        Reading::as_of(Stamp::Own(SystemClock.own_ns().saturating_sub(age_ns)))
    })
}

/// Stands for a model that looks at the charge.
async fn think() {
    let takes_ms = rand::rng().random_range(5..15);
    tokio::time::sleep(Duration::from_millis(takes_ms)).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::CARDS;
    use crate::truth::Witness;
    use plimsoll_runtime::clock::SystemClock as WallClock;
    use plimsoll_runtime::shutdown;
    use tokio::task::JoinSet;

    /// Lets four charge each of fifty cards at once; returns how many held an amount.
    async fn race(desk: &Arc<Desk>, switches: &Switches, cards: std::ops::Range<u32>) -> usize {
        let mut charging = JoinSet::new();
        for card in cards.flat_map(|card| [card; 4]) {
            let (desk, switches) = (Arc::clone(desk), switches.clone());
            charging.spawn(async move { desk.charge(card, &switches).await });
        }
        let charged = charging.join_all().await;
        charged.iter().filter(|charged| matches!(charged, Ok(Charged::Held))).count()
    }

    /// Returns what the detector has counted in this process.
    fn detected() -> u64 {
        let text = plimsoll::text();
        let line = text.lines().find(|line| line.starts_with("concurrency_stale_commits_total{"));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(u64::MAX)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn guarded_charges_hold_once_and_unguarded_ones_as_often_as_the_detector_says() {
        let (witness, switches) = (Witness::new(1), Switches::default());
        let cards = Cards::new(witness.clone());
        let (stopper, stop) = shutdown::channel();
        let mut tasks = JoinSet::new();
        let clock: Arc<dyn plimsoll_runtime::clock::Clock> = Arc::new(WallClock::start());
        let exposure = exposure::start(&mut tasks, cards.clone(), &switches, &clock, &stop);
        let desk = Desk::open(cards, exposure).map(Arc::new).unwrap_or_else(|why| panic!("{why}"));

        let held = race(&desk, &switches, 0..50).await;
        // Cards that share a stripe by chance refuse each other, and then nobody holds anything.
        assert!((45..=50).contains(&held), "one of each four: {held}");
        let truth = witness.so_far();
        assert_eq!((truth.held_beyond_plain, truth.held_beyond_guarded, detected()), (0, 0, 0));

        switches.set(Fault::UnguardedCommits, true);
        let held = race(&desk, &switches, 50..100).await as u64;
        let truth = witness.so_far();
        assert_eq!(truth.held_beyond_plain, held - 50, "what is beyond the first of each card");
        assert!(truth.held_beyond_plain > 0, "they do race");
        assert_eq!((truth.held_beyond_guarded, detected()), (0, truth.held_beyond_plain));

        let nobody = desk.charge(CARDS as u32, &switches).await;
        assert!(matches!(nobody, Err(NotCharged::NoSuchCard)));
        stopper.drain();
        while tasks.join_next().await.is_some() {}
    }
}
