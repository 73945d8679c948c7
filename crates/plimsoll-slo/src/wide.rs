use std::cmp::Ordering;

/// Compares `a × b` with `c × d`, where no product need fit in 128 bits.
pub(crate) fn compare_products([a, b]: [u128; 2], [c, d]: [u128; 2]) -> Ordering {
    product(a, b).cmp(&product(c, d))
}

/// Returns the upper and the lower 128 bits of a product, by halves as on paper.
fn product(a: u128, b: u128) -> (u128, u128) {
    const LOW: u128 = u64::MAX as u128;
    let ([a1, a0], [b1, b0]) = ([a >> 64, a & LOW], [b >> 64, b & LOW]);
    let low = a0 * b0;
    // At most (2⁶⁴ − 1)² + 2 (2⁶⁴ − 1), which fits.
    let cross = a1 * b0 + (low >> 64);
    let middle = a0 * b1 + (cross & LOW);
    (a1 * b1 + (cross >> 64) + (middle >> 64), (middle << 64) | (low & LOW))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_exact_up_to_256_bits() {
        assert_eq!(product(7, 9), (0, 63));
        assert_eq!(product(1 << 127, 4), (2, 0));
        // (2¹²⁸ − 1)² = 2²⁵⁶ − 2¹²⁹ + 1.
        assert_eq!(product(u128::MAX, u128::MAX), (u128::MAX - 1, 1));
        // (2⁶⁴ + 3)(2⁶⁴ + 5) = 2¹²⁸ + 8 × 2⁶⁴ + 15.
        assert_eq!(product((1 << 64) + 3, (1 << 64) + 5), (1, (8 << 64) + 15));
        let huge = [u128::MAX, u128::MAX - 1];
        assert_eq!(compare_products(huge, [u128::MAX, u128::MAX]), Ordering::Less);
        assert_eq!(compare_products(huge, [huge[1], huge[0]]), Ordering::Equal);
    }
}
