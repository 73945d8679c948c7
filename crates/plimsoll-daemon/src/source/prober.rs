//! Probers, whose series come in as those of a target.

use super::fetch::Fetcher;
use super::heard::{Arrival, Heard, TargetNumber};
use super::in_flight::InFlight;
use super::job::Numbers;
use super::scraper::Scraper;
use crate::config::{Limits, Prober as ProberPlan, ScrapeBounds};
use crate::timeline::Timeline;
use plimsoll_exposition::{Format, Interest, encode};
use plimsoll_model::bucket::DEFAULT_BANDS;
use plimsoll_model::{Family, FamilyKind, Labels, Series, TimeMs, Value, catalog};
use plimsoll_prober::{Prober, ProberError, Troubles};
use plimsoll_record::Registry;
use plimsoll_runtime::shutdown::Stop;
use plimsoll_servers::ProberConfig;
use plimsoll_store::{Relabeling, Target};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// What the job of every prober is called.
const JOB: &str = "prober";

/// Where people find its series: on the daemon's own page of metrics.
const PAGE: &str = "/metrics";

/// One prober, ready to run.
#[derive(Debug)]
pub(crate) struct ProberSource {
    name: String,
    number: TargetNumber,
    prober: Prober,
    registry: Registry,
    read_every: Duration,
    bounds: ScrapeBounds,
    dropped: Arc<AtomicU64>,
    interest: Option<Arc<Interest>>,
    made: TimeMs,
    in_flight: Option<Arc<InFlight>>,
}

/// Why a prober can't be built.
#[derive(Debug, thiserror::Error)]
#[error("prober {prober}: {reason}")]
pub(crate) struct ProbeError {
    prober: String,
    reason: ProberError,
}

impl ProberSource {
    /// Builds one prober. `seed` tells its markers from those of every other start.
    ///
    /// # Errors
    /// A certificate that can't be read, or a name that no label can hold.
    pub(crate) fn new(
        ProberPlan { config, read_every }: &ProberPlan,
        numbers: &Numbers,
        limits: Limits,
        (now, seed): (TimeMs, u64),
    ) -> Result<Self, ProbeError> {
        let registry = Registry::new();
        let in_flight = config.bands.as_ref().map(|bands| Arc::new(InFlight::of(&bands.of)));
        Ok(Self {
            name: config.name.clone(),
            number: numbers.next(),
            prober: prober(config, &registry, in_flight.clone(), seed)?,
            registry,
            read_every: *read_every,
            bounds: ScrapeBounds {
                body_bytes: limits.body_bytes,
                samples: None,
                series: limits.series_per_target,
                label_sets: limits.label_sets_per_family,
            },
            dropped: Arc::default(),
            interest: None,
            made: now,
            in_flight,
        })
    }

    /// Makes it hand on only the series that are asked for by name.
    pub(crate) fn only(self, interest: &Arc<Interest>) -> Self {
        Self { interest: Some(interest.clone()), ..self }
    }

    /// Returns where its series are.
    pub(crate) fn registry(&self) -> Registry {
        self.registry.clone()
    }

    /// Returns what it has to be told of, if its markers are sorted by that.
    pub(crate) fn in_flight(&self) -> Option<Arc<InFlight>> {
        self.in_flight.clone()
    }

    /// Returns the target that its series are of.
    pub(crate) fn arrival(&self) -> Arrival {
        Arrival {
            number: self.number,
            target: Target {
                job: JOB.to_owned(),
                instance: self.name.clone(),
                labels: Labels::default(),
                interval: self.read_every,
                honor_labels: false,
                relabeling: Relabeling::default(),
            },
            url: PAGE.to_owned(),
            dropped: self.dropped.clone(),
        }
    }

    /// Probes, and tells what comes of it, until the daemon stops or the engine is gone.
    pub(crate) fn spawn(
        self,
        tasks: &mut JoinSet<()>,
        heard: mpsc::Sender<Heard>,
        clock: Timeline,
        stop: Stop,
    ) {
        let troubles = self.prober.troubles();
        let telling = tell(troubles, self.number, self.read_every, heard.clone());
        let scraper = Scraper {
            number: self.number,
            fetcher: own(&self.name, self.registry, self.made),
            interval: self.read_every,
            bounds: self.bounds,
            interest: self.interest,
            dropped: self.dropped,
        };
        let probing = self.prober.run(std::future::pending());
        tasks.spawn(async move {
            let all = async { tokio::join!(probing, scraper.run(heard, clock), telling) };
            stop.run_until_stopped(all).await;
        });
    }
}

/// Makes the prober that the configuration describes.
fn prober(
    config: &ProberConfig,
    registry: &Registry,
    in_flight: Option<Arc<InFlight>>,
    seed: u64,
) -> Result<Prober, ProbeError> {
    let built = config.spec(seed).and_then(|spec| {
        let spec = match config.bands.as_ref().zip(in_flight) {
            Some((bands, in_flight)) => {
                let edges = bands.edges.as_deref().unwrap_or(&DEFAULT_BANDS);
                spec.banded(edges, move || in_flight.now())
            }
            None => spec,
        };
        spec.build_in(registry)
    });
    built.map_err(|reason| ProbeError { prober: config.name.clone(), reason })
}

/// Makes what hands the series on, with when they began: what they count, they count from zero.
fn own(name: &str, registry: Registry, made: TimeMs) -> Fetcher {
    let body = move || {
        let mut snapshot = registry.snapshot();
        snapshot.families.push(began(made));
        encode::body(Format::OpenMetrics, &snapshot)
    };
    Fetcher::Own { name: name.to_owned(), body: Box::new(body) }
}

fn began(at: TimeMs) -> Family {
    let signal = &catalog::PROCESS_START_TIME;
    let value = Value::Gauge(at.0 as f64 / 1e3);
    Family {
        name: signal.name.into(),
        help: signal.help.into(),
        unit: signal.prometheus_unit(),
        kind: FamilyKind::Gauge,
        series: vec![Series { labels: Labels::default(), value }],
    }
}

/// Tells the engine, and the log, what isn't known, whenever that changes.
async fn tell(
    troubles: Troubles,
    target: TargetNumber,
    every: Duration,
    heard: mpsc::Sender<Heard>,
) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut told = None;
    loop {
        ticks.tick().await;
        let now = troubles.now();
        let words = now.iter().map(|of| format!("{}: {}", of.store, of.reason));
        let said = (!now.is_empty()).then(|| words.collect::<Vec<_>>().join("; "));
        if said != told {
            told.clone_from(&said);
            if heard.send(Heard::Trouble { target, said }).await.is_err() {
                return;
            }
        }
    }
}
