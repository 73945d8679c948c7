//! A hit of a guarded cache against the same hit of the bare `moka` cache below it.

use crate::table::{Goal, Row, Table};
use crate::turns::{Contestant, Work, rounds};
use plimsoll_cache::{Cache, CacheConfig, LocalStore};
use std::convert::Infallible;
use std::hint::black_box;
use tokio::runtime::{Builder, Runtime};

const TIMES: u64 = 1_000_000;
const KEYS: [&str; 4] = ["shoe", "sock", "scarf", "shirt"];

struct Ours(Cache<LocalStore<u64>>);

impl Contestant for Ours {
    fn run(&self, times: u64, _: Work) {
        runtime().block_on(async {
            for key in KEYS.iter().cycle().take(times as usize) {
                black_box(self.0.get(black_box(key)).await.map(|served| served.value).ok());
            }
        });
    }
}

struct Bare(moka::sync::Cache<String, u64>);

impl Contestant for Bare {
    fn run(&self, times: u64, _: Work) {
        runtime().block_on(async {
            for key in KEYS.iter().cycle().take(times as usize) {
                black_box(self.0.get(black_box(*key)));
            }
        });
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

pub(crate) fn measure(table: &mut Table) {
    let rebuild = async |_| Ok::<_, Infallible>(1);
    let cache = Cache::named("bench", CacheConfig::default(), LocalStore::new(100), rebuild);
    let ours = Ours(cache.expect("it makes sense"));
    let bare = Bare(moka::sync::Cache::new(100));
    KEYS.iter().for_each(|key| bare.0.insert((*key).to_owned(), 1));
    for threads in [1, 2] {
        let costs = rounds(&[&ours, &bare], threads, TIMES, Work::NONE);
        table.add(Row {
            what: format!("a hit of a cache, {threads} threads"),
            unit: "ns",
            peer_name: "moka alone",
            rounds: costs.iter().map(|round| (round[0], round[1])).collect(),
            goal: Goal::AtMost(1.5),
        });
    }
}
