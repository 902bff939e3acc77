//! Chance that can be repeated.

use std::ops::Range;
use std::time::Duration;

/// A sequence of numbers that its seed determines: xorshift64, plenty for a schedule.
pub struct Random(u64);

impl Random {
    /// The sequence of `seed`; each `part` of a program has one of its own.
    pub fn new(seed: u64, part: u64) -> Self {
        // Neighbouring seeds begin alike and zero stays zero, so they are spread first.
        let spread = (seed ^ part.rotate_left(32)).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut random = Self(spread.wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1);
        for _ in 0..16 {
            random.below(1);
        }
        random
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 16) % limit as u64).unwrap()
    }
}

#[allow(dead_code, reason = "tests/soak alone decides so")]
impl Random {
    /// One of these.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A number of milliseconds in this range.
    pub fn pause(&mut self, milliseconds: Range<usize>) -> Duration {
        let more = self.below(milliseconds.end - milliseconds.start);
        Duration::from_millis((milliseconds.start + more) as u64)
    }

    /// Puts them in another order.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for place in (1..things.len()).rev() {
            things.swap(place, self.below(place + 1));
        }
    }
}
