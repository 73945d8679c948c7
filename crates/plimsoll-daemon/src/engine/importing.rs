use super::flush::Flusher;
use crate::imports::{Imports, Outcome};
use plimsoll_model::TimeMs;
use plimsoll_store::{Precedence, Store};
use tokio::sync::oneshot;

/// Takes pasts in, and tells whoever sent one when it is on disk.
pub(super) struct Importing {
    waiting: Imports,
    /// What was taken in, when, and who waits for word.
    taken: Option<(Precedence, TimeMs, oneshot::Sender<Outcome>)>,
}

impl Importing {
    pub(super) fn new(waiting: Imports) -> Self {
        Self { waiting, taken: None }
    }

    /// Puts the past that waits before what is known.
    pub(super) fn step(&mut self, now: TimeMs, store: &mut Store) {
        let Some(import) = self.waiting.take() else { return };
        self.taken = Some((store.precede(import.past), now, import.answer));
    }

    /// Tells what became of it, once a checkpoint of then or later has ended.
    pub(super) fn tell(&mut self, flusher: &Flusher) {
        let is_over = |at: TimeMs| flusher.started() >= Some(at) && !flusher.is_running();
        if let Some((found, _, answer)) = self.taken.take_if(|(_, at, _)| is_over(*at)) {
            let outcome = match flusher.error() {
                None => Ok(found),
                Some(error) => Err(error.to_owned()),
            };
            // Whoever asked may have gone.
            drop(answer.send(outcome));
        }
    }

    /// Tells what became of it after the last checkpoint.
    pub(super) fn finish<E: ToString>(&mut self, written: &Result<(), E>) {
        if let Some((found, _, answer)) = self.taken.take() {
            let outcome = written.as_ref().map(|()| found).map_err(ToString::to_string);
            drop(answer.send(outcome));
        }
    }
}
