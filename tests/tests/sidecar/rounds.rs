//! Waiting for what the rounds of a collector bring.

use crate::{Scrape, Watcher};
use std::ops::Index;

impl Watcher {
    /// Waits until a collector is up, or down.
    pub(crate) async fn until_up(&self, collector: &str, up: bool) -> Scrape {
        let wanted = f64::from(u8::from(up));
        let is_it = |seen: &Scrape| {
            seen.get("concurrency_collector_up", &[("collector", collector)]) == Some(wanted)
        };
        self.until(&format!("{collector} that is up: {up}"), is_it).await
    }

    /// Waits until a round that began after this was called has brought a reading.
    pub(crate) async fn next_round(&self, collector: &str) -> Scrape {
        let rounds = |seen: &Scrape| {
            let labels = [("collector", collector), ("result", "ok")];
            seen.get("concurrency_collector_rounds_total", &labels).unwrap_or(0.0)
        };
        // The round that runs now may have looked before.
        let enough = rounds(&self.scrape().await) + 2.0;
        let is_new = |seen: &Scrape| {
            let up = seen.get("concurrency_collector_up", &[("collector", collector)]);
            rounds(seen) >= enough && up == Some(1.0)
        };
        self.until("a new round", is_new).await
    }
}

impl Scrape {
    /// Returns the value of a series by its whole name, as `name{a="b"}`.
    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }
}

impl Index<&str> for Scrape {
    type Output = f64;

    fn index(&self, name: &str) -> &f64 {
        let family = name.split('{').next().unwrap_or(name);
        self.0.get(name).unwrap_or_else(|| {
            let near: Vec<_> = self.0.keys().filter(|key| key.starts_with(family)).collect();
            panic!("no series {name}; there are {near:?}")
        })
    }
}
