//! The demo without instrumentation: the service runs in processes of its own and has no line of Plimsoll
//! in it. A sidecar looks at it from outside, the daemon scrapes the sidecar.
//!
//! ```text
//! load ─→ proxy ─→ checkout ─→ Redis ─→ billing      processes of plimsoll-plain
//!           │         │ /proc    │ XINFO
//!           └─────────┴─ sidecar ┘ ─scrape→ daemon
//! ```

mod eyes;
mod import;
mod part;
mod summary;
mod truth;
mod watcher;

use crate::answers::Answers;
use crate::control::Control;
use crate::daemon::{Setup, Watch};
use crate::fault::{self, Fault, Switches};
use crate::load::{Load, Stream, Target};
use crate::summary::Board;
use crate::{Options, listen, until_over};
use anyhow::Context;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use eyes::Eyes;
use import::Import;
use part::{Part, Wire};
use plimsoll_plain::Topic;
use plimsoll_runtime::clock::{Clock, SystemClock};
use plimsoll_runtime::shutdown::{self, Stop, Stopper};
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
pub use summary::Summary;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use truth::{Truth, Witnesses};
use watcher::{Looks, Watcher};

/// The SLOs of the service as it is seen from outside, as they are shipped under `examples/`.
const SLOS: (&str, &str) = ("outside.yaml", include_str!("../../../../examples/demo/outside.yaml"));
const SLOS_OF_REDIS: (&str, &str) =
    ("outside-redis.yaml", include_str!("../../../../examples/demo/outside-redis.yaml"));

/// What the service without instrumentation needs.
#[derive(Clone, Debug)]
pub struct Outside {
    /// The program, and the words before the name of a process, that run [`plimsoll_plain`].
    pub program: Vec<OsString>,
    /// The Redis that orders are published to; nobody is billed without one.
    pub redis: Option<String>,
}

/// Says why a fault can't be had when the service is seen from outside alone, and what to do about it.
pub fn refusal(fault: Fault, has_redis: bool) -> Option<String> {
    let name = fault.name();
    if let Some(reason) = fault.unseen_from_outside() {
        return Some(format!(
            "{name} isn't visible from outside: {reason}. Run the demo without --no-instrumentation"
        ));
    }
    (fault == Fault::StalledConsumer && !has_redis).then(|| {
        format!("{name} needs a Redis for its stream: give one, as --redis redis://127.0.0.1:6379")
    })
}

/// A running demo without instrumentation.
pub struct Scene {
    options: Options,
    clock: Arc<dyn Clock>,
    switches: Switches,
    parts: Parts,
    watcher: Watcher,
    watch: Watch,
    eyes: Eyes,
    witnesses: Witnesses,
    control: SocketAddr,
    load: Load,
    import: Import,
    stop_load: Stopper,
    stop_tasks: Stopper,
    tasks: JoinSet<()>,
    runtime: Runtime,
}

/// The processes of the service.
struct Parts {
    checkout: Part,
    service: SocketAddr,
    billing: Option<Part>,
    topic: Option<Topic>,
}

impl Scene {
    /// Starts the service's processes, the sidecar, the daemon and, once it sees the sidecar, the load.
    ///
    /// # Errors
    /// A fault that can't be seen was asked for, a process doesn't begin, a port is in use, Redis or the
    /// data folder can't be used, or the daemon doesn't come up.
    pub fn start(options: Options, outside: &Outside) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let switches = Switches::default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("demo-scene")
            .enable_all()
            .build()?;
        let parts = runtime.block_on(Parts::start(outside))?;
        let watcher = Watcher::start(&parts.looks(), clock.clone())?;
        let witnesses = parts.witnesses();
        let eyes = Eyes::on(watcher.address);
        let (stop_tasks, stop) = shutdown::channel();
        let mut tasks = JoinSet::new();
        tasks.spawn_on(relay(switches.clone(), parts.wires(), stop.clone()), runtime.handle());
        tasks.spawn_on(eyes.clone().watch(stop.clone()), runtime.handle());
        let has_redis = parts.topic.is_some();
        let control = Control::new(switches.clone(), clock.clone())
            .refusing(move |fault| refusal(fault, has_redis));
        let router = control.routes().merge(truth_route(witnesses.clone()));
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let control = listener.local_addr()?;
        tasks.spawn_on(serve(listener, router, stop), runtime.handle());
        let slos = if has_redis { &[SLOS, SLOS_OF_REDIS][..] } else { &[SLOS][..] };
        let setup = Setup {
            listen: options.listen,
            data_dir: options.data_dir.as_deref(),
            metrics: watcher.address,
            slos,
            alertmanagers: &options.alertmanagers,
        };
        let watch = Watch::start(&setup, clock.clone())?;
        runtime.block_on(watch.await_first_scrape())?;
        let (stop_load, stop) = shutdown::channel();
        let orders = Target::new(watcher.orders, "/orders", witnesses.orders.clone());
        let import = Import::start(runtime.handle(), &orders, &switches, &stop);
        let authorize = Target::new(watcher.authorize, "/authorize", witnesses.authorize.clone());
        let streams = vec![
            Stream { per_second: 200.0, at_once: 1, target: authorize },
            Stream { per_second: 60.0, at_once: 1, target: orders },
        ];
        let load = Load::start(streams, options.seed, stop)?;
        Ok(Self {
            options,
            clock,
            switches,
            parts,
            watcher,
            watch,
            eyes,
            witnesses,
            control,
            load,
            import,
            stop_load,
            stop_tasks,
            tasks,
            runtime,
        })
    }

    /// Returns what to look at and what to try.
    pub fn welcome(&self) -> String {
        let (page, sidecar, control) = (self.watch.address(), self.watcher.address, self.control);
        let mut text = format!(
            "The page:    http://{page}/\n\
             The sidecar: http://{sidecar}/, its metrics: http://{sidecar}/metrics\n\
             The service has no instrumentation. It is {}.\n\
             What it and the load know of themselves: http://{control}/truth\n\n\
             Break something and watch a row turn red (Ctrl-C ends the demo):\n",
            self.parts.told(),
        );
        let can_be = |fault: &Fault| refusal(*fault, self.parts.topic.is_some()).is_none();
        for fault in Fault::ALL.into_iter().filter(can_be) {
            let name = fault.name();
            text.push_str(&format!("  curl -X POST 'http://{control}/faults/{name}?for=20s'\n"));
        }
        text.push_str(&format!(
            "Ask why:     plimsoll explain checkout/auth-latency --url http://{page}\n"
        ));
        text
    }

    /// Runs until the duration is over or Ctrl-C, and returns what it came to.
    ///
    /// # Errors
    /// The service ended by itself, or the daemon failed.
    pub fn run_to_end(mut self) -> anyhow::Result<Summary> {
        let (signal, signals) = listen(&self.runtime)?;
        for breaks in fault::schedule(&self.options.faults, &self.switches, &self.clock) {
            self.tasks.spawn_on(breaks, self.runtime.handle());
        }
        let over = until_over(self.options.duration, &signal);
        self.runtime.block_on(async {
            tokio::select! {
                () = over => Ok(()),
                error = self.parts.ended() => Err(error),
            }
        })?;
        self.stop_load.drain();
        self.load.finish();
        let summary = self.runtime.block_on(async {
            self.import.finish().await;
            let board = Board::new(self.watch.settled(&*self.clock).await?);
            self.eyes.look().await?;
            anyhow::Ok(Summary::new(board, self.witnesses.tell().await, self.eyes.seen()))
        })?;
        self.stop_tasks.drain();
        signals.abort();
        self.watch.stop()?;
        self.watcher.stop();
        self.runtime.block_on(self.parts.stop());
        self.runtime.shutdown_timeout(Duration::from_secs(2));
        Ok(summary)
    }
}

impl Parts {
    async fn start(outside: &Outside) -> anyhow::Result<Self> {
        // No other demo on the same Redis has the same stream.
        let key = format!("plimsoll-demo:orders:{}", std::process::id());
        let topic = outside.redis.clone().map(|url| Topic { url, key });
        let arguments = topic.iter().flat_map(|topic| [topic.url.clone(), topic.key.clone()]);
        let arguments: Vec<String> = arguments.collect();
        let billing = match &topic {
            Some(_) => Some(Part::start("billing", &outside.program, &arguments).await?.0),
            None => None,
        };
        let (checkout, greeting) = Part::start("checkout", &outside.program, &arguments).await?;
        let service = greeting.parse().context("checkout doesn't say where it is")?;
        Ok(Self { checkout, service, billing, topic })
    }

    fn looks(&self) -> Looks<'_> {
        let topic = self.topic.as_ref();
        Looks { service: self.service, pid: self.checkout.pid(), topic }
    }

    fn witnesses(&self) -> Witnesses {
        Witnesses {
            authorize: Answers::default(),
            orders: Answers::default(),
            checkout: self.checkout.wire(),
            billing: self.billing.as_ref().map(Part::wire),
        }
    }

    fn wires(&self) -> Vec<Wire> {
        self.all().map(Part::wire).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Part> {
        std::iter::once(&self.checkout).chain(&self.billing)
    }

    /// Says which processes there are.
    fn told(&self) -> String {
        let each = self.all().map(|part| format!("process {} ({})", part.pid(), part.name()));
        each.collect::<Vec<_>>().join(" and ")
    }

    /// Waits until the service ends by itself, and says so. Billing may: that is a stopped consumer.
    async fn ended(&mut self) -> anyhow::Error {
        if let Some(billing) = &mut self.billing {
            tokio::select! {
                error = ended(&mut self.checkout) => return error,
                ended = ended(billing) => tracing::warn!("{ended:#}: its group is stopped now"),
            }
        }
        ended(&mut self.checkout).await
    }

    async fn stop(self) {
        self.checkout.stop().await;
        if let Some(billing) = self.billing {
            billing.stop().await;
        }
    }
}

async fn ended(part: &mut Part) -> anyhow::Error {
    let name = part.name();
    match part.ended().await {
        Ok(status) => anyhow::anyhow!("the process {name} ended by itself: {status}"),
        Err(error) => anyhow::anyhow!("the process {name} can't be waited for: {error}"),
    }
}

/// Tells every process which faults are on, at each change.
async fn relay(switches: Switches, wires: Vec<Wire>, stop: Stop) {
    let mut changes = switches.changes();
    while let Some(Ok(())) = stop.run_until_stopped(changes.changed()).await {
        for wire in &wires {
            wire.say_broken(Fault::ALL.into_iter().filter(|fault| switches.is_on(*fault))).await;
        }
    }
}

async fn serve(listener: TcpListener, router: Router, stop: Stop) {
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(async move { stop.stopped().await })
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the demo's own address ended");
    }
}

fn truth_route(witnesses: Witnesses) -> Router {
    Router::new().route("/truth", get(tell)).with_state(witnesses)
}

async fn tell(State(witnesses): State<Witnesses>) -> Json<Truth> {
    Json(witnesses.tell().await)
}
