//! A side as an array of all ticks of a window, with a bitmap of those that stand, and a map for what is outside.

use std::collections::BTreeMap;

use tickwire::venue::Decimal;

const TICKS: usize = 4096;
const WORDS: usize = TICKS / 64;
/// The same as a distance.
const SPAN: i64 = TICKS as i64;

pub(crate) struct Window {
    unit: i64,
    /// The first tick of the window.
    base: i64,
    quantities: Vec<Decimal>,
    standing: [u64; WORDS],
    /// The highest word with a bit, if there is one.
    top: Option<usize>,
    outside: BTreeMap<i64, Decimal>,
}

impl Window {
    pub(crate) fn new(unit: i64) -> Self {
        let quantities = vec![Decimal::ZERO; TICKS];
        Self { unit, base: 0, quantities, standing: [0; WORDS], top: None, outside: BTreeMap::new() }
    }

    pub(crate) fn set(&mut self, key: i64, quantity: Decimal) {
        let tick = key / self.unit;
        if !(0..SPAN).contains(&(tick - self.base)) {
            return self.set_outside(tick, quantity);
        }
        self.put(tick, quantity);
        if self.top.is_none() && !self.outside.is_empty() {
            self.centre();
        }
    }

    fn put(&mut self, tick: i64, quantity: Decimal) {
        let at = usize::try_from(tick - self.base).expect("a tick of the window");
        let (word, bit) = (at / 64, 1 << (at % 64));
        self.quantities[at] = quantity;
        if quantity.is_zero() {
            self.standing[word] &= !bit;
            if self.top == Some(word) && self.standing[word] == 0 {
                self.top = self.standing[..word].iter().rposition(|word| *word != 0);
            }
        } else {
            self.standing[word] |= bit;
            self.top = self.top.max(Some(word));
        }
    }

    fn set_outside(&mut self, tick: i64, quantity: Decimal) {
        if quantity.is_zero() {
            self.outside.remove(&tick);
            return;
        }
        self.outside.insert(tick, quantity);
        if self.top.is_none() || tick >= self.base + SPAN {
            self.centre();
        }
    }

    /// Moves the window so that the best tick is in the middle of its better half.
    fn centre(&mut self) {
        let inside: Vec<_> = self.inside().collect();
        self.outside.extend(inside);
        self.standing = [0; WORDS];
        self.top = None;
        let Some((best, _)) = self.outside.last_key_value() else { return };
        self.base = best - SPAN * 3 / 4;
        for (tick, quantity) in self.outside.split_off(&self.base) {
            self.put(tick, quantity);
        }
    }

    fn inside(&self) -> impl DoubleEndedIterator<Item = (i64, Decimal)> {
        let stands = |at: &usize| self.standing[at / 64] >> (at % 64) & 1 == 1;
        (0..TICKS).filter(stands).map(|at| (self.base + at as i64, self.quantities[at]))
    }

    pub(crate) fn best(&self) -> Option<(i64, i64)> {
        let word = self.top?;
        let at = word * 64 + self.standing[word].ilog2() as usize;
        Some(((self.base + at as i64) * self.unit, self.quantities[at].mantissa()))
    }

    /// Best first.
    pub(crate) fn levels(&self) -> Vec<(i64, i64)> {
        let outside = self.outside.iter().rev().map(|(tick, quantity)| (*tick, *quantity));
        let all = self.inside().rev().chain(outside);
        all.map(|(tick, quantity)| (tick * self.unit, quantity.mantissa())).collect()
    }
}
