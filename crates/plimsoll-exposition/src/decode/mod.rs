//! Reads a body: strictly, and fast when it has the shape of the one before.
//!
//! Successive bodies of one target carry the same lines in the same order; only values change.
//! So the decoder keeps the last body. While the next one has the same lines, nothing but numbers is
//! read, and memory is only compared. A body that differs somewhere is read as a whole, but a line
//! that is where it was, or after the line that it followed, is still not read anew. What a line's
//! bytes mean never depends on other lines, so all ways give the same.
//!
//! A series is no more than its place in the body until somebody asks what it is called.

mod error;
mod family;
mod line;
mod number;
mod plain;
mod plan;
mod reading;
mod recorded;
mod scan;
mod series;
mod tail;
mod word;

pub use error::{DecodeError, Fault};
pub use recorded::recorded;
pub use series::Series;

use crate::{Format, Interest};
use plan::{Plan, Was};
use plimsoll_model::{Refusal, RefusalReason, Scrape, SeriesIndex};
use reading::{Reading, Rules};
use series::Hashing;
use std::sync::Arc;
use tail::next_tail;

/// Reads the bodies of one target, one after the other.
///
/// It keeps the last good body and where each series stands in it: its memory is bound by the longest
/// body.
#[derive(Debug)]
pub struct Decoder {
    series_max: usize,
    interest: Option<Arc<Interest>>,
    hashing: Hashing,
    format: Format,
    plan: Plan,
    /// The memory of the plan before, while bodies change.
    spare: Plan,
    scrape: Scrape,
}

impl Decoder {
    /// Makes a decoder that takes at most `series_max` series from one body.
    pub fn new(series_max: usize) -> Self {
        Self {
            series_max,
            interest: None,
            hashing: Hashing::default(),
            format: Format::default(),
            plan: Plan::default(),
            spare: Plan::default(),
            scrape: Scrape::default(),
        }
    }

    /// Makes it read only the series that are asked for by name. The others are held to all rules of
    /// the format, and that is all: they are counted in [`Scrape::unread`].
    #[must_use]
    pub fn only(self, interest: Arc<Interest>) -> Self {
        Self { interest: Some(interest), ..self }
    }

    /// Reads one body: samples in its order, and how many were refused, and why.
    ///
    /// A series that stands twice counts once: the first is taken, the rest are refused as
    /// [`RefusalReason::Duplicate`]. Those past the decoder's limit are refused as
    /// [`RefusalReason::SeriesLimit`]. A label with an empty value is no label. Values are passed
    /// on as they are, NaN and infinities included.
    ///
    /// # Errors
    /// The first fault of the body, which is then refused as a whole. The next body is compared
    /// with the last good one.
    pub fn decode(&mut self, body: &[u8], format: Format) -> Result<&Scrape, DecodeError> {
        if u32::try_from(body.len()).is_err() {
            return Err(DecodeError { line: 1, column: 1, what: Fault::TooLong });
        }
        if self.format != format {
            self.format = format;
            self.plan.forget_lines();
        }
        self.clear();
        if self.follow(body) {
            self.spare = Plan::default();
        } else {
            self.clear();
            let rules = Rules {
                format,
                series_max: self.series_max,
                interest: self.interest.as_deref(),
                hashing: &self.hashing,
                old: &self.plan,
            };
            let spare = std::mem::take(&mut self.spare);
            let plan = Reading::new(rules, body, &mut self.scrape, spare).read()?;
            self.spare = std::mem::replace(&mut self.plan, plan);
        }
        Ok(&self.scrape)
    }

    /// Iterates over the series of the last good body that are read, in its order, each once.
    ///
    /// An index is never given to another series, and a series keeps its index while it is exposed.
    pub fn series(&self) -> impl Iterator<Item = Series<'_>> {
        self.series_from(SeriesIndex(0))
    }

    /// Iterates over those of them whose index is at least `first`: what came after some body. It costs
    /// nothing when there is none.
    pub fn series_from(&self, first: SeriesIndex) -> impl Iterator<Item = Series<'_>> {
        self.plan.series_from(first)
    }

    fn clear(&mut self) {
        self.scrape.samples.clear();
        self.scrape.refused.clear();
        self.scrape.unread = 0;
    }

    /// Takes the body's samples if it has the same lines as the one before.
    fn follow(&mut self, body: &[u8]) -> bool {
        let mut rest = body;
        for at in 0..self.plan.len() {
            let Some((line, head)) = self.plan.get(at) else { return false };
            let Some(after) = word::after(rest, head) else { return false };
            rest = after;
            match line.was {
                Was::Idle => continue,
                // `# EOF` may stand without a line feed, which must then be the end.
                Was::End if after.is_empty() => continue,
                Was::End => return false,
                Was::Sample | Was::Unread | Was::Refused(_) => {}
            }
            let Some((tail, length)) = next_tail(self.format, after) else { return false };
            if tail.exemplar_at.is_some() && !line.exemplar {
                return false;
            }
            match line.was {
                Was::Sample => self.scrape.samples.push(tail.sample(line.series)),
                Was::Refused(reason) => refuse(&mut self.scrape, reason),
                _ => self.scrape.unread += 1,
            }
            rest = after.get(length..).unwrap_or_default();
        }
        rest.is_empty() && self.plan.len() > 0
    }
}

fn refuse(scrape: &mut Scrape, reason: RefusalReason) {
    match scrape.refused.iter_mut().find(|refusal| refusal.reason == reason) {
        Some(refusal) => refusal.samples += 1,
        None => scrape.refused.push(Refusal { reason, samples: 1 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_remembered_within_bounds() {
        let mut decoder = Decoder::new(1_000);
        for round in 0..100 {
            let body: String =
                (0..50).map(|pod| format!("up{{pod=\"{round}-{pod}\"}} 1\n")).collect();
            decoder.decode(format!("{body}steady 1\n").as_bytes(), Format::Text).expect("good");
            assert!(decoder.plan.remembered() <= 51 + 1 + 64, "{}", decoder.plan.remembered());
        }
    }

    #[test]
    fn a_bad_body_leaves_no_series_behind() {
        let mut decoder = Decoder::new(1_000);
        for round in 0..100 {
            let body = format!("leak{{round=\"{round}\"}} 1\n!\n");
            assert!(decoder.decode(body.as_bytes(), Format::Text).is_err());
        }
        assert_eq!(decoder.plan.remembered(), 0);
        let scrape = decoder.decode(b"a 1\n", Format::Text).expect("good");
        assert_eq!(scrape.samples.first().map(|sample| sample.series.0), Some(0));
    }
}
