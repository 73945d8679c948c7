//! Whether a consumer advances, after the rules that Burrow made known: what matters is not how far it is
//! behind but whether it does anything about it.

use crate::Reading;
use plimsoll_model::{Labels, TimeMs, catalog};
use std::collections::HashMap;
use std::time::Duration;

/// What one round saw of a consumer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// The place that it has reached, in the broker's own order: who falls behind it was set back.
    pub(crate) place: u128,
    /// Something that changes whenever it gets something done.
    pub(crate) progress: u128,
    /// What is left for it to do.
    pub(crate) messages: u64,
    /// Whether anybody is there to consume.
    pub(crate) is_attended: bool,
}

/// The consumers of the last round. One that a round doesn't see is forgotten, so that there are never
/// more than a round brings.
pub(crate) struct Statuses {
    stalled_after: Duration,
    last: HashMap<Labels, Track>,
    next: HashMap<Labels, Track>,
}

#[derive(Clone, Copy, Debug)]
struct Track {
    place: u128,
    progress: u128,
    /// Since when it is known to have had something to do and not to have advanced. Between two looks
    /// that may be far apart, what lies before the later one came at any time.
    since: Option<TimeMs>,
    fell: bool,
}

const ALL: [&str; 4] = ["ok", "stalled", "stopped", "rewound"];

impl Statuses {
    pub(crate) fn new(stalled_after: Duration) -> Self {
        Self { stalled_after, last: HashMap::new(), next: HashMap::new() }
    }

    /// Notes what was seen and writes the status that follows from it.
    pub(crate) fn write(&mut self, labels: Labels, seen: Seen, now: TimeMs, into: &mut Reading) {
        let last = self.last.get(&labels).copied();
        let track = Track::after(last, seen, now);
        let status = track.status(seen, now, self.stalled_after);
        for name in ALL {
            let labels = labels.with("status", name).unwrap_or_default();
            let holds = f64::from(u8::from(name == status));
            into.gauge(&catalog::CONSUMER_STATUS, &labels, holds);
        }
        self.next.insert(labels, track);
    }

    /// Ends a round.
    pub(crate) fn turn(&mut self) {
        self.last = std::mem::take(&mut self.next);
    }
}

impl Track {
    fn after(last: Option<Self>, seen: Seen, now: TimeMs) -> Self {
        let Seen { place, progress, messages, .. } = seen;
        let (since, fell) = match last {
            Some(last) if place < last.place => (None, true),
            Some(last) if progress != last.progress => (None, false),
            Some(last) => (last.since, last.fell),
            None => (None, false),
        };
        let since = (messages > 0).then_some(since.unwrap_or(now));
        Self { place, progress, since, fell }
    }

    fn status(self, seen: Seen, now: TimeMs, stalled_after: Duration) -> &'static str {
        let Some(since) = self.since else { return "ok" };
        let is_still = now.since(since) >= stalled_after;
        match (is_still, seen.is_attended) {
            (true, true) => "stalled",
            (true, false) => "stopped",
            (false, _) if self.fell => "rewound",
            (false, _) => "ok",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays rounds one second apart, each a position, what is left, and whether anybody is there.
    fn statuses(rounds: &[(u64, u64, bool)]) -> Vec<&'static str> {
        let seen = |&(position, messages, is_attended): &(u64, u64, bool)| {
            let place = position.into();
            Seen { place, progress: place, messages, is_attended }
        };
        play(&rounds.iter().map(seen).collect::<Vec<_>>())
    }

    fn play(rounds: &[Seen]) -> Vec<&'static str> {
        play_at(&(0..).zip(rounds.iter().copied()).collect::<Vec<_>>())
    }

    /// Plays rounds at these seconds.
    fn play_at(rounds: &[(i64, Seen)]) -> Vec<&'static str> {
        let mut last = None;
        let play = rounds.iter().map(|&(second, seen)| {
            let now = TimeMs(second * 1_000);
            let track = Track::after(last, seen, now);
            last = Some(track);
            track.status(seen, now, Duration::from_secs(2))
        });
        play.collect()
    }

    #[test]
    fn who_stands_still_with_work_left_is_stalled_or_stopped() {
        let stands = [(5, 9, true); 4];
        assert_eq!(statuses(&stands), ["ok", "ok", "stalled", "stalled"]);
        let gone = [(5, 9, false); 3];
        assert_eq!(statuses(&gone), ["ok", "ok", "stopped"]);
        let advances = [(5, 9, true), (6, 9, true), (7, 90, true), (8, 900, true)];
        assert_eq!(statuses(&advances), ["ok"; 4]);
    }

    #[test]
    fn idleness_is_no_stall_and_its_length_is_not_held_against_the_next_message() {
        let idle = [(5, 0, false), (5, 0, false), (5, 0, true), (5, 0, true)];
        assert_eq!(statuses(&idle), ["ok"; 4]);
        let then = [(5, 0, true), (5, 0, true), (5, 1, true), (5, 1, true), (5, 1, true)];
        assert_eq!(statuses(&then), ["ok", "ok", "ok", "ok", "stalled"]);
    }

    #[test]
    fn a_minute_that_nobody_looked_is_not_held_against_what_came_at_its_end() {
        let with = |messages| Seen { place: 5, progress: 5, messages, is_attended: true };
        let away = [(0, with(0)), (60, with(1)), (61, with(1)), (62, with(1))];
        assert_eq!(play_at(&away), ["ok", "ok", "ok", "stalled"]);
    }

    #[test]
    fn a_position_that_fell_is_rewound_until_it_advances() {
        let back = [(9, 1, true), (2, 8, true), (2, 8, true), (3, 7, true)];
        assert_eq!(statuses(&back), ["ok", "rewound", "rewound", "ok"]);
    }

    #[test]
    fn a_place_may_stand_while_something_gets_done_and_move_while_nothing_does() {
        let at = |place, progress| Seen { place, progress, messages: 9, is_attended: true };
        let done = [at(5, 1), at(5, 2), at(5, 3), at(5, 2)];
        assert_eq!(play(&done), ["ok"; 4], "a count of what is done may begin anew");
        let given = [at(5, 1), at(6, 1), at(7, 1)];
        assert_eq!(play(&given), ["ok", "ok", "stalled"]);
        let back = [at(5, 1), at(0, 1), at(0, 1), at(0, 1), at(1, 2)];
        assert_eq!(play(&back), ["ok", "rewound", "rewound", "stalled", "ok"]);
    }
}
