//! Eight bytes at a time, as one word whose lowest byte comes first.
//!
//! What a function finds is told by the highest bit of each byte. Searches are right up to the first
//! byte that is found; above it other bytes may be marked, too.

/// One in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// The highest bit of each byte.
const HIGH: u64 = ONES << 7;

/// Returns the next bytes; after the last one come zeros.
#[inline]
pub(super) fn word(bytes: &[u8]) -> u64 {
    match bytes.first_chunk() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => bytes.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte)),
    }
}

/// Returns what comes after `head` if `bytes` begin with it, as `strip_prefix` does; heads of some
/// dozens of bytes are compared in place.
#[inline]
pub(super) fn after<'b>(bytes: &'b [u8], head: &[u8]) -> Option<&'b [u8]> {
    const CHUNK: usize = 16;
    let (begin, after) = bytes.split_at_checked(head.len())?;
    let Some(last) = head.last_chunk::<CHUNK>() else {
        return (begin == head).then_some(after);
    };
    let (chunks, _) = head.as_chunks::<CHUNK>();
    let (begin_chunks, _) = begin.as_chunks::<CHUNK>();
    let is_same = chunks.iter().zip(begin_chunks).all(|(one, other)| one == other);
    // The last chunk covers again what the one before it may have covered.
    (is_same && begin.last_chunk() == Some(last)).then_some(after)
}

/// Returns how many bytes come before the first one that is marked: eight when none is.
#[inline]
pub(super) fn before(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

/// Returns the first bytes of the word, and zeros for the others.
#[inline]
pub(super) fn first(word: u64, length: usize) -> u64 {
    if length < 8 { word & !(u64::MAX << (8 * length)) } else { word }
}

/// Finds the byte.
#[inline]
pub(super) fn equal(word: u64, byte: u8) -> u64 {
    let differs = word ^ (ONES * u64::from(byte));
    differs.wrapping_sub(ONES) & !differs & HIGH
}

/// Returns where the byte is first.
#[inline]
pub(super) fn find(bytes: &[u8], byte: u8) -> Option<usize> {
    let mut length = 0;
    loop {
        let more = before(equal(word(bytes.get(length..)?), byte));
        length += more;
        if more < 8 {
            return Some(length);
        }
    }
}

/// Finds what isn't `[a-zA-Z0-9_]`.
#[inline]
pub(super) fn not_name(word: u64) -> u64 {
    let ascii = word & !HIGH;
    // No sum leaves its byte, since both parts are below 128.
    let at_least = |bytes: u64, byte: u8| bytes + ONES * u64::from(0x80 - byte);
    let within = |bytes, first, last: u8| at_least(bytes, first) & !at_least(bytes, last + 1);
    let letter = within(ascii | (ONES * 0x20), b'a', b'z');
    let digit = within(ascii, b'0', b'9');
    let underscore = within(ascii, b'_', b'_');
    (!(letter | digit | underscore) | word) & HIGH
}

/// Reads the digits that the word begins with as a number, and says how many there are.
#[inline]
pub(super) fn digits(word: u64) -> (u64, usize) {
    let values = word ^ (ONES * u64::from(b'0'));
    // A digit is at most 9; adding 0x76 to anything above reaches the highest bit.
    let length = before((values.wrapping_add(ONES * 0x76) | values) & HIGH);
    // The digits go to the end of the word, and what they leave are zeros before the number.
    let Some(tens) = values.checked_shl(64 - 8 * length as u32) else { return (0, 0) };
    let hundreds = tens.wrapping_mul(10 * 256 + 1) >> 8;
    let myriads = (hundreds & 0x00ff_00ff_00ff_00ff).wrapping_mul(100 * 65_536 + 1) >> 16;
    let all = (myriads & 0x0000_ffff_0000_ffff).wrapping_mul((10_000 << 32) + 1) >> 32;
    (all, length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_comes_after_a_head_is_what_the_standard_library_says(
            head in proptest::collection::vec(any::<u8>(), 0..70),
            after in proptest::collection::vec(any::<u8>(), 0..20),
            change: (usize, u8),
        ) {
            let mut bytes = [head.clone(), after].concat();
            prop_assert_eq!(super::after(&bytes, &head), bytes.strip_prefix(&*head));
            prop_assert_eq!(super::after(&head, &bytes), head.strip_prefix(&*bytes));
            prop_assert_eq!(find(&bytes, b'='), bytes.iter().position(|byte| *byte == b'='));
            let at = change.0 % (bytes.len() + 1);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = change.1;
            }
            prop_assert_eq!(super::after(&bytes, &head), bytes.strip_prefix(&*head));
        }

        #[test]
        fn a_word_is_what_its_bytes_are(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), b'0'..=b'9', b'X'..=b'c'], 0..12)) {
            let word = word(&bytes);
            let eight: Vec<u8> = bytes.iter().copied().chain([0; 8]).take(8).collect();
            let first = |fits: &dyn Fn(u8) -> bool| eight.iter().position(|byte| fits(*byte)).unwrap_or(8);
            prop_assert_eq!(before(equal(word, b'a')), first(&|byte| byte == b'a'));
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            prop_assert_eq!(before(not_name(word)), first(&|byte| !is_name(byte)));
            let length = first(&|byte| !byte.is_ascii_digit());
            let number = eight[..length].iter().fold(0, |number, digit| 10 * number + u64::from(digit - b'0'));
            prop_assert_eq!(digits(word), (number, length));
        }
    }
}
