use std::str::FromStr;

const UNITS: [(&str, &str, u64); 5] = [
    ("B", "B", 1),
    ("KiB", "KB", 1 << 10),
    ("MiB", "MB", 1 << 20),
    ("GiB", "GB", 1 << 30),
    ("TiB", "TB", 1 << 40),
];

/// A number of bytes as Prometheus writes it: `64MiB`. As there, `MB` means the same as `MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// Why a text isn't a number of bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// No number, or no unit.
    #[error("isn't a size: write a whole number and a unit, as 64MiB")]
    Syntax,
    /// An unknown unit.
    #[error("has no unit `{0}`: units are B, KiB, MiB, GiB and TiB")]
    Unit(String),
    /// More than a `u64` holds.
    #[error("is larger than can be counted")]
    TooLarge,
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        if text == "0" {
            return Ok(Self(0));
        }
        let digits = text.find(|character: char| !character.is_ascii_digit());
        let (count, unit) = text.split_at(digits.unwrap_or(text.len()));
        if count.is_empty() || unit.is_empty() {
            return Err(SizeError::Syntax);
        }
        let known = UNITS.iter().find(|(binary, plain, _)| *binary == unit || *plain == unit);
        let (.., bytes) = known.ok_or_else(|| SizeError::Unit(unit.into()))?;
        let count: u64 = count.parse().map_err(|_| SizeError::TooLarge)?;
        count.checked_mul(*bytes).map(Self).ok_or(SizeError::TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_as_prometheus_reads_it() {
        for (text, bytes) in
            [("0", 0), ("512B", 512), ("64MiB", 67_108_864), ("4GB", 4_294_967_296)]
        {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        assert_eq!("64".parse::<Size>(), Err(SizeError::Syntax));
        assert_eq!("1.5MiB".parse::<Size>(), Err(SizeError::Unit(".5MiB".into())));
        assert_eq!("64Mi".parse::<Size>(), Err(SizeError::Unit("Mi".into())));
        assert_eq!("99999999TiB".parse::<Size>(), Err(SizeError::TooLarge));
    }
}
