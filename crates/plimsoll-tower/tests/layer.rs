//! The layer around axum's router and around bare services: when a request ends, and how.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

#[path = "../../plimsoll/tests/reading/mod.rs"]
mod reading;

use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::routing::{any, get};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use plimsoll::{Name, Operation, Outcome, Registry};
use plimsoll_model::HistogramValue;
use plimsoll_tower::ConcurrencyLayer;
use reading::{histogram, value};
use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;
use tower::{ServiceBuilder, ServiceExt};

fn in_flight(registry: &Registry) -> f64 {
    value(registry, "concurrency_in_flight", [("operation", "authorize")]).expect("a level")
}

/// How many ended with each outcome: ok, error, cancelled, timed out, panicked.
fn ended(registry: &Registry) -> [f64; 5] {
    Outcome::NAMES.map(|outcome| {
        let labels = [("operation", "authorize"), ("outcome", outcome), ("band", "1")];
        value(registry, "concurrency_operations", labels).expect("a count")
    })
}

fn durations<const N: usize>(registry: &Registry, labels: [(&str, &str); N]) -> HistogramValue {
    histogram(registry, "http_server_request_duration_seconds", labels)
}

fn layer(registry: &Registry) -> ConcurrencyLayer {
    ConcurrencyLayer::named_in(registry, "authorize")
        .limit(4)
        .edges(&[Duration::from_millis(300)])
        .route(|request| request.extensions.get::<MatchedPath>().map(MatchedPath::as_str))
}

fn router(registry: &Registry) -> Router {
    Router::new()
        .route("/users/{id}", get(async || "hello"))
        .route("/fails", get(async || StatusCode::BAD_GATEWAY))
        .route("/refuses", any(async || StatusCode::CONFLICT))
        .route("/panics", get(async || -> &'static str { panic!("on purpose") }))
        .route("/hangs", get(async || pending::<&'static str>().await))
        .layer(layer(registry))
}

fn request(method: Method, uri: &str) -> Request<Body> {
    Request::builder().method(method).uri(uri).body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn a_request_is_in_flight_until_its_last_byte() {
    let registry = Registry::new();
    let response =
        router(&registry).oneshot(request(Method::GET, "/users/7")).await.expect("infallible");
    assert_eq!(in_flight(&registry), 1.0, "the body isn't out yet");
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    assert_eq!(&body[..], b"hello");
    assert_eq!(in_flight(&registry), 0.0);
    assert_eq!(ended(&registry), [1.0, 0.0, 0.0, 0.0, 0.0]);
    let labels = [
        ("http_request_method", "GET"),
        ("url_scheme", "http"),
        ("http_response_status_code", "200"),
        ("http_route", "/users/{id}"),
    ];
    let durations = durations(&registry, labels);
    assert_eq!(durations.count(), 1);
    // What the convention advises, then what was declared.
    for edge in
        [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 0.3]
    {
        assert!(durations.buckets.iter().any(|bucket| bucket.le == edge), "{edge}");
    }
}

#[tokio::test]
async fn a_status_says_how_a_request_ended() {
    let registry = Registry::new();
    let router = router(&registry);
    for (method, uri) in [
        (Method::GET, "/fails"),
        (Method::from_bytes(b"EVIL").expect("a token"), "/refuses"),
        (Method::HEAD, "ftp://else.where/users/1"),
    ] {
        drop(router.clone().oneshot(request(method, uri)).await.expect("infallible"));
    }
    assert_eq!(ended(&registry), [2.0, 1.0, 0.0, 0.0, 0.0]);
    let failed = [
        ("http_request_method", "GET"),
        ("url_scheme", "http"),
        ("http_response_status_code", "502"),
        ("http_route", "/fails"),
        ("error_type", "502"),
    ];
    assert_eq!(durations(&registry, failed).count(), 1);
    let of_any_word = [
        ("http_request_method", "_OTHER"),
        ("url_scheme", "http"),
        ("http_response_status_code", "409"),
        ("http_route", "/refuses"),
    ];
    assert_eq!(durations(&registry, of_any_word).count(), 1);
    let of_head = [
        ("http_request_method", "HEAD"),
        ("url_scheme", "http"),
        ("http_response_status_code", "200"),
        ("http_route", "/users/{id}"),
    ];
    assert_eq!(durations(&registry, of_head).count(), 1, "no scheme of a client's choice");
}

#[tokio::test]
async fn a_client_that_goes_away_cancels() {
    let registry = Registry::new();
    let router = router(&registry);
    {
        let mut hanging = pin!(router.clone().oneshot(request(Method::GET, "/hangs")));
        let mut context = Context::from_waker(Waker::noop());
        assert!(hanging.as_mut().poll(&mut context).is_pending());
        assert_eq!(in_flight(&registry), 1.0);
    }
    let unread = router.oneshot(request(Method::GET, "/users/7")).await.expect("infallible");
    drop(unread);
    assert_eq!(in_flight(&registry), 0.0);
    assert_eq!(ended(&registry), [0.0, 0.0, 2.0, 0.0, 0.0]);
    let without_head = [
        ("http_request_method", "GET"),
        ("url_scheme", "http"),
        ("http_route", "/hangs"),
        ("error_type", "cancelled"),
    ];
    assert_eq!(durations(&registry, without_head).count(), 1);
}

#[tokio::test]
async fn a_handler_that_panics_is_panicked() {
    let registry = Registry::new();
    let router = router(&registry);
    let task = tokio::spawn(router.oneshot(request(Method::GET, "/panics")));
    assert!(task.await.is_err_and(|error| error.is_panic()));
    assert_eq!((in_flight(&registry), ended(&registry)), (0.0, [0.0, 0.0, 0.0, 0.0, 1.0]));
}

#[tokio::test]
async fn a_service_that_fails_is_an_error() {
    let registry = Registry::new();
    let failing = tower::service_fn(async |_: Request<Body>| Err::<Response<Body>, _>("down"));
    let service = ServiceBuilder::new().layer(layer(&registry)).service(failing);
    assert_eq!(service.oneshot(request(Method::GET, "/")).await.err(), Some("down"));
    assert_eq!((in_flight(&registry), ended(&registry)), (0.0, [0.0, 1.0, 0.0, 0.0, 0.0]));
    let labels =
        [("http_request_method", "GET"), ("url_scheme", "http"), ("error_type", "service_error")];
    assert_eq!(durations(&registry, labels).count(), 1);
}

/// hyper drops a body that it has sent whole, without asking it for its end.
#[tokio::test]
async fn a_body_of_a_declared_length_ends_with_its_last_byte() {
    let registry = Registry::new();
    let streaming = tower::service_fn(async |_: Request<Body>| {
        let chunks = ["ab", "cd"].map(Ok::<_, Infallible>);
        let body = Body::from_stream(futures_util::stream::iter(chunks));
        Ok::<_, Infallible>(Response::builder().header("content-length", 4).body(body).expect("ok"))
    });
    let service = ServiceBuilder::new().layer(layer(&registry)).service(streaming);
    let response = service.oneshot(request(Method::GET, "/")).await.expect("infallible");
    let mut body = response.into_body();
    assert!(body.frame().await.is_some());
    assert_eq!(in_flight(&registry), 1.0);
    assert!(body.frame().await.is_some());
    drop(body);
    assert_eq!((in_flight(&registry), ended(&registry)), (0.0, [1.0, 0.0, 0.0, 0.0, 0.0]));
}

#[tokio::test]
async fn a_body_that_fails_or_is_left_is_no_success() {
    let registry = Registry::new();
    let failing = tower::service_fn(async |_: Request<Body>| {
        let chunks = [Ok("ab"), Err("reset")];
        Ok::<_, Infallible>(Response::new(Body::from_stream(futures_util::stream::iter(chunks))))
    });
    let service = ServiceBuilder::new().layer(layer(&registry)).service(failing);
    let response = service.clone().oneshot(request(Method::GET, "/")).await.expect("infallible");
    assert!(response.into_body().collect().await.is_err());
    let response = service.oneshot(request(Method::GET, "/")).await.expect("infallible");
    let mut body = response.into_body();
    assert!(body.frame().await.is_some());
    drop(body);
    assert_eq!((in_flight(&registry), ended(&registry)), (0.0, [0.0, 1.0, 1.0, 0.0, 0.0]));
}

#[tokio::test]
async fn an_operation_can_be_shared_with_a_probe() {
    let registry = Registry::new();
    let authorize = Operation::limited_in(&registry, Name::new("authorize"), 2);
    let service = tower::service_fn(async |_: Request<Body>| {
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    let layered = ServiceBuilder::new().layer(ConcurrencyLayer::of(authorize, &registry));
    drop(layered.service(service).oneshot(request(Method::GET, "/")).await.expect("infallible"));
    assert_eq!(
        ended(&registry),
        [1.0, 0.0, 0.0, 0.0, 0.0],
        "a body that is empty ends with its head"
    );
}
