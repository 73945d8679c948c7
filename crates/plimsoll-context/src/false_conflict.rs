use std::time::Duration;

/// Returns the probability that a decision which nobody overtook is said to be stale, by the stripes.
///
/// A stripe stands for many keys. Another key's commit falls on the decision's stripe with probability
/// 1/m, and counts if it begins between the decision's reading and its commit, or was under way when the
/// decision began to read. With commits that come independently of each other that is Poisson's law:
///
/// > p = 1 − exp(−Λ · (W + C) · k / m)
///
/// where Λ is `commits_per_second`, the commits *of keys* that begin, the aborted ones included; W + C
/// `exposure`, the mean time from a decision's begin to its commit plus the mean time that the store
/// takes to commit; k `keys` of the decision; m `stripes`.
pub fn false_conflict_probability(
    commits_per_second: f64,
    exposure: Duration,
    keys: u32,
    stripes: usize,
) -> f64 {
    let met = commits_per_second * exposure.as_secs_f64() * f64::from(keys) / stripes as f64;
    -(-met).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_gives_what_was_computed_by_hand() {
        let of =
            |stripes| false_conflict_probability(2_000.0, Duration::from_millis(100), 1, stripes);
        // 1 − e^(−200/65,536) and 1 − e^(−200/4,096).
        assert!((of(1 << 16) - 0.003_047).abs() < 1e-6, "{}", of(1 << 16));
        assert!((of(1 << 12) - 0.047_655).abs() < 1e-6, "{}", of(1 << 12));
        // Of three keys, 1 − e^(−600/4,096).
        let three = false_conflict_probability(2_000.0, Duration::from_millis(100), 3, 1 << 12);
        assert!((three - 0.136_261).abs() < 1e-6, "{three}");
    }
}
