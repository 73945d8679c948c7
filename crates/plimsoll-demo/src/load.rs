//! The load: seeded, open-loop (arrivals don't wait for answers), on a thread and runtime of its
//! own, so that a starved service can't slow it down.

use crate::service::CARDS;
use crate::truth::Witness;
use plimsoll_runtime::shutdown::Stop;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The most requests that are under way at once; past it the load skips an arrival, so that a
/// stuck service can't fill this process with waiting requests.
const UNDER_WAY_MAX: usize = 2_000;

/// One kind of request and how often it comes.
#[derive(Clone, Copy)]
struct Stream {
    path: &'static str,
    per_second: f64,
    /// How many requests come together, for one card.
    at_once: usize,
}

const STREAMS: [Stream; 3] = [
    Stream { path: "/authorize", per_second: 200.0, at_once: 1 },
    Stream { path: "/orders", per_second: 60.0, at_once: 1 },
    Stream { path: "/charges", per_second: 10.0, at_once: 4 },
];

/// A running load; [`Load::finish`] ends it.
pub(crate) struct Load {
    thread: std::thread::JoinHandle<()>,
}

impl Load {
    /// Starts the load against `service` until `stop`.
    ///
    /// # Errors
    /// The operating system refuses a thread.
    pub(crate) fn start(
        service: SocketAddr,
        seed: u64,
        witness: Witness,
        stop: Stop,
    ) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("demo-load".into()).spawn(move || {
            runtime.block_on(async {
                let client = reqwest::Client::new();
                let streams = STREAMS.iter().zip(seed..).map(|(stream, seed)| {
                    let target = Target {
                        client: client.clone(),
                        url: format!("http://{service}{}", stream.path),
                        witness: (stream.path == "/authorize").then(|| witness.clone()),
                    };
                    offer(*stream, target, SmallRng::seed_from_u64(seed), stop.clone())
                });
                futures_util::future::join_all(streams).await;
            });
        })?;
        Ok(Self { thread })
    }

    /// Waits until every request that was sent is answered.
    pub(crate) fn finish(self) {
        if self.thread.join().is_err() {
            tracing::error!("the load generator panicked: its count of the truth is incomplete");
        }
    }
}

/// Where the requests of one stream go, and who counts their answers.
#[derive(Clone)]
struct Target {
    client: reqwest::Client,
    url: String,
    witness: Option<Witness>,
}

impl Target {
    async fn send(self, card: usize) {
        let sent = self.client.post(&self.url).query(&[("card", card)]).send().await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => return tracing::debug!(%error, "a request of the load got no answer"),
        };
        let status = answer.status().as_u16();
        // The body is read to its end, so that the service's count is closed before ours.
        let _ = answer.bytes().await;
        if let Some(witness) = self.witness {
            witness.answered(status);
        }
    }
}

/// Sends requests with exponential gaps until `stop`, then waits for the answers.
async fn offer(stream: Stream, target: Target, mut random: SmallRng, stop: Stop) {
    let places = Arc::new(Semaphore::new(UNDER_WAY_MAX));
    let mut under_way = JoinSet::new();
    let mut next = Instant::now();
    loop {
        let uniform: f64 = random.random_range(f64::EPSILON..1.0);
        next += Duration::from_secs_f64(-uniform.ln() / stream.per_second);
        tokio::select! {
            () = stop.stopped() => break,
            () = tokio::time::sleep_until(next) => {}
        }
        let card = random.random_range(0..CARDS);
        for _ in 0..stream.at_once {
            let Ok(place) = places.clone().try_acquire_owned() else { break };
            let request = target.clone().send(card);
            under_way.spawn(async move {
                request.await;
                drop(place);
            });
        }
        while under_way.try_join_next().is_some() {}
    }
    while under_way.join_next().await.is_some() {}
}
