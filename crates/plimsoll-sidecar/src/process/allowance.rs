//! How many files of threads a look may open, so that a process whose threads all run costs little more
//! than one whose threads all wait.

/// So many files a look; those that are left are saved.
const EACH_LOOK: usize = 304;

/// So many are kept for the context switches, for which calls never leave anything otherwise.
const FOR_SWITCHES: usize = 48;

/// What is saved ends here: a process that begins to stir after a while is read whole at once.
const SAVED_MAX: usize = 8_192;

/// The files that may still be opened.
#[derive(Debug)]
pub(super) struct Allowance(usize);

impl Allowance {
    /// Begins with everything saved, for the first look.
    pub(super) fn new() -> Self {
        Self(SAVED_MAX)
    }

    /// Adds what a look may open.
    pub(super) fn refill(&mut self) {
        self.0 = (self.0 + EACH_LOOK).min(SAVED_MAX);
    }

    /// Says whether another call may be read.
    pub(super) fn is_left_for_calls(&self) -> bool {
        self.0 > FOR_SWITCHES
    }

    /// Says whether anything may be read.
    pub(super) fn is_left(&self) -> bool {
        self.0 > 0
    }

    /// Counts a file that was opened.
    pub(super) fn count(&mut self) {
        self.0 = self.0.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_saved_up_to_a_bound_and_switches_get_theirs() {
        let mut allowance = Allowance::new();
        let spend = |allowance: &mut Allowance| {
            let mut spent = 0;
            while allowance.is_left_for_calls() {
                allowance.count();
                spent += 1;
            }
            spent
        };
        assert_eq!(spend(&mut allowance), SAVED_MAX - FOR_SWITCHES);
        assert!(allowance.is_left());
        allowance.refill();
        assert_eq!(spend(&mut allowance), EACH_LOOK);
        (0..1_000).for_each(|_| allowance.refill());
        assert_eq!(spend(&mut allowance), SAVED_MAX - FOR_SWITCHES);
    }
}
