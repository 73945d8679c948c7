//! The answers to one stream of requests, as the load generator counts them by itself.

use serde::Serialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Counts requests from the moment they are sent to the last byte of their answers; clones share the
/// counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers(Arc<Mutex<Answered>>);

/// What came of the requests so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Answered {
    /// Answers with a status below 500.
    pub good: u64,
    /// Answers with a status of 500 or more, those of 503 included.
    pub bad: u64,
    /// Answers with 503: turned away, so never in flight behind what turned them away.
    pub shed: u64,
    /// Requests without an answer.
    pub lost: u64,
    /// Requests that are under way.
    pub in_flight: u64,
    /// Nanoseconds that requests were under way, of all that weren't turned away.
    pub in_flight_ns: u64,
}

/// A request that is under way.
pub(crate) struct Sent {
    answers: Answers,
    since: Instant,
    status: Option<u16>,
}

impl Answers {
    /// Counts a request as under way until what is returned is dropped.
    pub(crate) fn send(&self) -> Sent {
        self.lock().in_flight += 1;
        Sent { answers: self.clone(), since: Instant::now(), status: None }
    }

    /// Returns the counts so far.
    pub(crate) fn so_far(&self) -> Answered {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Answered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sent {
    /// Its answer is there to the last byte.
    pub(crate) fn answered(mut self, status: u16) {
        self.status = Some(status);
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        let took: Duration = self.since.elapsed();
        let mut answered = self.answers.lock();
        answered.in_flight -= 1;
        match self.status {
            None => answered.lost += 1,
            Some(status) if status < 500 => answered.good += 1,
            Some(status) => {
                answered.bad += 1;
                answered.shed += u64::from(status == 503);
            }
        }
        if self.status != Some(503) {
            answered.in_flight_ns += u64::try_from(took.as_nanos()).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_was_turned_away_was_not_in_flight() {
        let answers = Answers::default();
        let [good, failed, shed, lost] = [(); 4].map(|()| answers.send());
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!(answers.so_far().in_flight, 4);
        good.answered(200);
        shed.answered(503);
        tokio::time::advance(Duration::from_millis(50)).await;
        failed.answered(502);
        drop(lost);
        let in_flight_ns = 850_000_000;
        let truth = Answered { good: 1, bad: 2, shed: 1, lost: 1, in_flight: 0, in_flight_ns };
        assert_eq!(answers.so_far(), truth);
    }
}
