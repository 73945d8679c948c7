//! Protocol Buffers, read field by field without a copy: a message of a million empty ones costs
//! no more than its bytes.

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a protobuf message of this kind: it is cut off, or something else")]
pub struct NoMessage;

/// The fields of one message, in its order.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns the next field and its number; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u32, Field<'a>)>, NoMessage> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = varint(&mut self.0)?;
        let number = u32::try_from(key >> 3).map_err(|_| NoMessage)?;
        let field = match key & 7 {
            0 => Field::Varint(varint(&mut self.0)?),
            1 => Field::Fixed64(u64::from_le_bytes(array(&mut self.0)?)),
            2 => {
                let length = usize::try_from(varint(&mut self.0)?).map_err(|_| NoMessage)?;
                Field::Bytes(take(&mut self.0, length)?)
            }
            5 => Field::Fixed32(u32::from_le_bytes(array(&mut self.0)?)),
            _ => return Err(NoMessage),
        };
        if number == 0 { Err(NoMessage) } else { Ok(Some((number, field))) }
    }

    /// Hands every field to `each`.
    pub(super) fn each(
        mut self,
        mut each: impl FnMut(u32, Field<'a>) -> Result<(), NoMessage>,
    ) -> Result<(), NoMessage> {
        while let Some((number, field)) = self.next()? {
            each(number, field)?;
        }
        Ok(())
    }
}

impl<'a> Field<'a> {
    pub(super) fn bytes(self) -> Result<&'a [u8], NoMessage> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(NoMessage),
        }
    }

    pub(super) fn text(self) -> Result<&'a str, NoMessage> {
        std::str::from_utf8(self.bytes()?).map_err(|_| NoMessage)
    }

    pub(super) fn integer(self) -> Result<u64, NoMessage> {
        match self {
            Self::Varint(number) | Self::Fixed64(number) => Ok(number),
            _ => Err(NoMessage),
        }
    }

    pub(super) fn signed(self) -> Result<i64, NoMessage> {
        Ok(self.integer()?.cast_signed())
    }

    pub(super) fn float(self) -> Result<f64, NoMessage> {
        match self {
            Self::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err(NoMessage),
        }
    }

    /// Reads a `sint32` or `sint64`.
    pub(super) fn zigzag(self) -> Result<i64, NoMessage> {
        self.integer().map(zigzag)
    }

    /// Reads the next numbers of a repeated field, packed or one by one.
    pub(super) fn numbers(self, into: &mut Vec<u64>) -> Result<(), NoMessage> {
        match self {
            Self::Bytes(mut packed) => {
                while !packed.is_empty() {
                    into.push(varint(&mut packed)?);
                }
            }
            other => into.push(other.integer()?),
        }
        Ok(())
    }

    /// Reads the next eight-byte numbers of a repeated field, packed or one by one.
    pub(super) fn wide_numbers(self, into: &mut Vec<u64>) -> Result<(), NoMessage> {
        match self {
            Self::Bytes(mut packed) => {
                while !packed.is_empty() {
                    into.push(u64::from_le_bytes(array(&mut packed)?));
                }
            }
            other => into.push(other.integer()?),
        }
        Ok(())
    }
}

/// Undoes the encoding of a `sint32` or `sint64`.
pub(super) fn zigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

fn varint(rest: &mut &[u8]) -> Result<u64, NoMessage> {
    let mut number = 0;
    for (position, byte) in rest.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * position);
        if byte & 0x80 == 0 {
            *rest = rest.get(position + 1..).unwrap_or_default();
            return Ok(number);
        }
    }
    Err(NoMessage)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], NoMessage> {
    let (taken, after) = rest.split_at_checked(length).ok_or(NoMessage)?;
    *rest = after;
    Ok(taken)
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], NoMessage> {
    take(rest, N)?.try_into().map_err(|_| NoMessage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_the_encoding_guide_writes_them() {
        // 1: 150, 2: "testing", 3 (sint): -2, 4: 1.0
        let bytes = b"\x08\x96\x01\x12\x07testing\x18\x03\x21\x00\x00\x00\x00\x00\x00\xf0\x3f";
        let mut fields = Fields::new(bytes);
        assert_eq!(fields.next(), Ok(Some((1, Field::Varint(150)))));
        let (number, text) = fields.next().expect("good").expect("there");
        assert_eq!((number, text.text()), (2, Ok("testing")));
        let (_, sint) = fields.next().expect("good").expect("there");
        assert_eq!(sint.zigzag(), Ok(-2));
        let (_, float) = fields.next().expect("good").expect("there");
        assert_eq!(float.float(), Ok(1.0));
        assert_eq!(fields.next(), Ok(None));
    }

    #[test]
    fn what_is_cut_off_or_something_else_is_no_message() {
        for wrong in [&b"\x08"[..], b"\x12\x07test", b"\x0b", b"\x00\x01", &[0xff; 12], b"\x21\x00"]
        {
            assert_eq!(Fields::new(wrong).each(|_, _| Ok(())), Err(NoMessage), "{wrong:?}");
        }
    }
}
