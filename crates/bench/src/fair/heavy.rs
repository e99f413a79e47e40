//! A device that sends far more than a person does, at a rate that has a bound, and what must be stored of it.

use std::fmt::Write as _;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use domain::accounts::Caller;
use domain::time::{DAY_MS, Span, UnixMs};
use domain::usage::{Attention, Holder, Label, Rank, Segment, Timeline};
use testkit::runs::Failure;

use crate::figures;
use crate::load::{self, Pace, Plan, Script};
use crate::people;
use crate::stage::Stage;

/// How many pings it sends at once: as many as it may.
pub(super) const LIST: u64 = 1_000;
/// How many lists a second: as many requests as a device may make for any length of time, unless an installation sets another limit. That is several times
/// what is merged of one person, so there is always something of it in the queue; and it leaves the processor to the others, so that it is the order of work
/// that is measured.
const LISTS_PER_SEC: u32 = 50;
/// After so many lists it begins again where it began, with other apps: soon enough that most of what is merged replaces something that is stored, which costs
/// more than what is new.
const LISTS: u64 = 50;
/// How long each of its pings is.
const PING_MS: i64 = 5_000;
/// How long ago it begins.
const BEGIN_DAYS_AGO: i64 = 60;

/// The device, how far it is, and how much of that was accepted.
#[derive(Debug)]
pub(super) struct Heavy {
    caller: Caller,
    authorization: String,
    begin: UnixMs,
    lists: u64,
    accepted: u64,
    body: String,
}

/// What a thread that sends as a heavy device will tell: the device as it is then.
pub(super) type Sending = JoinHandle<Result<Heavy, Failure>>;

/// The device, which has sent all that it will.
pub(super) fn joined(sending: Sending) -> Result<Heavy, Failure> {
    sending
        .join()
        .map_err(|_| Failure::new("the heavy device broke down"))?
}

impl Heavy {
    /// Of a new person, who has sent nothing yet.
    pub(super) fn new(stage: &Stage) -> Result<Self, Failure> {
        let callers = stage.new_people(1)?;
        let [caller] = callers.as_slice() else {
            return Err(Failure::new("nobody was made"));
        };
        let authorization = people::token(stage.tokens(), caller)?;
        Ok(Self::of(*caller, authorization))
    }

    fn of(caller: Caller, authorization: String) -> Self {
        Self {
            caller,
            authorization,
            begin: figures::now().day_start().plus_ms(-BEGIN_DAYS_AGO * DAY_MS),
            lists: 0,
            accepted: 0,
            body: String::new(),
        }
    }

    /// Sends beside a load of this plan, and no longer.
    pub(super) fn send(self, beside: Plan) -> Result<Sending, Failure> {
        let plan = Plan {
            pace: Pace::Open {
                every: Duration::from_secs(1) / LISTS_PER_SEC,
                of: 1,
            },
            threads: 1,
            ..beside
        };
        let work = move || {
            let outcome = load::run(plan, vec![self], || ())?.faultless("the load of a heavy device")?;
            let mut devices = outcome.scripts.into_iter();
            devices.next().ok_or_else(|| Failure::new("the heavy device is gone"))
        };
        thread::Builder::new()
            .name("heavy".to_owned())
            .spawn(work)
            .map_err(Failure::because("could not start a thread for the heavy device"))
    }

    /// How many of its pings were accepted.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted * LIST
    }

    /// Compares what is stored with what must come of the first `merged` of its pings: they wait in one lane, which is merged in order.
    pub(super) fn verify(&self, stage: &Stage, merged: u64) -> Result<(), Failure> {
        let (user, whole) = (self.caller.user, self.at(LISTS * LIST));
        let window = Span::new(self.begin, whole).ok_or_else(|| Failure::new("a heavy device covers no time"))?;
        // What lies outside must not be there at all.
        let stored = stage.stored(user, window.widen(DAY_MS))?;
        let expected = self.expected(merged);
        if stored == expected {
            return Ok(());
        }
        Err(Failure::new(format!(
            "of the heavy device, {user}, {} segments are stored instead of {}, or others, after {merged} of its pings",
            stored.segments().len(),
            expected.segments().len()
        )))
    }

    /// The timeline that must come of its first `merged` pings: of each place, the last round that got there.
    fn expected(&self, merged: u64) -> Timeline {
        let a_round = LISTS * LIST;
        let rank = Rank {
            attention: Attention::Active,
            precedence: self.caller.precedence,
            device: self.caller.device,
            beat: None,
        };
        Timeline::of((0..merged.min(a_round)).filter_map(|place| {
            let round = (merged - 1 - place) / a_round;
            let label = Label::trusted(&app_name(round, place), None);
            Some(Segment {
                span: Span::new(self.at(place), self.at(place + 1))?,
                holder: Holder { rank, label },
            })
        }))
    }

    /// When the ping of this place in a round begins; each begins where the one before ended.
    fn at(&self, place: u64) -> UnixMs {
        self.begin.plus_ms(PING_MS * place.cast_signed())
    }

    fn write_body(&mut self) {
        let (round, first) = (self.lists / LISTS, self.lists % LISTS * LIST);
        self.body.clear();
        self.body.push_str(r#"{"pings":"#);
        for place in first..first + LIST {
            let (start, end) = (self.at(place), self.at(place + 1));
            let separator = if place == first { '[' } else { ',' };
            let app = app_name(round, place);
            // Writing to a string cannot fail.
            let _ = write!(
                self.body,
                r#"{separator}{{"app_name":"{app}","start_time":"{start}","end_time":"{end}"}}"#
            );
        }
        self.body.push_str("]}");
    }
}

/// Another in each round, and than that of the ping before. Of claims of one rank the greater label wins, so the name of a later round is greater.
fn app_name(round: u64, place: u64) -> String {
    format!("Heavy {round:06} {}", place % 7)
}

impl Script for Heavy {
    fn next(&mut self, request: &mut Vec<u8>) -> bool {
        self.write_body();
        self.lists += 1;
        let head = format!(
            "POST /api/v1/usage/track HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.authorization,
            self.body.len()
        );
        request.extend(head.as_bytes());
        request.extend(self.body.as_bytes());
        true
    }

    fn answered(&mut self, status: u16, _: &[u8]) -> bool {
        self.accepted += u64::from(status == 202);
        status == 202
    }
}

#[cfg(test)]
mod tests {
    use domain::accounts::{DeviceId, SessionId, UserId};

    use super::*;

    fn heavy() -> Heavy {
        let id = uuid::Uuid::from_u128;
        let caller = Caller {
            user: UserId(id(1)),
            device: DeviceId(id(2)),
            session: SessionId(id(3)),
            precedence: 1,
        };
        Heavy::of(caller, String::new())
    }

    /// The apps in the timeline of the first `merged` pings, and how often each of these rounds has a segment.
    fn rounds(merged: u64) -> (usize, Vec<usize>) {
        let expected = heavy().expected(merged);
        let segments = expected.segments();
        let of = |round: u64| {
            let name = format!("Heavy {round:06} ");
            let is_of = |segment: &&Segment| segment.holder.label.app_name.as_str().starts_with(&name);
            segments.iter().filter(is_of).count()
        };
        (segments.len(), (0..3).map(of).collect())
    }

    #[test]
    fn each_ping_of_a_round_is_a_segment_and_the_next_round_replaces_them() {
        assert_eq!(rounds(0), (0, vec![0, 0, 0]));
        assert_eq!(rounds(1), (1, vec![1, 0, 0]));
        assert_eq!(rounds(50_000), (50_000, vec![50_000, 0, 0]));
        assert_eq!(rounds(50_001), (50_000, vec![49_999, 1, 0]));
        assert_eq!(rounds(100_010), (50_000, vec![0, 49_990, 10]));
    }

    #[test]
    fn only_what_was_accepted_counts_and_a_round_ends_where_the_next_begins() {
        let mut heavy = heavy();
        let mut requests = Vec::new();
        for list in 0..=LISTS {
            requests.clear();
            assert!(heavy.next(&mut requests));
            assert_eq!(heavy.answered(if list == 1 { 503 } else { 202 }, b""), list != 1);
        }
        assert_eq!(heavy.accepted(), LISTS * LIST);
        let last = String::from_utf8(requests).expect("text");
        assert!(last.contains(&format!(
            r#"{{"pings":[{{"app_name":"Heavy 000001 0","start_time":"{}""#,
            heavy.begin
        )));
        assert_eq!(last.matches("app_name").count(), 1_000);
    }
}
