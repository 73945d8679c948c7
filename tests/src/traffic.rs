//! Services under random traffic whose every event is known: they fail, restart and fall silent, and
//! what really happened is written down beside what they expose.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time between two steps of the traffic.
const TICK: Duration = Duration::from_millis(100);

/// What happened in one step, over all services.
#[derive(Clone, Copy, Debug)]
pub struct Tick {
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// How many requests there were.
    pub total: u64,
    /// How many of them failed.
    pub bad: u64,
}

/// A time at which an exposed counter doesn't say what happened.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// What it was: a row of the scenarios.
    pub what: &'static str,
    /// When it began, in milliseconds since the Unix epoch.
    pub from_ms: i64,
    /// When it was over.
    pub to_ms: i64,
}

/// Everything that happened.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// Step by step.
    pub ticks: Vec<Tick>,
    /// The times of trouble.
    pub troubles: Vec<Trouble>,
}

impl Truth {
    /// Returns how many were bad, and all, after `from_ms` and up to `to_ms`.
    pub fn between(&self, from_ms: i64, to_ms: i64) -> (u64, u64) {
        let within = self.ticks.iter().filter(|tick| tick.at_ms > from_ms && tick.at_ms <= to_ms);
        within.fold((0, 0), |(bad, all), tick| (bad + tick.bad, all + tick.total))
    }

    /// Returns the first trouble that touches the time between.
    pub fn trouble(&self, from_ms: i64, to_ms: i64) -> Option<&Trouble> {
        self.troubles.iter().find(|one| one.to_ms >= from_ms && one.from_ms <= to_ms)
    }
}

#[derive(Default)]
struct Service {
    started_ms: i64,
    good: u64,
    bad: u64,
    away_until_ms: i64,
}

/// Random numbers that are the same for each seed (splitmix64, Steele et al. 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Services that expose `requests_total{code}` each.
pub struct Traffic {
    /// Their addresses, as `127.0.0.1:8080`.
    pub addresses: Vec<String>,
    services: Vec<Arc<Mutex<Service>>>,
    random: Random,
    truth: Truth,
}

impl Traffic {
    /// Starts so many services.
    pub async fn start(services: usize, seed: u64) -> Self {
        let mut traffic = Self {
            addresses: Vec::new(),
            services: Vec::new(),
            random: Random(seed),
            truth: Truth::default(),
        };
        for _ in 0..services {
            let service = Service { started_ms: now_ms(), ..Service::default() };
            let service = Arc::new(Mutex::new(service));
            let router = Router::new().route("/metrics", get(expose)).with_state(service.clone());
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            traffic.addresses.push(listener.local_addr().expect("its address").to_string());
            traffic.services.push(service);
            tokio::spawn(async move { axum::serve(listener, router).await });
        }
        traffic
    }

    /// Lets traffic pass for so long: up to `bad_percent` fail, in waves; with `troubled`, services
    /// restart and fall silent.
    pub async fn pass(&mut self, length: Duration, bad_percent: u64, troubled: bool) {
        let mut ticks = tokio::time::interval(TICK);
        let end = tokio::time::Instant::now() + length;
        while tokio::time::Instant::now() < end {
            ticks.tick().await;
            let (mut all, mut failed) = (0, 0);
            for number in 0..self.services.len() {
                if troubled {
                    self.upset(number);
                }
                let requests = 5 + self.random.below(10);
                let bad =
                    (0..requests).filter(|_| self.random.below(100) < bad_percent).count() as u64;
                let mut service = held(&self.services[number]);
                service.good += requests - bad;
                service.bad += bad;
                all += requests;
                failed += bad;
            }
            self.truth.ticks.push(Tick { at_ms: now_ms(), total: all, bad: failed });
        }
    }

    /// Restarts a service about every eight seconds and silences it about as often.
    fn upset(&mut self, number: usize) {
        let now = now_ms();
        let (restarts, falls_silent) = (self.random.below(80) == 0, self.random.below(80) == 0);
        let silent_ms = 2_000 + i64::try_from(self.random.below(2_000)).unwrap_or(0);
        let mut service = held(&self.services[number]);
        if restarts {
            *service = Service { started_ms: now, ..Service::default() };
            let what =
                "rows 8 and 9: a restart takes what it counted since the last scrape with it";
            self.truth.troubles.push(Trouble { what, from_ms: now - 1_500, to_ms: now + 2_500 });
        } else if falls_silent && service.away_until_ms < now {
            service.away_until_ms = now + silent_ms;
            let what = "row 7: a gap, whose increase PromQL sees only between its two ends";
            let to_ms = now + silent_ms + 2_500;
            self.truth.troubles.push(Trouble { what, from_ms: now - 1_500, to_ms });
        }
    }

    /// Returns what happened so far.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }
}

async fn expose(State(service): State<Arc<Mutex<Service>>>) -> (StatusCode, String) {
    let service = held(&service);
    let mut text = String::new();
    if now_ms() < service.away_until_ms {
        return (StatusCode::SERVICE_UNAVAILABLE, text);
    }
    let started = service.started_ms as f64 / 1_000.0;
    // Writing into a String can't fail.
    let _ = write!(
        text,
        "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {started}\n\
         # TYPE requests_total counter\nrequests_total{{code=\"200\"}} {}\n\
         requests_total{{code=\"500\"}} {}\n",
        service.good, service.bad
    );
    (StatusCode::OK, text)
}

fn held(service: &Mutex<Service>) -> MutexGuard<'_, Service> {
    service.lock().expect("nobody panicked")
}

/// Returns the wall clock's time in milliseconds since the Unix epoch.
#[allow(clippy::disallowed_methods, reason = "servers under test have the wall clock only")]
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("before the end of time")
}
