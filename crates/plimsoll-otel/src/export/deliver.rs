use super::config::Valid;
use crate::clock;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use plimsoll_model::{Labels, catalog};
use plimsoll_record::{Counter, Registry};
use prost::Message;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use std::time::Duration;
use tokio::time::sleep;

/// The first pause after a failure; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(500);

/// The longest pause, also of those that a server asks for.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// More of an answer isn't read.
const ANSWER_MAX: usize = 64 * 1024;

/// Delivers bodies, and counts what became of them.
pub(super) struct Delivery {
    client: Client,
    endpoint: Url,
    headers: HeaderMap,
    counts: Counts,
}

/// Deliveries by `result`; a counter that the registry refuses is left out.
struct Counts {
    ok: Option<Counter>,
    retried: Option<Counter>,
    rejected: Option<Counter>,
    failed: Option<Counter>,
}

/// What became of one attempt.
enum Attempt {
    Ok,
    /// Taken, but not all of it.
    Rejected(i64, String),
    /// Worth another try, after so long if the server has said so.
    Retry(String, Option<Duration>),
    /// Another try would fare no better.
    Failed(String),
}

impl Delivery {
    pub(super) fn new(registry: &Registry, valid: &Valid) -> Self {
        let count = |result: &str| {
            let labels = Labels::new([("result", result)]).ok()?;
            registry.counter(&catalog::EXPORTS, labels).ok()
        };
        Self {
            client: valid.client.clone(),
            endpoint: valid.endpoint.clone(),
            headers: valid.headers.clone(),
            counts: Counts {
                ok: count("ok"),
                retried: count("retried"),
                rejected: count("rejected"),
                failed: count("failed"),
            },
        }
    }

    /// Sends a body until it is taken or refused. Its caller says how long that may take.
    pub(super) async fn deliver(&self, body: Bytes) {
        let mut pause = PAUSE_MIN.mul_f64(spread());
        loop {
            match self.attempt(body.clone()).await {
                Attempt::Ok => return add(&self.counts.ok),
                Attempt::Rejected(points, reason) => {
                    tracing::warn!(points, reason, "the OTLP server took all but some data points");
                    return add(&self.counts.rejected);
                }
                Attempt::Failed(reason) => {
                    tracing::warn!(reason, endpoint = %self.endpoint, "OTLP is refused");
                    return add(&self.counts.failed);
                }
                Attempt::Retry(reason, asked) => {
                    let pause_now = asked.unwrap_or(pause).min(PAUSE_MAX);
                    tracing::debug!(reason, ?pause_now, "OTLP is tried again");
                    add(&self.counts.retried);
                    sleep(pause_now).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    /// Counts a body that was tried in vain until its time was over.
    pub(super) fn give_up(&self) {
        tracing::warn!(endpoint = %self.endpoint, "OTLP isn't taken: the next export says it all");
        add(&self.counts.failed);
    }

    async fn attempt(&self, body: Bytes) -> Attempt {
        let request = self.client.post(self.endpoint.clone()).headers(self.headers.clone());
        match request.header(CONTENT_TYPE, "application/x-protobuf").body(body).send().await {
            Ok(response) => judge(response).await,
            Err(error) => Attempt::Retry(deepest(&error), None),
        }
    }
}

/// Judges an answer as OTLP 1.x says: which codes are worth another try, and what part was taken.
async fn judge(response: Response) -> Attempt {
    let status = response.status();
    if matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    ) {
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let asked = asked.and_then(|seconds| seconds.trim().parse().ok()).map(Duration::from_secs);
        return Attempt::Retry(status.to_string(), asked);
    }
    if !status.is_success() {
        return Attempt::Failed(status.to_string());
    }
    let answer = ExportMetricsServiceResponse::decode(&*read(response).await);
    match answer.ok().and_then(|answer| answer.partial_success) {
        Some(part) if part.rejected_data_points > 0 => {
            Attempt::Rejected(part.rejected_data_points, part.error_message)
        }
        _ => Attempt::Ok,
    }
}

/// Reads what there is of an answer, up to a bound: it was taken, whatever else it says.
async fn read(mut response: Response) -> Vec<u8> {
    let mut answer = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        answer.extend(&chunk[..chunk.len().min(ANSWER_MAX - answer.len())]);
        if answer.len() == ANSWER_MAX {
            break;
        }
    }
    answer
}

fn add(counter: &Option<Counter>) {
    if let Some(counter) = counter {
        counter.add(1);
    }
}

/// Returns a factor from 0.75 to 1.25, so that processes that failed together don't return together.
fn spread() -> f64 {
    0.75 + (clock::unix_ns() % 1_000) as f64 / 2_000.0
}

/// The outer errors of a chain only repeat that something failed; the innermost says what.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
