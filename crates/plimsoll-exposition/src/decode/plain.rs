//! The head of a sample in the way that nearly every exporter writes it: no blank but the one before
//! the value, no escape, no empty value. What is written otherwise is read by the rules in full.

use super::line::Bounds;
use super::number::number;
use super::word;

/// Labels in the plain way.
pub(super) struct PlainLabels {
    /// Their length, the blank before the value included.
    pub(super) length: usize,
    pub(super) bounds: Bounds,
}

/// Returns the length of the metric name that `bytes` starts with; `None` when it isn't one.
pub(super) fn name_length(bytes: &[u8]) -> Option<usize> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    let length = bytes.iter().position(|byte| !is_name(byte))?;
    (length > 0 && !bytes.first()?.is_ascii_digit()).then_some(length)
}

/// A label that `bytes` begin with, as `name="value` up to its closing quote.
pub(super) struct PlainLabel<'b> {
    pub(super) name: &'b [u8],
    pub(super) value: &'b [u8],
    /// Both, and what is between them.
    pub(super) whole: &'b [u8],
    /// What comes after the closing quote.
    pub(super) rest: &'b [u8],
}

/// Reads a label in the plain way; `None` when it isn't, or is wrong.
#[inline]
pub(super) fn label(bytes: &[u8]) -> Option<PlainLabel<'_>> {
    let (name, after) = bytes.split_at_checked(label_name_length(bytes)?)?;
    let quoted = after.strip_prefix(b"=\"")?;
    let (value, closed) = quoted.split_at_checked(quote(quoted)?)?;
    let whole = bytes.get(..name.len() + 2 + value.len())?;
    let rest = closed.get(1..)?;
    (!value.is_empty() && !name.starts_with(b"__")).then_some(PlainLabel {
        name,
        value,
        whole,
        rest,
    })
}

/// Reads what stands between a sample's name and its value, `{a="b",c="d"} ` or a blank; each label
/// is handed on as `a="b`. `None` when it isn't written in the plain way, or is wrong.
///
/// `names` is memory for the names that the line has had.
#[inline]
pub(super) fn labels<'b>(
    bytes: &'b [u8],
    names: &mut Vec<(u64, &'b [u8])>,
    mut each: impl FnMut(&[u8]),
) -> Option<PlainLabels> {
    let mut bounds = Bounds::default();
    let mut rest = match bytes {
        [b' ', ..] => return Some(PlainLabels { length: 1, bounds }),
        [b'{', rest @ ..] => rest,
        _ => return None,
    };
    names.clear();
    loop {
        let label = label(rest)?;
        // Names mostly differ in how they begin, and a word is compared at once.
        let begin = word::first(word::word(label.whole), label.name.len());
        if names.iter().any(|(other, name)| *other == begin && *name == label.name) {
            return None;
        }
        names.push((begin, label.name));
        match label.name {
            b"le" => bounds.le = number(label.value).is_some(),
            b"quantile" => bounds.quantile = number(label.value).is_some(),
            _ => {}
        }
        each(label.whole);
        rest = match label.rest {
            [b',', rest @ ..] => rest,
            [b'}', b' ', rest @ ..] => {
                return Some(PlainLabels { length: bytes.len() - rest.len(), bounds });
            }
            _ => return None,
        };
    }
}

#[inline]
fn label_name_length(bytes: &[u8]) -> Option<usize> {
    let mut length = 0;
    loop {
        let more = word::before(word::not_name(word::word(bytes.get(length..)?)));
        length += more;
        if more < 8 {
            let is_name = bytes.first().is_some_and(|first| !first.is_ascii_digit());
            return (length > 0 && is_name).then_some(length);
        }
    }
}

/// Returns where the closing quote is; `None` when an escape or the line's end comes first.
#[inline]
fn quote(bytes: &[u8]) -> Option<usize> {
    let mut length = 0;
    loop {
        let word = word::word(bytes.get(length..)?);
        let stop = |byte| word::equal(word, byte);
        let more = word::before(stop(b'"') | stop(b'\\') | stop(b'\n'));
        length += more;
        if more < 8 {
            return (bytes.get(length) == Some(&b'"')).then_some(length);
        }
    }
}
