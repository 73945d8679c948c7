//! Exponential buckets: Prometheus's native histogram, OpenTelemetry's exponential histogram.
//!
//! Bucket `i` holds what is above 2^((i − 1)/8) and at most 2^(i/8), in the exported unit. That is
//! schema 3 of both (8 buckets to a power of two), of which OpenTelemetry numbers the buckets from
//! one less. The log-linear layout of [`crate::bucket`] is cut at the same bounds when it is recorded,
//! so that nothing is guessed when it is exported.

use crate::bucket;

/// The schema, or scale: 2^3 buckets to each power of two, which are 9 % wide.
pub const SCALE: i32 = 3;

const PER_OCTAVE: i32 = 1 << SCALE;

/// Upper bounds within a power of two: 2^(i/8).
const BOUNDS: [f64; PER_OCTAVE as usize] = [
    1.0,
    1.090_507_732_665_257_7,
    1.189_207_115_002_721,
    1.296_839_554_651_009_6,
    std::f64::consts::SQRT_2,
    1.542_210_825_407_940_7,
    1.681_792_830_507_429,
    1.834_008_086_409_342_4,
];

/// A histogram in exponential buckets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exponential {
    /// Observations of 0, which has no logarithm.
    pub zero: u64,
    /// The index of each bucket that isn't empty, ascending, and what is in it.
    pub buckets: Vec<(i32, u64)>,
}

impl Exponential {
    /// Counts `count` observations in the bucket at `index`, which is the last one or comes after it.
    pub fn push(&mut self, index: i32, count: u64) {
        match self.buckets.last_mut() {
            Some((last, sum)) if *last == index => *sum += count,
            _ if count > 0 => self.buckets.push((index, count)),
            _ => {}
        }
    }

    /// Returns how many observations there are.
    pub fn count(&self) -> u64 {
        self.zero + self.buckets.iter().map(|(_, count)| count).sum::<u64>()
    }
}

/// Returns the upper bound of the bucket at `index`.
pub fn upper(index: i32) -> f64 {
    let within = BOUNDS.get(index.rem_euclid(PER_OCTAVE) as usize).copied().unwrap_or(1.0);
    within * f64::from(index.div_euclid(PER_OCTAVE)).exp2()
}

/// Which exponential bucket each log-linear one is in, or which two.
///
/// A log-linear bucket is at most 6.25 % wide and an exponential one 9 %, so that no more than one
/// bound falls into it.
#[derive(Debug)]
pub struct Cuts {
    by_bucket: Vec<Cut>,
}

#[derive(Clone, Copy, Debug)]
struct Cut {
    /// The exponential bucket of the log-linear one's least value.
    index: i32,
    /// The last value that is in it.
    until: u64,
}

impl Cuts {
    /// Works out the cuts of observed integers of which `units` make one exported unit.
    pub fn new(units: f64) -> Self {
        let mut index = -PER_OCTAVE * 64;
        let until = |index: i32| (upper(index) * units) as u64;
        let by_bucket = (0..bucket::BUCKETS)
            .map(|at| {
                while until(index) < bucket::lower_ns(at) {
                    index += 1;
                }
                Cut { index, until: until(index) }
            })
            .collect();
        Self { by_bucket }
    }

    /// Returns the exponential bucket of a value that is in the log-linear bucket `at`. Of 0 it is
    /// lower than of any other value.
    #[inline]
    pub fn index(&self, at: usize, value: u64) -> i32 {
        match self.by_bucket.get(at) {
            Some(cut) => cut.index + i32::from(value > cut.until),
            None => 0,
        }
    }

    /// Returns the last value of the log-linear bucket `at` that is in the same exponential bucket as
    /// its first.
    pub fn until(&self, at: usize) -> u64 {
        self.by_bucket.get(at).map_or(u64::MAX, |cut| cut.until.min(bucket::upper_ns(at)))
    }

    /// Returns the least index.
    pub fn first(&self) -> i32 {
        self.by_bucket.first().map_or(0, |cut| cut.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_where_the_bounds_are() {
        // By the definition alone: the least i with value ≤ 2^(i/8) seconds.
        let by_definition = |ns: u64| ((ns as f64 / 1e9).log2() * 8.0).ceil() as i32;
        let cuts = Cuts::new(1e9);
        let mut ns = 1_u64;
        while ns < 1 << 60 {
            for value in [ns, ns + ns / 3, ns + ns / 7] {
                let found = cuts.index(bucket::index(value), value);
                assert_eq!(found, by_definition(value), "{value} ns");
            }
            ns += ns / 50 + 1;
        }
    }

    #[test]
    fn a_value_on_a_bound_is_below_it() {
        let cuts = Cuts::new(1e9);
        let of = |ns: u64| cuts.index(bucket::index(ns), ns);
        assert_eq!((of(999_999_999), of(1_000_000_000), of(1_000_000_001)), (0, 0, 1));
        assert_eq!((of(3_906_250), of(3_906_251)), (-64, -63));
        let counts = Cuts::new(1.0);
        let of = |value: u64| counts.index(bucket::index(value), value);
        assert_eq!((of(1), of(2), of(3), of(4), of(1_024), of(1_025)), (0, 8, 13, 16, 80, 81));
        assert!(of(0) < of(1) - 64);
    }

    #[test]
    fn no_log_linear_bucket_is_cut_twice() {
        for units in [1.0, 1e9] {
            let cuts = Cuts::new(units);
            for at in 0..bucket::BUCKETS - 1 {
                let (low, high) = (bucket::lower_ns(at), bucket::upper_ns(at));
                let (first, last) = (cuts.index(at, low), cuts.index(at, high));
                assert!(last - first <= 1, "{low}..={high}");
                assert_eq!(cuts.index(at, cuts.until(at)), first);
                assert!(high as f64 <= upper(last) * units * (1.0 + 1e-12));
            }
        }
    }

    #[test]
    fn neighbours_are_one_bucket() {
        let mut exponential = Exponential { zero: 2, ..Exponential::default() };
        exponential.push(-3, 1);
        exponential.push(-3, 4);
        exponential.push(-1, 0);
        exponential.push(7, 2);
        assert_eq!(exponential.buckets, [(-3, 5), (7, 2)]);
        assert_eq!(exponential.count(), 9);
    }
}
