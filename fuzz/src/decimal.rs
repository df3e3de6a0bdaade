//! Decimals against a naive reading of the JSON grammar (RFC 8259 6) and of what the digits are worth.

use tickwire_venue::{Decimal, DecimalError};

pub fn decimal(text: &[u8]) {
    let parsed = Decimal::parse(text);
    assert_eq!(parsed == Err(DecimalError::Syntax), !is_json_number(text), "{parsed:?}");
    let Ok(decimal) = parsed else {
        assert!(parsed == Err(DecimalError::Syntax) || !fits(&Worth::of(text)), "{parsed:?}");
        return;
    };
    let shown = decimal.to_string();
    assert_eq!(Worth::of(shown.as_bytes()), Worth::of(text), "{shown}");
    let again = Decimal::parse(shown.as_bytes()).unwrap();
    assert_eq!((again.mantissa(), again.scale()), (decimal.mantissa(), decimal.scale()), "{shown}");
    for scale in 0..=18 {
        if let Some(rescaled) = decimal.rescale(scale) {
            assert_eq!((rescaled, rescaled.scale()), (decimal, scale));
        }
    }
}

/// The grammar, one rule after the other: `-`? (`0` | digits) (`.` digits)? (`e` sign? digits)?
fn is_json_number(text: &[u8]) -> bool {
    let mut rest = text.iter().copied().peekable();
    rest.next_if_eq(&b'-');
    let Some(first) = rest.next_if(u8::is_ascii_digit) else { return false };
    if first != b'0' {
        while rest.next_if(u8::is_ascii_digit).is_some() {}
    }
    if rest.next_if_eq(&b'.').is_some() {
        if rest.next_if(u8::is_ascii_digit).is_none() {
            return false;
        }
        while rest.next_if(u8::is_ascii_digit).is_some() {}
    }
    if rest.next_if(|byte| matches!(byte, b'e' | b'E')).is_some() {
        rest.next_if(|byte| matches!(byte, b'+' | b'-'));
        if rest.next_if(u8::is_ascii_digit).is_none() {
            return false;
        }
        while rest.next_if(u8::is_ascii_digit).is_some() {}
    }
    rest.next().is_none()
}

/// What a number is worth, in one form only: digits without zeros at either end, times a power of ten.
#[derive(Debug, PartialEq, Eq)]
struct Worth {
    negative: bool,
    digits: String,
    power: i64,
}

impl Worth {
    fn of(number: &[u8]) -> Self {
        let text = std::str::from_utf8(number).unwrap().to_ascii_lowercase();
        let (coefficient, power) = text.split_once('e').unwrap_or((&text, "0"));
        let (whole, fraction) = coefficient.split_once('.').unwrap_or((coefficient, ""));
        let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
        let significant = digits.trim_end_matches('0');
        let dropped = digits.len() - significant.len();
        let digits = significant.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Self { negative: false, digits, power: 0 };
        }
        // Beyond what 64 bits count, every power is as far out of range as any other.
        let far = if power.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 };
        let power = power.parse().unwrap_or(far).clamp(i64::MIN / 2, i64::MAX / 2);
        let power = power + dropped as i64 - fraction.len() as i64;
        Self { negative: whole.starts_with('-'), digits, power }
    }
}

/// Whether there is a scale of 0 to 18 at which the mantissa is an `i64`.
fn fits(worth: &Worth) -> bool {
    let zeros = worth.power.max(0);
    if worth.power < -18 || zeros > 18 {
        return worth.digits.is_empty();
    }
    let sign = if worth.negative { "-" } else { "" };
    format!("{sign}{}{}", worth.digits, "0".repeat(zeros as usize)).parse::<i64>().is_ok()
}
