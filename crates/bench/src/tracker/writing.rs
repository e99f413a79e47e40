//! Writes numbers and instants into a request, digit by digit: a load generator that shares the machine has better things to do than to format.

use domain::time::{DAY_MS, UnixMs};

/// As many digits as the greatest number has.
const DIGITS_MAX: usize = 20;

/// Writes `number` in digits.
pub(super) fn write_number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [b'0'; DIGITS_MAX];
    let mut first = DIGITS_MAX;
    loop {
        first -= 1;
        digits[first] += (number % 10).to_le_bytes()[0];
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

/// Writes instants as RFC 3339, and asks the calendar once a day.
#[derive(Debug)]
pub(super) struct Stamps {
    day: UnixMs,
    /// `2026-03-01T00:00:00.000Z`, of that day; its time is overwritten.
    text: Vec<u8>,
}

impl Default for Stamps {
    fn default() -> Self {
        Self::of(UnixMs(0))
    }
}

impl Stamps {
    fn of(day: UnixMs) -> Self {
        let mut text = day.to_string().into_bytes();
        text.truncate("2026-03-01T".len());
        text.extend(b"00:00:00.000Z");
        Self { day, text }
    }

    /// Writes `at`.
    pub(super) fn write(&mut self, at: UnixMs, out: &mut Vec<u8>) {
        if !(0..DAY_MS).contains(&(at.0 - self.day.0)) {
            *self = Self::of(at.day_start());
        }
        let millis = (at.0 - self.day.0).unsigned_abs();
        let (seconds, millis) = (millis / 1_000, millis % 1_000);
        let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        // Where each digit stands behind the date, with its number.
        for (place, digit) in [
            (11, hours / 10),
            (12, hours % 10),
            (14, minutes / 10),
            (15, minutes % 10),
            (17, seconds / 10),
            (18, seconds % 10),
            (20, millis / 100),
            (21, millis / 10 % 10),
            (22, millis % 10),
        ] {
            self.text[place] = b'0' + digit.to_le_bytes()[0];
        }
        out.extend_from_slice(&self.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_are_always_written() {
        for number in [0, 7, 10, 190, 65_536, u64::MAX] {
            let mut out = Vec::new();
            write_number(number, &mut out);
            assert_eq!(out, number.to_string().into_bytes());
        }
    }

    #[test]
    fn instants_are_written_as_their_calendar_has_them() {
        let mut stamps = Stamps::default();
        for at in [0, 250, 1_772_409_599_999, 1_772_409_600_000, 1_772_409_599_001] {
            let mut out = Vec::new();
            stamps.write(UnixMs(at), &mut out);
            let text = String::from_utf8(out).expect("ASCII");
            let parsed = chrono::DateTime::parse_from_rfc3339(&text).expect("RFC 3339");
            assert_eq!((parsed.timestamp_millis(), text.len()), (at, 24), "{text}");
        }
    }
}
