use crate::client::{AccessError, Caller, reason};
use crate::config::ScrapeBounds;
use plimsoll_exposition::Format;
use plimsoll_exposition::decode::DecodeError;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Response, StatusCode, Url};
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

/// Gets one body into `bytes`, whose memory is used again, and says what it is written in.
pub(crate) async fn fetch(
    caller: &Caller,
    url: &Url,
    timeout: Duration,
    bounds: ScrapeBounds,
    bytes: &mut Vec<u8>,
) -> Result<Format, ScrapeError> {
    let seconds = format!("{}", timeout.as_secs_f64());
    let request = caller
        .request(Method::GET, url.clone())?
        .header(ACCEPT, ACCEPTED)
        .header("x-prometheus-scrape-timeout-seconds", seconds);
    let failed = |error: reqwest::Error| ScrapeError::Http(reason(&error, timeout));
    let mut response = request.send().await.map_err(failed)?;
    if response.status() != StatusCode::OK {
        return Err(ScrapeError::Status(response.status()));
    }
    let format = format_of(&response)?;
    let limit = bounds.body_bytes;
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(ScrapeError::Huge { limit });
    }
    bytes.clear();
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
