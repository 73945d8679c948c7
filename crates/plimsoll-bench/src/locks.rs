//! A lock, or a channel, that nobody else wants, against the same one bare: in time and in instructions.

use crate::counted::INSTRUCTIONS;
use crate::table::{Goal, Row, Table};
use crate::turns::{Contestant, Work, rounds};
use plimsoll::sync;
use std::hint::black_box;

const TIMES: u64 = 1_000_000;

/// The same, done by ours and by the original.
struct Pair {
    name: &'static str,
    goal: Goal,
    ours: fn(u64),
    bare: fn(u64),
}

/// Locks and unlocks so many times.
macro_rules! locking {
    ($lock:expr, $by:ident($lent:ident) $how:expr) => {
        |times| {
            let lock = $lock;
            for _ in 0..times {
                let $lent = black_box(&lock);
                $by($how);
            }
        }
    };
}

/// Awaits the same so many times.
macro_rules! awaiting {
    ($made:expr, |$lent:ident| $how:expr) => {
        |times| {
            let mut made = $made;
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("builds");
            runtime.block_on(async {
                for _ in 0..times {
                    let $lent = black_box(&mut made);
                    $how;
                }
            });
        }
    };
}

fn write<G: std::ops::DerefMut<Target = u64>>(mut guard: G) {
    *guard += 1;
}

fn read<G: std::ops::Deref<Target = u64>>(guard: G) {
    black_box(*guard);
}

const PAIRS: [Pair; 9] = [
    Pair {
        name: "parking_lot mutex",
        goal: Goal::AtMost(1.25),
        ours: locking!(sync::parking_lot::Mutex::named("bench", 0), write(lock) lock.lock()),
        bare: locking!(parking_lot::Mutex::new(0), write(lock) lock.lock()),
    },
    Pair {
        name: "parking_lot write",
        goal: Goal::AtMost(1.25),
        ours: locking!(sync::parking_lot::RwLock::named("bench", 0), write(lock) lock.write()),
        bare: locking!(parking_lot::RwLock::new(0), write(lock) lock.write()),
    },
    Pair {
        name: "parking_lot read",
        goal: Goal::None,
        ours: locking!(sync::parking_lot::RwLock::named("bench", 0), read(lock) lock.read()),
        bare: locking!(parking_lot::RwLock::new(0), read(lock) lock.read()),
    },
    Pair {
        name: "std mutex",
        goal: Goal::AtMost(1.5),
        ours: locking!(sync::std::Mutex::named("bench", 0), write(lock) lock.lock().expect("sound")),
        bare: locking!(std::sync::Mutex::new(0), write(lock) lock.lock().expect("sound")),
    },
    Pair {
        name: "std write",
        goal: Goal::AtMost(1.5),
        ours: locking!(sync::std::RwLock::named("bench", 0), write(lock) lock.write().expect("sound")),
        bare: locking!(std::sync::RwLock::new(0), write(lock) lock.write().expect("sound")),
    },
    Pair {
        name: "std read",
        goal: Goal::None,
        ours: locking!(sync::std::RwLock::named("bench", 0), read(lock) lock.read().expect("sound")),
        bare: locking!(std::sync::RwLock::new(0), read(lock) lock.read().expect("sound")),
    },
    Pair {
        name: "tokio mutex",
        goal: Goal::AtMost(1.15),
        ours: awaiting!(sync::tokio::Mutex::named("bench", 0), |lock| write(lock.lock().await)),
        bare: awaiting!(tokio::sync::Mutex::new(0), |lock| write(lock.lock().await)),
    },
    Pair {
        name: "tokio read",
        goal: Goal::None,
        ours: awaiting!(sync::tokio::RwLock::named("bench", 0), |lock| read(lock.read().await)),
        bare: awaiting!(tokio::sync::RwLock::new(0), |lock| read(lock.read().await)),
    },
    Pair {
        name: "tokio mpsc, a message",
        goal: Goal::None,
        ours: awaiting!(sync::tokio::mpsc::channel_named("bench", 8), |ends| {
            ends.0.send(1_u64).await.expect("open");
            black_box(ends.1.recv().await);
        }),
        bare: awaiting!(tokio::sync::mpsc::channel(8), |ends| {
            ends.0.send(1_u64).await.expect("open");
            black_box(ends.1.recv().await);
        }),
    },
];

struct Run(fn(u64));

impl Contestant for Run {
    fn run(&self, times: u64, _: Work) {
        (self.0)(times);
    }
}

/// Does so many times what is counted.
pub(crate) fn alone(whose: &str, name: &str, times: u64) {
    if let Some(pair) = PAIRS.iter().find(|pair| pair.name == name) {
        (if whose == "ours" { pair.ours } else { pair.bare })(times);
    }
}

pub(crate) fn measure(table: &mut Table) {
    for pair in PAIRS {
        let costs = rounds(&[&Run(pair.ours), &Run(pair.bare)], 1, TIMES, Work::NONE);
        table.add(Row {
            what: format!("uncontended {}", pair.name),
            unit: "ns",
            peer_name: "the original",
            rounds: costs.iter().map(|round| (round[0], round[1])).collect(),
            goal: pair.goal,
        });
    }
    for pair in PAIRS {
        let of = |whose| INSTRUCTIONS.of(&["lock", whose, pair.name]);
        let Some(round) = of("ours").zip(of("bare")) else {
            eprintln!("valgrind isn't installed: instructions aren't counted");
            return;
        };
        table.add(Row {
            what: format!("uncontended {}", pair.name),
            unit: "instructions",
            peer_name: "the original",
            rounds: vec![round],
            // Two locked instructions are nearly all the time of a bare lock, and two of its eleven.
            goal: Goal::None,
        });
    }
}
