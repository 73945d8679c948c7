//! Keeps a server that answers nobody from holding up everybody.
//!
//! A server that is stopped or gone lets each command wait for its whole time limit. So once it has
//! answered none for as long as a command may take, nobody asks for a while; then one does, and the
//! others when that one is answered. A server that is merely slow at times answers others meanwhile, and
//! is asked as before.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// For how long nobody asks.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// What is known of a server, in nanoseconds of the process's own clock.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    /// When it answered last.
    answered_ns: AtomicU64,
    /// Until when nobody asks; 0 while everybody may.
    open_until_ns: AtomicU64,
}

impl Breaker {
    /// Says whether a command may be given that takes `limit_ns` at most. After a pause that is so for
    /// one, and for the next if nothing is heard of that one.
    pub(crate) fn admits(&self, now_ns: u64, limit_ns: u64) -> bool {
        let until_ns = self.open_until_ns.load(Ordering::Relaxed);
        if until_ns == 0 {
            return true;
        }
        let next_ns = paused(now_ns).saturating_add(limit_ns);
        now_ns >= until_ns
            && self
                .open_until_ns
                .compare_exchange(until_ns, next_ns, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// Notes an answer, which may well be an error.
    pub(crate) fn answered(&self, now_ns: u64) {
        self.answered_ns.fetch_max(now_ns, Ordering::Relaxed);
        if self.open_until_ns.load(Ordering::Relaxed) != 0 {
            self.open_until_ns.store(0, Ordering::Relaxed);
        }
    }

    /// Notes that a command, given at `asked_ns`, had no answer.
    pub(crate) fn unanswered(&self, asked_ns: u64, now_ns: u64) {
        if self.answered_ns.load(Ordering::Relaxed) < asked_ns {
            self.open_until_ns.store(paused(now_ns), Ordering::Relaxed);
        }
    }
}

fn paused(now_ns: u64) -> u64 {
    now_ns.saturating_add(crate::environment::ns(PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;
    const LIMIT: u64 = S / 4;

    #[test]
    fn who_answers_nobody_is_asked_by_one_a_pause() {
        let breaker = Breaker::default();
        assert!(breaker.admits(10 * S, LIMIT));
        breaker.unanswered(10 * S, 10 * S + LIMIT);
        // A pause from the failure on.
        assert!(!breaker.admits(11 * S + LIMIT - 1, LIMIT));
        assert!(breaker.admits(11 * S + LIMIT, LIMIT));
        assert!(!breaker.admits(11 * S + LIMIT, LIMIT), "one asks");
        breaker.unanswered(11 * S + LIMIT, 11 * S + 2 * LIMIT);
        assert!(!breaker.admits(12 * S + 2 * LIMIT - 1, LIMIT));
        assert!(breaker.admits(12 * S + 2 * LIMIT, LIMIT));
        breaker.answered(12 * S + 3 * LIMIT);
        assert!(breaker.admits(12 * S + 3 * LIMIT, LIMIT) && breaker.admits(13 * S, LIMIT));
    }

    #[test]
    fn one_who_asks_and_is_dropped_is_followed_by_another() {
        let breaker = Breaker::default();
        breaker.unanswered(S, S);
        assert!(breaker.admits(2 * S, LIMIT));
        assert!(!breaker.admits(3 * S + LIMIT - 1, LIMIT));
        assert!(breaker.admits(3 * S + LIMIT, LIMIT));
    }

    #[test]
    fn who_answers_others_meanwhile_is_asked_as_before() {
        let breaker = Breaker::default();
        breaker.answered(10 * S);
        breaker.unanswered(10 * S - 1, 10 * S + LIMIT);
        assert!(breaker.admits(10 * S + LIMIT, LIMIT));
        breaker.unanswered(10 * S + 1, 10 * S + LIMIT);
        assert!(!breaker.admits(10 * S + LIMIT, LIMIT));
    }
}
