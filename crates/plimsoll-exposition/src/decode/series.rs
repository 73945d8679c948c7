//! The series that a head names, however it is written.

use super::scan::Scan;
use super::word;
use crate::Format;
use hashbrown::DefaultHashBuilder;
use plimsoll_model::{LabelError, Labels, SeriesIndex, SeriesKey};
use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher};

/// A series of the last body, still as it stands there.
#[derive(Clone, Copy, Debug)]
pub struct Series<'d> {
    index: SeriesIndex,
    name: &'d str,
    labels: HeadLabels<'d>,
}

impl<'d> Series<'d> {
    /// Makes it of a good head; `name` is the length of its name if it is written in the plain way.
    #[inline]
    pub(super) fn new(index: SeriesIndex, head: &'d str, name: usize) -> Self {
        let (name, labels) = match head.split_at_checked(name) {
            Some((name, labels)) if !name.is_empty() => {
                (name, HeadLabels { rest: labels.get(1..).unwrap_or_default(), is_plain: true })
            }
            _ => parts(head),
        };
        Self { index, name, labels }
    }

    /// Returns its number.
    pub fn index(&self) -> SeriesIndex {
        self.index
    }

    /// Returns the sample's name, suffix included.
    pub fn name(&self) -> &'d str {
        self.name
    }

    /// Iterates over its labels in the order of the body, `le` included, empty values left out.
    #[inline]
    pub fn labels(&self) -> impl Iterator<Item = (&'d str, Cow<'d, str>)> + use<'d> {
        self.labels
    }

    /// Makes its key, which is as good as any other that names it.
    ///
    /// # Errors
    /// None for a series of a good body: the decoder has checked its labels.
    pub fn key(&self) -> Result<SeriesKey, LabelError> {
        Ok(SeriesKey { name: self.name.into(), labels: Labels::new(self.labels)? })
    }
}

/// Hashes a series by its name and each of its labels, so that their order doesn't matter.
#[derive(Clone, Debug, Default)]
pub(super) struct Hashing(DefaultHashBuilder);

impl Hashing {
    /// Hashes a name, or a label as `name="value` without escapes.
    #[inline]
    pub(super) fn part(&self, part: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(part);
        hasher.finish()
    }

    /// Hashes what a good head names.
    pub(super) fn of(&self, head: &str) -> u64 {
        let (name, labels) = parts(head);
        let labels = labels.map(|(name, value)| self.part(format!("{name}=\"{value}").as_bytes()));
        labels.fold(self.part(name.as_bytes()), u64::wrapping_add)
    }
}

/// Says whether two good heads name the same series.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    one == other || is_same_series(one, other)
}

#[cold]
fn is_same_series(one: &[u8], other: &[u8]) -> bool {
    let (Ok(one), Ok(other)) = (std::str::from_utf8(one), std::str::from_utf8(other)) else {
        return false;
    };
    sorted(one) == sorted(other)
}

fn sorted(head: &str) -> (&str, Vec<(&str, Cow<'_, str>)>) {
    let (name, labels) = parts(head);
    let mut labels: Vec<_> = labels.collect();
    labels.sort_unstable();
    (name, labels)
}

/// Splits a good head into its name and its labels.
fn parts(head: &str) -> (&str, HeadLabels<'_>) {
    let mut scan = Scan::new(head);
    scan.skip_blanks();
    let name = scan.metric_name().unwrap_or_default();
    scan.skip_blanks();
    scan.eat(b'{');
    (name, HeadLabels { rest: scan.rest(), is_plain: false })
}

/// The labels of a good head, as they stand.
#[derive(Clone, Copy, Debug)]
struct HeadLabels<'t> {
    /// The labels that are left.
    rest: &'t str,
    is_plain: bool,
}

impl<'t> Iterator for HeadLabels<'t> {
    type Item = (&'t str, Cow<'t, str>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if !self.is_plain {
            return self.next_in_full();
        }
        let (name, after) = self.rest.split_at_checked(word::find(self.rest.as_bytes(), b'=')?)?;
        let quoted = after.get(2..)?;
        let (value, after) = quoted.split_at_checked(word::find(quoted.as_bytes(), b'"')?)?;
        // What follows is a comma or the end, where no label is left.
        self.rest = after.get(2..)?;
        Some((name, value.into()))
    }
}

impl<'t> HeadLabels<'t> {
    fn next_in_full(&mut self) -> Option<(&'t str, Cow<'t, str>)> {
        let mut scan = Scan::new(self.rest);
        loop {
            scan.skip_blanks();
            scan.eat(b',');
            scan.skip_blanks();
            let name = scan.label_name().ok()?;
            scan.skip_blanks();
            scan.eat(b'=');
            scan.skip_blanks();
            // It takes the escapes of both formats, and which of them are good was checked.
            let value = scan.quoted(Format::OpenMetrics).ok()?;
            if !value.is_empty() {
                self.rest = scan.rest();
                return Some((name, value));
            }
        }
    }
}
