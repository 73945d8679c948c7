//! What of a body is of use.

use std::collections::{BTreeSet, HashMap};

/// What is of use, so that everything else is let go before it takes memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interest {
    names: BTreeSet<String>,
    /// By the histogram's name.
    thresholds: HashMap<String, Vec<f64>>,
}

impl Interest {
    /// Makes what asks for nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for the series of that name.
    pub fn add(&mut self, name: &str) {
        self.names.insert(name.to_owned());
    }

    /// Asks for the buckets of a histogram around a threshold, in the histogram's unit.
    pub fn add_threshold(&mut self, histogram: &str, threshold: f64) {
        self.add(&format!("{histogram}_bucket"));
        let thresholds = self.thresholds.entry(histogram.to_owned()).or_default();
        if !thresholds.contains(&threshold) {
            thresholds.push(threshold);
        }
    }

    /// Says whether the series of that name is of use.
    pub fn wants(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Returns the thresholds that are asked for of a histogram.
    pub fn thresholds(&self, histogram: &str) -> &[f64] {
        self.thresholds.get(histogram).map_or(&[], Vec::as_slice)
    }
}
