//! A tiny OTLP server that keeps the spans that it receives.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header::CONTENT_ENCODING};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::io::Read;
use std::sync::{Arc, Mutex};

/// A running server.
pub struct OtlpSink {
    /// Its address, as `http://127.0.0.1:4320`.
    pub url: String,
    spans: Arc<Mutex<Vec<Span>>>,
    server: tokio::task::JoinHandle<()>,
}

impl OtlpSink {
    /// Starts one on a free port.
    pub async fn start() -> Self {
        let spans: Arc<Mutex<Vec<Span>>> = Arc::default();
        let router = Router::new()
            .route("/v1/traces", post(keep))
            .route("/v1/metrics", post(|| async {}))
            .with_state(Arc::clone(&spans));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the server serves");
        });
        Self { url, spans, server }
    }

    /// Returns every span so far.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.lock().expect("no one panicked").clone()
    }
}

impl Drop for OtlpSink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn keep(State(spans): State<Arc<Mutex<Vec<Span>>>>, headers: HeaderMap, body: Bytes) {
    let mut plain = body.to_vec();
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip") {
        plain.clear();
        flate2::read::GzDecoder::new(&*body).read_to_end(&mut plain).expect("gzip");
    }
    let request = ExportTraceServiceRequest::decode(&*plain).expect("OTLP");
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    spans.lock().expect("no one panicked").extend(scopes.flat_map(|scope| scope.spans));
}
