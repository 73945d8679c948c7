//! How far the body of a message goes.

use thiserror::Error;

/// Bytes of one chunk's extensions that are let through.
const EXTENSION_MAX: u16 = 1_024;

/// Bytes of trailers that are let through.
const TRAILERS_MAX: u16 = 8_192;

/// A body that two readers could understand differently.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("its chunks aren't as RFC 9112 wants them")]
pub(crate) struct Malformed;

/// What of a body is still to come. It only looks: bytes are passed on as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Nothing.
    Done,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunks),
    /// All that comes until the sender closes.
    UntilClose,
}

/// Where a reader stands among chunks. A line ends with CR LF and nothing else: whoever takes a bare
/// LF for an end sees another message than whoever doesn't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunks {
    step: Step,
    /// Digits of the size so far.
    digits: u8,
    /// Bytes of extensions or trailers that may still come.
    spare: u16,
    /// Bytes of the chunk that are still to come.
    size: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Size,
    Extension,
    SizeEnd,
    Data,
    DataCr,
    DataLf,
    LineBegin,
    Line,
    LineLf,
    LastLf,
    End,
}

impl Framing {
    /// Makes the body of a length; none at all is done.
    pub(crate) fn length(bytes: u64) -> Self {
        if bytes == 0 { Self::Done } else { Self::Length(bytes) }
    }

    /// Makes a body of chunks.
    pub(crate) fn chunked() -> Self {
        Self::Chunked(Chunks { step: Step::Size, digits: 0, spare: EXTENSION_MAX, size: 0 })
    }

    pub(crate) fn is_done(&self) -> bool {
        *self == Self::Done
    }

    /// Takes what belongs to the body off the front of `bytes`, and returns how much that is.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        match self {
            Self::Done => Ok(0),
            Self::UntilClose => Ok(bytes.len()),
            Self::Length(left) => {
                let taken = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *self = Self::length(*left - taken as u64);
                Ok(taken)
            }
            Self::Chunked(chunks) => {
                let taken = chunks.take(bytes)?;
                if chunks.step == Step::End {
                    *self = Self::Done;
                }
                Ok(taken)
            }
        }
    }
}

impl Chunks {
    fn take(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match self.step {
                Step::End => break,
                Step::Data => {
                    let rest = bytes.len() - at;
                    let taken = rest.min(usize::try_from(self.size).unwrap_or(usize::MAX));
                    self.size -= taken as u64;
                    at += taken;
                    if self.size == 0 {
                        self.step = Step::DataCr;
                    }
                }
                _ => {
                    self.step = self.after(byte)?;
                    at += 1;
                }
            }
        }
        Ok(at)
    }

    /// Returns where a byte that isn't data leads.
    fn after(&mut self, byte: u8) -> Result<Step, Malformed> {
        match (self.step, byte) {
            (Step::Size, b'\r') if self.digits > 0 => Ok(Step::SizeEnd),
            (Step::Size, b';') if self.digits > 0 => Ok(Step::Extension),
            (Step::Size, _) => self.digit(byte),
            (Step::Extension, b'\r') => Ok(Step::SizeEnd),
            (Step::Extension, _) => self.text(byte, Step::Extension),
            (Step::SizeEnd, b'\n') => Ok(self.begin()),
            (Step::DataCr, b'\r') => Ok(Step::DataLf),
            (Step::DataLf, b'\n') => {
                (self.digits, self.spare) = (0, EXTENSION_MAX);
                Ok(Step::Size)
            }
            (Step::LineBegin, b'\r') => Ok(Step::LastLf),
            // A trailer that begins with white space would go on the one before.
            (Step::LineBegin, b' ' | b'\t') => Err(Malformed),
            (Step::Line, b'\r') => Ok(Step::LineLf),
            (Step::LineBegin | Step::Line, _) => self.text(byte, Step::Line),
            (Step::LineLf, b'\n') => Ok(Step::LineBegin),
            (Step::LastLf, b'\n') => Ok(Step::End),
            _ => Err(Malformed),
        }
    }

    fn digit(&mut self, byte: u8) -> Result<Step, Malformed> {
        let digit = char::from(byte).to_digit(16).ok_or(Malformed)?;
        // Sixteen digits are all that a size has; more of them wrap in somebody's reader.
        if self.digits == 15 {
            return Err(Malformed);
        }
        self.digits += 1;
        self.size = self.size << 4 | u64::from(digit);
        Ok(Step::Size)
    }

    /// Begins the data of a chunk, or the trailers after the last one.
    fn begin(&mut self) -> Step {
        if self.size > 0 {
            return Step::Data;
        }
        self.spare = TRAILERS_MAX;
        Step::LineBegin
    }

    fn text(&mut self, byte: u8, step: Step) -> Result<Step, Malformed> {
        let is_text = byte == b'\t' || (byte >= b' ' && byte != 0x7f);
        if !is_text || self.spare == 0 {
            return Err(Malformed);
        }
        self.spare -= 1;
        Ok(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes `bytes` in pieces of `size` and returns how many belong to the body.
    fn taken(mut framing: Framing, bytes: &[u8], size: usize) -> Result<(usize, bool), Malformed> {
        let mut all = 0;
        for piece in bytes.chunks(size) {
            let taken = framing.take(piece)?;
            all += taken;
            if taken < piece.len() {
                break;
            }
        }
        Ok((all, framing.is_done()))
    }

    #[test]
    fn a_body_ends_where_it_says_however_it_comes() {
        let chunks = b"5\r\nhello\r\nA;a=\"b\"\r\n0123456789\r\n0\r\nx: y\r\n\r\n";
        for size in 1..=chunks.len() + 3 {
            let more = [&chunks[..], b"GET"].concat();
            assert_eq!(taken(Framing::chunked(), &more, size), Ok((chunks.len(), true)), "{size}");
            assert_eq!(taken(Framing::length(7), b"0123456789", size), Ok((7, true)));
        }
        assert_eq!(taken(Framing::UntilClose, b"abc", 2), Ok((3, false)));
        assert_eq!(taken(Framing::length(0), b"abc", 2), Ok((0, true)));
    }

    #[test]
    fn bounds_are_those_of_one_chunk_and_of_all_trailers() {
        let extension = "x".repeat(usize::from(EXTENSION_MAX) - 1);
        let trailer = "x".repeat(usize::from(TRAILERS_MAX));
        let chunk = format!("1;{extension}\r\na\r\n");
        let whole = format!("{}0\r\n{trailer}\r\n\r\n", chunk.repeat(20));
        let all = Ok((whole.len(), true));
        assert_eq!(taken(Framing::chunked(), whole.as_bytes(), 1_000), all);
        let more = whole.replace("0\r\nx", "0\r\nxx");
        assert_eq!(taken(Framing::chunked(), more.as_bytes(), 1_000), Err(Malformed));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let long = format!("1;{}\r\n", "x".repeat(2_000));
        let bad: [&[u8]; 20] = [
            b"\r\n",
            b";a\r\n",
            b"1\rx",
            b"1\r\na\n0\r\n",
            b"1\r\na\rx0\r\n",
            b"1;\x7f\r\n",
            b"0\r\n\rx",
            b"0\r\nx: y\rx",
            b"5\nhello",
            b"+5\r\n",
            b"0x5\r\n",
            b"5 \r\nhello",
            b"-1\r\n",
            b"5\r\nhello0\r\n",
            b"5\r\nhelloo\r\n",
            b"1;\n\r\n",
            b"0\r\nx: y\n\r\n",
            b"0\r\n x: y\r\n\r\n",
            b"10000000000000005\r\n",
            long.as_bytes(),
        ];
        for bytes in bad {
            for size in [1, bytes.len()] {
                let text = String::from_utf8_lossy(bytes);
                assert_eq!(taken(Framing::chunked(), bytes, size), Err(Malformed), "{text:?}");
            }
        }
    }
}
