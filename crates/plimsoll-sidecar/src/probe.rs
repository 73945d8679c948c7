//! The heartbeat prober: how long committed state takes to become readable elsewhere, asked from outside.

use crate::config::{DEADLINE, INTERVAL, LABEL};
use crate::kind::CollectorKind;
use crate::{Collector, CollectorConfig, Flag, Pace, Reading, Reason, World, redis, sql};
use async_trait::async_trait;
use plimsoll_prober::{Prober, Troubles};
use plimsoll_runtime::shutdown::Stop;
use plimsoll_servers::ProberConfig;
use plimsoll_servers::prober::{
    EDGES, NAME, ORIGIN, POLL, STORES, StoreConfig, TIMEOUT, check_stores,
};
use plimsoll_spec::{MapShape, later};
use serde::Deserialize;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::str::FromStr;
use tokio::task::JoinSet;

static SHAPE: MapShape = MapShape {
    keys: &[
        LABEL,
        INTERVAL,
        DEADLINE,
        NAME,
        ORIGIN,
        STORES,
        POLL,
        TIMEOUT,
        EDGES,
        later("bands", "a sidecar doesn't know what is in flight elsewhere: let the daemon probe"),
    ],
    check: Some(check_stores),
};

/// How the address of a store begins.
const SCHEMES: [&str; 4] = ["postgres://", "postgresql://", "redis://", "rediss://"];

/// A prober of one system of record and of the stores behind it. `interval` is the mean time between two
/// markers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ProbeConfig {
    #[serde(flatten)]
    prober: Box<ProberConfig>,
}

impl FromStr for ProbeConfig {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_address = |rest: &str| SCHEMES.iter().any(|scheme| rest.starts_with(scheme));
        // An address has `=` in it as well.
        let mut halves = text.match_indices('=').map(|(at, _)| (&text[..at], &text[at + 1..]));
        let (origin, store) = halves
            .find(|(origin, store)| is_address(origin) && is_address(store))
            .ok_or("isn't ORIGIN=STORE, as postgres://probe@primary/shop=postgres://probe@replica/shop")?;
        let (from, to) = (place(origin), place(store));
        let name = format!("{from} to {to}");
        let prober = ProberConfig::of(name, StoreConfig::at(origin), (to, StoreConfig::at(store)));
        Ok(Self { prober: Box::new(prober) })
    }
}

fn place(url: &str) -> String {
    if url.starts_with("redis") { redis::target(url) } else { sql::target(url) }
}

impl CollectorKind for ProbeConfig {
    const SHAPE: &'static MapShape = &SHAPE;
    const PACE: Pace = Pace::EACH_SECOND;
    const FLAGS: &'static [Flag] = &[Flag {
        name: "probe",
        value: Some("ORIGIN=STORE"),
        help: "How long what is committed to one store takes to be readable in another; may be repeated",
        read: |text| Ok(CollectorConfig::Probe(text.parse()?)),
    }];

    fn target(&self) -> String {
        self.prober.name.clone()
    }

    fn lies_in(&mut self, folder: &Path) {
        self.prober.lies_in(folder);
    }

    fn check(&self) -> Result<(), Reason> {
        self.prober.spec(0).map(drop).map_err(Reason::new)
    }

    fn build(self, world: &World) -> Result<Box<dyn Collector>, Reason> {
        let spec = self.prober.spec(seed(world)).map_err(Reason::new)?;
        let prober = spec.interval(world.pace.interval).build_in(&world.own);
        let prober = prober.map_err(Reason::new)?;
        let troubles = prober.troubles();
        let waiting = Some((prober, world.stop.clone()));
        Ok(Box::new(Probe { config: self.prober, troubles, waiting, running: JoinSet::new() }))
    }
}

/// Tells the markers of this start from those of any other.
fn seed(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    (world.clock.now(), world.clock.wall_offset_ms(), std::process::id()).hash(&mut hasher);
    world.name.hash(&mut hasher);
    hasher.finish()
}

/// A prober that runs, and records as it goes: a round only asks what it doesn't know.
struct Probe {
    config: Box<ProberConfig>,
    troubles: Troubles,
    /// The prober and its end, until it has begun.
    waiting: Option<(Prober, Stop)>,
    running: JoinSet<()>,
}

#[async_trait]
impl Collector for Probe {
    fn begin(&mut self) {
        if let Some((prober, stop)) = self.waiting.take() {
            self.running.spawn(async move {
                stop.run_until_stopped(prober.run(std::future::pending())).await;
            });
        }
    }

    async fn collect(&mut self) -> Result<Reading, Reason> {
        if self.running.try_join_next().is_some() || self.running.is_empty() {
            return Err(Reason::new("it panicked, which is a fault of the sidecar: restart it"));
        }
        let troubles = self.troubles.now();
        let said = troubles.iter().map(|of| format!("{}: {}", of.store, of.reason));
        let is_origin = |store: &str| store == self.config.name;
        // Without the system of record, or without any store, nothing is measured.
        let knows_nothing = troubles.iter().any(|of| is_origin(&of.store))
            || troubles.len() >= self.config.stores_len();
        if knows_nothing {
            return Err(Reason::new(said.collect::<Vec<_>>().join("; ")));
        }
        let mut reading = Reading::default();
        said.for_each(|said| reading.note(said));
        Ok(reading)
    }

    async fn finish(&mut self) {
        self.running.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_names_two_stores_whose_addresses_may_hold_the_sign_between_them() {
        let text = "postgres://p:secret@a/shop?sslmode=disable=redis://:hush@cache:6380/2";
        let config: ProbeConfig = text.parse().unwrap();
        assert_eq!(config.target(), "a:5432/shop to cache:6380/2");
        assert_eq!(config.prober.stores_len(), 1);
        let shown = format!("{config:?}");
        assert!(!shown.contains("secret") && !shown.contains("hush"), "{shown}");
        for text in ["", "postgres://a/b", "postgres://a/b=c", "a=postgres://b/c"] {
            assert!(text.parse::<ProbeConfig>().is_err(), "{text}");
        }
    }
}
