//! A page of metrics, as values by name.

use plimsoll_exposition::Format;
use plimsoll_exposition::decode::Decoder;
use std::collections::BTreeMap;
use std::ops::Index;

/// What a scrape brought: values by name and labels, as `name{a="b"}`, the labels in their order.
#[derive(Clone, Debug, Default)]
pub struct Scrape(pub BTreeMap<String, f64>);

impl Scrape {
    /// Reads a page.
    ///
    /// # Panics
    /// It isn't text of Prometheus' format 0.0.4.
    pub fn parse(body: &str) -> Self {
        let mut decoder = Decoder::new(100_000);
        let decoded = decoder.decode(body.as_bytes(), Format::Text);
        let samples = decoded.unwrap_or_else(|error| panic!("{error}: {body}")).samples.clone();
        let named = samples.iter().zip(decoder.series()).map(|(sample, series)| {
            let key = series.key().expect("good labels");
            (format!("{}{}", key.name, key.labels), sample.value)
        });
        Self(named.collect())
    }

    /// Returns the value of the series with exactly these labels.
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut labels = labels.to_vec();
        labels.sort_unstable();
        let pairs: Vec<_> =
            labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        self.value(&format!("{name}{{{}}}", pairs.join(",")))
    }

    /// Returns the value of a series by its whole name, as `name{a="b"}`.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// Returns the values of every series of a family whose labels hold all of these.
    pub fn all<'a>(&'a self, name: &'a str, labels: &'a [&str]) -> impl Iterator<Item = f64> + 'a {
        let is_it = |key: &str| {
            key.split('{').next() == Some(name) && labels.iter().all(|label| key.contains(label))
        };
        self.0.iter().filter(move |(key, _)| is_it(key)).map(|(_, value)| *value)
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
