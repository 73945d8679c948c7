//! The real binary in front of real services: what it says against what the load itself did.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::get;
use plimsoll_record::clock::now_ns;
use plimsoll_tests::process::Process;
use plimsoll_tests::scrape::Scrape;
use plimsoll_tests::sidecar::Sidecar;
use plimsoll_tests::{free_port, scratch, wait, write};
use reqwest::{Client, Response, StatusCode};
use std::path::Path as File;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

const IN_FLIGHT: &str = r#"concurrency_in_flight{operation="shop"}"#;
const IN_FLIGHT_TIME: &str = r#"concurrency_in_flight_time_seconds_total{operation="shop"}"#;
const UP: &str = r#"concurrency_collector_up{collector="shop"}"#;

/// How long a series may take to become what it must be.
const PATIENCE: Duration = Duration::from_secs(60);

/// The real binary with one proxy.
pub(crate) struct Front {
    pub(crate) sidecar: Sidecar,
    port: u16,
    http: Client,
    folder: TempDir,
    target: u16,
}

impl Front {
    /// Starts it in front of a port, with more `keys` of the proxy.
    pub(crate) async fn before(target: u16, keys: &str) -> Self {
        let (port, folder) = (free_port(), scratch());
        let config = write(folder.path(), "sidecar.yml", &configured(port, target, keys));
        let sidecar = Sidecar::start(&["--config", &config.display().to_string()]).await;
        Self { sidecar, port, http: plimsoll_tests::http(), folder, target }
    }

    /// Has it read another file: the proxy with these `keys`, and `more` lists.
    pub(crate) fn reload(&self, keys: &str, more: &str) {
        let text = configured(self.port, self.target, keys) + more;
        write(self.folder.path(), "sidecar.yml", &text);
        self.sidecar.process.signal("HUP");
    }

    /// Scrapes it until a series has a value.
    pub(crate) async fn until(&self, series: &str, value: f64) -> Scrape {
        let what = format!("{series} to be {value}");
        self.sidecar.until(&what, |seen| seen.value(series) == Some(value)).await
    }

    /// Asks for something through it.
    async fn ask(&self, path: &str) -> Response {
        ask(&self.http, self.port, path).await
    }

    /// Begins to ask for something through it, on a connection of its own.
    fn begin(&self, path: &'static str) -> JoinHandle<Response> {
        let port = self.port;
        tokio::spawn(async move { ask(&plimsoll_tests::http(), port, path).await })
    }
}

fn configured(port: u16, target: u16, keys: &str) -> String {
    format!(
        "proxy:\n- {{label: shop, listen: '127.0.0.1:{port}', \
         target: 'http://127.0.0.1:{target}', interval: 100ms, {keys}}}\n"
    )
}

async fn ask(http: &Client, port: u16, path: &str) -> Response {
    let url = format!("http://127.0.0.1:{port}{path}");
    http.get(&url).send().await.unwrap_or_else(|error| panic!("{url}: {error:?}"))
}

/// Returns how many requests ended like that.
fn ended(seen: &Scrape, outcome: &str) -> f64 {
    let outcome = format!("outcome=\"{outcome}\"");
    seen.all("concurrency_operations_total", &[&outcome]).sum()
}

/// A service that takes as long as it is told to.
#[derive(Clone, Default)]
pub(crate) struct Service {
    had_ns: Arc<AtomicU64>,
    /// Lets those end that are held.
    released: Arc<Held>,
}

struct Held(Semaphore);

impl Default for Held {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Service {
    pub(crate) async fn start() -> (Self, u16) {
        let service = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let router = Router::new()
            .route("/wait/{ms}", get(wait_for))
            .route("/hold", get(hold))
            .route("/trace", get(trace))
            .with_state(service.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (service, port)
    }

    fn release(&self, count: usize) {
        self.released.0.add_permits(count);
    }
}

async fn wait_for(State(service): State<Service>, Path(ms): Path<u64>) -> &'static str {
    let began_ns = now_ns();
    tokio::time::sleep(Duration::from_millis(ms)).await;
    service.had_ns.fetch_add(now_ns() - began_ns, Ordering::Relaxed);
    "ok"
}

async fn hold(State(service): State<Service>) -> &'static str {
    service.released.0.acquire().await.expect("it is open").forget();
    "held"
}

async fn trace(headers: HeaderMap) -> String {
    let fields = ["traceparent", "tracestate"];
    fields.map(|name| headers.get(name).map_or("", |value| value.to_str().expect("text"))).join(" ")
}

const CLIENTS: u64 = 24;
const REQUESTS: u64 = 2;

/// Loads that a busy machine may spoil, each longer than the last: what it adds weighs the less.
const ATTEMPTS: u64 = 5;

/// Asks from all clients at once for what takes 2 s to 3 s, `times` as long; returns the integral of
/// their own concurrency, in seconds.
pub(crate) async fn load(front: &Front, times: u64) -> f64 {
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (http, port) = (front.http.clone(), front.port);
        clients.spawn(async move {
            let mut had_ns = 0;
            for request in 0..REQUESTS {
                let ms = 2_000 + 97 * (7 * client + 3 * request) % 1_000;
                let path = format!("/wait/{}", times * ms);
                let began_ns = now_ns();
                assert_eq!(ask(&http, port, &path).await.text().await.expect("a body"), "ok");
                had_ns += now_ns() - began_ns;
            }
            had_ns
        });
    }
    clients.join_all().await.into_iter().sum::<u64>() as f64 / 1e9
}

/// Holds the proxy's integral against that of the service and of the clients, who `load` it a given number
/// of times as long.
pub(crate) async fn hold_integral(
    front: &Front,
    service: &Service,
    load: impl AsyncFn(u64) -> f64,
) {
    let (mut before_s, mut least_apart) = (0.0, f64::MAX);
    for attempt in 1..=ATTEMPTS {
        let client_s = load(attempt).await;
        let target_s = service.had_ns.swap(0, Ordering::Relaxed) as f64 / 1e9;
        let seen = front.until(IN_FLIGHT, 0.0).await;
        let proxy_s = seen[IN_FLIGHT_TIME] - before_s;
        before_s += proxy_s;
        assert!((target_s..=client_s).contains(&proxy_s), "{target_s} ≤ {proxy_s} ≤ {client_s}");
        assert_eq!(ended(&seen, "ok"), (attempt * CLIENTS * REQUESTS) as f64);
        let peak = seen[r#"concurrency_in_flight_peak{operation="shop"}"#];
        assert!((1.0..=CLIENTS as f64).contains(&peak), "{peak}");
        // Both within 1 % of each other, the integral is known to 1 %.
        least_apart = least_apart.min(1.0 - target_s / client_s);
        if least_apart <= 0.01 {
            return;
        }
    }
    panic!("clients and service are {least_apart} apart at best: too busy a machine to tell");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_integral_is_that_of_the_load_generator() {
    let (service, target) = Service::start().await;
    let front = Front::before(target, "").await;
    hold_integral(&front, &service, async |times| load(&front, times).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_goes_through_and_is_an_exemplar() {
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let (_service, target) = Service::start().await;
    let front = Front::before(target, "").await;
    let url = format!("http://127.0.0.1:{}/trace", front.port);
    let asked = front.http.get(url).header("traceparent", PARENT).header("tracestate", "a=b");
    let heard = asked.send().await.expect("sent").text().await.expect("a body");
    assert_eq!(heard, format!("{PARENT} a=b"));
    let exemplar = wait::until("an exemplar", PATIENCE, || async {
        let page = front.http.get(format!("{}/metrics", front.sidecar.url));
        let page = page.header("accept", "application/openmetrics-text").send().await.ok()?;
        let page = page.text().await.ok()?;
        let is_it = |line: &&str| {
            line.starts_with("concurrency_operation_duration_seconds_bucket{")
                && line.contains(r#"trace_id="0af7651916cd43dd8448eb211c80319c""#)
        };
        page.lines().find(is_it).map(str::to_owned)
    })
    .await;
    assert!(exemplar.contains(r#"span_id="b7ad6b7169203331""#), "{exemplar}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_beyond_the_limit_is_shed() {
    let (service, target) = Service::start().await;
    let front = Front::before(target, "limit: 4").await;
    let held: Vec<_> = (0..4).map(|_| front.begin("/hold")).collect();
    front.until(IN_FLIGHT, 4.0).await;
    for _ in 0..8 {
        let shed = front.ask("/hold").await;
        assert_eq!(shed.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(shed.headers()["retry-after"], "1");
    }
    service.release(4);
    for held in held {
        assert_eq!(held.await.expect("it ended").text().await.expect("a body"), "held");
    }
    let shed = r#"concurrency_backpressure_total{reason="shed",source="shop"}"#;
    let seen = front.until(shed, 8.0).await;
    assert_eq!((ended(&seen, "ok"), seen[IN_FLIGHT]), (4.0, 0.0));
    assert!(seen[r#"concurrency_in_flight_saturated_seconds_total{operation="shop"}"#] > 0.0);
    assert_eq!(seen[r#"concurrency_in_flight_peak{operation="shop"}"#], 4.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_lets_what_is_in_flight_end() {
    let (service, target) = Service::start().await;
    let mut front = Front::before(target, "").await;
    let held = front.begin("/hold");
    front.until(IN_FLIGHT, 1.0).await;
    front.sidecar.process.signal("TERM");
    wait::until("nobody to be let in", PATIENCE, || async {
        TcpStream::connect(("127.0.0.1", front.port)).await.err()
    })
    .await;
    assert!(front.sidecar.process.is_running() && !held.is_finished());
    service.release(1);
    let answer = held.await.expect("it ended");
    assert_eq!(answer.headers()["connection"], "close");
    assert_eq!(answer.text().await.expect("a body"), "held");
    assert_eq!(front.sidecar.process.ended(Duration::from_secs(10)).await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_waits_no_longer_than_it_is_told() {
    let (_service, target) = Service::start().await;
    let mut front = Front::before(target, "drain_timeout: 500ms").await;
    let held = front.begin("/hold");
    front.until(IN_FLIGHT, 1.0).await;
    front.sidecar.process.signal("TERM");
    assert_eq!(front.sidecar.process.ended(Duration::from_secs(10)).await.code(), Some(0));
    assert!(held.await.is_err_and(|error| error.is_panic()), "its connection was cut");
}

const SMALL: usize = 1_000;
const LARGE: usize = 5_000_000;

/// Serves what lies in `files` of a folder.
pub(crate) fn nginx(folder: &File, port: u16) -> Process {
    let root = folder.display();
    let config = format!(
        "daemon off; master_process off; pid {root}/pid; error_log stderr;\n\
         events {{ worker_connections 512; }}\n\
         http {{ access_log off; default_type text/plain; client_body_temp_path {root}/b; proxy_temp_path {root}/p;\n\
         fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;\n\
         server {{ listen 127.0.0.1:{port}; root {root}/files; }} }}\n"
    );
    let config = write(folder, "nginx.conf", &config);
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-c").arg(config).arg("-p").arg(folder);
    Process::start("nginx", &mut command, &folder.join("log"))
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_behind_it_may_go_and_come_back() {
    let (folder, target) = (scratch(), free_port());
    write(folder.path(), "files/small", &"s".repeat(SMALL));
    write(folder.path(), "files/large", &"l".repeat(LARGE));
    let mut server = nginx(folder.path(), target);
    wait::until("nginx", PATIENCE, || async {
        TcpStream::connect(("127.0.0.1", target)).await.ok()
    })
    .await;
    let front = Front::before(target, "").await;
    for (path, status, size) in
        [("/small", 200, Some(SMALL)), ("/large", 200, Some(LARGE)), ("/none", 404, None)]
    {
        let asked: JoinSet<_> = (0..20).map(|_| front.begin(path)).collect();
        for answer in asked.join_all().await {
            let answer = answer.expect("it ended");
            assert_eq!(answer.status(), status, "{path}");
            let body = answer.bytes().await.expect("a whole body");
            assert!(size.is_none_or(|size| size == body.len()), "{path}: {}", body.len());
        }
    }
    let count = |status: u16| {
        format!(
            r#"http_server_request_duration_seconds_count{{http_request_method="GET",http_response_status_code="{status}",url_scheme="http"}}"#
        )
    };
    let seen = front.until(&count(200), 40.0).await;
    assert_eq!((seen[&*count(404)], ended(&seen, "ok")), (20.0, 60.0));
    server.kill();
    assert_eq!(front.ask("/small").await.status(), StatusCode::BAD_GATEWAY);
    let seen = front.until(UP, 0.0).await;
    assert_eq!(ended(&seen, "error"), 1.0);
    let _server = nginx(folder.path(), target);
    wait::until("an answer again", PATIENCE, || async {
        (front.ask("/small").await.status() == StatusCode::OK).then_some(())
    })
    .await;
    front.until(UP, 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_grpc_go_through_with_their_trailers() {
    let target = free_port();
    let (reporter, health) = tonic_health::server::health_reporter();
    let address = ([127, 0, 0, 1], target).into();
    tokio::spawn(tonic::transport::Server::builder().add_service(health).serve(address));
    wait::until("the service", PATIENCE, || async {
        TcpStream::connect(("127.0.0.1", target)).await.ok()
    })
    .await;
    let front = Front::before(target, "").await;
    let channel = Channel::from_shared(format!("http://127.0.0.1:{}", front.port));
    let channel = channel.expect("an address").connect().await.expect("connected");
    let mut client = HealthClient::new(channel);
    let named = |service: &str| HealthCheckRequest { service: service.into() };
    let serving = client.check(named("")).await.expect("an answer").into_inner();
    assert_eq!(serving.status, tonic_health::ServingStatus::Serving as i32);
    // The status of a call stands in its trailers.
    let unknown = client.check(named("nobody")).await.expect_err("nobody");
    assert_eq!(unknown.code(), tonic::Code::NotFound);
    reporter.set_service_status("shop", tonic_health::ServingStatus::NotServing).await;
    let mut watch = client.watch(named("shop")).await.expect("a stream").into_inner();
    assert!(watch.message().await.expect("a message").is_some());
    let seen = front.until(IN_FLIGHT, 1.0).await;
    assert_eq!(ended(&seen, "ok"), 2.0);
    reporter.set_service_status("shop", tonic_health::ServingStatus::Serving).await;
    assert!(watch.message().await.expect("a message").is_some());
    drop(watch);
    let seen = front.until(IN_FLIGHT, 0.0).await;
    assert_eq!(ended(&seen, "cancelled"), 1.0);
}
