//! How numbers, levels and times are written, and how a payload becomes a message.

use std::fmt;

use crate::clock::Now;
use crate::market::{Change, Level};
use crate::publisher::{Form, Publish};

const UNIT: u64 = 100_000_000;
const UNIT_PLACES: u32 = 8;

/// A number of 0.00000001, written with so many decimals; those beyond are cut off.
#[derive(Clone, Copy)]
pub(super) struct Decimal(pub(super) u64, pub(super) u32);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value, places) = *self;
        write!(f, "{}", value / UNIT)?;
        if places > 0 {
            let width = usize::try_from(places).unwrap_or_default();
            let fraction = value % UNIT / 10_u64.pow(UNIT_PLACES.saturating_sub(places));
            write!(f, ".{fraction:0width$}")?;
        }
        Ok(())
    }
}

/// The difference of two such numbers, which may be negative.
pub(super) struct Difference(pub(super) u64, pub(super) u64, pub(super) u32);

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(to, from, places) = *self;
        if to < from {
            f.write_str("-")?;
        }
        Decimal(to.abs_diff(from), places).fmt(f)
    }
}

/// Decimals of a symbol's prices and quantities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) price: u32,
    pub(super) quantity: u32,
}

impl Places {
    /// All there are.
    pub(super) const FULL: Self = Self { price: UNIT_PLACES, quantity: UNIT_PLACES };

    /// As few as show a tick or a lot.
    pub(super) fn needed(unit: u64) -> u32 {
        (0..UNIT_PLACES)
            .find(|&places| unit.is_multiple_of(10_u64.pow(UNIT_PLACES - places)))
            .unwrap_or(UNIT_PLACES)
    }

    pub(super) fn price(self, price: u64) -> Decimal {
        Decimal(price, self.price)
    }

    pub(super) fn quantity(self, quantity: u64) -> Decimal {
        Decimal(quantity, self.quantity)
    }

    /// `[["price","quantity"],…]`.
    pub(super) fn levels(self, levels: impl IntoIterator<Item = Level>) -> String {
        let mut text = "[".to_owned();
        for (price, quantity) in levels {
            let comma = if text.len() > 1 { "," } else { "" };
            text.push_str(&format!("{comma}[\"{}\",\"{}\"]", self.price(price), self.quantity(quantity)));
        }
        text.push(']');
        text
    }

    /// The new quantities of changed levels.
    pub(super) fn changes(self, changes: &[Change]) -> String {
        self.levels(changes.iter().map(|change| (change.price, change.quantity)))
    }
}

/// The time of an event, in the unit that a connection wants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    now: Now,
    microseconds: bool,
}

impl Clock {
    /// Now, in the unit of a form.
    pub(super) fn new(now: Now, form: Form) -> Self {
        Self { now, microseconds: form.microseconds }
    }

    /// In milliseconds.
    pub(super) fn plain(now: Now) -> Self {
        Self { now, microseconds: false }
    }

    pub(super) fn now(self) -> u64 {
        self.at(self.now.unix_us)
    }

    /// The beginning of a millisecond.
    pub(super) fn at_ms(self, unix_ms: u64) -> u64 {
        self.at(unix_ms * 1_000)
    }

    /// The last moment before a millisecond.
    pub(super) fn before_ms(self, unix_ms: u64) -> u64 {
        self.at_ms(unix_ms).saturating_sub(1)
    }

    fn at(self, unix_us: u64) -> u64 {
        if self.microseconds { unix_us } else { unix_us / 1_000 }
    }
}

/// `{"stream":…,"data":…}` of a combined connection. Stream names need no escaping.
pub(super) fn combined(stream: &str, payload: &str) -> String {
    format!(r#"{{"stream":"{stream}","data":{payload}}}"#)
}

/// Publishes a payload, wrapped for those that want it so.
pub(super) fn say(publish: &mut Publish<'_>, now: Now, stream: &str, payload: impl Fn(Clock) -> String) {
    publish(stream, &|form| {
        let payload = payload(Clock::new(now, form));
        if form.combined { combined(stream, &payload) } else { payload }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_as_many_places_as_wanted() {
        assert_eq!(Decimal(0, 8).to_string(), "0.00000000");
        assert_eq!(Decimal(1, 8).to_string(), "0.00000001");
        assert_eq!(Decimal(9_125_012_000_000, 8).to_string(), "91250.12000000");
        assert_eq!(Decimal(9_125_012_000_000, 2).to_string(), "91250.12");
        assert_eq!(Decimal(9_125_012_000_000, 0).to_string(), "91250");
        assert_eq!(Difference(100_000_000, 250_000_000, 3).to_string(), "-1.500");
        assert_eq!([UNIT, UNIT / 10, UNIT / 1_000, 5].map(Places::needed), [0, 1, 3, 8]);
    }
}
