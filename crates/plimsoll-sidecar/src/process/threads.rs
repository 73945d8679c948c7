//! The threads of one process: what each does, how long it waited for a processor.
//!
//! Most threads of a big process haven't run since the last look, which one number of `schedstat`
//! tells: such a thread still waits where it waited. So that file is held open and read each time, and
//! the others are read only of threads that ran.

use super::folder::{Folder, Room};
use super::state::{LockWait, State};
use super::text::{self, Call, Sched, Switches};
use plimsoll_model::TimeMs;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use std::borrow::Cow;

/// Threads beyond these aren't looked at: a look must end.
const THREADS_MAX: usize = 16_384;

/// The longest file of a thread is read of so many threads at a look, in turn.
const SWITCHES_READ_MAX: usize = 256;

/// One thread in so many is read in full though it seems not to have run, as one that was woken and
/// still waits for a processor does.
const TURNS: u64 = 16;

/// One thread.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) number: u32,
    pub(super) state: State,
    /// The lock that it waits for.
    pub(super) lock: Option<LockWait>,
    /// Where its stack ends, if it waits for a lock.
    pub(super) stack: u64,
    /// Since when at least it has been in this wait.
    pub(super) since: TimeMs,
    pub(super) sched: Sched,
    switches: Switches,
    switches_are_old: bool,
    file: Option<OwnedFd>,
}

/// What threads have come to: those that live, or those that have ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Account {
    /// Ready to run, without a processor.
    pub(super) wait_ns: u64,
    pub(super) switches: Switches,
}

impl Account {
    pub(super) fn add(&mut self, other: Self) {
        self.wait_ns = self.wait_ns.saturating_add(other.wait_ns);
        for (sum, more) in self.switches.iter_mut().zip(other.switches) {
            *sum = sum.saturating_add(more);
        }
    }
}

/// Every thread of a process.
#[derive(Debug)]
pub(super) struct Threads {
    folder: Folder,
    list: Vec<Thread>,
    /// How many there were when they were listed.
    listed: Option<u64>,
    beyond: u64,
    ended: Account,
    looks: u64,
    /// Where the next turn of reading context switches begins.
    turn: usize,
    /// Why a thread's call can't be read.
    refused: Option<Errno>,
}

impl Threads {
    pub(super) fn open(process: &Folder) -> Result<Self, Errno> {
        Ok(Self {
            folder: process.folder("task")?,
            list: Vec::new(),
            listed: None,
            beyond: 0,
            ended: Account::default(),
            looks: 0,
            turn: 0,
            refused: None,
        })
    }

    /// Looks at every thread. So many files are held open at most; of threads beyond these, each is
    /// opened at every look.
    ///
    /// # Errors
    /// The process has ended, or too many files are open.
    pub(super) fn look(
        &mut self,
        now: TimeMs,
        held_max: usize,
        room: &mut Room,
    ) -> Result<(), Errno> {
        self.looks += 1;
        let now_there = self.folder.folders()?;
        if now_there.is_none() || now_there != self.listed {
            self.list_anew(held_max)?;
            self.listed = now_there;
            self.beyond = now_there.unwrap_or_default().saturating_sub(THREADS_MAX as u64);
        }
        let (looks, ended) = (self.looks, &mut self.ended);
        let before = self.list.len();
        let mut failed = None;
        let mut eyes = Eyes { folder: &self.folder, room, refused: &mut self.refused };
        self.list.retain_mut(|thread| {
            let is_turn = (u64::from(thread.number) + looks).is_multiple_of(TURNS);
            match thread.look(now, is_turn, &mut eyes) {
                Err(Errno::SRCH | Errno::NOENT) => {
                    ended.add(thread.account());
                    false
                }
                Err(error) => {
                    failed = failed.or(Some(error));
                    true
                }
                Ok(()) => true,
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        if self.list.len() != before {
            // Another may have begun, so that their number has stayed the same.
            self.listed = None;
        }
        self.read_switches(room);
        if self.list.is_empty() { Err(Errno::SRCH) } else { Ok(()) }
    }

    /// Returns those that were looked at.
    pub(super) fn all(&self) -> &[Thread] {
        &self.list
    }

    /// Finds one.
    pub(super) fn get(&self, number: u32) -> Option<&Thread> {
        let at = self.list.binary_search_by_key(&number, |thread| thread.number).ok()?;
        self.list.get(at)
    }

    /// Returns a thread's name.
    pub(super) fn name(&self, number: u32, room: &mut Room) -> String {
        let name = self.folder.read(&format!("{number}/comm"), room);
        name.map_or_else(|_| "?".into(), |name| name.trim_end().to_string())
    }

    /// Returns what all threads have come to, those that ended included.
    pub(super) fn account(&self) -> Account {
        let mut account = self.ended;
        self.list.iter().for_each(|thread| account.add(thread.account()));
        account
    }

    /// Says why it isn't known what the threads wait for.
    pub(super) fn refused(&self) -> Option<Errno> {
        self.refused
    }

    /// Returns how many weren't looked at.
    pub(super) fn beyond(&self) -> u64 {
        self.beyond
    }

    fn list_anew(&mut self, held_max: usize) -> Result<(), Errno> {
        let numbers = self.folder.numbers()?;
        let known = std::mem::take(&mut self.list);
        let mut known = known.into_iter().peekable();
        let mut held = 0;
        for number in numbers.into_iter().take(THREADS_MAX) {
            while let Some(gone) = known.next_if(|thread| thread.number < number) {
                self.ended.add(gone.account());
            }
            let thread = known.next_if(|thread| thread.number == number);
            let mut thread = thread.unwrap_or_else(|| Thread::new(number));
            if thread.file.is_none() && held < held_max {
                thread.file = self.folder.file(&format!("{number}/schedstat")).ok();
            }
            held += usize::from(thread.file.is_some());
            self.list.push(thread);
        }
        known.for_each(|gone| self.ended.add(gone.account()));
        Ok(())
    }

    fn read_switches(&mut self, room: &mut Room) {
        let turn = self.turn.min(self.list.len());
        let (before, from) = self.list.split_at_mut(turn);
        let turns = from.iter_mut().chain(before).filter(|thread| thread.switches_are_old);
        let mut last = None;
        for thread in turns.take(SWITCHES_READ_MAX) {
            let status = self.folder.read(&format!("{}/status", thread.number), room);
            // It can have ended meanwhile, which the next look will see.
            let switches = status.ok().and_then(|status| text::switches(&status));
            thread.switches = switches.unwrap_or(thread.switches);
            thread.switches_are_old = false;
            last = Some(thread.number);
        }
        let after = |last| self.list.partition_point(|thread| thread.number <= last);
        self.turn = last.map_or(0, after);
    }
}

impl Thread {
    fn new(number: u32) -> Self {
        Self {
            number,
            state: State::Running,
            lock: None,
            stack: 0,
            since: TimeMs(0),
            sched: Sched::default(),
            switches: [0; 2],
            switches_are_old: true,
            file: None,
        }
    }

    fn account(&self) -> Account {
        Account { wait_ns: self.sched.wait_ns, switches: self.switches }
    }

    /// Looks at the thread: in full if it has run since the last look, or if it is its turn.
    fn look(&mut self, now: TimeMs, is_turn: bool, eyes: &mut Eyes<'_>) -> Result<(), Errno> {
        let sched = match &self.file {
            Some(file) => eyes.room.read(file)?,
            None => eyes.read(self.number, "schedstat")?,
        };
        // A kernel without this account says 0, and every thread seems to have run.
        let sched = text::sched(&sched).unwrap_or_default();
        if sched.run_ns < self.sched.run_ns {
            // Another thread has got the number.
            return Err(Errno::SRCH);
        }
        let is_asleep = self.state != State::Running && sched.slices > 0;
        let has_run = !(is_asleep && sched == self.sched);
        self.sched = sched;
        if has_run {
            self.switches_are_old = true;
            self.since = now;
        }
        if has_run || is_turn { self.read_state(eyes) } else { Ok(()) }
    }

    fn read_state(&mut self, eyes: &mut Eyes<'_>) -> Result<(), Errno> {
        let call = eyes.call(self.number)?;
        let told = call.as_ref().map(State::of_call);
        (self.lock, self.stack) = match &call {
            Some(Call::In { arguments, stack, .. }) if told == Some(State::Lock) => {
                (LockWait::of(arguments), *stack)
            }
            _ => (None, 0),
        };
        self.state = match told {
            Some(told) if !told.may_be_uninterruptible() => told,
            _ => {
                let stat = text::stat(&eyes.read(self.number, "stat")?);
                let shown = stat.map_or(State::Other, |stat| State::of_character(stat.state));
                told.filter(|_| shown == State::Sleeping).unwrap_or(shown)
            }
        };
        Ok(())
    }
}

/// What is needed to read a thread's files.
struct Eyes<'a> {
    folder: &'a Folder,
    room: &'a mut Room,
    refused: &'a mut Option<Errno>,
}

impl Eyes<'_> {
    fn read(&mut self, number: u32, file: &str) -> Result<Cow<'_, str>, Errno> {
        self.folder.read(&format!("{number}/{file}"), self.room)
    }

    /// Reads the call that a thread waits in; none if that isn't shown.
    fn call(&mut self, number: u32) -> Result<Option<Call>, Errno> {
        let read = self.read(number, "syscall").map(|text| text::call(&text));
        match read {
            Ok(call) => {
                *self.refused = None;
                Ok(call)
            }
            // Some kernels are built without the file.
            Err(error @ (Errno::PERM | Errno::ACCESS | Errno::NOENT)) => {
                *self.refused = Some(error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
