//! Contestants that take turns.

use rustix::time::{ClockId, Timespec, clock_gettime};
use std::hint::black_box;
use std::sync::Barrier;

/// Rounds of every comparison.
pub(crate) const ROUNDS: usize = 7;

/// Something that is measured.
pub(crate) trait Contestant: Sync {
    /// Does it `times` times on the calling thread, with `work` between.
    fn run(&self, times: u64, work: Work);

    /// Does what was put off.
    fn settle(&self) {}
}

/// What a service does between two requests: arithmetic that nothing overtakes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work(u32);

impl Work {
    /// No work.
    pub(crate) const NONE: Self = Self(0);

    /// Work of about so many nanoseconds.
    pub(crate) fn of_ns(ns: f64) -> Self {
        const STEPS: u32 = 10_000_000;
        let began_ns = thread_ns();
        Self(STEPS).go();
        let each_ns = (thread_ns() - began_ns) / f64::from(STEPS);
        Self((ns / each_ns) as u32)
    }

    #[inline]
    pub(crate) fn go(self) {
        let mut state = 1_u64;
        for step in 0..self.0 {
            state = black_box(state.wrapping_mul(6_364_136_223_846_793_005) ^ u64::from(step));
        }
        black_box(state);
    }
}

/// Measures what one of `times` costs on each of `threads` threads, in processor time of the process.
pub(crate) fn cost_ns(of: &dyn Contestant, threads: usize, times: u64, work: Work) -> f64 {
    let start = Barrier::new(threads);
    let began_ns = process_ns();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                start.wait();
                of.run(times, work);
            });
        }
    });
    of.settle();
    (process_ns() - began_ns) / (threads as f64 * times as f64)
}

/// Lets all contestants run in turn; returns the costs of each round in their order.
pub(crate) fn rounds(
    of: &[&dyn Contestant],
    threads: usize,
    times: u64,
    work: Work,
) -> Vec<Vec<f64>> {
    // The first round warms everything up and isn't counted.
    let round = |_| of.iter().map(|of| cost_ns(*of, threads, times, work)).collect();
    (0..=ROUNDS).map(round).skip(1).collect()
}

fn process_ns() -> f64 {
    ns(clock_gettime(ClockId::ProcessCPUTime))
}

/// Returns the processor time of the calling thread.
pub(crate) fn thread_ns() -> f64 {
    ns(clock_gettime(ClockId::ThreadCPUTime))
}

fn ns(time: Timespec) -> f64 {
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}
