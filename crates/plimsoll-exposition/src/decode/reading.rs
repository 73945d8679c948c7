//! Reads a body line by line, by all of a format's rules.

use super::error::{DecodeError, Fault, Misfit};
use super::family::Families;
use super::line::{Bounds, Head, Label, Line, line, name_of};
use super::plan::{Plan, Was};
use super::table::{Slot, Table};
use super::tail::{Tail, next_tail, tail};
use super::{Followed, refuse};
use crate::Format;
use plimsoll_model::{RefusalReason, Sample, Scrape};

/// One body being read, and what the body before left.
pub(super) struct Reading<'a> {
    pub(super) format: Format,
    /// The number of this body.
    pub(super) number: u64,
    pub(super) series_max: usize,
    pub(super) old: &'a Plan,
    pub(super) new: &'a mut Plan,
    pub(super) table: &'a mut Table,
    pub(super) scrape: &'a mut Scrape,
}

/// Where in the body the reading is, and what came before.
struct Progress<'b> {
    families: Families,
    /// The labels of the line that is being read.
    labels: Vec<Label<'b>>,
    /// The old line that is expected next.
    cursor: usize,
    /// `# EOF` was read.
    ended: bool,
}

impl Reading<'_> {
    /// Reads `body`, whose start was already followed.
    pub(super) fn read(&mut self, body: &[u8], followed: Followed) -> Result<(), DecodeError> {
        let mut progress = Progress {
            families: Families::new(self.format),
            labels: Vec::new(),
            cursor: followed.lines,
            ended: false,
        };
        let mut rest = body.get(followed.bytes..).unwrap_or_default();
        self.replay(&mut progress, followed.lines).map_err(|misfit| self.place(misfit))?;
        while !rest.is_empty() {
            let length = self.next(&mut progress, rest).map_err(|misfit| self.place(misfit))?;
            rest = rest.get(length..).unwrap_or_default();
        }
        if self.format == Format::OpenMetrics && !progress.ended {
            return Err(self.place(Misfit { at: 0, what: Fault::EofMissing }));
        }
        Ok(())
    }

    /// Says in which line a misfit is: the one after those that were read.
    fn place(&self, misfit: Misfit) -> DecodeError {
        DecodeError { line: self.new.len() + 1, column: misfit.at + 1, what: misfit.what }
    }

    /// Brings the state to where the old body's first `lines` lines, which this body has too,
    /// brought it then.
    fn replay(&mut self, progress: &mut Progress<'_>, lines: usize) -> Result<(), Misfit> {
        let mut labels = Vec::new();
        for at in 0..lines {
            let Some((known, bytes)) = self.old.get(at) else { break };
            match known.was {
                Was::Idle | Was::End => {}
                Was::Metadata => describe(self.format, &mut progress.families, bytes, &mut labels)?,
                Was::Sample { .. } | Was::Refused(_) => {
                    let name = name_of(bytes);
                    progress.families.sample(name, known.bounds).map_err(at_start)?;
                }
            }
            if let Was::Sample { slot, .. } = known.was
                && let Some(entry) = self.table.get_mut(slot)
            {
                (entry.seen_in, entry.line) = (self.number, at);
            }
            self.new.push(bytes, known.was, known.bounds, known.exemplar);
        }
        Ok(())
    }

    /// Reads the line that `rest` starts with and returns its length, line feed included.
    fn next<'b>(&mut self, progress: &mut Progress<'b>, rest: &'b [u8]) -> Result<usize, Misfit> {
        if progress.ended {
            return Err(Misfit { at: 0, what: Fault::AfterEof });
        }
        match self.known(progress, rest)? {
            Some(length) => Ok(length),
            None => self.strictly(progress, rest),
        }
    }

    /// Takes the line if it is the expected one of the old body; `None` when it isn't.
    fn known(&mut self, progress: &mut Progress<'_>, rest: &[u8]) -> Result<Option<usize>, Misfit> {
        let Some((known, bytes)) = self.old.get(progress.cursor) else { return Ok(None) };
        let Some(after) = rest.strip_prefix(bytes) else { return Ok(None) };
        let length = match known.was {
            Was::Idle => {
                self.new.push(bytes, Was::Idle, known.bounds, false);
                bytes.len()
            }
            Was::Metadata => {
                describe(self.format, &mut progress.families, bytes, &mut Vec::new())?;
                self.new.push(bytes, Was::Metadata, known.bounds, false);
                bytes.len()
            }
            Was::Sample { slot, .. } => {
                let Some((tail, tail_length)) = next_tail(self.format, after) else {
                    return Ok(None);
                };
                let name = name_of(bytes);
                self.sample(progress, (name, bytes, known.bounds), Some(slot), &tail)?;
                bytes.len() + tail_length
            }
            // Whether it is refused again depends on the lines before.
            Was::Refused(_) => {
                progress.cursor += 1;
                return Ok(None);
            }
            Was::End => return Ok(None),
        };
        progress.cursor += 1;
        Ok(Some(length))
    }

    /// Reads a line from its first byte to its last.
    fn strictly<'b>(
        &mut self,
        progress: &mut Progress<'b>,
        rest: &'b [u8],
    ) -> Result<usize, Misfit> {
        let end = memchr::memchr(b'\n', rest);
        let bytes = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        if end.is_none() && !(self.format == Format::OpenMetrics && bytes == b"# EOF") {
            return Err(Misfit { at: rest.len(), what: Fault::CutOff });
        }
        let length = bytes.len() + usize::from(end.is_some());
        let whole = rest.get(..length).unwrap_or_default();
        match line(self.format, bytes, &mut progress.labels)? {
            Line::Idle => self.new.push(whole, Was::Idle, Bounds::default(), false),
            Line::Metadata { family, part } => {
                progress.families.describe(family, part).map_err(at_start)?;
                self.new.push(whole, Was::Metadata, Bounds::default(), false);
            }
            Line::End => {
                progress.ended = true;
                self.new.push(whole, Was::End, Bounds::default(), false);
            }
            Line::Sample(head) => self.new_sample(progress, head, bytes)?,
        }
        Ok(length)
    }

    fn new_sample(
        &mut self,
        progress: &mut Progress<'_>,
        head: Head<'_>,
        bytes: &[u8],
    ) -> Result<(), Misfit> {
        let (before, after) = bytes.split_at_checked(head.value_at).unwrap_or((bytes, &[]));
        let tail = tail(self.format, after)
            .map_err(|misfit| Misfit { at: head.value_at + misfit.at, ..misfit })?;
        progress.labels.retain(|(_, value)| !value.is_empty());
        progress.labels.sort_unstable_by_key(|(name, _)| *name);
        let slot = self.table.find(head.name, &progress.labels);
        if let Some(entry) = slot.and_then(|slot| self.table.get(slot)) {
            // The line that followed it in the old body is expected next.
            if entry.seen_in != self.number {
                progress.cursor = entry.line + 1;
            }
        }
        self.sample(progress, (head.name, before, head.bounds), slot, &tail)
    }

    /// Takes a sample, of which `slot` says whether its series is known.
    fn sample(
        &mut self,
        progress: &mut Progress<'_>,
        (name, bytes, bounds): (&str, &[u8], Bounds),
        slot: Option<Slot>,
        tail: &Tail,
    ) -> Result<(), Misfit> {
        let exemplar = progress.families.sample(name, bounds).map_err(at_start)?;
        if let Some(at) = tail.exemplar_at.filter(|_| !exemplar) {
            return Err(Misfit { at: bytes.len() + at, what: Fault::ExemplarPlace });
        }
        let was = match self.admit(name, slot, &progress.labels) {
            Ok(was) => was,
            Err(reason) => {
                refuse(self.scrape, reason);
                Was::Refused(reason)
            }
        };
        if let Was::Sample { series, .. } = was {
            self.scrape.samples.push(Sample { series, value: tail.value, at_ms: tail.at_ms });
        }
        self.new.push(bytes, was, bounds, exemplar);
        Ok(())
    }

    /// Gives a sample's series its place in this body, or says why it has none.
    fn admit(
        &mut self,
        name: &str,
        slot: Option<Slot>,
        labels: &[Label<'_>],
    ) -> Result<Was, RefusalReason> {
        let known = slot.and_then(|slot| self.table.get(slot));
        if known.is_some_and(|entry| entry.seen_in == self.number) {
            return Err(RefusalReason::Duplicate);
        }
        if self.scrape.samples.len() >= self.series_max {
            return Err(RefusalReason::SeriesLimit);
        }
        let line = self.new.len();
        let slot = slot.or_else(|| self.table.add(name, labels));
        let slot = slot.ok_or(RefusalReason::SeriesLimit)?;
        let entry = self.table.get_mut(slot).ok_or(RefusalReason::SeriesLimit)?;
        (entry.seen_in, entry.line) = (self.number, line);
        Ok(Was::Sample { slot, series: entry.index })
    }
}

/// Takes a metadata line that was good before, with its line feed.
fn describe<'b>(
    format: Format,
    families: &mut Families,
    bytes: &'b [u8],
    labels: &mut Vec<Label<'b>>,
) -> Result<(), Misfit> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    match line(format, bytes, labels)? {
        Line::Metadata { family, part } => families.describe(family, part).map_err(at_start),
        _ => Ok(()),
    }
}

fn at_start(what: Fault) -> Misfit {
    Misfit { at: 0, what }
}
