//! What the numbers of a frame are worth.

use crate::decimal::Decimal;

use super::{
    error::{Error, Fault},
    schema::NULL,
};

/// The most digits after the point that a [`Decimal`] holds.
const SCALE_MAX: u8 = 18;

/// The powers of ten that the prices and quantities of a message are multiples of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exponents {
    /// Of the prices.
    pub(super) price: i8,
    /// Of the quantities.
    pub(super) quantity: i8,
}

/// An id, or a count of microseconds: neither null nor below zero.
pub(super) fn natural(raw: i64, field: &'static str) -> Result<u64, Error> {
    let fault = if raw == NULL { Fault::Null } else { Fault::Negative };
    u64::try_from(raw).map_err(|_| Error::Value { field, fault })
}

/// Microseconds as nanoseconds.
pub(super) fn time_ns(raw: i64, field: &'static str) -> Result<u64, Error> {
    natural(raw, field)?.checked_mul(1000).ok_or(Error::Value { field, fault: Fault::OutOfRange })
}

pub(super) fn boolean(raw: u8, field: &'static str) -> Result<bool, Error> {
    match raw {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::Value { field, fault: Fault::NotBoolean }),
    }
}

/// `mantissa × 10^exponent`, exactly.
pub(super) fn decimal(mantissa: i64, exponent: i8, field: &'static str) -> Result<Decimal, Error> {
    if mantissa < 0 {
        let fault = if mantissa == NULL { Fault::Null } else { Fault::Negative };
        return Err(Error::Value { field, fault });
    }
    exact(mantissa, exponent).ok_or(Error::Value { field, fault: Fault::OutOfRange })
}

fn exact(mantissa: i64, exponent: i8) -> Option<Decimal> {
    let size = exponent.unsigned_abs();
    if exponent > 0 {
        return Decimal::new(raised(mantissa, size)?, 0);
    }
    Decimal::new(mantissa, size).or_else(|| Decimal::new(lowered(mantissa, size - SCALE_MAX)?, SCALE_MAX))
}

/// `mantissa × 10^by`.
fn raised(mantissa: i64, by: u8) -> Option<i64> {
    if mantissa == 0 {
        return Some(0);
    }
    10_i64.checked_pow(by.into())?.checked_mul(mantissa)
}

/// `mantissa ÷ 10^by`, where that leaves nothing over.
fn lowered(mantissa: i64, by: u8) -> Option<i64> {
    if mantissa == 0 {
        return Some(0);
    }
    let factor = 10_i64.checked_pow(by.into())?;
    (mantissa % factor == 0).then_some(mantissa / factor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(decimal: Decimal) -> (i64, u8) {
        (decimal.mantissa(), decimal.scale())
    }

    #[test]
    fn times_that_nanoseconds_of_64_bits_cannot_tell_are_refused() {
        let last = 18_446_744_073_709_551;
        assert_eq!(time_ns(last, "t"), Ok(18_446_744_073_709_551_000));
        assert_eq!(time_ns(last + 1, "t"), Err(Error::Value { field: "t", fault: Fault::OutOfRange }));
        assert_eq!(time_ns(-1, "t"), Err(Error::Value { field: "t", fault: Fault::Negative }));
        assert_eq!(time_ns(i64::MIN, "t"), Err(Error::Value { field: "t", fault: Fault::Null }));
    }

    #[test]
    fn exponents_at_the_edges() {
        let rows = [
            (15, -18, Some((15, 18))),
            (1500, -20, Some((15, 18))),
            (1501, -20, None),
            (i64::MAX, -19, None),
            (9_000_000_000_000_000_000, -36, Some((9, 18))),
            (9_000_000_000_000_000_000, -37, None),
            (0, -128, Some((0, 18))),
            (0, 127, Some((0, 0))),
            (7, 18, Some((7_000_000_000_000_000_000, 0))),
            (10, 18, None),
            (1, 19, None),
            (i64::MAX, 0, Some((i64::MAX, 0))),
        ];
        for (mantissa, exponent, expected) in rows {
            let decimal = decimal(mantissa, exponent, "p");
            assert_eq!(decimal.map(parts).ok(), expected, "{mantissa}e{exponent}");
        }
    }

    proptest! {
        /// The reader of decimal texts knows nothing of mantissas and exponents of frames.
        #[test]
        fn a_value_is_what_the_same_number_as_a_text_is(
            digits in 0_i64..=i64::MAX,
            zeros in 0_u32..19,
            exponent in any::<i8>(),
        ) {
            let unit = 10_i64.pow(zeros);
            let mantissa = digits / unit * unit;
            let text = format!("{mantissa}e{exponent}").parse::<Decimal>();
            prop_assert_eq!(
                decimal(mantissa, exponent, "p").map(parts).ok(),
                text.map(parts).ok(),
                "{}e{}", mantissa, exponent,
            );
        }
    }
}
