//! Chance from a seed: the same seed gives the same inputs on every machine.

use std::time::SystemTime;

/// A generator (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The generator of one input: inputs do not depend on those before them.
    pub(crate) fn new(seed: u64, number: u64) -> Random {
        let mut random = Random(seed);
        let key = random.next();
        Random(key ^ number.wrapping_mul(0xD134_2543_DE82_EF95))
    }

    /// A generator that depends on a text alone.
    pub(crate) fn of_text(text: &str) -> Random {
        // FNV-1a.
        let hash = text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        Random(hash)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    /// True once in `n` times.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of several things, which must not be none.
    pub(crate) fn pick<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        &things[self.below(things.len())]
    }

    /// One of several texts, which must not be none.
    pub(crate) fn text<'a, T: AsRef<str>>(&mut self, texts: &'a [T]) -> &'a str {
        self.pick(texts).as_ref()
    }
}

/// Another seed each time, for whoever was given none.
pub(crate) fn new_seed() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}
