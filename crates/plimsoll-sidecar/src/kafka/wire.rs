//! Kafka's types, as they stand in requests and answers.

/// An answer that ends early, or says something that can't be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Garbled;

/// Writes a request.
#[derive(Debug, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn i8(&mut self, value: i8) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    pub(super) fn i16(&mut self, value: i16) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    pub(super) fn i32(&mut self, value: i32) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    pub(super) fn i64(&mut self, value: i64) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// A text of up to 32 KiB; the rest of a longer one is left out.
    pub(super) fn string(&mut self, text: &str) -> &mut Self {
        let bytes = text.as_bytes();
        let length = i16::try_from(bytes.len()).unwrap_or(i16::MAX);
        self.i16(length).raw(bytes.get(..length.unsigned_abs().into()).unwrap_or(bytes))
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.length(bytes.len()).raw(bytes)
    }

    pub(super) fn array<T>(
        &mut self,
        items: &[T],
        mut write: impl FnMut(&mut Self, &T),
    ) -> &mut Self {
        self.length(items.len());
        items.iter().for_each(|item| write(self, item));
        self
    }

    fn length(&mut self, length: usize) -> &mut Self {
        self.i32(i32::try_from(length).unwrap_or(i32::MAX))
    }

    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

/// Reads an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Garbled> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Garbled)?;
        self.0 = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Garbled> {
        self.take(N)?.try_into().map_err(|_| Garbled)
    }

    pub(super) fn i8(&mut self) -> Result<i8, Garbled> {
        self.fixed().map(i8::from_be_bytes)
    }

    pub(super) fn i16(&mut self) -> Result<i16, Garbled> {
        self.fixed().map(i16::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, Garbled> {
        self.fixed().map(i32::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, Garbled> {
        self.fixed().map(i64::from_be_bytes)
    }

    /// A text; one that isn't there is empty.
    pub(super) fn string(&mut self) -> Result<String, Garbled> {
        let length = usize::try_from(self.i16()?).unwrap_or(0);
        text(self.take(length)?)
    }

    /// Bytes; those that aren't there are none.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Garbled> {
        let length = usize::try_from(self.i32()?).unwrap_or(0);
        self.take(length)
    }

    pub(super) fn array<T>(
        &mut self,
        read: impl FnMut(&mut Self) -> Result<T, Garbled>,
    ) -> Result<Vec<T>, Garbled> {
        let count = usize::try_from(self.i32()?).unwrap_or(0);
        self.items(count, read)
    }

    /// An array in the newer encoding.
    pub(super) fn compact_array<T>(
        &mut self,
        read: impl FnMut(&mut Self) -> Result<T, Garbled>,
    ) -> Result<Vec<T>, Garbled> {
        let count = self.compact_length()?;
        self.items(count, read)
    }

    /// A text in the newer encoding.
    pub(super) fn compact_string(&mut self) -> Result<String, Garbled> {
        let length = self.compact_length()?;
        text(self.take(length)?)
    }

    /// Passes over what newer brokers add.
    pub(super) fn tags(&mut self) -> Result<(), Garbled> {
        for _ in 0..self.varint()? {
            self.varint()?;
            let length = usize::try_from(self.varint()?).map_err(|_| Garbled)?;
            self.take(length)?;
        }
        Ok(())
    }

    fn items<T>(
        &mut self,
        count: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, Garbled>,
    ) -> Result<Vec<T>, Garbled> {
        // Whatever stands in an array has a byte or more: a count beyond that is a lie.
        if count > self.0.len() {
            return Err(Garbled);
        }
        (0..count).map(|_| read(self)).collect()
    }

    fn compact_length(&mut self) -> Result<usize, Garbled> {
        usize::try_from(self.varint()?.saturating_sub(1)).map_err(|_| Garbled)
    }

    fn varint(&mut self) -> Result<u32, Garbled> {
        let mut value = 0_u32;
        for shift in (0..32).step_by(7) {
            let [byte] = self.fixed()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Garbled)
    }
}

fn text(bytes: &[u8]) -> Result<String, Garbled> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Garbled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_early_or_lies_about_its_length_is_garbled() {
        let read = |bytes: &'static [u8]| Reader(bytes).array(|item| item.i32());
        assert_eq!(read(&[0, 0, 0, 1, 0, 0, 0, 7]), Ok(vec![7]));
        assert_eq!(read(&[0, 0, 0, 2, 0, 0, 0, 7]), Err(Garbled));
        assert_eq!(read(&[0x7f, 0xff, 0xff, 0xff]), Err(Garbled));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff]), Ok(vec![]), "none is no array");
        assert_eq!(Reader(&[0, 3, b'a']).string(), Err(Garbled));
        assert_eq!(Reader(&[0, 1, 0xff]).string(), Err(Garbled));
        assert_eq!(Reader(&[0xff; 8]).compact_string(), Err(Garbled));
        assert_eq!(Reader(&[3, b'a', b'b']).compact_string().as_deref(), Ok("ab"));
    }
}
