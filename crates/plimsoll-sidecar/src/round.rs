//! One collector, round after round.

use crate::board::{Board, Slot};
use crate::levels::Levels;
use crate::{Collector, Pace, Reading, Reason};
use futures_util::FutureExt;
use plimsoll_runtime::shutdown::Stop;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// Runs rounds until the stop. What a round brings replaces what the last one brought; a round that
/// fails, panics or takes too long leaves no series, and says why.
pub(crate) async fn run(
    mut collector: Box<dyn Collector>,
    pace: Pace,
    slot: Slot,
    board: Arc<Board>,
    stop: Stop,
) {
    let mut ticks = interval(pace.interval);
    // After a late round the next one keeps its distance: nobody catches up on looks.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut levels = Levels::new(pace.interval);
    while stop.run_until_stopped(ticks.tick()).await.is_some() {
        let begin = tokio_now();
        let round = one(collector.as_mut(), pace);
        let Some(outcome) = stop.run_until_stopped(round).await else { break };
        let outcome = outcome.map(|reading| levels.follow(reading, board.now()));
        board.publish(slot, outcome, begin.elapsed());
    }
    collector.finish().await;
}

#[allow(clippy::disallowed_methods, reason = "it follows the runtime's clock, as its timers do")]
fn tokio_now() -> Instant {
    Instant::now()
}

async fn one(collector: &mut dyn Collector, pace: Pace) -> Result<Reading, Reason> {
    let look = AssertUnwindSafe(collector.collect()).catch_unwind();
    match timeout(pace.deadline, look).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(Reason::new("it panicked, which is a fault of the sidecar")),
        Err(_) => Err(Reason::new(format_args!(
            "no answer within its deadline of {:?}: what it looks at is slow or stuck",
            pace.deadline
        ))),
    }
}
