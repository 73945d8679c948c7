//! What outlives a restart, as bytes: written by `Store::checkpoint`, read by `Archive::load`.

use crate::Checkpoint;
use crate::Store;
use crate::books::Books;
use crate::feed::Feed;

/// What an archive knows about a target.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeptFeed {}

impl Feed {
    pub(crate) fn restore(&mut self, _kept: KeptFeed, _books: &mut Books) {}
}

impl Store {
    /// Takes out what has to be written to an [`Archive`](crate::Archive): plain data, so that the
    /// disk is never waited for here. Each checkpoint has to reach `Archive::flush`, in order.
    pub fn checkpoint(&mut self) -> Checkpoint {
        Checkpoint::default()
    }
}
