//! A proxy in front of an HTTP or TCP service, which records each request exactly.
//!
//! ```text
//! accept ─hand→ thread ─read→ request ─admit→ measured ─pass→ exchange ─→ pipe (both ways)
//!                (one a processor)                                └─101→ tunnel
//! ```
//!
//! Bytes of bodies go through as they came: what is checked is where a message ends, as strictly as the
//! standard says, because whoever reads it otherwise than the target can be made to smuggle requests.

mod answer;
mod exchange;
mod fields;
mod framing;
mod http;
mod http2;
mod listen;
mod method;
mod pipe;
mod recorded;
mod request;
mod response;
mod seats;
mod shared;
mod stall;
mod target;
mod thread;
mod tunnel;
mod upstream;

pub(crate) use listen::Listeners;

use crate::config::{DEADLINE, INTERVAL, LABEL, interval};
use crate::kind::CollectorKind;
use crate::{Collector, CollectorConfig, Flag, Pace, Reading, Reason, World};
use async_trait::async_trait;
use plimsoll_model::{Labels, catalog};
use plimsoll_runtime::shutdown::Stop;
use plimsoll_spec::{Length, MapShape, Parsed, Shape, optional, required};
use recorded::Signals;
use serde::Deserialize;
use shared::{Shared, Timing};
use std::net::SocketAddr;
use std::num::NonZero;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use target::Target;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

static SHAPE: MapShape = MapShape {
    keys: &[
        LABEL,
        INTERVAL,
        DEADLINE,
        required("listen", Shape::parsed::<SocketAddr>()),
        required("target", Shape::parsed::<Target>()),
        optional("limit", Shape::Integer(1..=1_000_000)),
        optional("connections_max", Shape::Integer(1..=1_000_000)),
        optional("header_timeout", Shape::Text(interval)),
        optional("body_timeout", Shape::Text(interval)),
        optional("idle_timeout", Shape::Text(interval)),
        optional("connect_timeout", Shape::Text(interval)),
        optional("drain_timeout", Shape::Text(interval)),
    ],
    check: None,
};

/// A proxy: where it listens and what it stands in front of.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ProxyConfig {
    listen: Parsed<SocketAddr>,
    target: Parsed<Target>,
    limit: Option<u64>,
    connections_max: Option<usize>,
    header_timeout: Option<Parsed<Length>>,
    body_timeout: Option<Parsed<Length>>,
    idle_timeout: Option<Parsed<Length>>,
    connect_timeout: Option<Parsed<Length>>,
    drain_timeout: Option<Parsed<Length>>,
}

impl FromStr for ProxyConfig {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (listen, target) = text
            .split_once('=')
            .ok_or("isn't LISTEN=TARGET, as 127.0.0.1:8081=http://127.0.0.1:8080")?;
        let listen = listen
            .parse()
            .map_err(|_| format!("`{listen}` isn't an address to listen on, as 127.0.0.1:8081"))?;
        let target = target.parse().map_err(|error| format!("`{target}` {error}"))?;
        Ok(Self {
            listen: Parsed(listen),
            target: Parsed(target),
            limit: None,
            connections_max: None,
            header_timeout: None,
            body_timeout: None,
            idle_timeout: None,
            connect_timeout: None,
            drain_timeout: None,
        })
    }
}

impl ProxyConfig {
    /// Connections of clients that are open at a time, if nothing else is said.
    const CONNECTIONS_MAX: usize = 10_000;
}

impl CollectorKind for ProxyConfig {
    const SHAPE: &'static MapShape = &SHAPE;
    const PACE: Pace = Pace::EACH_SECOND;
    const FLAGS: &'static [Flag] = &[Flag {
        name: "proxy",
        value: Some("LISTEN=TARGET"),
        help: "A proxy in front of a service: http://HOST:PORT or tcp://HOST:PORT; may be repeated",
        read: |text| Ok(CollectorConfig::Proxy(text.parse()?)),
    }];

    fn target(&self) -> String {
        self.target.0.to_string()
    }

    fn listens(&self) -> Option<SocketAddr> {
        Some(self.listen.0)
    }

    fn build(self, world: &World) -> Result<Box<dyn Collector>, Reason> {
        let text = |length: Option<Parsed<Length>>, seconds| {
            length.map_or(Duration::from_secs(seconds), |length| length.0.0)
        };
        let timing = Timing {
            header: text(self.header_timeout, 10),
            body: text(self.body_timeout, 60),
            idle: self.idle_timeout.map(|length| length.0.0),
            connect: text(self.connect_timeout, 5),
            drain: text(self.drain_timeout, 30),
        };
        let target = self.target.0;
        let signals = Signals::new(world, self.limit);
        let clients_max = self.connections_max.unwrap_or(Self::CONNECTIONS_MAX);
        let shared = Arc::new(Shared::new(target, timing, signals, clients_max));
        let listen = self.listen.0;
        let unheard = |error| Reason::new(format_args!("can't listen on {listen}: {error}"));
        let listener = world.listeners.at(listen).map_err(unheard)?;
        let (senders, ended) = threads(&shared, world)?.into_iter().unzip();
        let front = Some(Front { listener, senders, stop: world.stop.clone() });
        let name = world.name.clone();
        Ok(Box::new(Proxy { shared, name, front, accepting: None, ended }))
    }
}

/// A thread, as whoever hands it connections and whoever waits for its end has it.
type Running = (mpsc::Sender<thread::Accepted>, JoinHandle<()>);

/// Starts a thread for each processor.
fn threads(shared: &Arc<Shared>, world: &World) -> Result<Vec<Running>, Reason> {
    let count = std::thread::available_parallelism().map_or(1, NonZero::get);
    let start = |_| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Reason::new)?;
        let (sender, handed) = mpsc::channel(thread::HANDED_MAX);
        let (shared, stop) = (shared.clone(), world.stop.clone());
        let run = move || thread::run(&runtime, shared, handed, &stop);
        Ok((sender, tokio::task::spawn_blocking(run)))
    };
    (0..count).map(start).collect()
}

/// A proxy at work, as the rounds see it.
struct Proxy {
    shared: Arc<Shared>,
    name: Arc<str>,
    /// What accepts, until that has begun.
    front: Option<Front>,
    accepting: Option<JoinHandle<()>>,
    ended: Vec<JoinHandle<()>>,
}

/// Where connections come in, and who takes them.
struct Front {
    listener: Arc<TcpListener>,
    senders: Vec<mpsc::Sender<thread::Accepted>>,
    stop: Stop,
}

#[async_trait]
impl Collector for Proxy {
    fn begin(&mut self) {
        if let Some(Front { listener, senders, stop }) = self.front.take() {
            let accepting = thread::accept(listener, self.shared.clone(), senders, stop);
            self.accepting = Some(tokio::spawn(accepting));
        }
    }

    async fn collect(&mut self) -> Result<Reading, Reason> {
        let accepts = self.accepting.as_ref().is_some_and(|accepting| !accepting.is_finished());
        if accepts && self.ended.iter().any(JoinHandle::is_finished) {
            return Err(Reason::new(
                "one of its threads has ended, which is a fault of the sidecar",
            ));
        }
        if let Some(fault) = self.shared.fault() {
            let target = &self.shared.target;
            return Err(Reason::new(format_args!("no connection to {target}: {fault}")));
        }
        let mut reading = Reading::default();
        for (side, open) in [("client", &self.shared.clients), ("target", &self.shared.targets)] {
            let labels = Labels::new([("proxy", &*self.name), ("side", side)]);
            let labels = labels.map_err(Reason::new)?;
            reading.gauge(&catalog::PROXY_CONNECTIONS, &labels, open.count() as f64);
        }
        Ok(reading)
    }

    async fn finish(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.await;
        }
        for ended in &mut self.ended {
            let _ = ended.await;
        }
    }
}
