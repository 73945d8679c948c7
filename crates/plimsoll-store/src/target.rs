//! What is scraped.

use crate::relabel::{LabelMap, NAME, Relabeling};
use plimsoll_model::{Labels, SeriesKey};
use std::time::Duration;

/// One address that is scraped, as the configuration and discovery name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The value of the label `job`.
    pub job: String,
    /// The value of the label `instance`.
    pub instance: String,
    /// The other labels that each of its series gets.
    pub labels: Labels,
    /// The time between two scrapes.
    pub interval: Duration,
    /// On a conflict the scraped label stays; otherwise it becomes `exported_X`, as Prometheus
    /// does.
    pub honor_labels: bool,
    /// What becomes of its series once they have the target's labels.
    pub relabeling: Relabeling,
}

impl Target {
    /// Returns what tells it from every other, over restarts too.
    pub(crate) fn key(&self) -> String {
        format!("{}\n{}\n{}", self.job, self.instance, self.labels)
    }

    /// Returns what a series that it exposes is called once it has the target's labels and was
    /// relabelled; `None` when it is dropped.
    pub(crate) fn rename(&self, exposed: &SeriesKey) -> Option<SeriesKey> {
        let labels = self.join(&exposed.labels);
        if self.relabeling.is_empty() {
            return Some(SeriesKey { name: exposed.name.clone(), labels });
        }
        let mut map: LabelMap =
            labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        map.insert(NAME.to_owned(), exposed.name.to_string());
        if !self.relabeling.apply(&mut map) {
            return None;
        }
        let name = map.remove(NAME)?;
        Some(SeriesKey { name: name.into(), labels: Labels::new(map).ok()? })
    }

    /// Puts the target's labels to a series' own, as Prometheus joins them.
    fn join(&self, scraped: &Labels) -> Labels {
        let own = [("job", &*self.job), ("instance", &*self.instance)];
        let mut joined = scraped.clone();
        for (name, value) in own.into_iter().chain(self.labels.iter()) {
            if value.is_empty() {
                continue;
            }
            if let Some(theirs) = scraped.get(name) {
                if self.honor_labels {
                    continue;
                }
                joined = joined.with(&format!("exported_{name}"), theirs).unwrap_or(joined);
            }
            joined = joined.with(name, value).unwrap_or(joined);
        }
        joined
    }
}

/// A target's number within one store; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetIndex(pub usize);

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_scraped_label_gives_way_to_the_target_s() {
        let mut target = Target {
            job: "auth".into(),
            instance: "a:1".into(),
            labels: Labels::new([("region", "eu")]).expect("valid"),
            interval: Duration::from_secs(1),
            honor_labels: false,
            relabeling: Relabeling::default(),
        };
        let scraped = Labels::new([("code", "500"), ("job", "inner")]).expect("valid");
        let joined = target.join(&scraped).to_string();
        let expected = r#"{code="500",exported_job="inner",instance="a:1",job="auth",region="eu"}"#;
        assert_eq!(joined, expected);
        target.honor_labels = true;
        let joined = target.join(&scraped).to_string();
        assert_eq!(joined, r#"{code="500",instance="a:1",job="inner",region="eu"}"#);
    }
}
