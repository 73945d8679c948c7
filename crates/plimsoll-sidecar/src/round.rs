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
    collector.begin();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Latest;
    use crate::reading::labelled;
    use async_trait::async_trait;
    use plimsoll_model::{Snapshot, catalog};
    use plimsoll_runtime::shutdown;
    use std::time::Duration;

    enum Look {
        Well,
        Panics,
        Hangs,
        /// So many series of one name.
        Floods(u32),
    }

    #[async_trait]
    impl Collector for Look {
        async fn collect(&mut self) -> Result<Reading, Reason> {
            let mut reading = Reading::default();
            let series = match self {
                Self::Well => 1,
                Self::Panics => panic!("on purpose"),
                Self::Hangs => std::future::pending().await,
                Self::Floods(series) => *series,
            };
            for number in 0..series {
                let labels = labelled([("server", &number.to_string())]);
                reading.gauge(&catalog::POSTGRES_OLDEST_TRANSACTION, &labels, 0.0);
            }
            Ok(reading)
        }
    }

    /// Runs a collector beside one that is well, at an interval of 1 s; returns how many of its rounds were
    /// well and how many not, the same of the other one, and the board.
    async fn beside_one_that_is_well(
        look: Look,
        milliseconds: u64,
    ) -> ([u64; 2], [u64; 2], Arc<Board>) {
        let (board, [faulty, well]) = Board::of(["faulty", "well"]);
        let board = Arc::new(board);
        let (stopper, stop) = shutdown::channel();
        let runs = [(faulty, look), (well, Look::Well)].map(|(slot, look)| {
            let pace = Pace::EACH_SECOND;
            tokio::spawn(run(Box::new(look), pace, slot, board.clone(), stop.clone()))
        });
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        stopper.drain();
        for run in runs {
            run.await.expect("it ends");
        }
        let rounds: Vec<_> = board.all().iter().map(|column| column.rounds).collect();
        (rounds[0], rounds[1], board)
    }

    fn reason(board: &Board) -> String {
        match &board.all()[0].latest {
            Latest::Reason(reason) => reason.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_panics_costs_its_own_series_only() {
        let (faulty, well, board) = beside_one_that_is_well(Look::Panics, 10_500).await;
        assert_eq!((faulty, well), ([0, 11], [11, 0]));
        assert!(reason(&board).contains("panicked"), "{}", reason(&board));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_hangs_is_left_at_its_deadline() {
        let (faulty, well, board) = beside_one_that_is_well(Look::Hangs, 10_500).await;
        // Rounds of a second each, without a pause.
        assert_eq!((faulty, well), ([0, 10], [11, 0]));
        assert!(reason(&board).contains("deadline of 1s"), "{}", reason(&board));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_floods_keeps_two_thousand_series_and_says_how_many_it_lost() {
        let (flooded, well, board) = beside_one_that_is_well(Look::Floods(1_000_000), 500).await;
        assert_eq!((flooded, well), ([1, 0], [1, 0]));
        let flood = &board.all()[0];
        assert_eq!(flood.dropped, 998_000);
        let Latest::Reading(reading) = &flood.latest else { panic!("{:?}", flood.latest) };
        assert_eq!(reading.len(), 2_000);
        assert!(reading.notes()[0].contains("998000 series are left out"), "{:?}", reading.notes());
        let mut snapshot = Snapshot::default();
        board.append_to(&mut snapshot);
        assert_eq!(snapshot.families[0].series.len(), 2_000);
    }
}
