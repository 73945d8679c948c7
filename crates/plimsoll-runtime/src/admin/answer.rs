use super::Exhibit;
use super::debug::{Debug, VIEW};
use crate::process::Probe;
use crate::ready::Readiness;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderValue, VARY};
use hyper::{Method, Request, Response, StatusCode};
use plimsoll_exposition::{Encoding, Format, encode};
use plimsoll_model::Details;
use plimsoll_record::Registry;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What the admin thread knows to answer.
pub(super) struct Answers {
    registry: Registry,
    readiness: Readiness,
    probe: Mutex<Probe>,
    debug: Debug,
    exhibit: Option<Arc<dyn Exhibit>>,
}

impl Answers {
    pub(super) fn new(registry: Registry, readiness: Readiness, probe: Probe) -> Self {
        let debug = Debug::new(&registry);
        Self { registry, readiness, probe: Mutex::new(probe), debug, exhibit: None }
    }

    /// Shows what the process has beside its registry.
    pub(super) fn showing(self, exhibit: Arc<dyn Exhibit>) -> Self {
        Self { exhibit: Some(exhibit), ..self }
    }

    /// Says whether there is anything to merge.
    pub(super) fn has_recorded(&self) -> bool {
        self.registry.has_recorded()
    }

    /// Merges what was recorded since the last time.
    pub(super) fn merge(&self) {
        self.registry.merge();
    }

    /// Looks for cycles among the waits.
    pub(super) fn scan(&self) {
        self.debug.scan();
    }

    pub(super) fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let answer: fn(&Self, &Request<B>) -> _ = match request.uri().path() {
            "/" if self.exhibit.is_some() => |answers, _| answers.page(),
            "/metrics" => Self::metrics,
            "/-/healthy" => |_, _| plain(StatusCode::OK, "healthy\n"),
            "/-/ready" => |answers, _| answers.ready(),
            "/debug/waits" => {
                |answers, _| json(answers.debug.waits(answers.elsewhere(|exhibit| exhibit.waits())))
            }
            "/debug/cycles" => |answers, _| {
                json(answers.debug.cycles(answers.elsewhere(|exhibit| exhibit.cycles())))
            },
            "/debug/timeline" => Self::timeline,
            "/debug/timeline/view" => |_, _| typed(HTML, VIEW),
            _ => |answers, _| {
                let page = if answers.exhibit.is_some() { "/, " } else { "" };
                let known = "/metrics, /-/healthy, /-/ready, \
                    /debug/waits, /debug/cycles, /debug/timeline and /debug/timeline/view\n";
                plain(StatusCode::NOT_FOUND, format!("not found; there are {page}{known}"))
            },
        };
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            return answer(self, request);
        }
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        refused
    }

    fn metrics<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
        let encoding = Encoding::negotiate(accept);
        let (mut snapshot, details) = match encoding {
            // It has no words for details, and is asked for most.
            Encoding::Text(Format::Text) => (self.registry.snapshot(), Details::default()),
            Encoding::Text(Format::OpenMetrics) | Encoding::Protobuf => {
                self.registry.snapshot_detailed()
            }
        };
        self.probe.lock().unwrap_or_else(PoisonError::into_inner).append_to(&mut snapshot);
        if let Some(exhibit) = &self.exhibit {
            exhibit.append_to(&mut snapshot);
        }
        let mut response = plain(StatusCode::OK, encode::detailed(encoding, &snapshot, &details));
        let content_type = HeaderValue::from_static(encoding.content_type());
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
        response
    }

    fn page(&self) -> Response<Full<Bytes>> {
        typed(HTML, self.exhibit.as_ref().map(|exhibit| exhibit.page()).unwrap_or_default())
    }

    /// Returns what the exhibit adds to a document.
    fn elsewhere(&self, of: fn(&dyn Exhibit) -> Vec<Value>) -> Vec<Value> {
        self.exhibit.as_deref().map(of).unwrap_or_default()
    }

    fn timeline<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        Debug::timeline(&self.registry, request.uri().query())
            .map_or_else(|refusal| plain(StatusCode::BAD_REQUEST, refusal), json)
    }

    fn ready(&self) -> Response<Full<Bytes>> {
        let waits_for = self.readiness.waits_for();
        if waits_for.is_empty() {
            plain(StatusCode::OK, "ready\n")
        } else {
            let reasons = format!("waits for: {}\n", waits_for.join(", "));
            plain(StatusCode::SERVICE_UNAVAILABLE, reasons)
        }
    }
}

fn json(body: Bytes) -> Response<Full<Bytes>> {
    typed(JSON, body)
}

fn typed(content_type: HeaderValue, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = plain(StatusCode::OK, body);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn plain(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, PLAIN);
    response
}
