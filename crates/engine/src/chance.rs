//! Chance without a source of its own: draws are a function of the execution's seed and their place in its history.

use std::cell::Cell;

/// Draws for one event of one execution.
///
/// A step repeated after a lost commit stands at the same event and so draws the same numbers.
#[derive(Debug)]
pub(crate) struct Draws {
    key: u64,
    count: Cell<u64>,
}

impl Draws {
    pub(crate) fn new(seed: u64, event: u32) -> Draws {
        Draws { key: mix(seed ^ mix(u64::from(event).wrapping_add(0x9E37_79B9_7F4A_7C15))), count: Cell::new(0) }
    }

    pub(crate) fn next(&self) -> u64 {
        let count = self.count.get() + 1;
        self.count.set(count);
        mix(self.key.wrapping_add(count.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    /// Uniform in [0, 1).
    pub(crate) fn next_fraction(&self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The finalizer of SplitMix64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_place_draws_the_same_and_another_place_does_not() {
        let draw = |seed, event| {
            let draws = Draws::new(seed, event);
            [draws.next(), draws.next(), draws.next()]
        };
        assert_eq!(draw(7, 3), draw(7, 3));
        assert_ne!(draw(7, 3), draw(7, 4));
        assert_ne!(draw(7, 3), draw(8, 3));
        let [a, b, c] = draw(7, 3);
        assert!(a != b && b != c);
    }

    #[test]
    fn fractions_fill_the_unit_interval_evenly() {
        let draws = Draws::new(1, 1);
        let mean = (0..10_000).map(|_| draws.next_fraction()).sum::<f64>() / 10_000.0;
        assert!((0.49..0.51).contains(&mean), "{mean}");
    }
}
