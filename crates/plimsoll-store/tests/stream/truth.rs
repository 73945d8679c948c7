//! What happened, as somebody knows it who kept every stretch in a list; and what its windows held.

#![allow(unreachable_pub, reason = "a module of one test")]

use std::ops::Range;

pub const MINUTE: i64 = 60_000;

/// A stretch between two scrapes that could be settled.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    pub from: i64,
    pub to: i64,
    /// The process of its end started then, by its own word; before that nothing is known.
    pub known_from: i64,
    pub good: u64,
    pub bad: u64,
    /// Scrapes were missed or refused within.
    pub gap: bool,
    /// What the rate known before says of the time that is lost, in events per ms.
    pub rate: f64,
}

/// What a window held.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Held {
    pub good: u64,
    pub bad: u64,
    /// Of gaps that the window's edge cuts.
    pub cut_good: u64,
    pub cut_bad: u64,
    pub unknown: f64,
    pub known: i64,
    pub expected: i64,
}

/// A life so far.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    pub now: i64,
    pub began: i64,
    pub stretches: Vec<Stretch>,
    /// Since when nothing was heard, if so.
    pub silent_since: Option<i64>,
    pub excluded: Range<i64>,
    /// The mean rate of what is known, weighed by how much known time came after, in events per ms.
    pub rate: f64,
}

impl Truth {
    pub fn push(&mut self, stretch: Stretch) {
        self.stretches.push(stretch);
        let (mut events, mut time, mut later) = (0.0, 0.0, 0.0);
        // What came in no known time tells no rate.
        for stretch in self.stretches.iter().rev().filter(|stretch| stretch.known_from < stretch.to)
        {
            let known = (stretch.to - stretch.known_from) as f64;
            let weight = (-later / 600_000.0_f64).exp();
            events += weight * (stretch.good + stretch.bad) as f64;
            time += weight * known;
            later += known;
        }
        self.rate = events / time;
    }

    pub fn last_known(&self) -> Option<i64> {
        let known = |stretch: &&Stretch| stretch.known_from < stretch.to;
        self.stretches.iter().rev().find(known).map(|stretch| stretch.to)
    }

    pub fn is_excluded(&self) -> bool {
        self.excluded.contains(&(self.now - 1))
    }

    /// Returns when the last exclusion that has begun ends.
    pub fn excluded_until(&self) -> Option<i64> {
        (self.excluded.start < self.now && !self.excluded.is_empty()).then_some(self.excluded.end)
    }

    /// Returns how much of a stretch counts.
    fn counting(&self, from: i64, to: i64) -> i64 {
        let overlap = to.min(self.excluded.end) - from.max(self.excluded.start);
        (to - from).max(0) - overlap.clamp(0, (to - from).max(0))
    }

    /// Returns how much of the last `length` was excluded.
    pub fn excluded_in(&self, length: i64) -> i64 {
        let from = (self.now - length).max(self.began);
        self.now - from - self.counting(from, self.now)
    }

    /// Sums the last `length` ms: whole stretches by their end, a gap as a whole if it began inside.
    pub fn window(&self, length: i64) -> Held {
        let from = self.now - length;
        let mut held = Held::default();
        for stretch in self.stretches.iter().rev().take_while(|stretch| stretch.to > from) {
            if self.counting(stretch.to - 1, stretch.to) > 0 {
                let is_cut = stretch.gap && stretch.known_from < from;
                let (good, bad) = match is_cut {
                    true => (&mut held.cut_good, &mut held.cut_bad),
                    false => (&mut held.good, &mut held.bad),
                };
                *good += stretch.good;
                *bad += stretch.bad;
            }
            held.known += self.counting(stretch.known_from.max(from), stretch.to);
            held.expected += self.counting(stretch.from.max(from), stretch.to);
            let lost = self.counting(stretch.from.max(from), stretch.known_from);
            held.unknown += stretch.rate * lost as f64;
        }
        if let Some(since) = self.silent_since {
            let silent = self.counting(since.max(from), self.now);
            held.expected += silent;
            held.unknown += self.rate * silent as f64;
        }
        held
    }
}
