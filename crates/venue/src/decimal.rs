//! Exact decimal numbers, as venues print them.

use std::{
    cmp::Ordering,
    fmt::{self, Write as _},
    hash::{Hash, Hasher},
    str::FromStr,
};

use crate::digits;

/// The largest scale: 10^18 is the largest power of ten an `i64` holds.
const SCALE_MAX: u8 = 18;

/// Digits that surely fit an `i64`.
const DIGITS_SAFE: usize = 18;

/// A number `mantissa × 10^-scale`, with `scale` in `0..=18`.
///
/// Comparison, equality and hash are numeric (`1.0 == 1.00`); the scale is that of the text and
/// [`Display`](fmt::Display) keeps it. There is no negative zero.
///
/// ```
/// use tickwire_venue::Decimal;
///
/// let price: Decimal = "0.00013799".parse()?;
/// assert_eq!((price.mantissa(), price.scale()), (13799, 8));
/// assert_eq!(Decimal::parse(b"1e-5")?, "0.0000100".parse()?);
/// assert_eq!(price.to_string(), "0.00013799");
/// # Ok::<(), tickwire_venue::DecimalError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Decimal {
    mantissa: i64,
    scale: u8,
}

/// Why a text is not a [`Decimal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecimalError {
    /// The text is not a number of the JSON grammar.
    #[error("not a decimal number")]
    Syntax,
    /// The number needs more than an `i64` mantissa or more than 18 digits after the point.
    #[error("the number does not fit 64 bits at 18 decimal places")]
    OutOfRange,
}

impl Decimal {
    /// Zero, with no digits after the point.
    pub const ZERO: Self = Self { mantissa: 0, scale: 0 };

    /// `mantissa × 10^-scale`, or `None` when `scale` is above 18.
    pub const fn new(mantissa: i64, scale: u8) -> Option<Self> {
        if scale > SCALE_MAX { None } else { Some(Self { mantissa, scale }) }
    }

    /// Reads a number of the JSON grammar, exactly: sign, digits, fraction, exponent.
    ///
    /// Where the digits do not fit, zeros at the end of the fraction are dropped, as few as needed.
    ///
    /// # Errors
    /// [`DecimalError::Syntax`] for anything else than a JSON number (`+1`, `.5`, `1.`, `00.5`, ` 1`),
    /// [`DecimalError::OutOfRange`] for a number that cannot be held exactly.
    pub fn parse(text: &[u8]) -> Result<Self, DecimalError> {
        match Self::leading(text) {
            Some((decimal, len)) if len == text.len() => Ok(decimal),
            _ => Number::split(text)?.decimal(),
        }
    }

    /// The number at the front of `text` and its length, if it has not more than 18 digits before an exponent, and fits.
    #[inline(always)]
    pub(crate) fn leading(text: &[u8]) -> Option<(Self, usize)> {
        let plain = Self::plain(text);
        let (decimal, len) = match plain.map(|(_, len)| text.get(len)) {
            None | Some(Some(b'0'..=b'9')) => Self::leading_any(text)?,
            Some(Some(b'e' | b'E')) => plain.and_then(|(decimal, len)| decimal.raised_by(text, len))?,
            Some(_) => plain?,
        };
        // Made anew, so that what the others return is not what is kept in memory.
        Some((Self { ..decimal }, len))
    }

    /// With the exponent in `text` behind the letter at `len`, if it fits.
    #[inline(never)]
    fn raised_by(self, text: &[u8], len: usize) -> Option<(Self, usize)> {
        let scale = usize::from(self.scale);
        let (mantissa, scale, exponent_len) =
            scaled(self.mantissa.cast_unsigned(), scale, text.get(len + 1..)?)?;
        let decimal = Self { mantissa: i64::try_from(mantissa).ok()?, scale: u8::try_from(scale).ok()? };
        Some((decimal, len + 1 + exponent_len))
    }

    /// As [`digits::plain`].
    #[inline(always)]
    pub(crate) fn plain(text: &[u8]) -> Option<(Self, usize)> {
        let (mantissa, scale, len) = digits::plain(text)?;
        Some((Self { mantissa: mantissa.cast_signed(), scale }, len))
    }

    #[inline(never)]
    fn leading_any(text: &[u8]) -> Option<(Self, usize)> {
        if text.first() != Some(&b'-') {
            return Self::leading_bare(text);
        }
        let (size, len) = Self::leading_bare(text.get(1..)?)?;
        Some((Self { mantissa: -size.mantissa, ..size }, len + 1))
    }

    /// As [`leading`](Self::leading), without a sign.
    fn leading_bare(text: &[u8]) -> Option<(Self, usize)> {
        let (whole, digits) = digits::leading(text);
        let padded = digits > 1 && text.first() == Some(&b'0');
        if digits == 0 || digits > DIGITS_SAFE || padded {
            return None;
        }
        let mut len = digits;
        let (mut mantissa, mut scale) = (whole, 0);
        if text.get(len) == Some(&b'.') {
            let (fraction, digits) = match text.get(len + 1..)? {
                [digit @ b'0'..=b'9', behind, ..] if !behind.is_ascii_digit() => (u64::from(digit - b'0'), 1),
                fraction => digits::leading(fraction),
            };
            if digits == 0 || len + digits > DIGITS_SAFE {
                return None;
            }
            mantissa = whole * digits::power_of_ten(digits) + fraction;
            (len, scale) = (len + 1 + digits, digits);
        }
        // Up to 18 digits fit both.
        let decimal = Self { mantissa: i64::try_from(mantissa).ok()?, scale: u8::try_from(scale).ok()? };
        match text.get(len) {
            Some(b'e' | b'E') => decimal.raised_by(text, len),
            _ => Some((decimal, len)),
        }
    }

    /// The shortest decimal that is read as this double, rounded to 18 places; `None` where it does not fit.
    pub(crate) fn nearest(double: f64) -> Option<Self> {
        let mut line = Line { bytes: [0; 32], len: 0 };
        write!(line, "{double:e}").ok()?;
        let Number { negative, whole, fraction, exponent } =
            Number::split(line.bytes.get(..line.len)?).ok()?;
        let digits = whole.iter().chain(fraction).map(|digit| i128::from(digit - b'0'));
        let mut mantissa = digits.fold(0, |total: i128, digit| total * 10 + digit);
        let mut places = i64::try_from(fraction.len()).ok()? - exponent;
        if places > i64::from(SCALE_MAX) {
            // A double has not more than 17 digits: with 20 too many places nothing is left of it.
            let excess = u32::try_from((places - i64::from(SCALE_MAX)).min(20)).ok()?;
            let unit = 10_i128.pow(excess);
            mantissa = (mantissa + unit / 2) / unit;
            places = i64::from(SCALE_MAX);
        }
        let mantissa = narrow(raised(mantissa, (-places).max(0)).ok()?).ok()?;
        Self::new(if negative { -mantissa } else { mantissa }, u8::try_from(places.max(0)).ok()?)
    }

    /// The digits as one integer.
    pub const fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// Digits after the point, `0..=18`.
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// Whether the value is zero, at any scale.
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// The same value with `scale` digits after the point; `None` when that would lose a digit, not fit
    /// an `i64`, or `scale` is above 18.
    pub fn rescale(self, scale: u8) -> Option<Self> {
        if scale >= self.scale {
            let factor = 10_i64.checked_pow(u32::from(scale - self.scale))?;
            return Self::new(self.mantissa.checked_mul(factor)?, scale);
        }
        let factor = power_of_ten(self.scale - scale);
        (self.mantissa % factor == 0).then_some(Self { mantissa: self.mantissa / factor, scale })
    }

    /// The nearest floating point number, or one next to it. Lossy: for display and statistics only.
    pub fn to_f64(self) -> f64 {
        self.mantissa as f64 / power_of_ten(self.scale) as f64
    }

    /// The same value without zeros at the end of the fraction: one form for each value.
    fn canonical(self) -> Self {
        let mut short = self;
        while short.scale > 0 && short.mantissa % 10 == 0 {
            short = Self { mantissa: short.mantissa / 10, scale: short.scale - 1 };
        }
        short
    }
}

/// Mantissa and scale with the exponent at the front of `text` worked in, and its length. `None` for exponents of more
/// than two digits, and where the digits as they are do not fit.
fn scaled(mantissa: u64, scale: usize, text: &[u8]) -> Option<(u64, usize, usize)> {
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let digit = |at: usize| text.get(at).map(|byte| byte ^ b'0').filter(|digit| *digit <= 9);
    let (exponent, len) = match (digit(sign)?, digit(sign + 1)) {
        (_, Some(_)) if digit(sign + 2).is_some() => return None,
        (tens, Some(ones)) => (usize::from(tens * 10 + ones), sign + 2),
        (ones, None) => (usize::from(ones), sign + 1),
    };
    if text.first() == Some(&b'-') {
        let scale = scale + exponent;
        return (scale <= usize::from(SCALE_MAX)).then_some((mantissa, scale, len));
    }
    let factor = match exponent.checked_sub(scale) {
        None => return Some((mantissa, scale - exponent, len)),
        Some(zeros) => Some(digits::power_of_ten(zeros)).filter(|factor| *factor > 0)?,
    };
    Some((mantissa.checked_mul(factor)?, 0, len))
}

/// A line of text without an allocation.
struct Line {
    bytes: [u8; 32],
    len: usize,
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// The parts of a number text.
struct Number<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    /// Clamped far beyond what can be held, so that sums of it cannot overflow.
    exponent: i64,
}

impl<'a> Number<'a> {
    fn split(text: &'a [u8]) -> Result<Self, DecimalError> {
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        let (whole, rest) = digits(rest);
        if whole.is_empty() || (whole.len() > 1 && whole.first() == Some(&b'0')) {
            return Err(DecimalError::Syntax);
        }
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => match digits(rest) {
                ([], _) => return Err(DecimalError::Syntax),
                parts => parts,
            },
            _ => (&[][..], rest),
        };
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', rest @ ..] => exponent(rest)?,
            _ => return Err(DecimalError::Syntax),
        };
        Ok(Self { negative, whole, fraction, exponent })
    }

    fn decimal(&self) -> Result<Decimal, DecimalError> {
        // Digits beyond the last that is not zero are only counted, so that any number of zeros is fine.
        let mut mantissa: i128 = 0;
        let mut zeros: i64 = 0;
        for digit in self.whole.iter().chain(self.fraction).map(|digit| i128::from(digit - b'0')) {
            if digit == 0 {
                zeros += 1;
                continue;
            }
            mantissa = raised(mantissa, zeros + 1)?.checked_add(digit).ok_or(DecimalError::OutOfRange)?;
            zeros = 0;
        }
        let fraction_len = i64::try_from(self.fraction.len()).map_err(|_| DecimalError::OutOfRange)?;
        let scale_of_text = fraction_len.saturating_sub(self.exponent).max(0);
        if mantissa == 0 {
            let scale = u8::try_from(scale_of_text).map_or(SCALE_MAX, |scale| scale.min(SCALE_MAX));
            return Ok(Decimal { mantissa: 0, scale });
        }
        if self.negative {
            mantissa = -mantissa;
        }
        // mantissa × 10^-lowest is the value; any scale from there to the text's own is exact.
        let lowest = fraction_len - self.exponent - zeros;
        let mut scale = scale_of_text.min(i64::from(SCALE_MAX));
        while scale >= lowest.max(0) {
            if let Ok(fits) = raised(mantissa, scale - lowest).and_then(narrow) {
                let scale = u8::try_from(scale).map_err(|_| DecimalError::OutOfRange)?;
                return Ok(Decimal { mantissa: fits, scale });
            }
            scale -= 1;
        }
        Err(DecimalError::OutOfRange)
    }
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.split_at_checked(len).unwrap_or((text, &[]))
}

fn exponent(text: &[u8]) -> Result<i64, DecimalError> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (digits, []) = digits(rest) else {
        return Err(DecimalError::Syntax);
    };
    if digits.is_empty() {
        return Err(DecimalError::Syntax);
    }
    let clamp = i64::from(u32::MAX);
    let size = digits.iter().fold(0, |total: i64, digit| (total * 10 + i64::from(digit - b'0')).min(clamp));
    Ok(if negative { -size } else { size })
}

/// `mantissa × 10^by` for `by` not negative.
fn raised(mantissa: i128, by: i64) -> Result<i128, DecimalError> {
    if mantissa == 0 {
        return Ok(0);
    }
    let by = u32::try_from(by).map_err(|_| DecimalError::OutOfRange)?;
    let factor = 10_i128.checked_pow(by).ok_or(DecimalError::OutOfRange)?;
    mantissa.checked_mul(factor).ok_or(DecimalError::OutOfRange)
}

fn narrow(mantissa: i128) -> Result<i64, DecimalError> {
    i64::try_from(mantissa).map_err(|_| DecimalError::OutOfRange)
}

/// Cannot overflow: the constructors keep every scale at 18 or below.
fn power_of_ten(scale: u8) -> i64 {
    10_i64.pow(u32::from(scale))
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.scale == other.scale {
            return self.mantissa.cmp(&other.mantissa);
        }
        let scale = self.scale.max(other.scale);
        // 2^63 × 10^18 < 2^127.
        let aligned = |of: &Self| i128::from(of.mantissa) * i128::from(power_of_ten(scale - of.scale));
        aligned(self).cmp(&aligned(other))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Decimal {}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let short = self.canonical();
        (short.mantissa, short.scale).hash(state);
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.mantissa.unsigned_abs();
        let unit = power_of_ten(self.scale).unsigned_abs();
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let (whole, fraction) = (size / unit, size % unit);
        match usize::from(self.scale) {
            0 => write!(f, "{sign}{whole}"),
            width => write!(f, "{sign}{whole}.{fraction:0width$}"),
        }
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::hash::DefaultHasher;

    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> Result<(i64, u8), DecimalError> {
        text.parse::<Decimal>().map(|decimal| (decimal.mantissa(), decimal.scale()))
    }

    #[test]
    fn texts_and_their_exact_parts() {
        let rows = [
            ("0", 0, 0),
            ("-0.0", 0, 1),
            ("0.00000000", 0, 8),
            ("61233.98000000", 6_123_398_000_000, 8),
            ("-12.5", -125, 1),
            ("1e-5", 1, 5),
            ("1E5", 100_000, 0),
            ("1.50e1", 150, 1),
            ("1.5e+3", 1500, 0),
            ("0e999999999999999999999", 0, 0),
            ("0e-40", 0, 18),
            ("9223372036854775807", i64::MAX, 0),
            ("-9223372036854775808", i64::MIN, 0),
            ("12345678901234567.0000", 1_234_567_890_123_456_700, 2),
            ("1.00000000000000000000000000", 1_000_000_000_000_000_000, 18),
            ("0.000000000000000001", 1, 18),
            ("100e-20", 1, 18),
        ];
        for (text, mantissa, scale) in rows {
            assert_eq!(parts(text), Ok((mantissa, scale)), "{text}");
        }
    }

    #[test]
    fn texts_that_are_not_json_numbers_are_refused() {
        let rows = [
            "", "-", ".", "1.", ".5", "+1", " 1", "1 ", "1 2", "1e", "1e+", "1e1.5", "NaN", "inf", "00.5",
            "-01", "1,5", "0x1", "1.2.3", "--1", "1e--1", "१",
        ];
        for text in rows {
            assert_eq!(parts(text), Err(DecimalError::Syntax), "{text:?}");
        }
    }

    #[test]
    fn numbers_too_large_or_too_fine_are_refused() {
        let rows = [
            "9223372036854775808",
            "-9223372036854775809",
            "1e19",
            "1e-19",
            "0.0000000000000000001",
            "1e99999999999999999999",
        ];
        for text in rows {
            assert_eq!(parts(text), Err(DecimalError::OutOfRange), "{text:?}");
        }
        let long = format!("0.{}1", "0".repeat(10_000));
        assert_eq!(parts(&long), Err(DecimalError::OutOfRange));
        let padded = format!("7.{}", "0".repeat(10_000));
        assert_eq!(parts(&padded), Ok((7_000_000_000_000_000_000, 18)));
    }

    #[test]
    fn rescaling_is_exact_or_refused() {
        let decimal: Decimal = "1.250".parse().unwrap();
        assert_eq!(decimal.rescale(2).map(|d| (d.mantissa(), d.scale())), Some((125, 2)));
        assert_eq!(decimal.rescale(5).map(|d| (d.mantissa(), d.scale())), Some((125_000, 5)));
        assert!(decimal.rescale(1).is_none());
        assert!(decimal.rescale(19).is_none());
        assert!(Decimal::new(i64::MAX, 0).unwrap().rescale(1).is_none());
        assert!(Decimal::new(1, 19).is_none());
    }

    /// An oracle that knows only strings: pads both texts to the same layout and compares them.
    fn compare_texts(a: &str, b: &str) -> Ordering {
        fn layout(text: &str) -> (bool, String) {
            let bare = text.trim_start_matches('-');
            let (whole, fraction) = bare.split_once('.').unwrap_or((bare, ""));
            let padded = format!("{whole:0>40}{fraction:0<40}");
            let zero = padded.bytes().all(|byte| byte == b'0');
            (text.starts_with('-') && !zero, padded)
        }
        match (layout(a), layout(b)) {
            ((false, a), (false, b)) => a.cmp(&b),
            ((true, a), (true, b)) => b.cmp(&a),
            ((true, _), (false, _)) => Ordering::Less,
            ((false, _), (true, _)) => Ordering::Greater,
        }
    }

    fn hash_of(decimal: Decimal) -> u64 {
        let mut hasher = DefaultHasher::new();
        decimal.hash(&mut hasher);
        hasher.finish()
    }

    proptest! {
        #[test]
        fn plain_texts_survive_the_round_trip(text in "-?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,9})?") {
            let shown = text.parse::<Decimal>().unwrap().to_string();
            let zero = text.bytes().all(|byte| matches!(byte, b'-' | b'.' | b'0'));
            prop_assert_eq!(shown.as_str(), if zero { text.trim_start_matches('-') } else { text.as_str() });
        }

        #[test]
        fn order_and_hash_agree_with_the_texts(
            a in "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,6})?",
            b in "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,6})?",
        ) {
            let (x, y): (Decimal, Decimal) = (a.parse().unwrap(), b.parse().unwrap());
            prop_assert_eq!(x.cmp(&y), compare_texts(&a, &b));
            prop_assert!(x != y || hash_of(x) == hash_of(y));
            let padded: Decimal = if a.contains('.') { format!("{a}00") } else { format!("{a}.00") }.parse().unwrap();
            prop_assert_eq!(padded, x);
            prop_assert_eq!(hash_of(padded), hash_of(x));
        }

        #[test]
        fn an_exponent_shifts_the_point(digits in 1_i64..1_000_000, exponent in -12_i32..=12) {
            let text = format!("{digits}e{exponent}");
            let shift = usize::try_from(exponent.unsigned_abs()).unwrap();
            let plain = if exponent >= 0 {
                format!("{digits}{}", "0".repeat(shift))
            } else {
                let padded = format!("{digits:0>width$}", width = shift + 1);
                let (whole, fraction) = padded.split_at(padded.len() - shift);
                format!("{whole}.{fraction}")
            };
            prop_assert_eq!(text.parse::<Decimal>().unwrap(), plain.parse::<Decimal>().unwrap());
        }

        #[test]
        fn any_bytes_are_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = Decimal::parse(&text);
        }

        #[test]
        fn any_number_agrees_with_the_json_reader(text in "-?[0-9]{1,25}(\\.[0-9]{0,25})?([eE][-+]?[0-9]{1,2})?") {
            let theirs = serde_json::from_str::<f64>(&text);
            match text.parse::<Decimal>() {
                Ok(ours) => {
                    let theirs = theirs.unwrap();
                    prop_assert!((ours.to_f64() - theirs).abs() <= theirs.abs() * 1e-15, "{} {}", ours, theirs);
                }
                Err(DecimalError::Syntax) => prop_assert!(theirs.is_err()),
                Err(DecimalError::OutOfRange) => {}
            }
        }
    }
}
