//! What somebody else has done to the store: the service goes on, and a signal says what was wrong.

use plimsoll::Registry;
use plimsoll_cache::{Cache, CacheConfig, Origin, Redis, RedisStore};
use plimsoll_tests::cache_node::Metrics;
use plimsoll_tests::redis::Redis as Server;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

const KEY: &str = "test:value:shoe";

/// A cache over a server, whose values are the numbers of their rebuilds.
struct Service {
    server: Server,
    registry: Registry,
    cache: Cache<RedisStore<String>>,
}

impl Service {
    /// Starts both and lets the first value be kept.
    async fn start(copies_max: u64) -> Self {
        let service = Self::of(copies_max, 1 << 20).await;
        assert_eq!(service.get().await, ("1".into(), Origin::Rebuild));
        service
    }

    async fn of(copies_max: u64, value_bytes_max: usize) -> Self {
        let (server, registry) = (Server::start().await, Registry::new());
        let redis = Redis::lazy_in(&registry, &server.url, Duration::from_secs(10)).expect("a URL");
        let config = CacheConfig {
            fresh_for: Duration::from_secs(600),
            early_beta: 0.0,
            copies_max,
            ..CacheConfig::default()
        };
        let calls = Arc::new(AtomicU64::new(0));
        let rebuild = move |_| {
            let call = calls.fetch_add(1, SeqCst) + 1;
            async move { Ok::<_, Infallible>(call.to_string()) }
        };
        let store = RedisStore::new(redis, "test").value_bytes_max(value_bytes_max);
        let cache = Cache::named_in(&registry, "prices", config, store, rebuild).expect("valid");
        Self { server, registry, cache }
    }

    async fn get(&self) -> (String, Origin) {
        let served = self.cache.get("shoe").await.expect("the service goes on");
        (served.value, served.from)
    }

    async fn ask(&self, words: &[&str]) {
        let _: redis::Value = self.server.ask(words).await;
    }

    fn sum(&self, name: &str, label: (&str, &str)) -> f64 {
        Metrics(plimsoll::text_of(&self.registry)).sum(name, &[label])
    }

    fn fault(&self, fault: &str) -> f64 {
        self.sum("concurrency_cache_faults_total", ("fault", fault))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_age_below_zero_is_zero_and_counted() {
    let service = Service::start(0).await;
    service.ask(&["PEXPIRE", KEY, "99000000"]).await;
    let served = service.cache.get("shoe").await.expect("a value");
    assert_eq!((served.age, served.from), (Some(Duration::ZERO), Origin::Hit));
    let text = plimsoll::text_of(&service.registry);
    assert!(text.contains("\nconcurrency_clock_skew_total 1\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_ends_isnt_taken_for_fresh() {
    let service = Service::start(0).await;
    service.ask(&["PERSIST", KEY]).await;
    assert_eq!(service.get().await, ("2".into(), Origin::Rebuild));
    assert_eq!(service.get().await, ("2".into(), Origin::Hit), "it was replaced");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_beyond_the_limit_is_served_and_not_kept() {
    let service = Service::of(0, 0).await;
    assert_eq!(service.get().await, ("1".into(), Origin::Rebuild));
    assert_eq!(service.get().await, ("2".into(), Origin::Rebuild));
    assert_eq!(service.fault("too_large"), 2.0);
    assert_eq!(service.server.ask::<u64>(&["EXISTS", KEY]).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_another_program_are_no_value_and_are_replaced() {
    let rubbish: [(&str, &[u8]); 5] = [
        ("value", b"\xff"),
        ("generation", b"no number"),
        ("generation", b"9e99"),
        ("keep_ms", b"-1"),
        ("rebuild_us", b""),
    ];
    for (field, bytes) in rubbish {
        let service = Service::start(0).await;
        let words = [b"HSET", KEY.as_bytes(), field.as_bytes(), bytes];
        let _: redis::Value = service.server.ask(&words).await;
        assert_eq!(service.get().await, ("2".into(), Origin::Rebuild), "{field}");
        assert!(service.fault("unreadable") >= 1.0, "{field}");
        assert_eq!(service.get().await, ("2".into(), Origin::Hit), "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_type_is_left_alone() {
    let service = Service::of(0, 1 << 20).await;
    service.ask(&["SET", KEY, "of another program"]).await;
    assert_eq!(service.get().await, ("1".into(), Origin::Rebuild));
    assert_eq!(service.fault("store_failed"), 2.0, "the look-up and the write");
    let kept: String = service.server.ask(&["GET", KEY]).await;
    assert_eq!(kept, "of another program");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generation_that_goes_back_is_served_and_counted() {
    let service = Service::start(10).await;
    service.ask(&["HSET", KEY, "generation", "7", "value", "of old"]).await;
    assert_eq!(service.get().await, ("of old".into(), Origin::Hit));
    assert_eq!(service.fault("went_back"), 1.0);
}
