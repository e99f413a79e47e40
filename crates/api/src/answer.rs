//! How values are written in answers.

use serde::{Serialize, Serializer};
use std::fmt::Display;

use domain::time::SECOND_MS;

/// A duration, kept in milliseconds and written in seconds: whole where it is whole, otherwise with up to three decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seconds {
    pub(crate) ms: i64,
}

impl Serialize for Seconds {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a duration is far below 2^53 ms, and a quotient of such a number by 1000 is written with its three decimals"
    )]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.ms % SECOND_MS == 0 {
            serializer.serialize_i64(self.ms / SECOND_MS)
        } else {
            serializer.serialize_f64(self.ms as f64 / SECOND_MS as f64)
        }
    }
}

/// Writes a value as its text: an id, an instant, a day, a zone.
pub(crate) fn text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_whole_where_they_are_whole_and_exact_otherwise() {
        for (ms, json) in [
            (0, "0"),
            (3_600_000, "3600"),
            (1_500, "1.5"),
            (1, "0.001"),
            (86_399_999, "86399.999"),
            (31_622_400_001, "31622400.001"),
        ] {
            assert_eq!(serde_json::to_string(&Seconds { ms }).expect("a number"), json);
        }
    }
}
