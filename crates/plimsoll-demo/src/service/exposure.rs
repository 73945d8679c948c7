//! The exposure snapshot: totals a card's open amounts, rebuilt every 50 ms and read by every
//! authorisation.

use crate::fault::{Fault, Switches};
use plimsoll::{FreshnessProbe, Name, Operation};
use plimsoll_runtime::clock::Clock;
use plimsoll_runtime::shutdown::Stop;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::task::JoinSet;

const REBUILT_EVERY: Duration = Duration::from_millis(50);

/// The age up to which its SLO calls it fresh: an edge of the histogram, so that the count is exact.
const FRESH: Duration = Duration::from_millis(250);

/// The readers' side of the snapshot.
pub(super) struct Exposure {
    snapshot: watch::Receiver<u64>,
    probe: FreshnessProbe,
}

impl Exposure {
    /// Reads the snapshot, whatever its age.
    pub(super) fn read(&self) -> u64 {
        self.probe.read();
        *self.snapshot.borrow()
    }
}

/// Starts the task that rebuilds the snapshot.
pub(super) fn start(
    tasks: &mut JoinSet<()>,
    switches: &Switches,
    clock: &Arc<dyn Clock>,
    stop: &Stop,
) -> Exposure {
    let name = Name::new("exposure").edges(&[FRESH]);
    let probe = FreshnessProbe::banded(name, &Operation::named("authorize"));
    let (publish, snapshot) = watch::channel(0);
    let (switches, stop, published) = (switches.clone(), stop.clone(), probe.clone());
    let clock = clock.clone();
    tasks.spawn(async move {
        let mut tick = tokio::time::interval(REBUILT_EVERY);
        while stop.run_until_stopped(tick.tick()).await.is_some() {
            if !switches.is_on(Fault::StaleSnapshot) {
                publish.send_modify(|version| *version += 1);
                published.publish(wall_time(&*clock));
            }
        }
    });
    Exposure { snapshot, probe }
}

fn wall_time(clock: &dyn Clock) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(clock.now().0).unwrap_or(0))
}
