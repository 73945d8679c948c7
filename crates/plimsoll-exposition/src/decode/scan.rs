//! A place within a line, and what may come next.

use super::error::{Fault, Misfit};
use crate::Format;
use std::borrow::Cow;

pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn misfit(&self, what: Fault) -> Misfit {
        Misfit { at: self.at, what }
    }

    pub(super) fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn require(&mut self, byte: u8, otherwise: Fault) -> Result<(), Misfit> {
        if self.eat(byte) { Ok(()) } else { Err(self.misfit(otherwise)) }
    }

    /// Takes the one space that OpenMetrics puts between two parts.
    pub(super) fn space(&mut self) -> Result<(), Misfit> {
        self.require(b' ', Fault::Space)
    }

    pub(super) fn end_or(&self, otherwise: Fault) -> Result<(), Misfit> {
        if self.peek().is_none() { Ok(()) } else { Err(self.misfit(otherwise)) }
    }

    /// Takes what comes before the next blank.
    pub(super) fn word(&mut self) -> &'a [u8] {
        let rest = self.bytes();
        let length = rest.iter().position(|byte| matches!(byte, b' ' | b'\t'));
        let word = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
        self.at += word.len();
        word
    }

    pub(super) fn metric_name(&mut self) -> Result<&'a str, Misfit> {
        self.name(|byte| byte == b':', Fault::MetricName)
    }

    pub(super) fn label_name(&mut self) -> Result<&'a str, Misfit> {
        self.name(|_| false, Fault::LabelName)
    }

    fn name(&mut self, also: impl Fn(u8) -> bool, otherwise: Fault) -> Result<&'a str, Misfit> {
        let rest = self.bytes();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || also(byte);
        let length = rest.iter().position(|byte| !fits(*byte)).unwrap_or(rest.len());
        if length == 0 || rest.first().is_some_and(u8::is_ascii_digit) {
            return Err(self.misfit(otherwise));
        }
        Ok(self.take(length))
    }

    /// Takes the next bytes, which end where a character ends.
    fn take(&mut self, length: usize) -> &'a str {
        let start = self.at;
        self.at += length;
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Checks the escapes of a help text, without taking it.
    pub(super) fn help_escapes(&self, known: &[u8]) -> Result<(), Misfit> {
        let mut rest = self.bytes();
        while let Some(offset) = memchr::memchr(b'\\', rest) {
            if rest.get(offset + 1).is_none_or(|byte| !known.contains(byte)) {
                let at = self.text.len() - rest.len() + offset;
                return Err(Misfit { at, what: Fault::Escape });
            }
            rest = rest.get(offset + 2..).unwrap_or_default();
        }
        Ok(())
    }

    /// Takes a quoted label value and unescapes it.
    ///
    /// OpenMetrics lets a backslash stand before any character, where it is itself; Prometheus
    /// text knows three escapes.
    pub(super) fn quoted(&mut self, format: Format) -> Result<Cow<'a, str>, Misfit> {
        self.require(b'"', Fault::QuoteMissing)?;
        let open = self.at - 1;
        let rest = self.bytes();
        let (mut length, mut escaped) = (0, false);
        loop {
            let next = rest.get(length..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest));
            let Some(offset) = next else {
                return Err(Misfit { at: open, what: Fault::QuoteOpen });
            };
            length += offset;
            if rest.get(length) == Some(&b'"') {
                break;
            }
            let escape = rest.get(length + 1);
            if format == Format::Text && !matches!(escape, Some(b'\\' | b'"' | b'n')) {
                return Err(Misfit { at: self.at + length, what: Fault::Escape });
            }
            escaped = true;
            length += 2;
        }
        let value = self.take(length);
        self.at += 1;
        Ok(if escaped { Cow::Owned(unescaped(value)) } else { Cow::Borrowed(value) })
    }
}

fn unescaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => out.push('\n'),
            Some(quoted @ ('\\' | '"')) => out.push(quoted),
            other => {
                out.push('\\');
                out.extend(other);
            }
        }
    }
    out
}
