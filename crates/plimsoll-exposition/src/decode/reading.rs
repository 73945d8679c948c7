//! Reads a body line by line, by all of a format's rules.
//!
//! Each line is read in the cheapest of three ways that can read it: as the line of the body before
//! that is expected there, as a sample in the plain way, by the rules in full. Only the last says
//! what is wrong.

use super::error::{DecodeError, Fault, Misfit};
use super::family::{Families, Role};
use super::line::{self, Bounds, Label, Line};
use super::plain;
use super::plan::{Known, Plan, PlanLine, Was};
use super::refuse;
use super::series::Hashing;
use super::tail::{Tail, next_tail, tail};
use super::word;
use crate::{Format, Interest};
use plimsoll_model::{RefusalReason, Scrape, SeriesIndex};

/// What a body is read by, and what the body before left.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) format: Format,
    pub(super) series_max: usize,
    /// The series that are read; all of them without it.
    pub(super) interest: Option<&'a Interest>,
    pub(super) hashing: &'a Hashing,
    pub(super) old: &'a Plan,
}

/// One body being read.
pub(super) struct Reading<'a, 'b> {
    rules: Rules<'a>,
    body: &'b [u8],
    /// The body up to the first byte that isn't UTF-8.
    text: &'b str,
    /// Where the line that is being read starts.
    at: usize,
    scrape: &'a mut Scrape,
    new: Plan,
    families: Families<'b>,
    named: Option<Named<'b>>,
    /// The labels of the line that is being read.
    labels: Vec<Label<'b>>,
    /// Their names.
    names: Vec<(u64, &'b [u8])>,
    /// The old line that is expected next.
    cursor: usize,
    /// How many series of the body before are in this one.
    stayed: usize,
    /// `# EOF` was read.
    ended: bool,
}

/// What samples of one name have in common.
#[derive(Clone, Copy)]
struct Named<'b> {
    name: &'b str,
    hash: u64,
    is_read: bool,
    role: Role,
}

/// What of a line doesn't change.
#[derive(Clone, Copy)]
struct Head {
    length: usize,
    /// The length of a sample's name; 0 when its head isn't written in the plain way.
    name: usize,
    hash: u64,
    bounds: Bounds,
}

impl<'a, 'b> Reading<'a, 'b> {
    pub(super) fn new(
        rules: Rules<'a>,
        body: &'b [u8],
        scrape: &'a mut Scrape,
        spare: Plan,
    ) -> Self {
        let text = match std::str::from_utf8(body) {
            Ok(text) => text,
            Err(error) => {
                let valid = body.get(..error.valid_up_to()).unwrap_or_default();
                std::str::from_utf8(valid).unwrap_or_default()
            }
        };
        let lines = memchr::memchr_iter(b'\n', body).count() + 1;
        scrape.samples.reserve(lines);
        Self {
            rules,
            body,
            text,
            at: 0,
            scrape,
            new: spare.after(rules.old, text, lines),
            families: Families::new(rules.format),
            named: None,
            labels: Vec::new(),
            names: Vec::new(),
            cursor: 0,
            stayed: 0,
            ended: false,
        }
    }

    /// Reads the body to its end and returns its plan.
    pub(super) fn read(mut self) -> Result<Plan, DecodeError> {
        while self.at < self.body.len() {
            self.next().map_err(|misfit| self.place(misfit))?;
        }
        if self.rules.format == Format::OpenMetrics && !self.ended {
            return Err(self.place(Misfit { at: 0, what: Fault::EofMissing }));
        }
        self.new.remember_gone(self.rules.old, self.stayed);
        Ok(self.new)
    }

    /// Says in which line a misfit is: the one after those that were read.
    fn place(&self, misfit: Misfit) -> DecodeError {
        DecodeError { line: self.new.len() + 1, column: misfit.at + 1, what: misfit.what }
    }

    /// Reads the next line.
    fn next(&mut self) -> Result<(), Misfit> {
        if self.ended {
            return Err(Misfit { at: 0, what: Fault::AfterEof });
        }
        if self.known().is_some() || self.plainly().is_some() {
            return Ok(());
        }
        self.strictly()
    }

    /// Returns what is left of the body's text.
    fn rest(&self) -> &'b [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Takes the line if it is the sample that is expected.
    #[inline]
    fn known(&mut self) -> Option<()> {
        let (line, head) = self.rules.old.get(self.cursor).filter(|(line, _)| line.name > 0)?;
        let (tail, tail_length) = next_tail(self.rules.format, word::after(self.rest(), head)?)?;
        let named = self.named(self.text.get(self.at..self.at + line.name as usize)?).ok()?;
        let &PlanLine { name, hash, bounds, .. } = line;
        let head = Head { length: head.len(), name: name as usize, hash, bounds };
        named.role.check(bounds).ok()?;
        exemplar_fits(&tail, named.role).ok()?;
        let known =
            (line.was == Was::Sample).then_some(Known { line: self.cursor, series: line.series });
        self.cursor += 1;
        self.take(head, named, &tail, known);
        self.at += head.length + tail_length;
        Some(())
    }

    /// Takes the line if it is a sample in the plain way.
    #[inline]
    fn plainly(&mut self) -> Option<()> {
        let rest = self.rest();
        let is_next = |named: &Named<'_>| {
            let after = word::after(rest, named.name.as_bytes());
            matches!(after, Some([b'{' | b' ', ..]))
        };
        let named = match self.named.filter(is_next) {
            Some(named) => named,
            None => self.named(self.text.get(self.at..)?.get(..plain::name_length(rest)?)?).ok()?,
        };
        let name = named.name.len();
        let (hashing, mut hash) = (self.rules.hashing, named.hash);
        let labels = plain::labels(rest.get(name..)?, &mut self.names, |label| {
            if named.is_read {
                hash = hash.wrapping_add(hashing.part(label));
            }
        })?;
        let head = Head { length: name + labels.length, name, hash, bounds: labels.bounds };
        let (tail, tail_length) = next_tail(self.rules.format, rest.get(head.length..)?)?;
        named.role.check(head.bounds).ok()?;
        exemplar_fits(&tail, named.role).ok()?;
        self.take(head, named, &tail, None);
        self.at += head.length + tail_length;
        Some(())
    }

    /// Reads a line from its first byte to its last.
    fn strictly(&mut self) -> Result<(), Misfit> {
        let rest = self.body.get(self.at..).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest);
        let length = end.unwrap_or(rest.len());
        let is_eof = self.rules.format == Format::OpenMetrics && rest == b"# EOF";
        if end.is_none() && !is_eof {
            return Err(Misfit { at: rest.len(), what: Fault::CutOff });
        }
        let Some(text) = self.text.get(self.at..self.at + length) else {
            return Err(Misfit { at: self.text.len() - self.at, what: Fault::Utf8 });
        };
        let whole = length + usize::from(end.is_some());
        match line::line(self.rules.format, text, &mut self.labels)? {
            Line::Idle => self.pass(whole, Was::Idle),
            Line::Metadata { family, part } => {
                // What a sample is to its family may change with this line.
                self.named = None;
                self.families.describe(family, part).map_err(at_start)?;
                self.pass(whole, Was::Idle);
            }
            Line::End => {
                self.ended = true;
                self.pass(whole, Was::End);
            }
            Line::Sample(head) => self.sample(text, &head)?,
        }
        self.at += whole;
        Ok(())
    }

    fn sample(&mut self, text: &'b str, head: &line::Head<'b>) -> Result<(), Misfit> {
        let (before, after) = text.split_at_checked(head.value_at).unwrap_or((text, ""));
        let behind = |misfit: Misfit| Misfit { at: head.value_at + misfit.at, ..misfit };
        let tail = tail(self.rules.format, after).map_err(behind)?;
        let named = self.named(head.name).map_err(at_start)?;
        named.role.check(head.bounds).map_err(at_start)?;
        exemplar_fits(&tail, named.role).map_err(behind)?;
        let hash = if named.is_read { self.rules.hashing.of(before) } else { 0 };
        let head = Head { length: before.len(), name: 0, hash, bounds: head.bounds };
        self.take(head, named, &tail, None);
        Ok(())
    }

    /// Returns what samples of that name have in common.
    #[inline]
    fn named(&mut self, name: &'b str) -> Result<Named<'b>, Fault> {
        if let Some(named) = self.named.filter(|named| named.name == name) {
            return Ok(named);
        }
        let role = self.families.sample(name)?;
        let is_read = self.rules.interest.is_none_or(|interest| interest.wants(name));
        let named = Named { name, hash: self.rules.hashing.part(name.as_bytes()), is_read, role };
        self.named = Some(named);
        Ok(named)
    }

    /// Passes a line that is no sample, all of it.
    fn pass(&mut self, length: usize, was: Was) {
        let head = Head { length, name: 0, hash: 0, bounds: Bounds::default() };
        let line = self.line(head, was, false);
        let bytes = self.body.get(self.at..self.at + length);
        let is_expected = |(_, head): (&PlanLine, &[u8])| Some(head) == bytes;
        self.cursor += usize::from(self.rules.old.get(self.cursor).is_some_and(is_expected));
        self.new.push(line);
    }

    /// Takes a good sample, or counts it as refused; `known` is where the body before had its series
    /// and which index, if that is known by its place.
    #[inline]
    fn take(&mut self, head: Head, named: Named<'_>, tail: &Tail, known: Option<Known>) {
        let mut line = self.line(head, Was::Unread, named.role.exemplar);
        if !named.is_read {
            self.scrape.unread += 1;
            return self.new.push(line);
        }
        let bytes = self.rest().get(..head.length).unwrap_or_default();
        if self.scrape.samples.len() >= self.rules.series_max {
            return self.refuse(
                line,
                match self.new.find(head.hash, bytes) {
                    Some(_) => RefusalReason::Duplicate,
                    None => RefusalReason::SeriesLimit,
                },
            );
        }
        let known = known.or_else(|| self.rules.old.find(head.hash, bytes));
        let Some(series) = known.map(|known| known.series).or_else(|| self.new.next_index()) else {
            return self.refuse(line, RefusalReason::SeriesLimit);
        };
        (line.series, line.was) = (series, Was::Sample);
        if !self.new.show(line) {
            return self.refuse(line, RefusalReason::Duplicate);
        }
        if let Some(known) = known {
            self.stayed += 1;
            self.cursor = known.line + 1;
        }
        self.scrape.samples.push(tail.sample(series));
    }

    fn refuse(&mut self, line: PlanLine, reason: RefusalReason) {
        refuse(self.scrape, reason);
        self.new.push(PlanLine { was: Was::Refused(reason), ..line });
    }

    /// Makes the plan's line of what is read.
    fn line(&self, head: Head, was: Was, exemplar: bool) -> PlanLine {
        let Head { length, name, hash, bounds } = head;
        // The decoder takes no body that is longer than a u32 can say.
        PlanLine {
            at: self.at as u32,
            head: length as u32,
            name: name as u32,
            series: SeriesIndex(0),
            hash,
            was,
            bounds,
            exemplar,
        }
    }
}

fn exemplar_fits(tail: &Tail, role: Role) -> Result<(), Misfit> {
    match tail.exemplar_at {
        Some(at) if !role.exemplar => Err(Misfit { at, what: Fault::ExemplarPlace }),
        _ => Ok(()),
    }
}

fn at_start(what: Fault) -> Misfit {
    Misfit { at: 0, what }
}
