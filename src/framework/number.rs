//! Exact decimal numbers.
//!
//! Terraform's numbers are arbitrary-precision decimals: most fractions arrive on the wire as decimal strings, integers may
//! exceed 64 bits. A value that is only echoed must come back equal, so numbers never pass through `f64` here. The value is
//! kept normalised (no leading or trailing zero digits), which makes equality structural and bounds memory: `1e1000000`
//! is one digit and an exponent.

use std::fmt;
use std::str::FromStr;

/// Most significant digits a number may have. Terraform computes with 512 bits, that is 155 digits; its decimal texts of
/// fractions reach 157 characters, exact texts of a binary fraction 1,074.
const MAX_DIGITS: usize = 4096;
/// Largest decimal exponent accepted, either way.
const MAX_EXPONENT: i64 = 1_000_000_000;
/// Zeros written out before [`fmt::Display`] changes to exponent form, which Terraform's parser accepts as well.
const MAX_PLAIN_ZEROS: i64 = 400;

/// An exact decimal: sign, digits and a power of ten.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Number {
    negative: bool,
    /// ASCII digits without leading or trailing zero; empty for zero.
    digits: String,
    exponent: i64,
}

/// The text is not a decimal number, or has more digits than any host sends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number of reasonable length")]
pub struct NumberError;

impl Number {
    fn normalised(negative: bool, digits: &str, exponent: i64) -> Result<Self, NumberError> {
        let digits = digits.trim_start_matches('0');
        let trimmed = digits.trim_end_matches('0');
        if trimmed.is_empty() {
            return Ok(Self { negative: false, digits: String::new(), exponent: 0 });
        }
        let zeros = i64::try_from(digits.len() - trimmed.len()).map_err(|_| NumberError)?;
        let exponent = exponent.checked_add(zeros).ok_or(NumberError)?;
        if trimmed.len() > MAX_DIGITS || exponent.abs() > MAX_EXPONENT {
            return Err(NumberError);
        }
        Ok(Self { negative, digits: trimmed.to_owned(), exponent })
    }

    /// The exact value of a finite binary fraction.
    ///
    /// # Errors
    /// For an infinity or not-a-number, which state cannot hold.
    pub fn from_f64(value: f64) -> Result<Self, NumberError> {
        if !value.is_finite() {
            return Err(NumberError);
        }
        // The longest exact expansion of an f64 has 1,074 fractional digits; formatting with that precision is exact.
        if value == value.trunc() { format!("{value:.0}") } else { format!("{value:.1074}") }.parse()
    }

    /// The value as an integer, if it is one and fits.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        i64::try_from(self.to_i128()?).ok()
    }

    fn to_i128(&self) -> Option<i128> {
        if self.exponent < 0 || self.exponent > 20 {
            return None;
        }
        let mut text = self.digits.clone();
        text.extend(std::iter::repeat_n('0', usize::try_from(self.exponent).ok()?));
        let value: i128 = if text.is_empty() { 0 } else { text.parse().ok()? };
        Some(if self.negative { -value } else { value })
    }

    /// The value as a binary fraction, if that is exact.
    #[must_use]
    pub fn to_f64_exact(&self) -> Option<f64> {
        let value: f64 = self.to_string().parse().ok()?;
        (Self::from_f64(value).ok()? == *self).then_some(value)
    }

    /// Whether the value is a whole number.
    #[must_use]
    pub const fn is_integer(&self) -> bool {
        self.exponent >= 0
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().map_err(|_| NumberError)?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !digits_only(whole) || !digits_only(fraction) {
            return Err(NumberError);
        }
        let fraction_len = i64::try_from(fraction.len()).map_err(|_| NumberError)?;
        let exponent = exponent.checked_sub(fraction_len).ok_or(NumberError)?;
        Self::normalised(negative, &format!("{whole}{fraction}"), exponent)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.digits.is_empty() {
            return f.write_str("0");
        }
        if self.negative {
            f.write_str("-")?;
        }
        let len = i64::try_from(self.digits.len()).unwrap_or(i64::MAX);
        let point = len.saturating_add(self.exponent);
        if self.exponent > MAX_PLAIN_ZEROS || point < -MAX_PLAIN_ZEROS {
            return write!(f, "{}e{}", self.digits, self.exponent);
        }
        if self.exponent >= 0 {
            f.write_str(&self.digits)?;
            return (0..self.exponent).try_for_each(|_| f.write_str("0"));
        }
        if point <= 0 {
            f.write_str("0.")?;
            (point..0).try_for_each(|_| f.write_str("0"))?;
            return f.write_str(&self.digits);
        }
        let (whole, fraction) = self.digits.split_at(usize::try_from(point).unwrap_or(0));
        write!(f, "{whole}.{fraction}")
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::from(i128::from(value))
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::from(i128::from(value))
    }
}

impl From<i128> for Number {
    fn from(value: i128) -> Self {
        let digits = value.unsigned_abs().to_string();
        // Forty digits at most: inside every bound of `normalised`.
        Self::normalised(value < 0, &digits, 0).unwrap_or(Self { negative: false, digits: String::new(), exponent: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_value_are_equal_and_print_plainly() {
        for (text, printed) in [
            ("0", "0"),
            ("-0", "0"),
            ("1e3", "1000"),
            ("1.50", "1.5"),
            ("00012", "12"),
            ("0.001", "0.001"),
            ("-2.5e-3", "-0.0025"),
            ("9223372036854775808", "9223372036854775808"),
            ("12.5", "12.5"),
        ] {
            let number: Number = text.parse().unwrap();
            assert_eq!(number.to_string(), printed, "{text}");
            assert_eq!(printed.parse::<Number>().unwrap(), number, "{text}");
        }
    }

    #[test]
    fn huge_exponents_stay_small() {
        let number: Number = "1e999999999".parse().unwrap();
        assert_eq!(number.to_string(), "1e999999999");
        assert_eq!(number.to_i64(), None);
        assert!("1e99999999999".parse::<Number>().is_err());
        assert!("1".repeat(5000).parse::<Number>().is_err());
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for text in ["", "-", ".", "1e", "0x10", "1_000", "NaN", "inf", "1.2.3", " 1"] {
            assert!(text.parse::<Number>().is_err(), "{text}");
        }
        assert!(Number::from_f64(f64::INFINITY).is_err());
    }

    #[test]
    fn binary_fractions_convert_exactly_or_not_at_all() {
        assert_eq!(Number::from_f64(0.5).unwrap().to_string(), "0.5");
        assert_eq!("0.5".parse::<Number>().unwrap().to_f64_exact(), Some(0.5));
        assert_eq!("0.1".parse::<Number>().unwrap().to_f64_exact(), None);
        let tiny = Number::from_f64(2f64.powi(-30)).unwrap();
        assert_eq!(tiny.to_string(), "0.000000000931322574615478515625");
    }
}
