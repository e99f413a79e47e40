//! Trackers: people who use one app after the other, the pings that say so, and the timelines that must come of them.

mod writing;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::accounts::Caller;
use domain::time::{Span, UnixMs};
use domain::usage::{Attention, Holder, Label, Rank, Segment, Timeline};

use crate::load::Script;

use writing::{Stamps, write_number};

/// How long a ping is.
pub const PING_MS: i64 = 5_000;
/// After how many pings a person turns to another app, unless they are steady: after a minute.
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
    /// After how many pings they turn to another.
    pings_per_app: u64,
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
            pings_per_app: PINGS_PER_APP,
            accepted: 0,
        }
    }

    /// The same, who uses one app for so many pings before the next.
    #[must_use]
    pub fn steady_for(self, pings: u64) -> Self {
        Self {
            pings_per_app: pings.max(1),
            ..self
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
            beat: None,
        };
        let starts = (0..self.accepted).step_by(usize::try_from(self.pings_per_app).unwrap_or(usize::MAX));
        Timeline::of(starts.filter_map(|first| {
            let end = (first + self.pings_per_app).min(self.accepted);
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
        let turn = (self.first_app + number / self.pings_per_app) % (APPS.len() as u64);
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
    /// What all trackers of a load have had accepted, for one who looks on.
    accepted: Arc<AtomicU64>,
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
            accepted: Arc::default(),
        }
    }

    /// The same, who also count there what is accepted of them.
    #[must_use]
    pub fn counting(self, accepted: Arc<AtomicU64>) -> Self {
        Self { accepted, ..self }
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
            self.accepted.fetch_add(self.pings_per_request, Ordering::Relaxed);
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

#[cfg(test)]
mod tests;
