//! Latencies of ours and the peer in many short slices, and how sure a ratio of their quantiles is.

use rand::Rng;
use rand::rngs::SmallRng;

/// How often slices are drawn anew.
const DRAWS: usize = 400;

/// What requests took, in nanoseconds: of each pair of slices ours and the peer's.
#[derive(Default)]
pub(crate) struct Slices(Vec<[Vec<u64>; 2]>);

impl Slices {
    pub(crate) fn add(&mut self, pair: [Vec<u64>; 2]) {
        self.0.push(pair);
    }

    /// Returns what a quantile of all requests together may be, in microseconds, ours and the peer's: of as
    /// many pairs of slices drawn with replacement, again and again (the bootstrap of Efron, in blocks,
    /// because what disturbs one request disturbs its neighbours).
    pub(crate) fn quantiles_us(&self, quantile: f64, random: &mut SmallRng) -> Vec<(f64, f64)> {
        let mut pools = [const { Vec::new() }; 2];
        let draw = |_| {
            pools.iter_mut().for_each(Vec::clear);
            for _ in 0..self.0.len() {
                let pair = &self.0[random.random_range(0..self.0.len())];
                pools.iter_mut().zip(pair).for_each(|(pool, slice)| pool.extend(slice));
            }
            let [ours, peer] = pools.each_mut().map(|pool| quantile_us(pool, quantile));
            (ours, peer)
        };
        (0..DRAWS).map(draw).collect()
    }
}

fn quantile_us(pool: &mut [u64], quantile: f64) -> f64 {
    let at = (pool.len() as f64 * quantile) as usize;
    *pool.select_nth_unstable(at).1 as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_quantile_of_the_pool_is_drawn_around_its_own() {
        let mut slices = Slices::default();
        for _ in 0..20 {
            slices.add([(0..100).collect(), (0..100).map(|ns| 2 * ns).collect()]);
        }
        let drawn = slices.quantiles_us(0.99, &mut SmallRng::seed_from_u64(1));
        assert_eq!(drawn, vec![(0.099, 0.198); DRAWS]);
        // One slice in twenty is slow: it is in the tail of some draws, and several times in others.
        slices.add([vec![1_000_000; 100], vec![0; 100]]);
        let drawn = slices.quantiles_us(0.99, &mut SmallRng::seed_from_u64(1));
        let slow = drawn.iter().filter(|(ours, _)| *ours == 1_000.0).count();
        // It is drawn at least once with a probability of 1 − (20/21)²¹ = 0.64.
        assert!((220..300).contains(&slow), "{slow}");
    }
}
