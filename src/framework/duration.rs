//! Durations in the syntax of Go, which Terraform users write in `timeouts`.

use std::time::Duration;

/// Go's `time.Duration` is an `int64`.
const LONGEST_NANOS: u128 = i64::MAX.cast_unsigned() as u128;

/// Reads `"90s"`, `"1h30m"`, `"1.5h"`, `"500ms"`: decimal numbers with the units ns, us, µs, ms, s, m and h.
/// `None` for anything else: negative values, and those above Go's 64 bits of nanoseconds (292 years), which no deadline
/// can hold.
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(number_len)?;
        let unit_len = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_len)?;
        let seconds_of_unit = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        let count: f64 = number.parse().ok()?;
        total = total.checked_add(Duration::try_from_secs_f64(count * seconds_of_unit).ok()?)?;
        rest = tail;
    }
    (total.as_nanos() <= LONGEST_NANOS).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_syntax_is_read() {
        for (text, seconds) in [
            ("90s", 90.0),
            ("1h30m", 5400.0),
            ("1.5h", 5400.0),
            ("500ms", 0.5),
            ("0", 0.0),
            ("2m3s", 123.0),
            ("2562047h", 9_223_369_200.0),
        ] {
            assert_eq!(parse(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "10", "-5s", "5 s", "s", "1d", "1h-1m", "..s", "1e3s", "2562048h", "4000000000000000h"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
