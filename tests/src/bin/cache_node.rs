//! One process of a fleet that shares a cache: it does what it is told on its standard input, and says
//! on its standard output what came of it.
//!
//! | line | does | says |
//! |---|---|---|
//! | `get KEY N` | N calls at once | `asked`, when all have looked up; then `got VALUE×TIMES …` |
//! | `naive KEY N` | N calls that ask for the lease first | `got …` |
//! | `metrics` | | the exposition, then `# end` |

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a harness fails its test")]

use futures_util::future::join_all;
use plimsoll_cache::{
    Acquired, Cache, CacheConfig, Entry, Fresh, Lock, LockConfig, Redis, RedisLeases, RedisStore,
    Store, StoreError, Written,
};
use plimsoll_model::catalog;
use std::collections::{BTreeMap, HashSet};
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What the test has said of this node, as `name=value`.
struct Told(BTreeMap<String, String>);

impl Told {
    fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn is(&self, name: &str) -> bool {
        self.text(name) == "yes"
    }

    fn ms(&self, name: &str, otherwise_ms: u64) -> Duration {
        Duration::from_millis(self.text(name).parse().unwrap_or(otherwise_ms))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let words = std::env::args().skip(1);
    let pair = |word: String| word.split_once('=').map(|(name, value)| (name.into(), value.into()));
    let told = Told(words.filter_map(pair).collect());
    let redis = Redis::lazy(told.text("redis"), told.ms("redis_limit_ms", 60_000))?;
    let store = RedisStore::<String>::new(redis, "test");
    // The compiler has to see which guards a store has, so each combination is one type.
    match (told.is("unfenced"), told.is("blind")) {
        (false, false) => run(&told, store).await,
        (false, true) => run(&told, Blind { store, seen: Mutex::default() }).await,
        (true, _) => run(&told, Unfenced(store)).await,
    }
}

async fn run<S: Store<Value = String>>(told: &Told, store: S) -> Result<(), Failure> {
    let lock = if told.text("locked").is_empty() { None } else { Some(lock(told)?) };
    let config = CacheConfig {
        fresh_for: told.ms("fresh_ms", 600_000),
        stale_for: Duration::from_secs(600),
        early_beta: 0.0,
        wait_max: told.ms("wait_ms", 300_000),
        rebuild_max: Duration::from_secs(300),
        lock: lock.clone().filter(|_| told.is("locked")),
        copies_max: if told.is("copies") { 100 } else { 0 },
        ..CacheConfig::default()
    };
    let (client, origin) = (plimsoll_tests::http(), told.text("origin").to_owned());
    let rebuild = move |key: Arc<str>| {
        let answer = client.get(format!("{origin}/{key}")).send();
        async move { answer.await?.error_for_status()?.text().await }
    };
    let cache = Cache::named("test", config, store, rebuild)?;
    println!("ready");
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["get", key, times] => get(&cache, key, times.parse()?).await,
            ["naive", key, times] => {
                naive(&cache, lock.as_ref().expect("it is locked"), key, times.parse()?).await;
            }
            ["metrics"] => println!("{}# end", plimsoll::text()),
            _ => return Err(format!("what is {line:?}?").into()),
        }
    }
    Ok(())
}

fn lock(told: &Told) -> Result<Lock, Failure> {
    let leases = if told.text("leases").is_empty() { "redis" } else { "leases" };
    let redis = Redis::lazy(told.text(leases), told.ms("redis_limit_ms", 60_000))?;
    let config = LockConfig {
        ttl: told.ms("ttl_ms", 10_000),
        is_renewed: !told.is("unrenewed"),
        wait_max: Duration::from_secs(120),
        ..LockConfig::default()
    };
    Ok(Lock::named("test", RedisLeases::new(redis, "test"), config)?)
}

/// Calls so many times at once.
async fn get<S: Store<Value = String>>(cache: &Cache<S>, key: &str, times: usize) {
    let before = looked_up();
    let calls = join_all((0..times).map(|_| cache.get(key)));
    let asked = async {
        // A look-up counts in the step in which its call begins to wait.
        while looked_up() < before + times as f64 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        println!("asked");
    };
    let (got, ()) = tokio::join!(calls, asked);
    say(got.into_iter().map(|served| match served {
        Ok(served) => format!("{}/{:?}", served.value, served.from).to_lowercase(),
        Err(error) => format!("error/{}", error.to_string().replace(' ', "_")),
    }));
}

/// Asks for the lease before anything is promised to the other callers: the order in which a lock is
/// often put around a cache.
async fn naive<S: Store<Value = String>>(cache: &Cache<S>, lock: &Lock, key: &str, times: usize) {
    let calls = (0..times).map(|_| async {
        match lock.acquire_unless(key, || ready(Some(()))).await {
            Ok(Acquired::Held(held)) => {
                let _ = cache.get(key).await;
                held.release().await.map_or("error", |()| "rebuilt")
            }
            Ok(Acquired::Unneeded(())) => "fallback",
            Err(_) => "error",
        }
        .to_owned()
    });
    say(join_all(calls).await.into_iter());
}

fn looked_up() -> f64 {
    let snapshot = plimsoll::Registry::global().snapshot();
    let lookups =
        snapshot.families.iter().find(|family| family.name == catalog::CACHE_LOOKUPS.name);
    lookups.into_iter().flat_map(|family| &family.series).fold(0.0, |sum, series| {
        match series.value {
            plimsoll_model::Value::Count(count) => sum + count as f64,
            _ => sum,
        }
    })
}

fn say(all: impl Iterator<Item = String>) {
    let mut times = BTreeMap::<String, usize>::new();
    all.for_each(|one| *times.entry(one).or_default() += 1);
    let said: Vec<String> = times.iter().map(|(one, times)| format!("{one}×{times}")).collect();
    println!("got {}", said.join(" "));
}

/// A store that only gets and puts.
struct Unfenced(RedisStore<String>);

impl Store for Unfenced {
    type Value = String;

    async fn get(&self, key: &str) -> Result<Option<Entry<String>>, StoreError> {
        self.0.get(key).await
    }

    async fn put(&self, key: &str, fresh: Fresh<'_, String>) -> Result<Written, StoreError> {
        self.0.put(key, fresh).await
    }

    async fn remove(&self, key: &str, keep: Duration) -> Result<(), StoreError> {
        self.0.remove(key, keep).await
    }
}

/// A store that answers once for each key, so that a second look finds nothing.
struct Blind {
    store: RedisStore<String>,
    seen: Mutex<HashSet<String>>,
}

impl Store for Blind {
    type Value = String;
    const FENCED: bool = true;

    async fn get(&self, key: &str) -> Result<Option<Entry<String>>, StoreError> {
        let is_first = self.seen.lock().expect("no panic").insert(key.to_owned());
        if is_first { self.store.get(key).await } else { Ok(None) }
    }

    async fn put(&self, key: &str, fresh: Fresh<'_, String>) -> Result<Written, StoreError> {
        self.store.put(key, fresh).await
    }

    async fn remove(&self, key: &str, keep: Duration) -> Result<(), StoreError> {
        self.store.remove(key, keep).await
    }

    async fn issue(&self, key: &str) -> Result<Option<u64>, StoreError> {
        self.store.issue(key).await
    }

    async fn put_if_generation(
        &self,
        key: &str,
        fresh: Fresh<'_, String>,
    ) -> Result<Written, StoreError> {
        self.store.put_if_generation(key, fresh).await
    }
}
