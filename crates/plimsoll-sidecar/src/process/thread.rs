//! One thread: what it does, how long it waited for a processor.

use super::NEEDS;
use super::allowance::Allowance;
use super::folder::{Folder, Room};
use super::state::{LockWait, State};
use super::text::{self, Call, Sched, Status, Switches};
use super::threads::Account;
use plimsoll_model::TimeMs;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use std::borrow::Cow;
use std::fmt;
use tokio::sync::OwnedSemaphorePermit;

/// What so many looks in a row have found of a thread, the next one is likely to find.
const STEADY_LOOKS: u8 = 8;

/// One thread.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) number: u32,
    /// What it did when its call was read last; none if it never was.
    pub(super) state: Option<State>,
    /// The lock that it waits for.
    pub(super) lock: Option<LockWait>,
    /// Where its stack ends, if it waits for a lock.
    pub(super) stack: u64,
    /// Since when at least it has been in this wait.
    pub(super) since: TimeMs,
    pub(super) sched: Sched,
    /// Whether it has run since its call was read.
    pub(super) is_old: bool,
    /// Whether the last look found that it had run.
    pub(super) has_run: bool,
    /// How many looks in a row have found the same of that.
    alike: u8,
    /// The number of the last look at it.
    pub(super) look: u64,
    pub(super) switches_are_old: bool,
    switches: Switches,
    pub(super) file: Option<Held>,
}

/// A file that is held open to read it again and again.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) file: OwnedFd,
    pub(super) _permit: OwnedSemaphorePermit,
}

/// What is needed to read a thread's files.
pub(super) struct Eyes<'a> {
    pub(super) folder: &'a Folder,
    pub(super) room: &'a mut Room,
    pub(super) allowance: &'a mut Allowance,
    pub(super) blind: &'a mut Option<Blind>,
}

/// Why it isn't known what threads wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blind {
    /// Reading `task/*/syscall` fails.
    Refused(Errno),
    /// Calls of a 32-bit program have other numbers.
    Narrow,
}

impl fmt::Display for Blind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(out, "reading task/*/syscall fails ({error}); {NEEDS}"),
            Self::Narrow => out.write_str("a 32-bit program's calls have other numbers"),
        }
    }
}

impl Thread {
    pub(super) fn new(number: u32) -> Self {
        Self {
            number,
            state: None,
            lock: None,
            stack: 0,
            since: TimeMs(0),
            sched: Sched::default(),
            is_old: true,
            has_run: true,
            alike: 0,
            look: 0,
            switches_are_old: true,
            switches: [0; 2],
            file: None,
        }
    }

    pub(super) fn account(&self) -> Account {
        Account { wait_ns: self.sched.wait_ns, switches: self.switches }
    }

    /// Says whether many looks have found the same: that it always runs, or never.
    pub(super) fn is_steady(&self) -> bool {
        self.alike >= STEADY_LOOKS
    }

    /// Looks whether the thread has run since the last look, and whether it is old news what it does.
    pub(super) fn look(
        &mut self,
        now: TimeMs,
        is_turn: bool,
        eyes: &mut Eyes<'_>,
    ) -> Result<(), Errno> {
        let sched = match &self.file {
            Some(held) => eyes.room.read(&held.file)?,
            None => eyes.folder.read(&format!("{}/schedstat", self.number), eyes.room)?,
        };
        // A kernel without this account says 0, and every thread seems to have run.
        let sched = text::sched(&sched).unwrap_or_default();
        if sched.run_ns < self.sched.run_ns {
            // Another thread has got the number.
            return Err(Errno::SRCH);
        }
        let is_asleep = self.state != Some(State::Running) && sched.slices > 0;
        let has_run = !(is_asleep && sched == self.sched);
        self.alike = if has_run == self.has_run { self.alike.saturating_add(1) } else { 0 };
        self.has_run = has_run;
        self.sched = sched;
        if self.has_run {
            self.switches_are_old = true;
            self.since = now;
        }
        self.is_old |= self.has_run || is_turn;
        Ok(())
    }

    /// Reads what it does.
    pub(super) fn read_state(&mut self, eyes: &mut Eyes<'_>) -> Result<(), Errno> {
        let call = eyes.call(self.number)?;
        let told = call.as_ref().map(State::of_call);
        (self.lock, self.stack) = match &call {
            Some(Call::In { arguments, stack, .. }) if told == Some(State::Lock) => {
                (LockWait::of(arguments), *stack)
            }
            _ => (None, 0),
        };
        self.state = match told {
            Some(told) if !told.may_be_uninterruptible() => Some(told),
            _ => {
                let status = self.read_status(eyes)?;
                let shown = status.map_or(State::Other, |status| State::of_character(status.state));
                Some(told.filter(|_| shown == State::Sleeping).unwrap_or(shown))
            }
        };
        self.is_old = false;
        Ok(())
    }

    /// Reads its context switches, and the state that the kernel tells by itself.
    pub(super) fn read_status(&mut self, eyes: &mut Eyes<'_>) -> Result<Option<Status>, Errno> {
        let status = text::status(&eyes.read(self.number, "status")?);
        self.switches = status.and_then(|status| status.switches).unwrap_or(self.switches);
        self.switches_are_old = false;
        Ok(status)
    }
}

impl Eyes<'_> {
    fn read(&mut self, number: u32, file: &str) -> Result<Cow<'_, str>, Errno> {
        self.allowance.count();
        self.folder.read(&format!("{number}/{file}"), self.room)
    }

    /// Reads the call that a thread waits in; none if that isn't shown.
    fn call(&mut self, number: u32) -> Result<Option<Call>, Errno> {
        if *self.blind == Some(Blind::Narrow) {
            return Ok(None);
        }
        let read = self.read(number, "syscall").map(|text| text::call(&text));
        match read {
            Ok(call) => {
                *self.blind = None;
                Ok(call)
            }
            // Some kernels are built without the file.
            Err(error @ (Errno::PERM | Errno::ACCESS | Errno::NOENT)) => {
                *self.blind = Some(Blind::Refused(error));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
