//! Trackers: people who use one app after the other, the pings that say so, and the timelines that must come of them.

use std::io::Write;

use domain::accounts::Caller;
use domain::time::{DAY_MS, Span, UnixMs};
use domain::usage::{Attention, Holder, Label, Rank, Segment, Timeline};

use crate::load::Script;

/// How long a ping is.
pub const PING_MS: i64 = 5_000;
/// After how many pings a person turns to another app: after a minute.
const PINGS_PER_APP: u64 = 12;
/// What people use, in turn. A ping has about 190 bytes.
const APPS: [App; 8] = [
    App::site(
        "Firefox",
        "docs.example.org",
        "https://docs.example.org/reference/timeline/joining-claims.html?highlight=associative#the-law",
    ),
    App::program("Visual Studio Code - Insiders"),
    App::site(
        "Google Chrome",
        "code.example.com",
        "https://code.example.com/daybook/daybook/reviews/1842/files?view=split&whitespace=ignore#difference-7f3a",
    ),
    App::program("xfce4-terminal"),
    App::site(
        "Firefox",
        "mail.example.net",
        "https://mail.example.net/inbox/threads/18c2f0a9d1e7b3c4?folder=inbox&unread=true&sort=date&page=2",
    ),
    App::program("Slack | general | Daybook"),
    App::site(
        "Google Chrome",
        "calendar.example.net",
        "https://calendar.example.net/week/2026/48?view=work&timezone=Europe%2FBerlin&zoom=100&weekends=no",
    ),
    App::site(
        "Firefox",
        "news.example.org",
        "https://www.news.example.org/2026/11/22/technology/what-a-day-is-made-of-and-who-counts-it.html?ref=front",
    ),
];

/// What a person uses.
#[derive(Debug, Clone, Copy)]
struct App {
    name: &'static str,
    /// The page it shows: its URL, and the site that must be kept of it.
    page: Option<(&'static str, &'static str)>,
}

impl App {
    const fn program(name: &'static str) -> Self {
        Self { name, page: None }
    }

    const fn site(name: &'static str, site: &'static str, url: &'static str) -> Self {
        Self {
            name,
            page: Some((url, site)),
        }
    }

    fn label(&self) -> Label {
        Label::trusted(self.name, self.page.map(|(_, site)| site))
    }
}

/// A person with a tracker on one device, and how far it is known to have got.
#[derive(Debug, Clone)]
pub struct Person {
    /// Who they are to the server.
    pub caller: Caller,
    /// When their first ping begins; each begins where the one before ended.
    begin: UnixMs,
    /// The app they begin with.
    first_app: u64,
    /// How many of their pings have been accepted.
    accepted: u64,
}

impl Person {
    /// Somebody whose pings begin at `begin`. People who are told apart by `place` do not all do the same at the same time.
    #[must_use]
    pub fn new(caller: Caller, begin: UnixMs, place: u32) -> Self {
        Self {
            caller,
            begin: begin.plus_ms(i64::from(place % 997) * 59),
            first_app: u64::from(place),
            accepted: 0,
        }
    }

    /// How many of their pings have been accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// The time that all their accepted pings together cover; `None` before the first.
    #[must_use]
    pub fn covered(&self) -> Option<Span> {
        Span::new(self.begin, self.at(self.accepted))
    }

    /// The timeline that must come of all their accepted pings.
    #[must_use]
    pub fn expected(&self) -> Timeline {
        let rank = Rank {
            attention: Attention::Active,
            precedence: self.caller.precedence,
            device: self.caller.device,
        };
        let starts = (0..self.accepted).step_by(usize::try_from(PINGS_PER_APP).unwrap_or(usize::MAX));
        Timeline::of(starts.filter_map(|first| {
            let end = (first + PINGS_PER_APP).min(self.accepted);
            let label = self.app(first).label();
            Some(Segment {
                span: Span::new(self.at(first), self.at(end))?,
                holder: Holder { rank, label },
            })
        }))
    }

    /// When their ping number `number`, counted from 0, begins.
    fn at(&self, number: u64) -> UnixMs {
        self.begin.plus_ms(i64::try_from(number).unwrap_or(i64::MAX) * PING_MS)
    }

    fn app(&self, number: u64) -> App {
        let turn = (self.first_app + number / PINGS_PER_APP) % (APPS.len() as u64);
        APPS[usize::try_from(turn).unwrap_or(0)]
    }
}

/// People whose trackers share a connection and take turns.
#[derive(Debug)]
pub struct Trackers {
    people: Vec<Person>,
    /// All of a person's request up to the length of its body, in the order of `people`.
    heads: Vec<Vec<u8>>,
    pings_per_request: u64,
    requests_left: u64,
    turn: usize,
    stamps: Stamps,
    body: Vec<u8>,
}

impl Trackers {
    /// The people with their access tokens, who send `pings_per_request` at once and so often in all.
    #[must_use]
    pub fn new(people: Vec<(Person, String)>, pings_per_request: u64, requests: u64) -> Self {
        let (people, tokens): (Vec<_>, Vec<_>) = people.into_iter().unzip();
        Self {
            people,
            heads: tokens.iter().map(|token| head(token)).collect(),
            pings_per_request,
            requests_left: requests,
            turn: 0,
            stamps: Stamps::default(),
            body: Vec::new(),
        }
    }

    /// The people, with what has been accepted of them.
    #[must_use]
    pub fn into_people(self) -> Vec<Person> {
        self.people
    }

    fn write_body(&mut self) {
        let person = &self.people[self.turn];
        self.body.clear();
        if self.pings_per_request == 1 {
            write_ping(person, person.accepted, &mut self.stamps, &mut self.body);
            return;
        }
        self.body.extend(b"{\"pings\":[");
        for number in person.accepted..person.accepted + self.pings_per_request {
            if number > person.accepted {
                self.body.push(b',');
            }
            write_ping(person, number, &mut self.stamps, &mut self.body);
        }
        self.body.extend(b"]}");
    }
}

impl Script for Trackers {
    fn next(&mut self, request: &mut Vec<u8>) -> bool {
        if self.requests_left == 0 || self.people.is_empty() {
            return false;
        }
        self.requests_left -= 1;
        self.write_body();
        request.extend(&self.heads[self.turn]);
        write_number(self.body.len() as u64, request);
        request.extend(b"\r\n\r\n");
        request.extend(&self.body);
        true
    }

    /// Only what the server says it has accepted counts: all of the request. What failed is sent again, which changes nothing if it was taken.
    fn answered(&mut self, status: u16, body: &[u8]) -> bool {
        let all = status == 202 && accepted(body) == Some(self.pings_per_request);
        if all {
            self.people[self.turn].accepted += self.pings_per_request;
        }
        self.turn = (self.turn + 1) % self.people.len();
        all
    }
}

fn head(token: &str) -> Vec<u8> {
    format!(
        "POST /api/v1/usage/track HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: "
    )
    .into_bytes()
}

fn write_ping(person: &Person, number: u64, stamps: &mut Stamps, out: &mut Vec<u8>) {
    let app = person.app(number);
    out.extend(b"{\"app_name\":\"");
    out.extend(app.name.as_bytes());
    if let Some((url, _)) = app.page {
        out.extend(b"\",\"url\":\"");
        out.extend(url.as_bytes());
    }
    out.extend(b"\",\"start_time\":\"");
    stamps.write(person.at(number), out);
    out.extend(b"\",\"end_time\":\"");
    stamps.write(person.at(number + 1), out);
    out.extend(b"\",\"seq\":");
    write_number(number + 1, out);
    out.push(b'}');
}

/// The number after `"accepted":`.
fn accepted(body: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"\"accepted\":";
    let at = body.windows(NAME.len()).position(|window| window == NAME)?;
    let rest = &body[at + NAME.len()..];
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

fn write_number(number: u64, out: &mut Vec<u8>) {
    // A `Vec` takes every write.
    let _ = write!(out, "{number}");
}

/// Writes instants as RFC 3339, and asks the calendar once a day: a load generator has better things to do.
#[derive(Debug)]
struct Stamps {
    day: UnixMs,
    /// `2026-03-01T`, of that day.
    date: String,
}

impl Default for Stamps {
    fn default() -> Self {
        Self::of(UnixMs(0))
    }
}

impl Stamps {
    fn of(day: UnixMs) -> Self {
        let mut date = day.to_string();
        date.truncate("2026-03-01T".len());
        Self { day, date }
    }

    fn write(&mut self, at: UnixMs, out: &mut Vec<u8>) {
        let mut of_day = at.0 - self.day.0;
        if !(0..DAY_MS).contains(&of_day) {
            *self = Self::of(at.day_start());
            of_day = at.0 - self.day.0;
        }
        let (seconds, millis) = (of_day / 1_000, of_day % 1_000);
        let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        out.extend(self.date.as_bytes());
        // A `Vec` takes every write.
        let _ = write!(out, "{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z");
    }
}

#[cfg(test)]
mod tests {
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
}
