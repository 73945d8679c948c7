//! What follows a sample's name and labels: value, time, exemplar.

use super::error::{Fault, Misfit};
use super::line::{Label, open_labels, utf8};
use super::number::{milliseconds, number, seconds_as_ms, short_decimal};
use super::scan::Scan;
use super::word;
use crate::Format;
use plimsoll_model::{Sample, SeriesIndex};

/// The longest label set of an exemplar, in characters, by OpenMetrics 1.0.
const EXEMPLAR_CHARACTERS_MAX: usize = 128;

/// The part of a sample's line that changes from body to body.
pub(super) struct Tail {
    pub(super) value: f64,
    pub(super) at_ms: Option<i64>,
    /// Where its exemplar starts, when it has one.
    pub(super) exemplar_at: Option<usize>,
}

impl Tail {
    /// Makes it a sample of that series.
    #[inline]
    pub(super) fn sample(&self, series: SeriesIndex) -> Sample {
        Sample { series, value: self.value, at_ms: self.at_ms, is_delta: false }
    }
}

/// Reads the tail that `rest` starts with, and says how long it is, line feed included; `None`
/// when the strict reading of the whole line has to say what it is.
#[inline]
pub(super) fn next_tail(format: Format, rest: &[u8]) -> Option<(Tail, usize)> {
    // Most values are integers of less than eight digits.
    let word = word::word(rest);
    let (value, length) = word::digits(word);
    if length > 0 && length < 8 && word >> (8 * length) & 0xff == u64::from(b'\n') {
        return Some((Tail { value: value as f64, at_ms: None, exemplar_at: None }, length + 1));
    }
    other_tail(format, rest)
}

fn other_tail(format: Format, rest: &[u8]) -> Option<(Tail, usize)> {
    if let Some((value, length)) = short_decimal(rest)
        && rest.get(length) == Some(&b'\n')
    {
        return Some((Tail { value, at_ms: None, exemplar_at: None }, length + 1));
    }
    let length = memchr::memchr(b'\n', rest)?;
    let tail = tail(format, utf8(rest.get(..length)?).ok()?).ok()?;
    Some((tail, length + 1))
}

/// Reads a whole tail, which has no line feed.
pub(super) fn tail(format: Format, text: &str) -> Result<Tail, Misfit> {
    let mut scan = Scan::new(text);
    let value = number(scan.word()).ok_or(Misfit { at: 0, what: Fault::Number })?;
    match format {
        Format::Text => text_rest(scan, value),
        Format::OpenMetrics => open_rest(scan, value),
    }
}

fn text_rest(mut scan: Scan<'_>, value: f64) -> Result<Tail, Misfit> {
    scan.skip_blanks();
    let mut at_ms = None;
    if scan.peek().is_some() {
        let at = scan.at();
        let time = milliseconds(scan.word());
        at_ms = Some(time.ok_or(Misfit { at, what: Fault::Timestamp })?);
        scan.skip_blanks();
        scan.end_or(Fault::Trailing)?;
    }
    Ok(Tail { value, at_ms, exemplar_at: None })
}

fn open_rest(mut scan: Scan<'_>, value: f64) -> Result<Tail, Misfit> {
    let mut tail = Tail { value, at_ms: None, exemplar_at: None };
    if scan.peek().is_none() {
        return Ok(tail);
    }
    scan.space()?;
    if scan.peek() != Some(b'#') {
        tail.at_ms = Some(open_time(&mut scan)?);
        if scan.peek().is_none() {
            return Ok(tail);
        }
        scan.space()?;
    }
    tail.exemplar_at = Some(scan.at());
    exemplar(&mut scan)?;
    Ok(tail)
}

fn open_time(scan: &mut Scan<'_>) -> Result<i64, Misfit> {
    let at = scan.at();
    seconds_as_ms(scan.word()).ok_or(Misfit { at, what: Fault::Timestamp })
}

/// Reads `# {trace_id="…"} 0.5 1520879607.789` and forgets it.
fn exemplar(scan: &mut Scan<'_>) -> Result<(), Misfit> {
    let start = scan.at();
    scan.require(b'#', Fault::Trailing)?;
    scan.space()?;
    if scan.peek() != Some(b'{') {
        return Err(scan.misfit(Fault::Exemplar));
    }
    let mut labels: Vec<Label<'_>> = Vec::new();
    open_labels(scan, &mut labels)?;
    let characters: usize =
        labels.iter().map(|(name, value)| name.len() + value.chars().count()).sum();
    if characters > EXEMPLAR_CHARACTERS_MAX {
        return Err(Misfit { at: start, what: Fault::ExemplarLength });
    }
    scan.space()?;
    let at = scan.at();
    number(scan.word()).ok_or(Misfit { at, what: Fault::Number })?;
    if scan.peek().is_some() {
        scan.space()?;
        open_time(scan)?;
    }
    scan.end_or(Fault::Trailing)
}
