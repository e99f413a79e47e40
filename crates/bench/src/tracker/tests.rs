use super::*;
use domain::accounts::{DeviceId, SessionId, UserId};
use uuid::Uuid;

const BEGIN: UnixMs = UnixMs(1_772_409_599_000);
const ACCEPTED_ONE: &[u8] = br#"{"status":"queued","accepted":1,"rejected":[]}"#;

fn person(place: u32) -> Person {
    let caller = Caller {
        user: UserId(Uuid::from_u128(1)),
        device: DeviceId(Uuid::from_u128(2)),
        session: SessionId(Uuid::from_u128(3)),
        precedence: 4,
    };
    Person::new(caller, BEGIN, place)
}

fn trackers(pings_per_request: u64) -> Trackers {
    Trackers::new(vec![(person(0), "t".to_owned())], pings_per_request, u64::MAX)
}

fn next_body(trackers: &mut Trackers) -> serde_json::Value {
    let mut request = Vec::new();
    assert!(trackers.next(&mut request));
    let text = String::from_utf8(request).expect("UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{head}");
    serde_json::from_str(body).expect("JSON")
}

#[test]
fn a_ping_follows_the_one_that_was_accepted_and_crosses_midnight() {
    let mut trackers = trackers(1);
    let first = next_body(&mut trackers);
    assert_eq!(first["start_time"], "2026-03-01T23:59:59.000Z");
    assert_eq!(first["end_time"], "2026-03-02T00:00:04.000Z");
    assert_eq!(first["seq"], 1);
    assert!(trackers.answered(202, ACCEPTED_ONE));
    let second = next_body(&mut trackers);
    assert_eq!(second["start_time"], first["end_time"]);
    assert_eq!(second["seq"], 2);
}

#[test]
fn what_was_not_accepted_is_sent_again_and_does_not_count() {
    let mut trackers = trackers(1);
    let first = next_body(&mut trackers);
    assert!(!trackers.answered(503, b"{}"));
    assert_eq!(next_body(&mut trackers), first);
    assert!(!trackers.answered(202, br#"{"accepted":0}"#));
    assert_eq!(next_body(&mut trackers), first);
    assert_eq!(trackers.into_people()[0].accepted(), 0);
}

#[test]
fn a_list_holds_as_many_pings_as_are_sent_at_once() {
    let mut trackers = trackers(6);
    let pings = next_body(&mut trackers)["pings"].clone();
    assert_eq!(pings.as_array().map(Vec::len), Some(6));
    assert_eq!(pings[5]["start_time"], pings[4]["end_time"]);
    assert!(trackers.answered(202, br#"{"accepted":6}"#));
    assert_eq!(trackers.into_people()[0].accepted(), 6);
}

#[test]
fn the_expected_timeline_is_what_the_pings_say() {
    let mut trackers = Trackers::new(vec![(person(5), "t".to_owned())], 1, u64::MAX);
    let mut seconds_by_site = std::collections::BTreeMap::new();
    for _ in 0..40 {
        let ping = next_body(&mut trackers);
        *seconds_by_site.entry(ping["url"].as_str().map(site)).or_insert(0) += 5;
        assert!(trackers.answered(202, ACCEPTED_ONE));
    }
    let person = trackers.into_people().remove(0);
    let expected = person.expected();
    assert_eq!(expected.segments().len(), 4);
    let total: i64 = expected.segments().iter().map(|segment| segment.span.ms()).sum();
    assert_eq!(Some(total), person.covered().map(Span::ms));
    let mut expected_by_site = std::collections::BTreeMap::new();
    for segment in expected.segments() {
        let site = segment
            .holder
            .label
            .domain
            .as_ref()
            .map(|site| site.as_str().to_owned());
        *expected_by_site.entry(site).or_insert(0) += segment.span.ms() / 1_000;
    }
    assert_eq!(expected_by_site, seconds_by_site);
}

fn site(url: &str) -> String {
    let site = domain::usage::Domain::of_url(url).expect("valid").expect("a host");
    site.as_str().to_owned()
}

#[test]
fn a_ping_has_about_190_bytes() {
    let mut bytes = 0;
    for app in 0..8 {
        let mut body = Vec::new();
        write_ping(
            &person(0),
            1_000 + app * PINGS_PER_APP,
            &mut Stamps::default(),
            &mut body,
        );
        bytes += body.len();
    }
    assert!((180..200).contains(&(bytes / 8)), "{} bytes", bytes / 8);
}

#[test]
fn the_number_accepted_is_read_wherever_it_stands() {
    assert_eq!(accepted(br#"{"accepted":42,"status":"queued"}"#), Some(42));
    assert_eq!(accepted(br#"{"accepted":}"#), None);
    assert_eq!(accepted(b"{}"), None);
    assert_eq!(accepted(br#"{"accepted":99999999999999999999999}"#), None);
}
