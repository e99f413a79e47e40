//! How fast a bucket fills and how much it holds, as an operator writes it: `50/s burst 1000`.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use governor::Quota;

/// The largest number in a rate. With it, times still fit into the nanoseconds that are counted in.
const NUMBER_MAX: u32 = 1_000_000;

/// So many tokens come back in each unit of time, and so many can be saved up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    tokens: NonZeroU32,
    unit: Unit,
    burst: NonZeroU32,
}

/// How much anybody may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Each device's pings, in requests.
    pub pings: Rate,
    /// Each account's other requests.
    pub account: Rate,
    /// Requests of each address that show no sound token.
    pub address: Rate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
}

impl Rate {
    /// So many a second.
    const fn per_second(tokens: u32, burst: u32) -> Self {
        Self {
            tokens: NonZeroU32::MIN.saturating_add(tokens - 1),
            unit: Unit::Second,
            burst: NonZeroU32::MIN.saturating_add(burst - 1),
        }
    }

    /// How much it holds.
    pub(super) fn burst(self) -> u32 {
        self.burst.get()
    }

    /// How long `tokens` take to come back.
    pub(super) fn time_of(self, tokens: u32) -> Duration {
        self.interval() * tokens
    }

    pub(super) fn quota(self) -> Quota {
        let quota = Quota::with_period(self.interval());
        let quota = quota.expect("an interval is a microsecond or more");
        quota.allow_burst(self.burst)
    }

    /// How long one token takes to come back.
    fn interval(self) -> Duration {
        self.unit.length() / self.tokens.get()
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            pings: Rate::per_second(50, 1_000),
            account: Rate::per_second(20, 400),
            address: Rate::per_second(20, 400),
        }
    }
}

impl Unit {
    const ALL: [(&'static str, Self); 3] = [("s", Self::Second), ("m", Self::Minute), ("h", Self::Hour)];

    fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
        })
    }
}

impl FromStr for Rate {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.split_ascii_whitespace();
        let (Some(rate), Some("burst"), Some(burst), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(());
        };
        let (tokens, unit) = rate.split_once('/').ok_or(())?;
        let unit = Unit::ALL.into_iter().find(|(name, _)| *name == unit).ok_or(())?.1;
        Ok(Self {
            tokens: number(tokens)?,
            unit,
            burst: number(burst)?,
        })
    }
}

fn number(text: &str) -> Result<NonZeroU32, ()> {
    let number = text.parse::<NonZeroU32>().map_err(|_| ())?;
    if number.get() > NUMBER_MAX { Err(()) } else { Ok(number) }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = Unit::ALL.iter().find(|(_, unit)| *unit == self.unit);
        let unit = unit.map_or("", |(name, _)| name);
        write!(f, "{}/{unit} burst {}", self.tokens, self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_written_as_it_is_read() {
        for text in [
            "50/s burst 1000",
            "1/m burst 1",
            "1/h burst 1000000",
            "1000000/s burst 1",
        ] {
            let rate: Rate = text.parse().expect("a rate");
            assert_eq!(rate.to_string(), text);
            assert_eq!(rate.quota().burst_size().get(), rate.burst());
        }
        assert_eq!(" 50/s  burst\t1000 ".parse::<Rate>(), Ok(Rates::default().pings));
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in [
            "",
            "50",
            "50/s",
            "50/d burst 1",
            "0/s burst 1",
            "1/s burst 0",
            "1000001/s burst 1",
            "1/s burst 1000001",
            "1.5/s burst 2",
            "-1/s burst 2",
            "1/s burst 2 more",
            "1/s explosion 2",
        ] {
            assert_eq!(text.parse::<Rate>(), Err(()), "{text}");
        }
    }

    #[test]
    fn tokens_take_their_time_to_come_back() {
        let time = |text: &str, tokens| text.parse::<Rate>().expect("a rate").time_of(tokens);
        assert_eq!(time("50/s burst 1000", 1_000), Duration::from_secs(20));
        assert_eq!(time("2/m burst 5", 1), Duration::from_secs(30));
        assert_eq!(time("1/h burst 1000000", 1_000_000), Duration::from_hours(1_000_000));
    }
}
