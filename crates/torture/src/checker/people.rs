//! One person: what is stored of their time, what the API shows of it, and what it adds up to.

use domain::time::Span;
use domain::usage::{Segment, Timeline};
use testkit::runs::Failure;

use super::api::Api;
use super::compare::{Breach, compare};
use super::days::Calendar;
use super::stored::{Store, shape};
use super::{Claimed, shown, sums};
use crate::ledger::Ledger;
use crate::violation::Violation;

/// The most violations of one promise that are told of a person; the others are counted.
const TOLD_MAX: usize = 4;

/// What was found of a person.
pub(super) struct Found {
    pub(super) violations: Vec<Violation>,
    pub(super) pieces: u64,
}

/// Looks at the person at this place of the ledger.
pub(super) async fn check(
    store: &Store,
    api: &mut Api,
    calendar: &mut Calendar,
    (ledger, place): (&Ledger, usize),
) -> Result<Found, Failure> {
    let person = &ledger.people[place];
    let claimed = Claimed::of(ledger, place);
    let pieces = store.pieces(person).await?;
    let segments: Vec<Segment> = pieces.iter().map(|piece| piece.segment.clone()).collect();

    let mut violations = of_time(ledger, place, (&segments, &claimed));
    violations.extend(told(
        shape(&pieces),
        "stored pieces are sorted, maximal and within a day",
        place,
    ));
    let timeline = Timeline::of(segments);
    // Said once more in the product's own words, where nothing is unknown: what the instants add up to is the pure join.
    if claimed.unknown.is_empty() && violations.is_empty() && timeline != claimed.joined {
        let differs = vec!["they differ, though no instant does".to_owned()];
        violations.extend(told(differs, "the timeline is the join of all accepted claims", place));
    }
    let token = api.sign_in(person, "checker").await?;
    let differs = shown::check(api, &token, &timeline).await?;
    violations.extend(told(differs, "the API shows the timeline that is stored", place));
    let differs = sums::check(api, &token, calendar, &claimed).await?;
    violations.extend(told(differs, "reports add up to the time that was claimed", place));
    Ok(Found {
        violations,
        pieces: pieces.len() as u64,
    })
}

/// What is wrong with the stored time, each with the history of the pings that claim it.
pub(super) fn of_time(ledger: &Ledger, place: usize, (stored, claimed): (&[Segment], &Claimed)) -> Vec<Violation> {
    let findings = compare(stored, claimed);
    let mut violations = Vec::new();
    for breach in [Breach::Missing, Breach::Extra, Breach::Wrong, Breach::Twice] {
        let of_it: Vec<_> = findings.iter().filter(|finding| finding.breach == breach).collect();
        for finding in of_it.iter().take(TOLD_MAX) {
            violations.push(Violation {
                promise: breach.promise().to_owned(),
                found: format!("person-{place}: {finding}"),
                history: ledger.history_of_span(place, finding.span),
            });
        }
        if let Some(more) = of_it.get(TOLD_MAX..).filter(|more| !more.is_empty()) {
            let ms: i64 = more.iter().map(|finding| Span::ms(finding.span)).sum();
            violations.push(Violation {
                promise: breach.promise().to_owned(),
                found: format!("person-{place}: {} stretches more, {ms} ms in all", more.len()),
                history: Vec::new(),
            });
        }
    }
    violations
}

fn told(faults: Vec<String>, promise: &str, place: usize) -> Vec<Violation> {
    let count = faults.len();
    let mut found: Vec<String> = faults.into_iter().take(TOLD_MAX).collect();
    if count > TOLD_MAX {
        found.push(format!("{} more of the kind", count - TOLD_MAX));
    }
    let violation = |found: String| Violation {
        promise: promise.to_owned(),
        found: format!("person-{place}: {found}"),
        history: Vec::new(),
    };
    found.into_iter().map(violation).collect()
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;
    use domain::accounts::{DeviceId, UserId};
    use domain::time::UnixMs;
    use domain::usage::{Attention, Label};
    use uuid::Uuid;

    use super::*;
    use crate::ledger::{Disturbance, Log, Owner, Person, Ping, Standing};

    /// One person with one device, whose pings of ten milliseconds each were all accepted, in one request.
    fn ledger(pings: i64) -> Ledger {
        let owner = Owner {
            name: "person-0/device-0".to_owned(),
            key: "device-0".to_owned(),
            person: 0,
            device: DeviceId(Uuid::from_u128(5)),
            precedence: 1,
            numbered: true,
        };
        let mut log = Log::new(owner);
        for number in 0..pings {
            let span = Span::new(UnixMs(20 * number), UnixMs(20 * number + 10)).expect("not empty");
            let place = log.make(Ping {
                span,
                label: Label::trusted("Editor", None),
                attention: Attention::Active,
                seq: None,
                wrong: None,
                standing: Standing::Unsent,
            });
            log.send(UnixMs(1_000_000), 1, &[place]);
            log.answer(UnixMs(1_000_007), "202 {}".to_owned());
            log.acknowledge(place);
        }
        Ledger {
            people: vec![Person {
                id: UserId(Uuid::from_u128(1)),
                email: "a@example.org".to_owned(),
                password: String::new(),
                zone: Tz::UTC,
            }],
            logs: vec![log],
            disturbances: vec![Disturbance {
                from: UnixMs(999_000),
                until: Some(UnixMs(1_000_500)),
                what: "redis: power cut".to_owned(),
            }],
            ..Ledger::default()
        }
    }

    #[test]
    fn what_is_stored_as_it_was_claimed_breaks_nothing() {
        let ledger = ledger(5);
        let claimed = Claimed::of(&ledger, 0);
        assert_eq!(of_time(&ledger, 0, (claimed.joined.segments(), &claimed)), []);
    }

    #[test]
    fn a_lost_ping_is_told_with_its_history_and_what_was_disturbed_meanwhile() {
        let ledger = ledger(3);
        let claimed = Claimed::of(&ledger, 0);
        let mut stored = claimed.joined.segments().to_vec();
        stored.remove(1);
        let violations = of_time(&ledger, 0, (&stored, &claimed));
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert_eq!(violations[0].promise, "every accepted instant is stored");
        let told = violations[0].to_string();
        for words in [
            "person-0: 1970-01-01T00:00:00.020Z to 1970-01-01T00:00:00.030Z (10 ms): expected \"Editor\" -, active",
            "person-0/device-0 ping 1: number 2, 1970-01-01T00:00:00.020Z",
            "1970-01-01T00:16:40Z person-0/device-0 ping 1: sent in request 1 of 1 to door 1",
            "1970-01-01T00:16:40.007Z person-0/device-0 request 1: 202 {}",
            "1970-01-01T00:16:39Z disturbed: redis: power cut",
            "1970-01-01T00:16:40.500Z healed: redis: power cut",
        ] {
            assert!(told.contains(words), "{words}\n{told}");
        }
    }

    #[test]
    fn of_many_lost_pings_the_first_are_told_and_the_others_counted() {
        let ledger = ledger(10);
        let claimed = Claimed::of(&ledger, 0);
        let violations = of_time(&ledger, 0, (&[], &claimed));
        assert_eq!(violations.len(), TOLD_MAX + 1);
        assert_eq!(violations[TOLD_MAX].found, "person-0: 6 stretches more, 60 ms in all");
    }
}
