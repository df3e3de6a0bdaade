//! Numbers as the venue writes them: JSON floats in their shorter form, with an exponent or without.

/// Decimals of a number that is counted in 0.00000001.
const UNIT_DECIMALS: u32 = 8;

/// A decimal number: a whole one, of which so many digits stand behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    digits: i64,
    decimals: u32,
}

impl Number {
    pub(super) fn new(digits: i64, decimals: u32) -> Self {
        Self { digits, decimals }
    }

    /// A price or quantity of the market.
    pub(super) fn of(value: u64) -> Self {
        Self { digits: i64::try_from(value).unwrap_or(i64::MAX), decimals: UNIT_DECIMALS }
    }
}

/// How numbers are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spelling {
    /// With an exponent where that is shorter.
    pub(super) exponents: bool,
}

impl Spelling {
    pub(super) fn number(self, number: Number) -> String {
        let sign = if number.digits < 0 { "-" } else { "" };
        let written = number.digits.unsigned_abs().to_string();
        let digits = written.trim_end_matches('0');
        let Some((first, rest)) = digits.split_at_checked(1) else {
            return "0.0".to_owned();
        };
        let size = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
        // The power of ten of the first digit.
        let power = size(&written) - 1 - i64::from(number.decimals);
        let plain = plain(digits, power);
        let short = format!("{first}.{}e{power}", if rest.is_empty() { "0" } else { rest });
        let chosen = if self.exponents && short.len() < plain.len() { short } else { plain };
        format!("{sign}{chosen}")
    }

    /// A price or quantity of the market.
    pub(super) fn of(self, value: u64) -> String {
        self.number(Number::of(value))
    }
}

/// Digits of which the first has this power of ten.
fn plain(digits: &str, power: i64) -> String {
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or_default());
    if power < 0 {
        return format!("0.{}{digits}", zeros(-power - 1));
    }
    let whole = usize::try_from(power).unwrap_or_default() + 1;
    match digits.split_at_checked(whole) {
        Some((whole, fraction)) if !fraction.is_empty() => format!("{whole}.{fraction}"),
        _ => format!("{digits}{}.0", "0".repeat(whole - digits.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the venue was seen to write them: digits, decimals, with exponents, and without.
    const SEEN: [(i64, u32, &str, &str); 14] = [
        (76_914, 0, "76914.0", "76914.0"),
        (999_990, 0, "999990.0", "999990.0"),
        (1_000_200, 0, "1.0002e6", "1000200.0"),
        (2_000, 0, "2.0e3", "2000.0"),
        (4_040, 0, "4040.0", "4040.0"),
        (36_120, 0, "36120.0", "36120.0"),
        (12_000, 0, "1.2e4", "12000.0"),
        (200, 0, "200.0", "200.0"),
        (769_045, 1, "76904.5", "76904.5"),
        (64_000, 0, "6.4e4", "64000.0"),
        (27, 5, "2.7e-4", "0.00027"),
        (1_423_032_929_843_748, 19, "1.423032929843748e-4", "0.0001423032929843748"),
        (0, 8, "0.0", "0.0"),
        (-5, 1, "-0.5", "-0.5"),
    ];

    #[test]
    fn the_shorter_form_is_written_and_the_plain_one_if_neither_is() {
        for (digits, decimals, short, plain) in SEEN {
            let number = Number::new(digits, decimals);
            assert_eq!(Spelling { exponents: true }.number(number), short);
            assert_eq!(Spelling { exponents: false }.number(number), plain);
        }
    }

    #[test]
    fn both_forms_mean_the_same_number() {
        for digits in [1, 7, 10, 12_345, 1_000_000, 120_000_000_000, 999_999_999_999] {
            for decimals in 0..12 {
                let read = |exponents| {
                    let text = Spelling { exponents }.number(Number::new(digits, decimals));
                    serde_json::from_str::<f64>(&text).expect("a JSON number")
                };
                assert_eq!(read(true).to_bits(), read(false).to_bits(), "{digits} {decimals}");
            }
        }
    }
}
