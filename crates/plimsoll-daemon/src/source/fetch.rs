use crate::client::{AccessError, Caller, reason};
use crate::config::ScrapeBounds;
use plimsoll_exposition::Format;
use plimsoll_exposition::decode::DecodeError;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Response, StatusCode, Url};
use std::fmt;
use std::time::Duration;

/// OpenMetrics comes first, because it says since when a counter counts.
const ACCEPTED: &str = "application/openmetrics-text;version=1.0.0;q=0.9,\
    text/plain;version=0.0.4;q=0.8,*/*;q=0.1";

/// Why a target gave nothing; each is a sentence for the page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScrapeError {
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error("{0}")]
    Http(String),
    #[error("answered {0}, not 200 OK")]
    Status(StatusCode),
    #[error("answered {0:?}, which is no metrics format")]
    NotText(String),
    #[error("the body is longer than {limit} bytes: raise limits.body or body_size_limit")]
    Huge { limit: u64 },
    #[error("{samples} samples, more than sample_limit {limit}")]
    Samples { samples: usize, limit: usize },
    #[error("not readable: {0}")]
    Decode(#[from] DecodeError),
}

/// Where the body of a target comes from.
pub(super) enum Fetcher {
    /// A server that is asked.
    Http { caller: Caller, url: Url, timeout: Duration },
    /// What this process knows itself, by name.
    Own { name: String, body: Box<dyn Fn() -> String + Send + Sync> },
}

impl Fetcher {
    /// Returns what tells it from others.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Http { url, .. } => url.as_str(),
            Self::Own { name, .. } => name,
        }
    }

    /// Gets one body into `bytes`, whose memory is used again, and says what it is written in.
    pub(super) async fn fetch(
        &self,
        bounds: ScrapeBounds,
        bytes: &mut Vec<u8>,
    ) -> Result<Format, ScrapeError> {
        match self {
            Self::Http { caller, url, timeout } => {
                let answer = ask(caller, url, *timeout).await?;
                take(answer, *timeout, bounds.body_bytes, bytes).await
            }
            Self::Own { body, .. } => {
                *bytes = body().into_bytes();
                Ok(Format::OpenMetrics)
            }
        }
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Fetcher").field(&self.name()).finish()
    }
}

async fn ask(caller: &Caller, url: &Url, timeout: Duration) -> Result<Response, ScrapeError> {
    let seconds = format!("{}", timeout.as_secs_f64());
    let request = caller
        .request(Method::GET, url.clone())?
        .header(ACCEPT, ACCEPTED)
        .header("x-prometheus-scrape-timeout-seconds", seconds);
    let answer = request.send().await;
    answer.map_err(|error| ScrapeError::Http(reason(&error, timeout)))
}

async fn take(
    mut response: Response,
    timeout: Duration,
    limit: u64,
    bytes: &mut Vec<u8>,
) -> Result<Format, ScrapeError> {
    if response.status() != StatusCode::OK {
        return Err(ScrapeError::Status(response.status()));
    }
    let format = format_of(&response)?;
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(ScrapeError::Huge { limit });
    }
    bytes.clear();
    let failed = |error: reqwest::Error| ScrapeError::Http(reason(&error, timeout));
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if (bytes.len() + chunk.len()) as u64 > limit {
            // One huge body may not hold its memory for ever.
            *bytes = Vec::new();
            return Err(ScrapeError::Huge { limit });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(format)
}

/// A missing type is read as text, which is what old exporters mean by it; the strict decoder
/// finds out when it is something else.
fn format_of(response: &Response) -> Result<Format, ScrapeError> {
    let Some(value) = response.headers().get(CONTENT_TYPE) else { return Ok(Format::Text) };
    let value = String::from_utf8_lossy(value.as_bytes());
    Format::of_content_type(&value).ok_or_else(|| ScrapeError::NotText(value.into_owned()))
}
