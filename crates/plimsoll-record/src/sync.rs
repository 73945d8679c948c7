//! Atomics and locks: the standard library's, or loom's when its models check what is built on them.

#[cfg(loom)]
pub(crate) use loom::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence},
};
#[cfg(loom)]
pub(crate) use loom::thread::yield_now;
#[cfg(loom)]
pub(crate) use once::OnceLock;
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, RwLock,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence},
};
use std::sync::{PoisonError, TryLockError, TryLockResult};
#[cfg(not(loom))]
pub(crate) use std::thread::yield_now;
#[cfg(loom)]
pub(crate) use tried::RwLock;

/// Keeps a value on cache lines of its own, so that writers of its neighbours don't slow it. Two
/// lines, since processors fetch them in pairs.
#[repr(align(128))]
#[derive(Debug)]
pub(crate) struct Padded<T>(pub(crate) T);

/// A lock: the standard library's, which statics need, or that of [`Mutex`].
pub(crate) trait Lock {
    type Guard<'a>
    where
        Self: 'a;

    fn whole(&self) -> Self::Guard<'_>;

    fn attempt(&self) -> Option<Self::Guard<'_>>;
}

/// Locks. A panic elsewhere doesn't end the accounting: each step leaves whole values.
pub(crate) fn lock<L: Lock>(mutex: &L) -> L::Guard<'_> {
    mutex.whole()
}

/// Locks unless someone else has it.
pub(crate) fn try_lock<L: Lock>(mutex: &L) -> Option<L::Guard<'_>> {
    mutex.attempt()
}

/// Returns the guard of an attempt that found the lock free, poisoned or not.
pub(crate) fn unless_locked<G>(attempt: TryLockResult<G>) -> Option<G> {
    match attempt {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

macro_rules! lock_of {
    ($library:ident) => {
        impl<T> Lock for $library::sync::Mutex<T> {
            type Guard<'a>
                = $library::sync::MutexGuard<'a, T>
            where
                T: 'a;

            fn whole(&self) -> Self::Guard<'_> {
                self.lock().unwrap_or_else(PoisonError::into_inner)
            }

            fn attempt(&self) -> Option<Self::Guard<'_>> {
                unless_locked(self.try_lock())
            }
        }
    };
}

lock_of!(std);
#[cfg(loom)]
lock_of!(loom);

/// Waits a moment for another processor.
pub(crate) fn pause() {
    #[cfg(loom)]
    yield_now();
    #[cfg(not(loom))]
    std::hint::spin_loop();
}

/// Makes a static of something that models make anew for each order of their steps.
#[cfg(not(loom))]
macro_rules! global {
    ($(#[$of:meta])* static $name:ident: $type:ty = $value:expr;) => {
        $(#[$of])*
        static $name: $type = $value;
    };
}
#[cfg(loom)]
macro_rules! global {
    ($(#[$of:meta])* static $name:ident: $type:ty = $value:expr;) => {
        loom::lazy_static! {
            $(#[$of])*
            static ref $name: $type = $value;
        }
    };
}
pub(crate) use global;

/// A cell that is set once, since loom has none: its value, and whether that is seen yet.
#[cfg(loom)]
mod once {
    use super::{AtomicBool, Ordering, pause};

    #[derive(Debug)]
    pub(crate) struct OnceLock<T> {
        value: std::sync::OnceLock<T>,
        seen: AtomicBool,
    }

    impl<T> OnceLock<T> {
        pub(crate) fn new() -> Self {
            Self { value: std::sync::OnceLock::new(), seen: AtomicBool::new(false) }
        }

        pub(crate) fn get(&self) -> Option<&T> {
            let value = self.value.get()?;
            self.seen.load(Ordering::Acquire).then_some(value)
        }

        pub(crate) fn set(&self, value: T) -> Result<(), T> {
            let set = self.value.set(value);
            if set.is_ok() {
                self.seen.store(true, Ordering::Release);
            }
            while !self.seen.load(Ordering::Acquire) {
                pause();
            }
            set
        }
    }
}

/// A lock that is only ever tried. Loom stops no thread that holds one unless it does something there that
/// others do as well; here, who tries and who is about to unlock do the same.
#[cfg(loom)]
mod tried {
    use super::{AtomicU32, Ordering};
    use loom::sync::{RwLockReadGuard, RwLockWriteGuard};
    use std::ops::{Deref, DerefMut};
    use std::sync::{TryLockError, TryLockResult};

    #[derive(Debug)]
    pub(crate) struct RwLock<T> {
        lock: loom::sync::RwLock<T>,
        turns: AtomicU32,
    }

    pub(crate) struct Held<'a, G> {
        guard: G,
        turns: &'a AtomicU32,
    }

    impl<T> RwLock<T> {
        pub(crate) fn new(value: T) -> Self {
            Self { lock: loom::sync::RwLock::new(value), turns: AtomicU32::new(0) }
        }

        pub(crate) fn try_read(&self) -> TryLockResult<Held<'_, RwLockReadGuard<'_, T>>> {
            self.turn();
            self.held(self.lock.try_read())
        }

        pub(crate) fn try_write(&self) -> TryLockResult<Held<'_, RwLockWriteGuard<'_, T>>> {
            self.turn();
            self.held(self.lock.try_write())
        }

        fn turn(&self) {
            self.turns.fetch_add(1, Ordering::Relaxed);
        }

        fn held<G>(&self, attempt: TryLockResult<G>) -> TryLockResult<Held<'_, G>> {
            let guard = attempt.map_err(|_| TryLockError::WouldBlock)?;
            Ok(Held { guard, turns: &self.turns })
        }
    }

    impl<G> Drop for Held<'_, G> {
        fn drop(&mut self) {
            self.turns.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl<G: Deref> Deref for Held<'_, G> {
        type Target = G::Target;

        fn deref(&self) -> &G::Target {
            &self.guard
        }
    }

    impl<G: DerefMut> DerefMut for Held<'_, G> {
        fn deref_mut(&mut self) -> &mut G::Target {
            &mut self.guard
        }
    }
}
