use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::io;
use std::time::Duration;

/// How an [`Exporter`](super::Exporter) is to work, as somebody has written it.
#[derive(Clone, Debug)]
pub struct ExporterConfig {
    /// Where metrics go, path included: `http://127.0.0.1:4318/v1/metrics` unless told otherwise.
    pub endpoint: String,
    /// How often they are sent: 15 s unless told otherwise.
    pub every: Duration,
    /// How long one attempt may take, and how long the last one may hold up a stop: 5 s unless told
    /// otherwise.
    pub timeout: Duration,
    /// Headers of every request, as an API key: names and values.
    pub headers: Vec<(String, String)>,
    /// What is sent: everything unless told otherwise.
    pub contents: Contents,
}

/// What an exporter sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Every family.
    Everything,
    /// Histograms only: sums and levels leave by [`observe`](crate::observe()).
    Histograms,
}

impl Default for ExporterConfig {
    fn default() -> Self {
        Self {
            endpoint: "http://127.0.0.1:4318/v1/metrics".into(),
            every: Duration::from_secs(15),
            timeout: Duration::from_secs(5),
            headers: Vec::new(),
            contents: Contents::Everything,
        }
    }
}

/// Why an exporter can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The endpoint is no URL of http or https.
    #[error("{endpoint:?} is no address for OTLP: give http://HOST:PORT/v1/metrics, or https")]
    Endpoint {
        /// What was given.
        endpoint: String,
    },
    /// A time that would send without pause or never.
    #[error("{field} is {given:?}: give at least 1 ms and at most a day")]
    Time {
        /// Which one.
        field: &'static str,
        /// What was given.
        given: Duration,
    },
    /// A header that HTTP doesn't know.
    #[error(
        "header {name:?}: its name or its value holds a character that no HTTP header may hold"
    )]
    Header {
        /// Its name.
        name: String,
    },
    /// The HTTP client can't be made.
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    /// The system gives no thread or no event queue.
    #[error(
        "can't start the exporter's thread: {0}; the limits of threads or open files are reached"
    )]
    Thread(#[from] io::Error),
}

/// A configuration that works.
#[derive(Debug)]
pub(super) struct Valid {
    pub(super) endpoint: Url,
    pub(super) every: Duration,
    pub(super) timeout: Duration,
    pub(super) headers: HeaderMap,
    pub(super) contents: Contents,
    pub(super) client: reqwest::Client,
}

impl ExporterConfig {
    pub(super) fn valid(self) -> Result<Valid, StartError> {
        let endpoint = Url::parse(&self.endpoint)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| StartError::Endpoint { endpoint: self.endpoint.clone() })?;
        for (field, given) in [("every", self.every), ("timeout", self.timeout)] {
            if !(Duration::from_millis(1)..=Duration::from_secs(86_400)).contains(&given) {
                return Err(StartError::Time { field, given });
            }
        }
        let headers = self.headers.iter().map(header).collect::<Result<_, _>>()?;
        let client = client(self.timeout, endpoint.scheme() == "https")?;
        let Self { every, timeout, contents, .. } = self;
        Ok(Valid { endpoint, every, timeout, headers, contents, client })
    }
}

fn header((name, value): &(String, String)) -> Result<(HeaderName, HeaderValue), StartError> {
    let refused = || StartError::Header { name: name.clone() };
    let known = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
    let mut value = HeaderValue::from_str(value).map_err(|_| refused())?;
    // It may be a key.
    value.set_sensitive(true);
    Ok((known, value))
}

/// Without https the store of roots stays empty, because reading the system's fails on a machine that
/// has none.
fn client(timeout: Duration, https: bool) -> Result<reqwest::Client, reqwest::Error> {
    // One that the process has chosen already stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(timeout)
        .pool_max_idle_per_host(1)
        .user_agent(concat!("plimsoll-otel/", env!("CARGO_PKG_VERSION")));
    if https { builder.build() } else { builder.tls_certs_only([]).build() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut ExporterConfig)) -> String {
        let mut config = ExporterConfig::default();
        change(&mut config);
        config.valid().expect_err("refused").to_string()
    }

    #[test]
    fn what_cannot_work_is_refused_with_what_to_do() {
        for endpoint in ["", "127.0.0.1:4318", "ftp://host/v1/metrics", "http://"] {
            let message = refused(|config| config.endpoint = endpoint.into());
            assert!(message.contains("http://HOST:PORT/v1/metrics"), "{endpoint}: {message}");
        }
        assert!(refused(|config| config.every = Duration::ZERO).starts_with("every is 0ns"));
        assert!(refused(|config| config.timeout = Duration::MAX).starts_with("timeout is"));
        let header = ("x-key".to_owned(), "a\nb".to_owned());
        assert!(refused(|config| config.headers.push(header)).starts_with("header \"x-key\""));
    }

    #[test]
    fn the_default_works() {
        let valid = ExporterConfig::default().valid().expect("valid");
        assert_eq!(valid.endpoint.as_str(), "http://127.0.0.1:4318/v1/metrics");
        assert_eq!(valid.contents, Contents::Everything);
    }
}
