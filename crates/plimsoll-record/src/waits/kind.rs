/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A mutex: whoever holds it holds it alone.
    Mutex,
    /// A read-write lock: a writer holds it alone, readers share it.
    RwLock,
    /// Permits: any holder that gives one back helps.
    Semaphore,
    /// Threads or connections: any holder that gives one back helps.
    Pool,
    /// The room in a bounded channel; its receiver counts as the holder.
    Channel,
    /// A value that one makes while others wait for it.
    Once,
}

impl Kind {
    /// Returns its name, as the admin API gives it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mutex => "mutex",
            Self::RwLock => "rwlock",
            Self::Semaphore => "semaphore",
            Self::Pool => "pool",
            Self::Channel => "channel",
            Self::Once => "once",
        }
    }

    /// Returns the kind of a cycle of such resources alone, the value of the label `kind`.
    pub(super) fn cycle(self) -> &'static str {
        match self {
            Self::Mutex | Self::RwLock | Self::Once => "lock",
            Self::Semaphore => "semaphore",
            Self::Pool => "pool",
            Self::Channel => "channel",
        }
    }

    /// Says whether any one holder can end a wait, so that it is stuck only when all of them are.
    pub(super) fn any_holder_helps(self) -> bool {
        matches!(self, Self::Semaphore | Self::Pool)
    }
}
