//! Reads a body line by line, by all of a format's rules.

use super::error::{DecodeError, Fault, Misfit};
use super::family::Families;
use super::line::{Bounds, Head, Label, Line, line, name_of, utf8};
use super::plan::{Checked, Plan, Was};
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
                Was::Refused(_) => {
                    let name = name_of(utf8(bytes)?);
                    progress.check(name, known.checked.bounds)?;
                }
                Was::Sample { slot, .. } => {
                    let Some(entry) = self.table.get_mut(slot) else { break };
                    progress
                        .families
                        .sample(&entry.key.name, known.checked.bounds)
                        .map_err(at_start)?;
                    (entry.seen_in, entry.line) = (self.number, at);
                }
            }
            self.new.push(bytes, known.was, known.checked);
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
        let mut length = bytes.len();
        match known.was {
            Was::Idle => self.new.push(bytes, Was::Idle, known.checked),
            Was::Metadata => {
                describe(self.format, &mut progress.families, bytes, &mut Vec::new())?;
                self.new.push(bytes, Was::Metadata, known.checked);
            }
            Was::Sample { slot, .. } => {
                let next = next_tail(self.format, after).zip(self.table.get(slot));
                let Some(((tail, tail_length), entry)) = next else { return Ok(None) };
                let checked = progress.check(&entry.key.name, known.checked.bounds)?;
                exemplar_fits(&tail, checked, bytes.len())?;
                self.take(bytes, Some(slot), checked, &tail);
                length += tail_length;
            }
            // Whether it is refused again depends on the lines before.
            Was::Refused(_) => {
                progress.cursor += 1;
                return Ok(None);
            }
            Was::End => return Ok(None),
        }
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
        let text = utf8(bytes)?;
        match line(self.format, text, &mut progress.labels)? {
            Line::Idle => self.new.push(whole, Was::Idle, Checked::default()),
            Line::Metadata { family, part } => {
                progress.families.describe(family, part).map_err(at_start)?;
                self.new.push(whole, Was::Metadata, Checked::default());
            }
            Line::End => {
                progress.ended = true;
                self.new.push(whole, Was::End, Checked::default());
            }
            Line::Sample(head) => self.new_sample(progress, head, text)?,
        }
        Ok(length)
    }

    fn new_sample(
        &mut self,
        progress: &mut Progress<'_>,
        head: Head<'_>,
        text: &str,
    ) -> Result<(), Misfit> {
        let (before, after) = text.split_at_checked(head.value_at).unwrap_or((text, ""));
        let tail = tail(self.format, after)
            .map_err(|misfit| Misfit { at: head.value_at + misfit.at, ..misfit })?;
        let checked = progress.check(head.name, head.bounds)?;
        exemplar_fits(&tail, checked, head.value_at)?;
        let labels = &mut progress.labels;
        labels.retain(|(_, value)| !value.is_empty());
        labels.sort_unstable_by_key(|(name, _)| *name);
        let mut slot = self.table.find(head.name, labels);
        match slot.and_then(|slot| self.table.get(slot)) {
            // The line that followed it in the old body is expected next.
            Some(entry) if entry.seen_in != self.number => progress.cursor = entry.line + 1,
            Some(_) => {}
            None if self.is_full() => {}
            None => slot = self.table.add(head.name, labels),
        }
        self.take(before.as_bytes(), slot, checked, &tail);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.scrape.samples.len() >= self.series_max
    }

    /// Takes a good sample, or counts it as refused; without a slot there was no room for it.
    fn take(&mut self, bytes: &[u8], slot: Option<Slot>, checked: Checked, tail: &Tail) {
        let full = self.is_full();
        let line = self.new.len();
        let was = match slot.and_then(|slot| Some((slot, self.table.get_mut(slot)?))) {
            Some((_, entry)) if entry.seen_in == self.number => {
                Was::Refused(RefusalReason::Duplicate)
            }
            Some((slot, entry)) if !full => {
                (entry.seen_in, entry.line) = (self.number, line);
                Was::Sample { slot, series: entry.index }
            }
            _ => Was::Refused(RefusalReason::SeriesLimit),
        };
        match was {
            Was::Sample { series, .. } => {
                let sample =
                    Sample { series, value: tail.value, at_ms: tail.at_ms, is_delta: false };
                self.scrape.samples.push(sample);
            }
            Was::Refused(reason) => refuse(self.scrape, reason),
            _ => {}
        }
        self.new.push(bytes, was, checked);
    }
}

impl Progress<'_> {
    fn check(&mut self, name: &str, bounds: Bounds) -> Result<Checked, Misfit> {
        let exemplar = self.families.sample(name, bounds).map_err(at_start)?;
        Ok(Checked { bounds, exemplar })
    }
}

fn exemplar_fits(tail: &Tail, checked: Checked, tail_at: usize) -> Result<(), Misfit> {
    match tail.exemplar_at {
        Some(at) if !checked.exemplar => {
            Err(Misfit { at: tail_at + at, what: Fault::ExemplarPlace })
        }
        _ => Ok(()),
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
    match line(format, utf8(bytes)?, labels)? {
        Line::Metadata { family, part } => families.describe(family, part).map_err(at_start),
        _ => Ok(()),
    }
}

fn at_start(what: Fault) -> Misfit {
    Misfit { at: 0, what }
}
