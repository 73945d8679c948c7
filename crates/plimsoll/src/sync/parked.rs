use crate::Name;
use crate::instrument::{Level, Stay};
use plimsoll_model::catalog;
use plimsoll_record::waits::Site;
use plimsoll_record::{ActivitySpec, Registry};
use std::sync::OnceLock;

/// Who is parked at something until it is told to go on. Nobody holds that, so nobody is to blame, and
/// how long they wait is no contention: it is a level, and no wait for a lock.
#[derive(Debug)]
pub(crate) struct Parked {
    level: OnceLock<Level>,
    made_at: Site,
}

impl Parked {
    /// Describes one without a name: its first use calls it after the place that made it.
    pub(crate) const fn unnamed(made_at: Site) -> Self {
        Self { level: OnceLock::new(), made_at }
    }

    /// Makes one with a name.
    pub(crate) fn named(registry: &Registry, name: &Name, made_at: Site) -> Self {
        Self { level: OnceLock::from(level(registry, name)), made_at }
    }

    /// Begins to wait, until the returned value is dropped.
    pub(crate) fn park(&self) -> Stay {
        let unnamed = || level(Registry::global(), &Name::at(self.made_at));
        self.level.get_or_init(unnamed).enter()
    }
}

fn level(registry: &Registry, name: &Name) -> Level {
    Level::new(registry, ActivitySpec::new(&catalog::LOCK_WAITERS, name.under("lock")))
}
