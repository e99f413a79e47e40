//! Whole numbers as JSON Schema has them: `1.0` and `1e3` are whole, because they stand for whole numbers.

/// As many digits as the greatest `i128` has.
const DIGITS_MAX: usize = 39;

/// The whole number that a JSON value stands for, held at the ends of the range; `None` for what is no number, or has a fraction.
pub(super) fn number(json: &str) -> Option<i128> {
    let unsigned = json.strip_prefix('-').unwrap_or(json);
    if !unsigned.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let magnitude = magnitude(unsigned)?;
    Some(match magnitude {
        _ if unsigned.len() == json.len() => magnitude,
        i128::MAX => i128::MIN,
        _ => -magnitude,
    })
}

fn magnitude(unsigned: &str) -> Option<i128> {
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    // How many zeros follow the significant digits once the exponent is applied. Fewer than none is a fraction.
    let written = i64::try_from(digits.len() - significant.len()).ok()?;
    let zeros = exponent_of(exponent) + written - i64::try_from(fraction.len()).ok()?;
    let zeros = usize::try_from(zeros).ok()?.min(DIGITS_MAX);
    let significant = significant.trim_start_matches('0');
    if significant.len() + zeros > DIGITS_MAX {
        return Some(i128::MAX);
    }
    let text = format!("{significant}{}", "0".repeat(zeros));
    Some(text.parse().unwrap_or(i128::MAX))
}

/// The exponent, held where no body is long enough to make up for it.
fn exponent_of(text: &str) -> i64 {
    const EXPONENT_MAX: i64 = 1 << 40;
    let beyond = if text.starts_with('-') {
        -EXPONENT_MAX
    } else {
        EXPONENT_MAX
    };
    let exponent = text.parse().unwrap_or(beyond);
    exponent.clamp(-EXPONENT_MAX, EXPONENT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_whole_however_it_is_written() {
        for (text, whole) in [
            ("0", 0),
            ("-0", 0),
            ("-0.00", 0),
            ("0e99999999999999999999", 0),
            ("7", 7),
            ("-5", -5),
            ("200.0", 200),
            ("10.50e1", 105),
            ("1e3", 1_000),
            ("1E+3", 1_000),
            ("1200e-2", 12),
            ("0.05e2", 5),
        ] {
            assert_eq!(number(text), Some(whole), "{text}");
        }
    }

    #[test]
    fn a_fraction_and_what_is_no_number_are_not_whole() {
        for text in [
            "0.5",
            "-1.25",
            "1e-1",
            "10.55e1",
            "1200e-3",
            "1e-99999999999999999999",
            "true",
            "null",
            "\"1\"",
            "[]",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_held_at_the_ends_of_the_range() {
        let ends = [
            (i128::MAX.to_string(), i128::MAX),
            ("170141183460469231731687303715884105728".to_owned(), i128::MAX),
            ("9".repeat(999), i128::MAX),
            (format!("-{}", "9".repeat(999)), i128::MIN),
            ("1e38".to_owned(), 10_i128.pow(38)),
            ("1e39".to_owned(), i128::MAX),
            ("-1e99999999999999999999".to_owned(), i128::MIN),
        ];
        for (text, end) in ends {
            assert_eq!(number(&text), Some(end), "{text}");
        }
    }
}
