//! One line: what it is, as far as its bytes alone can say.

use super::error::{Fault, Misfit};
use super::number::number;
use super::scan::Scan;
use crate::Format;
use std::borrow::Cow;

/// A line without its line feed.
pub(super) enum Line<'a> {
    /// Nothing that counts: blank, or a comment.
    Idle,
    /// `# HELP`, `# TYPE` or `# UNIT` of the family.
    Metadata { family: &'a str, part: Part },
    /// `# EOF`.
    End,
    /// A sample; its labels were put where the caller said.
    Sample(Head<'a>),
}

/// What a metadata line says of its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Help,
    Type(Kind),
    Unit,
}

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    StateSet,
    Info,
    Summary,
    Unknown,
}

/// A sample's line up to its value.
pub(super) struct Head<'a> {
    pub(super) name: &'a str,
    pub(super) bounds: Bounds,
    /// Where the value starts.
    pub(super) value_at: usize,
}

/// Which labels with a number a sample has that its family's type may ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) le: bool,
    pub(super) quantile: bool,
}

/// A label as it stands on a line, its value unescaped.
pub(super) type Label<'a> = (&'a str, Cow<'a, str>);

/// Reads a line up to a sample's value; labels go to `labels`, which is emptied first.
pub(super) fn line<'a>(
    format: Format,
    text: &'a str,
    labels: &mut Vec<Label<'a>>,
) -> Result<Line<'a>, Misfit> {
    labels.clear();
    let mut scan = Scan::new(text);
    if format == Format::Text {
        scan.skip_blanks();
    }
    match (scan.peek(), format) {
        (None, Format::Text) => Ok(Line::Idle),
        (None, Format::OpenMetrics) => Err(scan.misfit(Fault::EmptyLine)),
        (Some(b'#'), Format::Text) => text_comment(scan),
        (Some(b'#'), Format::OpenMetrics) => open_comment(scan),
        (Some(_), _) => head(format, scan, labels).map(Line::Sample),
    }
}

/// Reads bytes as text.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Misfit> {
    std::str::from_utf8(bytes)
        .map_err(|error| Misfit { at: error.valid_up_to(), what: Fault::Utf8 })
}

fn text_comment<'a>(mut scan: Scan<'a>) -> Result<Line<'a>, Misfit> {
    scan.eat(b'#');
    scan.skip_blanks();
    let keyword = scan.word();
    if keyword != b"HELP" && keyword != b"TYPE" {
        return Ok(Line::Idle);
    }
    scan.skip_blanks();
    let family = scan.metric_name()?;
    if !matches!(scan.peek(), None | Some(b' ' | b'\t')) {
        return Err(scan.misfit(Fault::MetricName));
    }
    scan.skip_blanks();
    if keyword == b"HELP" {
        scan.help_escapes(b"\\n")?;
        return Ok(Line::Metadata { family, part: Part::Help });
    }
    let at = scan.at();
    let kind = match scan.word() {
        b"counter" => Kind::Counter,
        b"gauge" => Kind::Gauge,
        b"histogram" => Kind::Histogram,
        b"summary" => Kind::Summary,
        b"untyped" => Kind::Unknown,
        _ => return Err(Misfit { at, what: Fault::Type }),
    };
    scan.skip_blanks();
    scan.end_or(Fault::Type)?;
    Ok(Line::Metadata { family, part: Part::Type(kind) })
}

fn open_comment<'a>(mut scan: Scan<'a>) -> Result<Line<'a>, Misfit> {
    if scan.rest() == "# EOF" {
        return Ok(Line::End);
    }
    scan.eat(b'#');
    scan.space()?;
    let at = scan.at();
    let keyword = scan.word();
    if !matches!(keyword, b"HELP" | b"TYPE" | b"UNIT") {
        return Err(Misfit { at, what: Fault::Comment });
    }
    scan.space()?;
    let family = scan.metric_name()?;
    scan.space()?;
    let at = scan.at();
    let part = match keyword {
        b"HELP" => {
            scan.help_escapes(b"\\n\"")?;
            Part::Help
        }
        b"TYPE" => Part::Type(open_kind(scan.rest()).ok_or(Misfit { at, what: Fault::Type })?),
        _ => {
            if !ends_in_unit(family, scan.rest()) {
                return Err(Misfit { at, what: Fault::UnitName });
            }
            Part::Unit
        }
    };
    Ok(Line::Metadata { family, part })
}

fn open_kind(word: &str) -> Option<Kind> {
    Some(match word {
        "counter" => Kind::Counter,
        "gauge" => Kind::Gauge,
        "histogram" => Kind::Histogram,
        "gaugehistogram" => Kind::GaugeHistogram,
        "stateset" => Kind::StateSet,
        "info" => Kind::Info,
        "summary" => Kind::Summary,
        "unknown" => Kind::Unknown,
        _ => return None,
    })
}

fn ends_in_unit(family: &str, unit: &str) -> bool {
    let stem = family.strip_suffix(unit);
    unit.is_empty() || stem.is_some_and(|stem| stem.len() > 1 && stem.ends_with('_'))
}

fn head<'a>(
    format: Format,
    mut scan: Scan<'a>,
    labels: &mut Vec<Label<'a>>,
) -> Result<Head<'a>, Misfit> {
    let name = scan.metric_name()?;
    let bare_end = scan.at();
    if format == Format::Text {
        scan.skip_blanks();
    }
    let labelled = scan.peek() == Some(b'{');
    if labelled {
        match format {
            Format::Text => text_labels(&mut scan, labels)?,
            Format::OpenMetrics => open_labels(&mut scan, labels)?,
        }
    }
    match format {
        Format::Text => scan.skip_blanks(),
        Format::OpenMetrics if labelled => scan.space()?,
        Format::OpenMetrics => scan.space().map_err(|misfit| name_end(misfit.at))?,
    }
    if !labelled && scan.at() == bare_end {
        return Err(name_end(bare_end));
    }
    let has = |wanted: &str| {
        labels.iter().any(|(name, value)| *name == wanted && number(value.as_bytes()).is_some())
    };
    let bounds = Bounds { le: has("le"), quantile: has("quantile") };
    Ok(Head { name, bounds, value_at: scan.at() })
}

fn name_end(at: usize) -> Misfit {
    Misfit { at, what: Fault::NameEnd }
}

/// Reads `{a="b", c="d",}` with blanks anywhere between.
fn text_labels<'a>(scan: &mut Scan<'a>, labels: &mut Vec<Label<'a>>) -> Result<(), Misfit> {
    scan.eat(b'{');
    scan.skip_blanks();
    while !scan.eat(b'}') {
        let name = label_name(scan, labels)?;
        scan.skip_blanks();
        scan.require(b'=', Fault::Equals)?;
        scan.skip_blanks();
        labels.push((name, scan.quoted(Format::Text)?));
        scan.skip_blanks();
        if scan.eat(b',') {
            scan.skip_blanks();
        } else if scan.peek() != Some(b'}') {
            return Err(scan.misfit(Fault::LabelEnd));
        }
    }
    Ok(())
}

/// Reads `{a="b",c="d"}` with nothing between.
pub(super) fn open_labels<'a>(
    scan: &mut Scan<'a>,
    labels: &mut Vec<Label<'a>>,
) -> Result<(), Misfit> {
    scan.eat(b'{');
    if scan.eat(b'}') {
        return Ok(());
    }
    loop {
        let name = label_name(scan, labels)?;
        scan.require(b'=', Fault::Equals)?;
        labels.push((name, scan.quoted(Format::OpenMetrics)?));
        if scan.eat(b'}') {
            return Ok(());
        }
        scan.require(b',', Fault::LabelEnd)?;
    }
}

fn label_name<'a>(scan: &mut Scan<'a>, labels: &[Label<'a>]) -> Result<&'a str, Misfit> {
    let at = scan.at();
    let name = scan.label_name()?;
    if name == "__name__" {
        return Err(Misfit { at, what: Fault::LabelReserved });
    }
    if labels.iter().any(|(other, _)| *other == name) {
        return Err(Misfit { at, what: Fault::LabelTwice });
    }
    Ok(name)
}
