use crate::{Exemplar, Exponential, Labels};
use std::borrow::Cow;
use std::collections::HashMap;

/// What one histogram holds beyond its classic buckets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detail {
    /// The same observations in exponential buckets, where they are kept so.
    pub exponential: Option<Exponential>,
    /// Observations of which the trace is known, ascending by value, at most one for each classic
    /// bucket.
    pub exemplars: Vec<Exemplar>,
}

/// What the histograms of a [`Snapshot`](crate::Snapshot) hold beyond their classic buckets, of the
/// same instant.
///
/// It stands beside the snapshot because the format that is asked for most has no words for it.
#[derive(Clone, Debug, Default)]
pub struct Details(HashMap<Cow<'static, str>, HashMap<Labels, Detail>>);

impl Details {
    /// Sets the detail of the series that has `labels` in the family of this name.
    pub fn insert(&mut self, family: Cow<'static, str>, labels: Labels, detail: Detail) {
        self.0.entry(family).or_default().insert(labels, detail);
    }

    /// Returns the detail of a series, if there is any.
    pub fn get(&self, family: &str, labels: &Labels) -> Option<&Detail> {
        self.0.get(family)?.get(labels)
    }
}
