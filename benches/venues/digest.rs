//! A message boiled down to a number, which every reader of it must arrive at.

use tickwire::venue::Decimal;

/// Depends on every value and on their order.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Digest(u64);

impl Digest {
    pub(crate) fn add(&mut self, value: u64) -> &mut Self {
        self.0 = self.0.rotate_left(7) ^ value;
        self
    }

    pub(crate) fn decimal(&mut self, decimal: Decimal) -> &mut Self {
        self.add(decimal.mantissa().cast_unsigned()).add(u64::from(decimal.scale()))
    }

    pub(crate) fn value(self) -> u64 {
        self.0
    }
}
