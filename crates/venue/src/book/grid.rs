//! Prices as whole numbers of one step, a power of ten.

use crate::decimal::Decimal;

/// Which power of ten the ticks of a book count, and how its prices are spelt.
///
/// The step is the finest that a price has needed so far. An `i128` holds every [`Decimal`] at every
/// scale (2^63 × 10^18 < 2^127), so that no price is out of range.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    /// Digits after the point that a tick stands for.
    scale: u8,
    /// Digits after the point of the longest spelling: venues write zeros behind what is needed.
    spelt: u8,
    /// 10^(spelt - scale).
    unit: i64,
}

impl Grid {
    pub(super) const fn new() -> Self {
        Self { scale: 0, spelt: 0, unit: 1 }
    }

    /// The ticks of a price that is spelt like most; `None` says nothing.
    #[inline]
    pub(super) fn usual_ticks(&self, price: Decimal) -> Option<i64> {
        if price.scale() != self.spelt {
            return None;
        }
        if self.unit == 1 {
            return Some(price.mantissa());
        }
        let ticks = price.mantissa() / self.unit;
        (ticks * self.unit == price.mantissa()).then_some(ticks)
    }

    /// The ticks of a price; `None` when it is finer than a tick.
    pub(super) fn ticks(&self, price: Decimal) -> Option<i128> {
        if let Some(ticks) = self.usual_ticks(price) {
            return Some(ticks.into());
        }
        if price.scale() <= self.scale {
            return Some(i128::from(price.mantissa()) * power_of_ten(self.scale - price.scale()));
        }
        price.rescale(self.scale).map(|price| price.mantissa().into())
    }

    /// The ticks of a price after making the grid fine enough for it, and by what the ticks so far are
    /// to be multiplied.
    pub(super) fn cover(&mut self, price: Decimal) -> (i128, i128) {
        if let Some(ticks) = self.ticks(price).filter(|_| price.scale() <= self.spelt) {
            return (ticks, 1);
        }
        let shortest = shortest(price);
        let scale = self.scale.max(shortest.scale());
        let factor = power_of_ten(scale - self.scale);
        let spelt = self.spelt.max(price.scale());
        *self = Self { scale, spelt, unit: 10_i64.pow(u32::from(spelt - scale)) };
        (i128::from(shortest.mantissa()) * power_of_ten(scale - shortest.scale()), factor)
    }

    /// The price of ticks that came from one, in the longest spelling that holds it.
    #[inline]
    pub(super) fn price(&self, ticks: i128) -> Decimal {
        match i64::try_from(ticks * i128::from(self.unit)) {
            Ok(mantissa) => Decimal::new(mantissa, self.spelt),
            Err(_) => self.long_price(ticks),
        }
        // A scale comes from a price, and so do the ticks: there is a decimal that holds them.
        .unwrap_or(Decimal::ZERO)
    }

    #[cold]
    fn long_price(&self, ticks: i128) -> Option<Decimal> {
        let shorter = |(ticks, scale): &(i128, u8)| Some((ticks / 10, scale.checked_sub(1)?));
        std::iter::successors(Some((ticks, self.scale)), shorter)
            .find_map(|(ticks, scale)| Decimal::new(i64::try_from(ticks).ok()?, scale))
    }
}

/// Cannot overflow: a scale is 18 at most.
fn power_of_ten(scale: u8) -> i128 {
    10_i64.pow(u32::from(scale)).into()
}

/// The same value without zeros at the end of the fraction.
fn shortest(price: Decimal) -> Decimal {
    let mut shortest = price;
    while let Some(shorter) = shortest.scale().checked_sub(1).and_then(|scale| shortest.rescale(scale)) {
        shortest = shorter;
    }
    shortest
}
