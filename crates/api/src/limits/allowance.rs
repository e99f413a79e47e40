//! What is left in a bucket, as the client is told: the fields of draft-ietf-httpapi-ratelimit-headers.

use std::io::Write;
use std::time::Duration;

use actix_web::http::header::HeaderValue;

use super::{Limit, Rate};

/// The longest `RateLimit`: the longest name, and two numbers at their ends.
const HEADER_BYTES_MAX: usize = 64;

/// What is left in the bucket that a request was counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(super) limit: Limit,
    /// How many more requests it holds at the moment.
    pub(super) remaining: u32,
    /// How long it takes to be full again.
    pub(super) full_in: Duration,
}

impl Allowance {
    /// `RateLimit`: how many requests are left, and in how many seconds the bucket is full again.
    pub(super) fn header(&self) -> HeaderValue {
        let mut bytes = [0; HEADER_BYTES_MAX];
        let mut free = bytes.as_mut_slice();
        let (name, remaining, secs) = (self.limit.name(), self.remaining, whole_secs(self.full_in));
        let written = write!(free, "\"{name}\";r={remaining};t={secs}");
        let length = HEADER_BYTES_MAX - free.len();
        let header = written
            .ok()
            .and_then(|()| HeaderValue::from_bytes(&bytes[..length]).ok());
        header.expect("a short name and two numbers are short and visible ASCII")
    }
}

/// `RateLimit-Policy`: how many requests the bucket holds, and in how many seconds an empty one is full.
pub(super) fn policy(limit: Limit, rate: Rate) -> HeaderValue {
    let (burst, secs) = (rate.burst(), whole_secs(rate.time_of(rate.burst())));
    let policy = HeaderValue::try_from(format!("\"{}\";q={burst};w={secs}", limit.name()));
    policy.expect("a name and two numbers are visible ASCII")
}

/// Rounded up: whoever waits that long has waited long enough.
pub(crate) fn whole_secs(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up() {
        for (nanos, secs) in [(0, 0), (1, 1), (1_000_000_000, 1), (1_000_000_001, 2)] {
            assert_eq!(whole_secs(Duration::from_nanos(nanos)), secs);
        }
    }

    #[test]
    fn the_headers_are_items_with_parameters() {
        let rate = "50/s burst 1000".parse().expect("a rate");
        assert_eq!(policy(Limit::Device, rate), "\"device\";q=1000;w=20");
        let allowance = Allowance {
            limit: Limit::Device,
            remaining: 999,
            full_in: Duration::from_millis(20),
        };
        assert_eq!(allowance.header(), "\"device\";r=999;t=1");
        let longest = Allowance {
            limit: Limit::Account,
            remaining: u32::MAX,
            full_in: Duration::from_secs(u64::MAX),
        };
        assert_eq!(longest.header(), "\"account\";r=4294967295;t=18446744073709551615");
    }
}
