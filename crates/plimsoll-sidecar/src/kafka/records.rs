//! The batches of records that a fetch brings, of which one record's time is of interest.

use super::wire::{Garbled, Reader};
use std::io::{self, Read};

/// What stands at an offset or behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The first record from there on, and when it was produced, in milliseconds since 1970.
    Record { unix_ms: i64 },
    /// No record so far: markers of transactions, what an aborted one wrote, or what compaction left. Look
    /// from this offset on.
    NothingBefore(i64),
    /// A record without a time, or in a form that isn't read.
    Untimed,
}

/// Who unpacks more than this to find a record gives up.
const UNPACKED_MAX: u64 = 64 << 20;

const PACKED: i16 = 0b111;
const BY_BROKER: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;

/// A transaction that was aborted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aborted {
    pub(super) producer: i64,
    /// The first offset that it wrote.
    pub(super) first: i64,
}

/// Finds the first record at `offset` or behind it that isn't one of those aborted transactions'.
pub(super) fn find(bytes: &[u8], offset: i64, aborted: &[Aborted]) -> Result<Found, Garbled> {
    let (mut reader, mut next, mut aborted) = (Reader(bytes), offset, aborted.to_vec());
    while !reader.0.is_empty() {
        let first = reader.i64()?;
        let length = usize::try_from(reader.i32()?).map_err(|_| Garbled)?;
        // The last batch may be cut off; the first never is.
        let Ok(batch) = reader.take(length) else { break };
        let batch = Batch::read(first, batch)?;
        let Some(batch) = batch else { return Ok(Found::Untimed) };
        if batch.attributes & CONTROL != 0 {
            // It ends the transaction that its producer had begun before it.
            aborted.retain(|one| one.producer != batch.producer || one.first > batch.first);
        }
        if batch.last >= next {
            let is_aborted = aborted.iter().any(|one| batch.is_of(*one));
            let time = if is_aborted { Ok(None) } else { batch.time_of(next) };
            match time {
                Ok(Some(unix_ms)) if unix_ms >= 0 => return Ok(Found::Record { unix_ms }),
                Ok(Some(_)) | Err(_) => return Ok(Found::Untimed),
                Ok(None) => next = batch.last.saturating_add(1),
            }
        }
    }
    Ok(Found::NothingBefore(next))
}

/// A batch in the format that brokers have written since 0.11.
struct Batch<'a> {
    first: i64,
    last: i64,
    attributes: i16,
    first_ms: i64,
    last_ms: i64,
    producer: i64,
    records: &'a [u8],
}

impl<'a> Batch<'a> {
    /// Reads what stands before the records; none if the format is older.
    fn read(first: i64, batch: &'a [u8]) -> Result<Option<Self>, Garbled> {
        let mut reader = Reader(batch);
        let _leader_epoch = reader.i32()?;
        if reader.i8()? != 2 {
            return Ok(None);
        }
        let _checksum = reader.i32()?;
        let attributes = reader.i16()?;
        let last = first.saturating_add(reader.i32()?.into());
        let (first_ms, last_ms) = (reader.i64()?, reader.i64()?);
        let producer = reader.i64()?;
        // Its epoch and sequence, and how many records there are.
        reader.take(2 + 4 + 4)?;
        Ok(Some(Self { first, last, attributes, first_ms, last_ms, producer, records: reader.0 }))
    }

    /// Says whether that transaction wrote it.
    fn is_of(&self, aborted: Aborted) -> bool {
        let is_transactional = self.attributes & TRANSACTIONAL != 0;
        is_transactional && aborted.producer == self.producer && aborted.first <= self.last
    }

    /// Returns the time of the first record at `offset` or behind it, if there is one in the batch.
    fn time_of(&self, offset: i64) -> io::Result<Option<i64>> {
        if self.attributes & CONTROL != 0 {
            return Ok(None);
        }
        let mut unpacked = self.unpacked()?.take(UNPACKED_MAX);
        while let Some(length) = signed_varint(&mut unpacked)? {
            let length = u64::try_from(length).map_err(|_| invalid())?;
            let mut record = (&mut unpacked).take(length);
            record.read_exact(&mut [0])?;
            let after_ms = signed_varint(&mut record)?.ok_or_else(invalid)?;
            let after = signed_varint(&mut record)?.ok_or_else(invalid)?;
            if self.first.saturating_add(after) >= offset {
                let by_broker = self.attributes & BY_BROKER != 0;
                let produced_ms = self.first_ms.saturating_add(after_ms);
                return Ok(Some(if by_broker { self.last_ms } else { produced_ms }));
            }
            io::copy(&mut record, &mut io::sink())?;
        }
        Ok(None)
    }

    fn unpacked(&self) -> io::Result<Box<dyn Read + 'a>> {
        let packed = self.records;
        Ok(match self.attributes & PACKED {
            0 => Box::new(packed),
            1 => Box::new(flate2::read::GzDecoder::new(packed)),
            2 => Box::new(Snappy::new(packed)),
            3 => Box::new(lz4_flex::frame::FrameDecoder::new(packed)),
            4 => {
                let decoder = ruzstd::decoding::StreamingDecoder::new(packed);
                Box::new(decoder.map_err(|_| invalid())?)
            }
            _ => return Err(invalid()),
        })
    }
}

/// Blocks of Snappy behind one another, each with its length, as the Java library writes them; without
/// its header it is one block.
struct Snappy<'a> {
    packed: &'a [u8],
    is_framed: bool,
    block: io::Cursor<Vec<u8>>,
}

impl<'a> Snappy<'a> {
    fn new(packed: &'a [u8]) -> Self {
        const HEADER: &[u8] = b"\x82SNAPPY\0";
        // Behind the header stand two versions of four bytes each.
        let framed = packed.strip_prefix(HEADER).and_then(|rest| rest.get(8..));
        Self {
            packed: framed.unwrap_or(packed),
            is_framed: framed.is_some(),
            block: io::Cursor::default(),
        }
    }

    fn next_block(&mut self) -> io::Result<()> {
        let mut reader = Reader(self.packed);
        let block = match self.is_framed {
            true => reader.bytes().map_err(|Garbled| invalid())?,
            false => std::mem::take(&mut reader.0),
        };
        self.packed = reader.0;
        let length = snap::raw::decompress_len(block).map_err(|_| invalid())?;
        if length as u64 > UNPACKED_MAX {
            return Err(invalid());
        }
        let unpacked = snap::raw::Decoder::new().decompress_vec(block).map_err(|_| invalid())?;
        self.block = io::Cursor::new(unpacked);
        Ok(())
    }
}

impl Read for Snappy<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.block.read(into)?;
            if read > 0 || into.is_empty() || self.packed.is_empty() {
                return Ok(read);
            }
            self.next_block()?;
        }
    }
}

/// Reads a number whose sign is its lowest bit; none at the end.
fn signed_varint(from: &mut impl Read) -> io::Result<Option<i64>> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        match from.read_exact(&mut byte) {
            Err(error) if shift == 0 && error.kind() == io::ErrorKind::UnexpectedEof => {
                return Ok(None);
            }
            other => other?,
        }
        value |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            return Ok(Some((value >> 1) as i64 ^ -((value & 1) as i64)));
        }
    }
    Err(invalid())
}

fn invalid() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn varint(value: i64, out: &mut Vec<u8>) {
        let mut rest = ((value << 1) ^ (value >> 63)) as u64;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }

    /// A batch with records at these offsets and times after the first.
    fn batch(first: i64, last: i64, attributes: i16, records: &[(i64, i64)]) -> Vec<u8> {
        let mut body = Vec::new();
        for (offset, after_ms) in records {
            let mut record = vec![0];
            varint(*after_ms, &mut record);
            varint(offset - first, &mut record);
            record.extend([1, 2, b'v', 0]);
            varint(record.len() as i64, &mut body);
            body.extend(record);
        }
        let mut batch = Vec::new();
        batch.extend([0; 4]);
        batch.push(2);
        batch.extend([0; 4]);
        batch.extend(attributes.to_be_bytes());
        batch.extend(i32::try_from(last - first).unwrap().to_be_bytes());
        batch.extend(1_000_i64.to_be_bytes());
        batch.extend(9_000_i64.to_be_bytes());
        batch.extend([0; 18]);
        batch.extend(body);
        let mut all = first.to_be_bytes().to_vec();
        all.extend(u32::try_from(batch.len()).unwrap().to_be_bytes());
        all.extend(batch);
        all
    }

    #[test]
    fn the_time_is_that_of_the_first_record_that_is_left() {
        let bytes = batch(10, 14, 0, &[(10, 0), (13, 300), (14, 200)]);
        let at = |offset| find(&bytes, offset, &[]).unwrap();
        assert_eq!(at(10), Found::Record { unix_ms: 1_000 });
        assert_eq!(at(11), Found::Record { unix_ms: 1_300 }, "11 and 12 were compacted away");
        assert_eq!(at(14), Found::Record { unix_ms: 1_200 });
        assert_eq!(at(15), Found::NothingBefore(15));
        let by_broker = batch(10, 10, BY_BROKER, &[(10, 0)]);
        assert_eq!(find(&by_broker, 10, &[]).unwrap(), Found::Record { unix_ms: 9_000 });
    }

    #[test]
    fn markers_and_what_compaction_emptied_are_passed_over() {
        let mut bytes = batch(10, 10, CONTROL, &[(10, 0)]);
        assert_eq!(find(&bytes, 10, &[]).unwrap(), Found::NothingBefore(11));
        bytes.extend(batch(11, 15, 0, &[]));
        assert_eq!(find(&bytes, 10, &[]).unwrap(), Found::NothingBefore(16));
        bytes.extend(batch(16, 16, 0, &[(16, 7)]));
        assert_eq!(find(&bytes, 10, &[]).unwrap(), Found::Record { unix_ms: 1_007 });
    }

    #[test]
    fn what_an_aborted_transaction_wrote_is_passed_over_up_to_its_marker() {
        // The producer of these batches is 0.
        let mut bytes = batch(10, 11, TRANSACTIONAL, &[(10, 0), (11, 1)]);
        bytes.extend(batch(12, 12, TRANSACTIONAL | CONTROL, &[(12, 2)]));
        let aborted = |producer, first| [Aborted { producer, first }];
        let at = |bytes: &[u8], aborted: &[Aborted]| find(bytes, 10, aborted).unwrap();
        assert_eq!(at(&bytes, &[]), Found::Record { unix_ms: 1_000 });
        assert_eq!(at(&bytes, &aborted(7, 10)), Found::Record { unix_ms: 1_000 }, "another's");
        assert_eq!(at(&bytes, &aborted(0, 12)), Found::Record { unix_ms: 1_000 }, "a later one");
        assert_eq!(at(&bytes, &aborted(0, 10)), Found::NothingBefore(13));
        bytes.extend(batch(13, 13, TRANSACTIONAL, &[(13, 5)]));
        assert_eq!(at(&bytes, &aborted(0, 10)), Found::Record { unix_ms: 1_005 });
    }

    proptest! {
        #[test]
        fn rubbish_is_garbled_or_untimed_and_nothing_worse(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            cut in 0_usize..90,
            attributes in 0_i16..8,
        ) {
            let _ = find(&bytes, 0, &[]);
            let whole = batch(0, 3, attributes, &[(0, 1), (3, 2)]);
            let _ = find(whole.get(..cut).unwrap_or(&whole), 2, &[]);
        }
    }
}
