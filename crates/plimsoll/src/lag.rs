use crate::Name;
use crate::clock::{now_ns, unix_seconds, wall};
use crate::instrument::{Count, Value};
use crate::name::ns;
use plimsoll_model::{Labels, catalog};
use plimsoll_record::Registry;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// Records how far a consumer is behind its producers (M9), in messages and in time.
///
/// | series | what |
/// |---|---|
/// | gauge `concurrency_consumer_lag{group,topic,partition}` | messages not consumed: end − position |
/// | gauge `concurrency_consumer_lag_seconds` | age of the oldest of them, 0 when there is none |
/// | gauge `concurrency_consumer_oldest_timestamp_seconds` | when that one was produced; absent when there is none |
/// | `concurrency_messages_produced_total{topic,partition}`, `concurrency_messages_consumed_total{group,topic,partition}` | end and position as counters |
///
/// The gauges are computed when someone looks, so that the lag of a consumer that has stopped goes on
/// growing. They are absent as long as the position or the end isn't known, and when the end hasn't
/// been told for a minute: a lag against an old end would look fine for ever.
///
/// The oldest message's time is what [`event_time`](Self::event_time) says; without it, the moment
/// when the end was first seen beyond the position, which is late by at most the time between two
/// calls of [`end`](Self::end).
///
/// # Cost
/// A call is a lock that only the probe's own callers share, and a clock read.
///
/// # Cancellation
/// There is nothing to cancel. Dropping the probe makes its gauges absent.
///
/// # Reading it
/// ```promql
/// max by (group, topic) (concurrency_consumer_lag_seconds)
/// sum by (topic) (rate(concurrency_messages_produced_total[5m])) - sum by (topic) (rate(concurrency_messages_consumed_total[5m]))
/// ```
///
/// # Example
/// ```
/// let lag = plimsoll::LagProbe::named("billing", "orders", "0");
/// lag.end(120);      // what the broker says, each time it is asked
/// lag.position(118); // the next offset to consume
/// ```
#[derive(Debug)]
pub struct LagProbe {
    state: Arc<Mutex<State>>,
    gauges: Arc<Gauges>,
    produced: Count,
    consumed: Count,
}

#[derive(Debug)]
struct Gauges {
    lag: Value,
    time: Value,
    oldest: Value,
    skewed: Count,
}

/// What the probe was told last.
#[derive(Debug, Default)]
struct State {
    position: Option<u64>,
    event_time: Option<SystemTime>,
    /// Ends and when each was first told, ascending in both.
    ends: VecDeque<Seen>,
    /// When an end was told last.
    told_ns: u64,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    end: u64,
    at_ns: u64,
    at: SystemTime,
}

/// Ends that are remembered to date a message by; when there are more, every other one goes.
const ENDS_MAX: usize = 512;

/// How long an end is believed.
const BELIEVED: Duration = Duration::from_secs(60);

/// What there is to export.
#[derive(Debug, Default, PartialEq)]
struct Lag {
    messages: Option<f64>,
    seconds: Option<f64>,
    oldest: Option<f64>,
    is_skewed: bool,
}

impl LagProbe {
    /// Makes a probe in the global registry.
    pub fn named(
        group: impl Into<Name>,
        topic: impl Into<String>,
        partition: impl Into<String>,
    ) -> Self {
        Self::named_in(Registry::global(), group, topic, partition)
    }

    /// Makes a probe in `registry`.
    pub fn named_in(
        registry: &Registry,
        group: impl Into<Name>,
        topic: impl Into<String>,
        partition: impl Into<String>,
    ) -> Self {
        let (group, topic, partition) = (group.into(), topic.into(), partition.into());
        let of_topic = [("topic", &*topic), ("partition", &*partition)];
        let of_group = group.with(&[("group", &*group.text), of_topic[0], of_topic[1]]);
        let gauge = |signal| Value::new(registry, signal, of_group.clone());
        let gauges = Arc::new(Gauges {
            lag: gauge(&catalog::CONSUMER_LAG),
            time: gauge(&catalog::CONSUMER_LAG_TIME),
            oldest: gauge(&catalog::CONSUMER_OLDEST_TIMESTAMP),
            skewed: Count::new(registry, &catalog::CLOCK_SKEW, Labels::default()),
        });
        let state = Arc::new(Mutex::new(State::default()));
        let (known, shown) = (Arc::downgrade(&state), Arc::clone(&gauges));
        registry.on_snapshot(move || {
            let Some(known) = known.upgrade() else { return ControlFlow::Break(()) };
            shown.show(&lock(&known).lag(now_ns(), wall()));
            ControlFlow::Continue(())
        });
        Self {
            state,
            gauges,
            produced: Count::new(registry, &catalog::MESSAGES_PRODUCED, group.with(&of_topic)),
            consumed: Count::new(registry, &catalog::MESSAGES_CONSUMED, of_group),
        }
    }

    /// Says which offset is consumed next. It forgets the last [`event_time`](Self::event_time).
    pub fn position(&self, offset: u64) {
        let mut state = lock(&self.state);
        state.position = Some(offset);
        state.event_time = None;
        self.consumed.raise_to(offset);
    }

    /// Says which offset is produced next. Call it whenever the broker was asked, also when nothing is
    /// new: an end that nobody confirms for a minute is unknown.
    pub fn end(&self, offset: u64) {
        lock(&self.state).tell_end(Seen { end: offset, at_ns: now_ns(), at: wall() });
        self.produced.raise_to(offset);
    }

    /// Says when the message at the position, the oldest that isn't consumed, was produced.
    pub fn event_time(&self, at: SystemTime) {
        lock(&self.state).event_time = Some(at);
    }

    /// Forgets position and end, as when the broker can't be asked: the gauges become absent.
    pub fn unknown(&self) {
        *lock(&self.state) = State::default();
    }
}

impl Drop for LagProbe {
    fn drop(&mut self) {
        self.gauges.show(&Lag::default());
    }
}

/// A caller that panicked left the state whole: each change is one assignment.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gauges {
    fn show(&self, lag: &Lag) {
        self.lag.set(lag.messages);
        self.time.set(lag.seconds);
        self.oldest.set(lag.oldest);
        if lag.is_skewed {
            self.skewed.increment();
        }
    }
}

impl State {
    fn tell_end(&mut self, seen: Seen) {
        self.told_ns = seen.at_ns;
        if let Some(position) = self.position {
            // All but the last end at or before the position date nothing any more.
            while self.ends.get(1).is_some_and(|next| next.end <= position) {
                self.ends.pop_front();
            }
        }
        match self.ends.back() {
            Some(last) if last.end == seen.end => return,
            // The topic was made anew: what was known of the old one is void.
            Some(last) if last.end > seen.end => self.ends.clear(),
            _ => {}
        }
        if self.ends.len() >= ENDS_MAX {
            self.thin();
        }
        self.ends.push_back(seen);
    }

    /// Forgets every other end, but never the first beyond the position: it dates the oldest message,
    /// whose age goes on growing while the consumer stands still.
    fn thin(&mut self) {
        let position = self.position.unwrap_or(0);
        let oldest = self.ends.partition_point(|seen| seen.end <= position);
        let mut at = 0;
        self.ends.retain(|_| {
            let is_kept = at <= oldest || (at - oldest).is_multiple_of(2);
            at += 1;
            is_kept
        });
    }

    fn lag(&self, now_ns: u64, now: SystemTime) -> Lag {
        let (Some(position), Some(last)) = (self.position, self.ends.back()) else {
            return Lag::default();
        };
        if now_ns.saturating_sub(self.told_ns) > ns(BELIEVED) {
            return Lag::default();
        }
        if last.end <= position {
            let is_skewed = last.end < position;
            return Lag { messages: Some(0.0), seconds: Some(0.0), oldest: None, is_skewed };
        }
        let messages = Some((last.end - position) as f64);
        if let Some(at) = self.event_time {
            let age = now.duration_since(at);
            let seconds = age.as_ref().map_or(0.0, Duration::as_secs_f64);
            let oldest = Some(unix_seconds(at));
            return Lag { messages, seconds: Some(seconds), oldest, is_skewed: age.is_err() };
        }
        let oldest = self.ends.iter().find(|seen| seen.end > position).unwrap_or(last);
        let age_ns = now_ns.saturating_sub(oldest.at_ns);
        Lag {
            messages,
            seconds: Some(Duration::from_nanos(age_ns).as_secs_f64()),
            oldest: Some(unix_seconds(oldest.at)),
            is_skewed: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn at(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 + second)
    }

    fn seen(end: u64, second: u64) -> Seen {
        Seen { end, at_ns: second * SECOND, at: at(second) }
    }

    fn lag(state: &State, second: u64) -> Lag {
        state.lag(second * SECOND, at(second))
    }

    #[test]
    fn a_lag_is_unknown_until_both_ends_are_told() {
        let mut state = State::default();
        assert_eq!(lag(&state, 0), Lag::default());
        state.tell_end(seen(5, 1));
        assert_eq!(lag(&state, 1), Lag::default());
        state.position = Some(5);
        let caught_up = Lag { messages: Some(0.0), seconds: Some(0.0), ..Lag::default() };
        assert_eq!(lag(&state, 1), caught_up);
    }

    #[test]
    fn the_lag_of_a_stopped_consumer_grows_from_the_first_message_it_missed() {
        let mut state = State { position: Some(10), ..State::default() };
        for (end, second) in [(10, 1), (11, 4), (15, 5), (15, 9)] {
            state.tell_end(seen(end, second));
        }
        let expected = Lag {
            messages: Some(5.0),
            seconds: Some(6.0),
            oldest: Some(1_004.0),
            is_skewed: false,
        };
        assert_eq!(lag(&state, 10), expected);
        state.position = Some(11);
        assert_eq!(lag(&state, 10).seconds, Some(5.0));
    }

    #[test]
    fn a_long_stall_is_dated_from_its_first_message() {
        let mut state = State { position: Some(1), ..State::default() };
        for second in 1..=2_000 {
            state.tell_end(seen(second, second));
        }
        assert_eq!(lag(&state, 2_010).seconds, Some(2_008.0), "message 1 was seen at second 2");
        assert!(state.ends.len() <= ENDS_MAX);
    }

    #[test]
    fn an_event_time_is_believed_before_the_time_of_seeing() {
        let mut state = State { position: Some(0), ..State::default() };
        state.tell_end(seen(1, 8));
        state.event_time = Some(at(3));
        assert_eq!(lag(&state, 10).seconds, Some(7.0));
        state.event_time = Some(at(30));
        let ahead = lag(&state, 10);
        assert_eq!((ahead.seconds, ahead.is_skewed), (Some(0.0), true));
    }

    #[test]
    fn an_old_end_is_no_longer_believed() {
        let mut state = State { position: Some(0), ..State::default() };
        state.tell_end(seen(1, 0));
        assert_eq!(lag(&state, 60).messages, Some(1.0));
        assert_eq!(lag(&state, 61), Lag::default());
    }

    #[test]
    fn a_position_beyond_the_end_is_no_negative_lag() {
        let mut state = State { position: Some(7), ..State::default() };
        state.tell_end(seen(5, 0));
        let clamped = lag(&state, 0);
        assert_eq!((clamped.messages, clamped.is_skewed), (Some(0.0), true));
    }

    #[test]
    fn the_ends_that_are_remembered_are_bounded() {
        let mut state = State { position: Some(0), ..State::default() };
        for end in 1..10_000 {
            state.tell_end(seen(end, end));
        }
        assert!(state.ends.len() <= ENDS_MAX);
        assert_eq!(state.ends.front().map(|seen| seen.end), Some(1), "the oldest dates the lag");
    }
}
