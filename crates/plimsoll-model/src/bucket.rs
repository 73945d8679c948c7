//! The log-linear layout of duration histograms.
//!
//! Each power of two of nanoseconds is split into [`SUB_BUCKETS`] equal parts, so that a bucket is
//! at most 1/16 of its lower bound wide and its middle is within 3.2 % of every value in it.

/// Equal parts that each power of two is split into.
pub const SUB_BUCKETS: u64 = 16;

const SUB_BITS: u32 = SUB_BUCKETS.trailing_zeros();

/// The number of buckets: the linear part, and every power of two that a `u64` holds above it.
pub const BUCKETS: usize = (SUB_BUCKETS as usize) * (64 - SUB_BITS as usize + 1);

/// Returns the bucket that holds `ns`. Below 16 ns each nanosecond has its own.
pub const fn index(ns: u64) -> usize {
    if ns < SUB_BUCKETS {
        return ns as usize;
    }
    let power = 63 - ns.leading_zeros();
    let within = (ns >> (power - SUB_BITS)) & (SUB_BUCKETS - 1);
    ((power - SUB_BITS + 1) as usize) * SUB_BUCKETS as usize + within as usize
}

/// Returns the least value of a bucket, in nanoseconds.
pub const fn lower_ns(index: usize) -> u64 {
    let (row, within) = (index as u64 / SUB_BUCKETS, index as u64 % SUB_BUCKETS);
    if row == 0 { within } else { (SUB_BUCKETS + within) << (row - 1) }
}

/// Returns the greatest value of a bucket, in nanoseconds.
pub const fn upper_ns(index: usize) -> u64 {
    if index + 1 >= BUCKETS { u64::MAX } else { lower_ns(index + 1) - 1 }
}

/// The classic edges that a duration is exported with besides those that an SLO declares.
pub const DEFAULT_EDGES_NS: [u64; 14] = [
    100_000,
    500_000,
    1_000_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// The lower edges of the in-flight bands, when an operation declares none.
pub const DEFAULT_BANDS: [u64; 6] = [1, 4, 16, 64, 128, 256];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_tile_the_whole_range() {
        for at in 0..BUCKETS {
            assert_eq!(index(lower_ns(at)), at);
            assert_eq!(index(upper_ns(at)), at);
        }
        assert_eq!(upper_ns(BUCKETS - 1), u64::MAX);
    }

    #[test]
    fn a_bucket_is_narrow() {
        for at in SUB_BUCKETS as usize..BUCKETS - 1 {
            let (low, high) = (lower_ns(at), upper_ns(at));
            assert!((high - low) as f64 <= low as f64 / 16.0, "{low}..={high}");
        }
    }
}
