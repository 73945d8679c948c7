//! The threads of one process.
//!
//! Most threads of a big process haven't run since the last look, which one number of `schedstat`
//! tells: such a thread still waits where it waited. So that file is held open and read each time, and
//! the others are read only of threads that ran, as far as a look's [`Allowance`] goes.

use super::allowance::Allowance;
use super::folder::{Folder, Room};
use super::text::Switches;
use super::thread::{Blind, Eyes, Held, Thread};
use plimsoll_model::TimeMs;
use rustix::io::Errno;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Threads beyond these aren't looked at: a look must end.
const THREADS_MAX: usize = 16_384;

/// Of the threads that always run or never, and of those whose file isn't held, so many are looked at
/// at a look, in turn.
const IN_TURN_MAX: usize = 1_024;

/// If one in so many of them has changed its ways, all are looked at: the process stirs, or stands still.
const CHANGED_PART: usize = 8;

/// One thread in so many is read in full though it seems not to have run, as one that was woken and
/// still waits for a processor does...
const TURNS: u64 = 32;

/// ...but at most so many a look.
const TURNS_READ_MAX: u64 = 64;

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
    /// A permit for each file that may be held.
    held: Arc<Semaphore>,
    /// How many there were when they were listed.
    listed: Option<u64>,
    beyond: u64,
    ended: Account,
    looks: u64,
    allowance: Allowance,
    /// Where the next turn of reading calls begins, and that of context switches.
    turns: [usize; 2],
    blind: Option<Blind>,
}

impl Threads {
    pub(super) fn open(process: &Folder, held: Arc<Semaphore>) -> Result<Self, Errno> {
        Ok(Self {
            folder: process.folder("task")?,
            list: Vec::new(),
            held,
            listed: None,
            beyond: 0,
            ended: Account::default(),
            looks: 0,
            allowance: Allowance::new(),
            turns: [0; 2],
            blind: None,
        })
    }

    /// Looks at every thread.
    ///
    /// # Errors
    /// The process has ended, or too many files are open.
    pub(super) fn look(
        &mut self,
        now: TimeMs,
        is_32_bit: bool,
        room: &mut Room,
    ) -> Result<(), Errno> {
        self.looks += 1;
        let now_there = self.folder.folders()?;
        if now_there.is_none() || now_there != self.listed {
            self.list_anew()?;
            self.listed = now_there;
            self.beyond = now_there.unwrap_or_default().saturating_sub(THREADS_MAX as u64);
        }
        if is_32_bit {
            self.blind = Some(Blind::Narrow);
        } else if self.blind == Some(Blind::Narrow) {
            self.blind = None;
        }
        let before = self.list.len();
        self.look_who_has_run(now, room)?;
        self.read_states(room)?;
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
    pub(super) fn blind(&self) -> Option<Blind> {
        self.blind
    }

    /// Returns how many weren't looked at.
    pub(super) fn beyond(&self) -> u64 {
        self.beyond
    }

    fn list_anew(&mut self) -> Result<(), Errno> {
        let numbers = self.folder.numbers()?;
        let known = std::mem::take(&mut self.list);
        let mut known = known.into_iter().peekable();
        for number in numbers.into_iter().take(THREADS_MAX) {
            while let Some(gone) = known.next_if(|thread| thread.number < number) {
                self.ended.add(gone.account());
            }
            let thread = known.next_if(|thread| thread.number == number);
            let mut thread = thread.unwrap_or_else(|| Thread::new(number));
            if thread.file.is_none() {
                thread.file = self.held.clone().try_acquire_owned().ok().and_then(|permit| {
                    let file = self.folder.file(&format!("{number}/schedstat")).ok()?;
                    Some(Held { file, _permit: permit })
                });
            }
            self.list.push(thread);
        }
        known.for_each(|gone| self.ended.add(gone.account()));
        Ok(())
    }

    fn look_who_has_run(&mut self, now: TimeMs, room: &mut Room) -> Result<(), Errno> {
        let takes_turns = |thread: &Thread| thread.file.is_none() || thread.is_steady();
        let in_turn = self.list.iter().filter(|thread| takes_turns(thread)).count();
        let stride = in_turn.div_ceil(IN_TURN_MAX).max(1) as u64;
        let looks = self.looks;
        let mut place = looks;
        let turn = |thread: &Thread| {
            let takes_turns = takes_turns(thread);
            place += u64::from(takes_turns);
            !takes_turns || place.is_multiple_of(stride)
        };
        let (steady, changed) = self.look_at(now, room, turn)?;
        if stride > 1 && changed * CHANGED_PART > steady {
            let rest = |thread: &Thread| thread.file.is_some() && thread.look < looks;
            self.look_at(now, room, rest)?;
        }
        Ok(())
    }

    /// Looks at the threads that are due; returns how many of them were steady, and how many of these
    /// are no more.
    fn look_at(
        &mut self,
        now: TimeMs,
        room: &mut Room,
        mut is_due: impl FnMut(&Thread) -> bool,
    ) -> Result<(usize, usize), Errno> {
        let Self { list, folder, allowance, blind, looks, ended, .. } = self;
        let turns = TURNS.max(list.len() as u64 / TURNS_READ_MAX);
        let (mut steady, mut changed, mut failed) = (0, 0, None);
        let mut eyes = Eyes { folder, room, allowance, blind };
        list.retain_mut(|thread| {
            if !is_due(thread) {
                return true;
            }
            let was_steady = thread.is_steady();
            thread.look = *looks;
            let is_turn = (u64::from(thread.number) + *looks).is_multiple_of(turns);
            match thread.look(now, is_turn, &mut eyes) {
                Err(Errno::SRCH | Errno::NOENT) => {
                    ended.add(thread.account());
                    false
                }
                Err(error) => {
                    failed = failed.or(Some(error));
                    true
                }
                Ok(()) => {
                    steady += usize::from(was_steady);
                    changed += usize::from(was_steady && !thread.is_steady());
                    true
                }
            }
        });
        failed.map_or(Ok((steady, changed)), Err)
    }

    /// Reads what those do of whom that is old news: first those that stand still now, since one look
    /// settles them, then those that keep running.
    fn read_states(&mut self, room: &mut Room) -> Result<(), Errno> {
        let Self { list, folder, allowance, blind, ended, turns, .. } = self;
        let (mut gone, mut failed, mut last) = (Vec::new(), None, None);
        allowance.refill();
        let mut eyes = Eyes { folder, room, allowance, blind };
        for stands_still in [true, false] {
            let turn = turns[0].min(list.len());
            let (before, from) = list.split_at_mut(turn);
            let old = from.iter_mut().chain(before).filter(|thread| thread.is_old);
            for thread in old.filter(|thread| thread.has_run != stands_still) {
                if !eyes.allowance.is_left_for_calls() {
                    break;
                }
                match thread.read_state(&mut eyes) {
                    Ok(()) => last = Some(thread.number),
                    Err(Errno::SRCH | Errno::NOENT) => gone.push(thread.number),
                    Err(error) => failed = Some(error),
                }
            }
        }
        turns[0] = last.map_or(0, |last| list.partition_point(|thread| thread.number <= last));
        list.retain(|thread| {
            let is_gone = gone.contains(&thread.number);
            if is_gone {
                ended.add(thread.account());
            }
            !is_gone
        });
        failed.map_or(Ok(()), Err)
    }

    fn read_switches(&mut self, room: &mut Room) {
        let Self { list, folder, allowance, blind, turns, .. } = self;
        let turn = turns[1].min(list.len());
        let (before, from) = list.split_at_mut(turn);
        let mut eyes = Eyes { folder, room, allowance, blind };
        let mut last = None;
        for thread in from.iter_mut().chain(before).filter(|thread| thread.switches_are_old) {
            if !eyes.allowance.is_left() {
                break;
            }
            // It can have ended meanwhile, which the next look will see.
            let _ = thread.read_status(&mut eyes);
            last = Some(thread.number);
        }
        turns[1] = last.map_or(0, |last| list.partition_point(|thread| thread.number <= last));
    }
}
