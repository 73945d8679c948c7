//! A place within a line, and what may come next.

use super::error::{Fault, Misfit};
use crate::Format;
use std::borrow::Cow;

pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
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

    pub(super) fn expect(&mut self, byte: u8, otherwise: Fault) -> Result<(), Misfit> {
        if self.eat(byte) { Ok(()) } else { Err(self.misfit(otherwise)) }
    }

    /// Takes the one space that OpenMetrics puts between two parts.
    pub(super) fn space(&mut self) -> Result<(), Misfit> {
        self.expect(b' ', Fault::Space)
    }

    pub(super) fn end_or(&self, otherwise: Fault) -> Result<(), Misfit> {
        if self.peek().is_none() { Ok(()) } else { Err(self.misfit(otherwise)) }
    }

    /// Takes what comes before the next blank.
    pub(super) fn word(&mut self) -> &'a [u8] {
        let rest = self.rest();
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
        let rest = self.rest();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || also(byte);
        let length = rest.iter().position(|byte| !fits(*byte)).unwrap_or(rest.len());
        let name = rest.get(..length).unwrap_or_default();
        match std::str::from_utf8(name) {
            Ok(text) if name.first().is_some_and(|first| !first.is_ascii_digit()) => {
                self.at += length;
                Ok(text)
            }
            _ => Err(self.misfit(otherwise)),
        }
    }

    /// Checks that the rest is UTF-8, without taking it.
    pub(super) fn utf8_rest(&self) -> Result<(), Misfit> {
        self.utf8(self.at, self.rest()).map(|_| ())
    }

    fn utf8(&self, at: usize, bytes: &'a [u8]) -> Result<&'a str, Misfit> {
        std::str::from_utf8(bytes)
            .map_err(|error| Misfit { at: at + error.valid_up_to(), what: Fault::Utf8 })
    }

    /// Checks the escapes of a help text, without taking it.
    pub(super) fn help_escapes(&self, known: &[u8]) -> Result<(), Misfit> {
        let mut bytes = self.rest().iter().enumerate();
        while let Some((offset, byte)) = bytes.next() {
            let escaped = (*byte == b'\\').then(|| bytes.next());
            if escaped.is_some_and(|next| next.is_none_or(|(_, byte)| !known.contains(byte))) {
                return Err(Misfit { at: self.at + offset, what: Fault::Escape });
            }
        }
        Ok(())
    }

    /// Takes a quoted label value and unescapes it.
    ///
    /// OpenMetrics lets a backslash stand before any character, where it is itself; Prometheus
    /// text knows three escapes.
    pub(super) fn quoted(&mut self, format: Format) -> Result<Cow<'a, str>, Misfit> {
        self.expect(b'"', Fault::QuoteMissing)?;
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.peek() {
                None => return Err(Misfit { at: start - 1, what: Fault::QuoteOpen }),
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    let next = self.bytes.get(self.at + 1);
                    if format == Format::Text && !matches!(next, Some(b'\\' | b'"' | b'n')) {
                        return Err(self.misfit(Fault::Escape));
                    }
                    self.at += 2;
                }
                Some(_) => self.at += 1,
            }
        }
        let value = self.utf8(start, self.bytes.get(start..self.at).unwrap_or_default())?;
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
