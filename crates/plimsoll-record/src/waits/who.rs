use crate::sync::{lock, try_lock};
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::task::Waker;

/// Sets threads apart from tasks.
const THREAD: u64 = 1 << 63;

/// Sets what a thread runs outside of tasks apart from the thread.
const ROOT: u64 = 1 << 62;

/// Where the mark of a strand lies, and how many bits it has; task and thread numbers lie below it.
const STRAND_SHIFT: u32 = 40;
const STRAND: u64 = 0xf_ffff << STRAND_SHIFT;

/// How many threads' names are kept at most.
const NAMES_MAX: usize = 4_096;

/// How often a thread tries to leave its name, once in its life.
const NAMES_TRIES: usize = 1_000;

/// Who waits or holds: a task, or a thread that runs none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Who(u64);

impl Who {
    /// A holder of whom nobody knows who it is, because its guard may have been handed on.
    pub const UNKNOWN: Self = Self(u64::MAX);

    /// Returns the thread that asks. Costs one read of a thread-local word.
    #[inline]
    pub fn thread() -> Self {
        Self(Self::root().0 & !ROOT)
    }

    /// Returns what the thread that asks runs outside of any task: its function, or the future that it
    /// drives. While that one waits without blocking, tasks may run on the same thread; so the thread
    /// isn't stuck when it is.
    #[inline]
    pub fn root() -> Self {
        OWN.with(|own| match own.get() {
            0 => first(own),
            word => Self(word),
        })
    }

    /// Returns the task of this number, as its runtime counts them, from 1.
    #[inline]
    pub fn task(number: u64) -> Self {
        Self(number & !THREAD & !ROOT & !STRAND)
    }

    /// Returns the part of a task that `waker` wakes. A task may drive many futures by itself, each with
    /// a waker of its own: one of them may wait for what another holds, and that is no deadlock.
    #[inline]
    #[must_use]
    pub fn strand(self, waker: &Waker) -> Self {
        let mark = (waker.data().addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
        Self(self.0 & !STRAND | mark.max(1) << STRAND_SHIFT)
    }

    /// Returns the whole task, whichever part it is.
    pub fn whole(self) -> Self {
        if self == Self::UNKNOWN { self } else { Self(self.0 & !STRAND) }
    }

    /// Returns the thread's number, counted by first use; none of a task.
    pub fn thread_number(self) -> Option<u64> {
        (self != Self::UNKNOWN && self.0 & THREAD != 0)
            .then_some(self.0 & !THREAD & !ROOT & !STRAND)
    }

    /// Returns the task's number; none of a thread.
    pub fn task_number(self) -> Option<u64> {
        (self.0 & THREAD == 0).then_some(self.0 & !STRAND)
    }

    /// Returns the thread of a thread's root; it can't go on while the thread is blocked.
    pub(super) fn thread_of_root(self) -> Option<Self> {
        (self != Self::UNKNOWN && self.0 & ROOT != 0 && self.0 & THREAD != 0)
            .then_some(Self(self.0 & !ROOT & !STRAND))
    }

    pub(super) fn word(self) -> u64 {
        self.0
    }

    /// Reads a word back; 0 is nobody.
    pub(super) fn of_word(word: u64) -> Option<Self> {
        (word != 0).then_some(Self(word))
    }
}

/// Writes `task 7`, or a thread's name, or `thread 7` of one that has none.
impl fmt::Display for Who {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.task_number(), self.thread_number()) {
            (Some(task), _) => write!(out, "task {task}"),
            (_, Some(number)) => match name_of(number) {
                Some(name) => write!(out, "thread {name}"),
                None => write!(out, "thread {number}"),
            },
            (None, None) => out.write_str("unknown"),
        }
    }
}

impl fmt::Debug for Who {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

thread_local! {
    /// The word of this thread's root. It needs no destructor, so that reading it costs a load.
    static OWN: Cell<u64> = const { Cell::new(0) };
    static NAMED: Named = Named::this_thread();
}

type Names = Option<HashMap<u64, String>>;

static NAMES: Mutex<Names> = Mutex::new(None);

/// Tries a while, and not for ever: in a forked child, nobody may be left to unlock it.
fn try_names() -> Option<MutexGuard<'static, Names>> {
    let attempt = |_| {
        try_lock(&NAMES).or_else(|| {
            std::thread::yield_now();
            None
        })
    };
    (0..NAMES_TRIES).find_map(attempt)
}

/// Returns a copy, so that nobody waits for whoever writes it.
fn name_of(number: u64) -> Option<String> {
    lock(&NAMES).as_ref()?.get(&number).cloned()
}

/// Keeps a thread's name as long as the thread lives.
struct Named(u64);

impl Named {
    fn this_thread() -> Self {
        let number = OWN.with(Cell::get) & !THREAD & !ROOT;
        if let Some(name) = std::thread::current().name()
            && let Some(mut names) = try_names()
        {
            let names = names.get_or_insert_default();
            if names.len() < NAMES_MAX {
                names.insert(number, name.to_owned());
            }
        }
        Self(number)
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        if let Some(mut names) = try_names()
            && let Some(names) = names.as_mut()
        {
            names.remove(&self.0);
        }
    }
}

#[cold]
fn first(own: &Cell<u64>) -> Who {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    own.set(NEXT.fetch_add(1, Ordering::Relaxed) | THREAD | ROOT);
    // A thread that is being torn down keeps no name.
    let _ = NAMED.try_with(|_| ());
    Who(own.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_itself_and_nobody_else() {
        let named = std::thread::Builder::new().name("baker".into());
        let (other, text) = named
            .spawn(|| (Who::thread(), Who::thread().to_string()))
            .expect("it starts")
            .join()
            .expect("it ends");
        assert_eq!(Who::thread(), Who::thread());
        assert_ne!(Who::thread(), Who::root());
        assert_eq!(Who::thread().thread_number(), Who::root().thread_number());
        assert_ne!(Who::thread(), other);
        assert_eq!(text, "thread baker");
        assert_eq!(other.task_number(), None);
        assert_eq!(other.to_string(), format!("thread {}", other.thread_number().expect("one")));
    }

    #[test]
    fn a_task_is_no_thread_and_unknown_is_neither() {
        assert_eq!((Who::task(7).task_number(), Who::task(7).thread_number()), (Some(7), None));
        assert_eq!(Who::task(7).to_string(), "task 7");
        let unknown = Who::UNKNOWN;
        assert_eq!((unknown.task_number(), unknown.thread_number()), (None, None));
        assert_eq!(unknown.to_string(), "unknown");
    }
}
