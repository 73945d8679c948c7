//! Requests that come 20 at a time, each 5 s, and are answered within 200 ms: what is left of them in a
//! scrape that comes between.

use super::pair::scrape;
use super::{INTERVAL, Pair, Sight, exporter};
use crate::sidecar::target::END;
use crate::sidecar::{nginx, ours};
use crate::slo::process::{Server, free_address};
use crate::slo::service::wall_s;
use crate::table::Table;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const PEER: &str = "nginx-exporter";

const BURSTS: usize = 6;

/// Requests of a burst.
const WIDTH: usize = 20;

/// How long each of them takes.
const LENGTH: Duration = Duration::from_millis(200);

/// From a burst to the scrape after it, and from that to the next burst.
const HALF: Duration = Duration::from_millis(2_500);

pub(super) struct Scene {
    pub(super) pair: Pair,
    nginx: Server,
}

impl Scene {
    /// Starts nginx before a slow service, and those who read its `stub_status`.
    pub(super) async fn start() -> Self {
        let service = slow_service().await;
        let folder =
            std::fs::canonicalize(crate::slo::folder("beside-nginx")).expect("it is there");
        let nginx = nginx::start(service, &folder);
        let url = format!("http://{}/stub_status", nginx.address);
        let peer = exporter::start(PEER, "-web.listen-address", |command| {
            command.args(["-nginx.scrape-uri", &url]);
        });
        let collectors =
            format!("nginx:\n- {{label: nginx, url: {url:?}, interval: {INTERVAL:?}}}\n");
        Self { pair: Pair::start(collectors, peer, PEER), nginx }
    }

    /// Lets the bursts come through our proxy and then nginx, and scrapes all between them.
    pub(super) async fn look(&self, table: &mut Table) {
        let proxy = free_address();
        let front = ours::watching(
            &format!(
                "proxy:\n- {{label: shop, listen: '{proxy}', target: 'http://{}'}}\n\
                 amplify:\n- {{label: page, url: 'http://{}/metrics', interval: 50ms, \
                 gauges: [{{gauge: nginx_connections_writing}}]}}\n",
                self.nginx.address, self.pair.peer.address
            ),
            &self.nginx.folder.join("front"),
        );
        tokio::time::sleep(INTERVAL).await;
        let before = (wall_s(), in_flight_s(front.address).await);
        let (mut busy_s, mut found) = (0.0, Vec::new());
        for _ in 0..BURSTS {
            busy_s += burst(proxy).await;
            tokio::time::sleep(HALF - LENGTH).await;
            let theirs = scrape(self.pair.peer.address).await;
            // The look itself is one of them.
            found.push(theirs.value("nginx_connections_writing").unwrap_or(f64::NAN) - 1.0);
            tokio::time::sleep(HALF).await;
        }
        let lasted_s = wall_s() - before.0;
        let mean = (in_flight_s(front.address).await - before.1) / lasted_s;
        let page = scrape(front.address).await;
        let peak = page.all("concurrency_in_flight_peak", &[]).next();
        let amplified = page.all("concurrency_amplified_peak", &[]).next().map(|peak| peak - 1.0);
        let their_peak = found.iter().copied().reduce(f64::max);
        let their_mean = found.iter().sum::<f64>() / found.len() as f64;
        let width = WIDTH as f64;
        let sight =
            |what, truth, within, ours, peer| Sight { what, unit: "", truth, within, ours, peer };
        let truth = busy_s / lasted_s;
        for sight in [
            sight("bursts of 200 ms: most requests in flight, proxy", width, 0.0, peak, their_peak),
            sight(
                "bursts of 200 ms: mean in flight, proxy",
                truth,
                truth / 50.0,
                Some(mean),
                Some(their_mean),
            ),
            sight(
                "bursts of 200 ms: most in flight, amplified peer",
                width,
                0.0,
                amplified,
                their_peak,
            ),
        ] {
            table.add(sight.row(PEER));
        }
    }
}

/// Returns the seconds that requests have spent in flight so far.
async fn in_flight_s(address: SocketAddr) -> f64 {
    scrape(address).await.all("concurrency_in_flight_time_seconds_total", &[]).sum()
}

/// Asks as often as is wide at once; returns the seconds that the requests took together.
async fn burst(address: SocketAddr) -> f64 {
    let mut asked = JoinSet::new();
    for _ in 0..WIDTH {
        asked.spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("a server");
            let began_s = wall_s();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n").await.expect("sent");
            let mut answer = Vec::new();
            while !answer.ends_with(END) {
                assert!(stream.read_buf(&mut answer).await.expect("an answer") > 0, "closed");
            }
            wall_s() - began_s
        });
    }
    asked.join_all().await.iter().sum()
}

/// Starts a service that thinks about each request.
async fn slow_service() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_slowly(stream));
        }
    });
    address
}

async fn answer_slowly(mut stream: TcpStream) {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", END.len());
    let answer = [head.as_bytes(), END].concat();
    let mut asked = [0; 4_096];
    while matches!(stream.read(&mut asked).await, Ok(1..)) {
        tokio::time::sleep(LENGTH).await;
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}
