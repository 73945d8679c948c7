//! Who acquires, and where: a task where there is one, else what the thread runs outside of tasks.

use plimsoll_record::waits::{By, Site, Who};
use std::future::poll_fn;
use std::hash::{Hash, Hasher};
use std::task::Poll;
use tokio::task::coop;

/// Returns the task that runs here, else what the thread runs outside of tasks.
#[inline]
pub(crate) fn task_or_root() -> Who {
    tokio::task::try_id().map_or_else(Who::root, |id| Who::task(number_of(id)))
}

/// Takes a share of the task's cooperative budget, and returns who is polled: the task, and which part of
/// it if it drives several futures.
pub(crate) async fn turn() -> Who {
    coop::consume_budget().await;
    part().await
}

/// Returns who is polled.
pub(crate) async fn part() -> Who {
    poll_fn(|context| Poll::Ready(task_or_root().strand(context.waker()))).await
}

/// Returns that `who` awaits at `site`.
pub(crate) fn awaiting(who: Who, site: Site) -> By {
    By { who, thread: None, site, gives_up: false }
}

/// Returns who blocks its thread at `site`.
pub(crate) fn blocking(site: Site) -> By {
    By { who: task_or_root(), thread: Some(Who::thread()), site, gives_up: false }
}

/// Returns a task's number, which its id shows to a hasher only.
#[inline]
fn number_of(id: tokio::task::Id) -> u64 {
    let mut number = Number(0);
    id.hash(&mut number);
    number.0
}

/// Keeps the one number that an id is made of.
struct Number(u64);

impl Hasher for Number {
    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn write(&mut self, bytes: &[u8]) {
        // Should an id ever be made of something else, it is told apart all the same.
        for byte in bytes {
            self.0 = self.0.wrapping_mul(31).wrapping_add(u64::from(*byte));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_has_the_number_that_its_id_shows() {
        assert_eq!(task_or_root(), Who::root(), "a test's future is no task");
        let (id, who) =
            tokio::spawn(async { (tokio::task::id(), task_or_root()) }).await.expect("it ends");
        assert_eq!(who.task_number().map(|number| number.to_string()), Some(id.to_string()));
    }
}
