//! Collectors that ask a server on a connection which they keep.

use crate::{Collector, Reading, Reason};
use async_trait::async_trait;
use plimsoll_model::TimeMs;
use plimsoll_runtime::clock::Clock;
use std::sync::Arc;
use std::time::Duration;

/// How long it waits after the first attempt to connect that failed; the next pause is twice as long.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Something that asks one server.
#[async_trait]
pub(crate) trait ConnectedCollector: Send {
    /// An open connection; dropped, it is closed.
    type Connection: Send;

    /// Connects.
    async fn connect(&self) -> Result<Self::Connection, Reason>;

    /// Asks once. After a reason the connection isn't used again.
    async fn look(&mut self, connection: &mut Self::Connection) -> Result<Reading, Reason>;
}

/// A collector and its connection. One that broke is made anew at once; a server that can't be had is
/// left alone for a while before the next attempt, so that many rounds aren't many attempts.
pub(crate) struct Connected<C: ConnectedCollector> {
    collector: C,
    connection: Option<C::Connection>,
    clock: Arc<dyn Clock>,
    pauses: (Duration, Duration),
    pause: Option<Pause>,
}

struct Pause {
    until: TimeMs,
    length: Duration,
    reason: Reason,
}

impl<C: ConnectedCollector> Connected<C> {
    pub(crate) fn new(collector: C, clock: Arc<dyn Clock>) -> Self {
        Self { collector, connection: None, clock, pauses: (PAUSE_MIN, PAUSE_MAX), pause: None }
    }

    /// Makes the first pause `least` long and none longer than `most`, for what is near and cheap to ask.
    pub(crate) fn pausing(self, least: Duration, most: Duration) -> Self {
        Self { pauses: (least, most), ..self }
    }

    /// Begins a pause that a success ends, before anything is awaited: a round that passes its deadline
    /// is dropped, and counts as one that failed.
    fn attempt(&mut self) -> Result<(), Reason> {
        let now = self.clock.now();
        let last = self.pause.take();
        if let Some(pause) = last.as_ref().filter(|pause| now < pause.until) {
            let reason = pause.reason.clone();
            self.pause = last;
            return Err(reason);
        }
        let (least, most) = self.pauses;
        let length = last.map_or(least, |last| (last.length * 2).min(most));
        let reason = Reason::new("it gave no answer in time; it is asked again after a pause");
        self.pause = Some(Pause { until: now + length, length, reason });
        Ok(())
    }

    fn failed(&mut self, reason: Reason) -> Reason {
        if let Some(pause) = &mut self.pause {
            pause.reason = reason.clone();
        }
        reason
    }
}

#[async_trait]
impl<C: ConnectedCollector> Collector for Connected<C> {
    async fn collect(&mut self) -> Result<Reading, Reason> {
        // Taken out while it is used: nobody gets an answer that was meant for a dropped round.
        if let Some(mut kept) = self.connection.take()
            && let Ok(reading) = self.collector.look(&mut kept).await
        {
            self.connection = Some(kept);
            return Ok(reading);
        }
        self.attempt()?;
        let mut new = match self.collector.connect().await {
            Ok(new) => new,
            Err(reason) => return Err(self.failed(reason)),
        };
        match self.collector.look(&mut new).await {
            Ok(reading) => {
                self.connection = Some(new);
                self.pause = None;
                Ok(reading)
            }
            Err(reason) => Err(self.failed(reason)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_runtime::clock::ManualClock;

    /// A server that lets in and answers as told, and counts who connects.
    #[derive(Default)]
    struct Server {
        refuses: bool,
        breaks: bool,
        connects: std::sync::atomic::AtomicU32,
    }

    #[async_trait]
    impl ConnectedCollector for Server {
        type Connection = ();

        async fn connect(&self) -> Result<(), Reason> {
            self.connects.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if self.refuses { Err(Reason::new("refused")) } else { Ok(()) }
        }

        async fn look(&mut self, (): &mut ()) -> Result<Reading, Reason> {
            match std::mem::take(&mut self.breaks) {
                true => Err(Reason::new("broken")),
                false => Ok(Reading::default()),
            }
        }
    }

    fn connects(connected: &Connected<Server>) -> u32 {
        connected.collector.connects.load(std::sync::atomic::Ordering::Relaxed)
    }

    #[tokio::test]
    async fn a_connection_is_kept_and_made_anew_in_the_round_in_which_it_broke() {
        let clock = Arc::new(ManualClock::new(TimeMs(0)));
        let mut connected = Connected::new(Server::default(), clock);
        for _ in 0..3 {
            assert!(connected.collect().await.is_ok());
        }
        assert_eq!(connects(&connected), 1);
        connected.collector.breaks = true;
        assert!(connected.collect().await.is_ok());
        assert_eq!(connects(&connected), 2);
    }

    #[tokio::test]
    async fn a_server_that_refuses_is_asked_less_and_less_and_the_reason_stays() {
        let clock = Arc::new(ManualClock::new(TimeMs(0)));
        let server = Server { refuses: true, ..Server::default() };
        let mut connected = Connected::new(server, clock.clone());
        let mut at_s = Vec::new();
        for second in 0..100 {
            let before = connects(&connected);
            let refused = connected.collect().await.expect_err("it refuses");
            assert_eq!(refused, Reason::new("refused"));
            if connects(&connected) > before {
                at_s.push(second);
            }
            clock.advance(Duration::from_secs(1));
        }
        // Pauses of 1, 2, 4, 8, 16 and then 30 s.
        assert_eq!(at_s, [0, 1, 3, 7, 15, 31, 61, 91]);
        connected.collector.refuses = false;
        clock.advance(Duration::from_secs(30));
        assert!(connected.collect().await.is_ok());
    }

    #[tokio::test]
    async fn what_is_near_is_asked_again_sooner() {
        let clock = Arc::new(ManualClock::new(TimeMs(0)));
        let server = Server { refuses: true, ..Server::default() };
        let ms = Duration::from_millis;
        let mut connected = Connected::new(server, clock.clone()).pausing(ms(100), ms(300));
        let mut at_ms = Vec::new();
        for step in 0..10 {
            let before = connects(&connected);
            assert!(connected.collect().await.is_err());
            if connects(&connected) > before {
                at_ms.push(100 * step);
            }
            clock.advance(ms(100));
        }
        // Pauses of 100, 200 and then 300 ms.
        assert_eq!(at_ms, [0, 100, 300, 600, 900]);
    }
}
