//! `java.util.Random`, which AWS shows through `$random(seed)`.

/// The first `nextDouble()` of `new Random(seed)`: the documented linear congruential generator of 48 bits.
pub(crate) fn next_double(seed: i64) -> f64 {
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const MASK: u64 = (1 << 48) - 1;
    let mut state = (seed as u64 ^ MULTIPLIER) & MASK;
    let mut next = |bits: u32| {
        state = state.wrapping_mul(MULTIPLIER).wrapping_add(0xB) & MASK;
        state >> (48 - bits)
    };
    let high = next(26) << 27;
    (high + next(27)) as f64 / (1_u64 << 53) as f64
}
