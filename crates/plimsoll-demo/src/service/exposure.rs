//! The exposure snapshot: a copy of what is held on each card, made every 50 ms and read by every
//! authorisation and charge.

use super::cards::{Book, Card, Cards};
use crate::fault::{Fault, Switches};
use async_trait::async_trait;
use plimsoll::{FreshnessProbe, Name, Operation};
use plimsoll_context::{Reading, Stamp};
use plimsoll_prober::{Marker, Serving, StoreError};
use plimsoll_runtime::clock::Clock;
use plimsoll_runtime::shutdown::Stop;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::task::JoinSet;

const REBUILT_EVERY: Duration = Duration::from_millis(50);

/// The age up to which its SLO calls it fresh: an edge of the histogram, so that the count is exact.
pub(super) const FRESH: Duration = Duration::from_millis(250);

/// The readers' side of the snapshot; clones share it.
#[derive(Clone)]
pub(super) struct Exposure {
    snapshot: watch::Receiver<Snapshot>,
    probe: FreshnessProbe,
}

struct Snapshot {
    book: Book,
    /// All that was committed up to then is in it.
    as_of_ns: u64,
}

impl Snapshot {
    fn of(cards: &Cards) -> Self {
        let (book, as_of_ns) = cards.copy();
        Self { book, as_of_ns }
    }
}

impl Exposure {
    /// Reads a card for an authorisation, whatever the snapshot's age.
    pub(super) fn read(&self, card: u32) -> Option<Card> {
        self.probe.read();
        self.card(card).map(|(card, _)| card)
    }

    /// Returns a card as the snapshot has it, and how current that is.
    pub(super) fn card(&self, card: u32) -> Option<(Card, Reading)> {
        let snapshot = self.snapshot.borrow();
        let card = *snapshot.book.cards.get(card as usize)?;
        let as_of = Reading::as_of(Stamp::Own(snapshot.as_of_ns));
        Some((card, as_of.since(Stamp::Own(card.since_ns))))
    }
}

#[async_trait]
impl Serving for Exposure {
    async fn newest(&self) -> Result<Option<Marker>, StoreError> {
        Ok(self.snapshot.borrow().book.heartbeat)
    }
}

/// Starts the task that copies the cards.
pub(super) fn start(
    tasks: &mut JoinSet<()>,
    cards: Cards,
    switches: &Switches,
    clock: &Arc<dyn Clock>,
    stop: &Stop,
) -> Exposure {
    let name = Name::new("exposure").edges(&[FRESH]);
    let probe = FreshnessProbe::banded(name, &Operation::named("authorize"));
    let (publish, snapshot) = watch::channel(Snapshot::of(&cards));
    let (switches, stop, published) = (switches.clone(), stop.clone(), probe.clone());
    let clock = clock.clone();
    tasks.spawn(async move {
        let mut tick = tokio::time::interval(REBUILT_EVERY);
        while stop.run_until_stopped(tick.tick()).await.is_some() {
            if !switches.is_on(Fault::StaleSnapshot) {
                let stands_for = wall_time(&*clock);
                publish.send_replace(Snapshot::of(&cards));
                published.publish(stands_for);
            }
        }
    });
    Exposure { snapshot, probe }
}

fn wall_time(clock: &dyn Clock) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(clock.now().0).unwrap_or(0))
}
