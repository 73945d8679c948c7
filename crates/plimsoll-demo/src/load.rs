//! The load: seeded, open-loop (arrivals don't wait for answers), on a thread and runtime of its
//! own, so that a starved service can't slow it down.

use crate::answers::Answers;
use crate::service::CARDS;
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

/// One kind of request: how often it comes, and who counts its answers.
pub(crate) struct Stream {
    pub(crate) per_second: f64,
    /// How many requests come together, for one card.
    pub(crate) at_once: usize,
    pub(crate) target: Target,
}

/// A running load; [`Load::finish`] ends it.
pub(crate) struct Load {
    thread: std::thread::JoinHandle<()>,
}

impl Load {
    /// Starts the load until `stop`.
    ///
    /// # Errors
    /// The operating system refuses a thread.
    pub(crate) fn start(streams: Vec<Stream>, seed: u64, stop: Stop) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("demo-load".into()).spawn(move || {
            runtime.block_on(async {
                let streams = streams.into_iter().zip(seed..).map(|(stream, seed)| {
                    offer(stream, SmallRng::seed_from_u64(seed), stop.clone())
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

/// Where requests go, and who counts their answers.
#[derive(Clone)]
pub(crate) struct Target {
    client: reqwest::Client,
    url: String,
    answers: Answers,
}

impl Target {
    /// Describes `path` at `address`.
    pub(crate) fn new(address: SocketAddr, path: &str, answers: Answers) -> Self {
        Self { client: reqwest::Client::new(), url: format!("http://{address}{path}"), answers }
    }

    /// Sends a request for a card and returns its answer's status; none when there was no answer.
    pub(crate) async fn send(&self, card: usize) -> Option<u16> {
        let sent = self.answers.send();
        let answer = self.client.post(&self.url).query(&[("card", card)]).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!(%error, "a request of the load got no answer");
                return None;
            }
        };
        let status = answer.status().as_u16();
        // The body is read to its end, so that the service's count is closed before ours.
        let _ = answer.bytes().await;
        sent.answered(status);
        Some(status)
    }
}

/// Sends requests with exponential gaps until `stop`, then waits for the answers.
async fn offer(stream: Stream, mut random: SmallRng, stop: Stop) {
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
            let target = stream.target.clone();
            under_way.spawn(async move {
                target.send(card).await;
                drop(place);
            });
        }
        while under_way.try_join_next().is_some() {}
    }
    while under_way.join_next().await.is_some() {}
}
