//! Reads a body: strictly, and fast when it has the shape of the one before.
//!
//! Successive bodies of one target carry the same lines in the same order; only values change.
//! So the decoder keeps the last body's lines without their values. While the next body has the
//! same bytes, nothing but numbers is read. From the first line that differs on, the rules about
//! the order of lines run again, but a line that is where it was, or after the line that it
//! followed, is still not read anew. What a line's bytes mean never depends on other lines, so
//! both ways give the same.

mod error;
mod family;
mod line;
mod number;
mod plan;
mod reading;
mod recorded;
mod scan;
mod table;
mod tail;

pub use error::{DecodeError, Fault};
pub use recorded::recorded;

use crate::Format;
use plan::{Plan, Was};
use plimsoll_model::{Refusal, RefusalReason, Sample, Scrape, SeriesIndex, SeriesKey};
use reading::Reading;
use table::Table;
use tail::next_tail;

/// Reads the bodies of one target, one after the other.
///
/// It keeps the shape of the last good body and the identity of its series; its memory is bound
/// by the longest body and by twice the series that the target exposes.
#[derive(Debug)]
pub struct Decoder {
    series_max: usize,
    /// The number of the body that is being read, from 1.
    body: u64,
    format: Format,
    plan: Plan,
    /// The buffers of the plan before, to be written again.
    spare: Plan,
    table: Table,
    scrape: Scrape,
}

/// How far a body has the shape of the one before.
#[derive(Clone, Copy)]
struct Followed {
    lines: usize,
    bytes: usize,
}

impl Decoder {
    /// Makes a decoder that takes at most `series_max` series from one body.
    pub fn new(series_max: usize) -> Self {
        Self {
            series_max,
            body: 0,
            format: Format::default(),
            plan: Plan::default(),
            spare: Plan::default(),
            table: Table::default(),
            scrape: Scrape::default(),
        }
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
        self.body += 1;
        self.scrape.samples.clear();
        self.scrape.refused.clear();
        if self.format != format {
            self.format = format;
            self.plan.clear();
        }
        let followed = self.follow(body);
        if followed.lines == 0 || followed.lines < self.plan.len() || followed.bytes < body.len() {
            self.read(body, followed)?;
        }
        Ok(&self.scrape)
    }

    /// Returns what a series is called; `None` when the decoder has forgotten it because it
    /// wasn't exposed any more. An index is never given to another series.
    pub fn series(&self, index: SeriesIndex) -> Option<&SeriesKey> {
        self.table.key(index)
    }

    /// Takes samples while the body has the same lines as the one before.
    fn follow(&mut self, body: &[u8]) -> Followed {
        let mut followed = Followed { lines: 0, bytes: 0 };
        while let Some((line, bytes)) = self.plan.get(followed.lines) {
            let rest = body.get(followed.bytes..).unwrap_or_default();
            let Some(after) = rest.strip_prefix(bytes) else { break };
            let mut length = bytes.len();
            match line.was {
                Was::Idle | Was::Metadata => {}
                // `# EOF` may stand without a line feed, which must then be the end.
                Was::End if after.is_empty() => {}
                Was::End => break,
                Was::Sample { .. } | Was::Refused(_) => {
                    let Some((tail, tail_length)) = next_tail(self.format, after) else { break };
                    if tail.exemplar_at.is_some() && !line.checked.exemplar {
                        break;
                    }
                    match line.was {
                        Was::Sample { series, .. } => {
                            let sample = Sample {
                                series,
                                value: tail.value,
                                at_ms: tail.at_ms,
                                is_delta: false,
                            };
                            self.scrape.samples.push(sample);
                        }
                        Was::Refused(reason) => refuse(&mut self.scrape, reason),
                        _ => {}
                    }
                    length += tail_length;
                }
            }
            followed.lines += 1;
            followed.bytes += length;
        }
        followed
    }

    /// Reads the rest of a body that is new from some line on, and keeps its shape if it is good.
    fn read(&mut self, body: &[u8], followed: Followed) -> Result<(), DecodeError> {
        self.spare.clear();
        let known = self.table.len();
        let mut reading = Reading {
            format: self.format,
            number: self.body,
            series_max: self.series_max,
            old: &self.plan,
            new: &mut self.spare,
            table: &mut self.table,
            scrape: &mut self.scrape,
        };
        if let Err(error) = reading.read(body, followed) {
            self.table.truncate(known);
            return Err(error);
        }
        std::mem::swap(&mut self.plan, &mut self.spare);
        if let Some(moved) = self.table.sweep(self.body, self.scrape.samples.len()) {
            self.plan.move_slots(&moved);
        }
        self.plan.shrink();
        Ok(())
    }
}

fn refuse(scrape: &mut Scrape, reason: RefusalReason) {
    match scrape.refused.iter_mut().find(|refusal| refusal.reason == reason) {
        Some(refusal) => refusal.samples += 1,
        None => scrape.refused.push(Refusal { reason, samples: 1 }),
    }
}
