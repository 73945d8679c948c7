//! Leases that only this process has, where a fleet has a Redis.

use plimsoll_cache::{Answer, Leases, Owner};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Who has what until when: as many as there are currencies.
#[derive(Default)]
pub(super) struct LocalLeases(Mutex<Given>);

#[derive(Default)]
struct Given {
    held: HashMap<String, (Owner, Instant)>,
    last_token: u64,
}

impl Given {
    /// Returns who has the lease and until when, unless it is over.
    fn now(&mut self, key: &str) -> Option<&mut (Owner, Instant)> {
        self.held.get_mut(key).filter(|(_, until)| Instant::now() < *until)
    }

    /// The same, if `owner` has it.
    fn of(&mut self, key: &str, owner: Owner) -> Option<&mut (Owner, Instant)> {
        self.now(key).filter(|(holder, _)| *holder == owner)
    }
}

impl LocalLeases {
    fn lock(&self) -> MutexGuard<'_, Given> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leases for LocalLeases {
    fn try_acquire<'a>(
        &'a self,
        key: &'a str,
        owner: Owner,
        ttl: Duration,
    ) -> Answer<'a, Option<u64>> {
        let mut given = self.lock();
        let token = if given.now(key).is_none() {
            given.held.insert(key.to_owned(), (owner, Instant::now() + ttl));
            given.last_token += 1;
            Some(given.last_token)
        } else {
            None
        };
        Box::pin(async move { Ok(token) })
    }

    fn renew<'a>(&'a self, key: &'a str, owner: Owner, ttl: Duration) -> Answer<'a, bool> {
        let renewed = self.lock().of(key, owner).map(|(_, until)| *until = Instant::now() + ttl);
        Box::pin(async move { Ok(renewed.is_some()) })
    }

    fn release<'a>(&'a self, key: &'a str, owner: Owner) -> Answer<'a, Option<Duration>> {
        let mut given = self.lock();
        let left = given.of(key, owner).map(|(_, until)| *until - Instant::now());
        if left.is_some() {
            given.held.remove(key);
        }
        Box::pin(async move { Ok(left) })
    }

    fn holder<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Owner>> {
        let holder = self.lock().now(key).map(|(holder, _)| *holder);
        Box::pin(async move { Ok(holder) })
    }
}
