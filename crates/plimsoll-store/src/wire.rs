//! Bytes that outlive a release: variable-length integers, and text with its length before it.

use crate::tally::Tally;
use plimsoll_model::{Labels, TimeMs};

/// Writes a record.
#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Writes seven bits a byte, lowest first.
    pub(crate) fn count(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// Writes a signed integer so that small ones of either sign are short.
    pub(crate) fn signed(&mut self, value: i64) {
        self.count(((value << 1) ^ (value >> 63)) as u64);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn float(&mut self, value: f64) {
        self.0.extend(value.to_le_bytes());
    }

    pub(crate) fn flag(&mut self, value: bool) {
        self.0.push(u8::from(value));
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.count(text.len() as u64);
        self.0.extend(text.as_bytes());
    }

    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl Fn(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(crate) fn time(&mut self, time: TimeMs) {
        self.signed(time.0);
    }

    pub(crate) fn tally(&mut self, tally: Tally) {
        tally.to_fields().into_iter().for_each(|field| self.count(field));
    }

    pub(crate) fn labels(&mut self, labels: &Labels) {
        self.count(labels.len() as u64);
        for (name, value) in labels.iter() {
            self.text(name);
            self.text(value);
        }
    }
}

/// Reads a record; every method gives `None` where the bytes can't be what was written.
#[derive(Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn count(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.bytes(1)? else { return None };
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(crate) fn signed(&mut self) -> Option<i64> {
        self.count().map(|value| (value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub(crate) fn float(&mut self) -> Option<f64> {
        self.bytes(8)?.try_into().ok().map(f64::from_le_bytes)
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        match self.bytes(1)? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.count()?).ok()?;
        std::str::from_utf8(self.bytes(length)?).ok()
    }

    /// Reads a value that may not be there.
    pub(crate) fn option<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Some(None) }
    }

    /// Reads how many values follow.
    pub(crate) fn length(&mut self) -> Option<usize> {
        usize::try_from(self.count()?).ok()
    }

    /// Reads as many values as the count before them says.
    pub(crate) fn list<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.count()?;
        (0..length).map(|_| read(self)).collect()
    }

    pub(crate) fn time(&mut self) -> Option<TimeMs> {
        self.signed().map(TimeMs)
    }

    pub(crate) fn tally(&mut self) -> Option<Tally> {
        let mut fields = Tally::default().to_fields();
        for field in &mut fields {
            *field = self.count()?;
        }
        Some(Tally::from_fields(fields))
    }

    pub(crate) fn labels(&mut self) -> Option<Labels> {
        let pairs = self.list(|reader| Some((reader.text()?, reader.text()?)))?;
        Labels::new(pairs).ok()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_what_was_cut_is_not() {
        let labels = Labels::new([("a", "é\n"), ("b", "")]).expect("valid");
        let mut writer = Writer::default();
        for value in [0, 127, 128, u64::MAX] {
            writer.count(value);
        }
        for value in [0, -1, i64::MIN, i64::MAX] {
            writer.signed(value);
        }
        writer.option(Some(1.5), Writer::float);
        writer.option(None, Writer::float);
        writer.labels(&labels);
        let bytes = writer.into_bytes();
        let read = |bytes: &[u8]| {
            let mut reader = Reader::new(bytes);
            let counts = [reader.count()?, reader.count()?, reader.count()?, reader.count()?];
            let signed = [reader.signed()?, reader.signed()?, reader.signed()?, reader.signed()?];
            let options = [reader.option(Reader::float)?, reader.option(Reader::float)?];
            Some((counts, signed, options, reader.labels()?, reader.is_at_end()))
        };
        let counts = [0, 127, 128, u64::MAX];
        let signed = [0, -1, i64::MIN, i64::MAX];
        assert_eq!(read(&bytes), Some((counts, signed, [Some(1.5), None], labels, true)));
        for cut in 0..bytes.len() {
            assert_eq!(read(&bytes[..cut]), None, "cut at {cut}");
        }
    }
}
