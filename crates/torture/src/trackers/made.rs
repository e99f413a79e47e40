//! Makes pings: live ones, walks through times long past, claims that contest others, and some that nobody may accept.

use domain::time::{DAY_MS, Span, UnixMs};
use domain::usage::{Attention, Label};
use serde_json::{Value, json};

use super::moments::{BACK_DAYS, moments};
use crate::ledger::{Ping, Standing, Wrong};
use crate::random::Random;

const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
/// At how many moments a person's devices meet.
const PLACES: usize = 12;
/// How far from such a moment a walk starts.
const AROUND_MS: u64 = 2 * HOUR_MS;
/// How far ahead of the clock a live ping may end: well within the two minutes that the server allows.
const AHEAD_MS: u64 = 20 * SECOND_MS;

/// Applications, and the URL and site of those that have one.
const LABELS: [(&str, Option<(&str, &str)>); 10] = [
    ("Editor", None),
    ("Terminal", None),
    ("Éditeur «ü» 編集", None),
    ("editor", None),
    ("Mail", None),
    ("Browser", None),
    ("Browser", Some(("https://example.org/a?b=c#d", "example.org"))),
    (
        "Browser",
        Some(("https://user:secret@WWW.docs.example.org:8443/", "docs.example.org")),
    ),
    ("Browser", Some(("https://bücher.example/", "xn--bcher-kva.example"))),
    ("Films", Some(("http://[::1]:8080/film", "[::1]"))),
];

/// Makes the pings of one device.
#[derive(Debug)]
pub(super) struct Maker {
    random: Random,
    /// All of [`LABELS`]: a run has millions of pings, and they share these.
    labels: Vec<Label>,
    /// When the run began.
    begun: UnixMs,
    places: Vec<UnixMs>,
    /// Through when live pings were made.
    live: UnixMs,
}

impl Maker {
    /// `together` is drawn from alike by all devices of a person, so that they meet; `random` by this one alone.
    pub(super) fn new(mut together: Random, random: Random, begun: UnixMs) -> Self {
        let all = moments(begun);
        let places = (0..PLACES).filter_map(|_| together.pick(&all).copied()).collect();
        Self {
            random,
            begun,
            places,
            labels: LABELS
                .iter()
                .map(|(app, site)| Label::trusted(app, site.map(|(_, site)| site)))
                .collect(),
            live: begun,
        }
    }

    /// From the end of the one before until now, or a little beyond; nothing when no time has passed.
    pub(super) fn live(&mut self, now: UnixMs) -> Option<Ping> {
        let ahead = if self.random.chance(5) { self.below(AHEAD_MS) } else { 0 };
        let span = Span::new(self.live, now.plus_ms(ahead))?;
        self.live = span.end();
        Some(self.ping(span))
    }

    /// Pings one after the other, somewhere in the past: mostly without gaps, sometimes overlapping, rarely long.
    pub(super) fn walk(&mut self, count: u64) -> Vec<Ping> {
        let mut at = self.somewhere();
        let mut label = self.label();
        let mut pings = Vec::new();
        for _ in 0..count {
            at = match self.random.below(10) {
                0 => at.plus_ms(self.below(MINUTE_MS)),
                1 => at.plus_ms(-self.below(10 * SECOND_MS)),
                _ => at,
            };
            let length = match self.random.below(100) {
                0 => self.below(3 * HOUR_MS),
                1..5 => self.below(20 * MINUTE_MS),
                _ => self.below(10 * SECOND_MS),
            };
            let Some(span) = Span::new(at.max(self.oldest()), at.plus_ms(1 + length)) else {
                break;
            };
            if span.end() > self.begun {
                break;
            }
            if self.random.chance(25) {
                label = self.label();
            }
            at = span.end();
            pings.push(Ping {
                label: label.clone(),
                ..self.ping(span)
            });
        }
        pings
    }

    /// Another claim to about the same time.
    pub(super) fn contest(&mut self, other: &Ping) -> Ping {
        let shift = self.below(20 * SECOND_MS) - self.below(20 * SECOND_MS);
        let moved = Span::new(
            other.span.start().plus_ms(shift).max(self.oldest()),
            other.span.end().plus_ms(shift).min(self.begun),
        );
        let span = if self.random.chance(50) { moved } else { None };
        self.ping(span.unwrap_or(other.span))
    }

    /// A ping that must be refused.
    pub(super) fn wrong(&mut self, now: UnixMs) -> Ping {
        let kinds = [
            Wrong::Turned,
            Wrong::Nameless,
            Wrong::Future,
            Wrong::Old,
            Wrong::Long,
            Wrong::NoUrl,
        ];
        let wrong = *self.random.pick(&kinds).unwrap_or(&Wrong::Turned);
        let hour = 3_600_000;
        let (start, length) = match wrong {
            Wrong::Future => (now.plus_ms(hour), 1_000),
            Wrong::Old => (now.plus_ms(-91 * DAY_MS), hour),
            Wrong::Long => (now.plus_ms(-30 * hour), 25 * hour),
            Wrong::Turned | Wrong::Nameless | Wrong::NoUrl => (self.somewhere(), hour),
        };
        let span = Span::new(start, start.plus_ms(length)).unwrap_or_else(|| self.instant());
        Ping {
            wrong: Some(wrong),
            ..self.ping(span)
        }
    }

    fn ping(&mut self, span: Span) -> Ping {
        let attention = if self.random.chance(20) {
            Attention::Passive
        } else {
            Attention::Active
        };
        Ping {
            span,
            label: self.label(),
            attention,
            seq: None,
            wrong: None,
            standing: Standing::Unsent,
        }
    }

    fn label(&mut self) -> Label {
        self.labels[self.random.index(self.labels.len())].clone()
    }

    /// Near a moment at which all devices of the person meet, or anywhere.
    fn somewhere(&mut self) -> UnixMs {
        let place = self.random.pick(&self.places).copied();
        let at = if let Some(place) = place.filter(|_| self.random.chance(35)) {
            place.plus_ms(self.below(2 * AROUND_MS)).plus_ms(-ms(AROUND_MS))
        } else {
            let back = u64::try_from(BACK_DAYS * DAY_MS).unwrap_or(0);
            self.begun.plus_ms(-self.below(back))
        };
        at.max(self.oldest())
    }

    fn oldest(&self) -> UnixMs {
        self.begun.plus_ms(-BACK_DAYS * DAY_MS)
    }

    fn instant(&self) -> Span {
        let begun = self.begun;
        Span::new(begun.plus_ms(-1), begun).unwrap_or_else(|| unreachable!("a millisecond is not empty"))
    }

    fn below(&mut self, bound: u64) -> i64 {
        ms(self.random.below(bound))
    }
}

/// A ping as it goes over the wire.
pub(crate) fn body(ping: &Ping) -> Value {
    let app = ping.label.app_name.as_str();
    let site = ping.label.domain.as_ref().map(domain::usage::Domain::as_str);
    let url = LABELS
        .iter()
        .filter_map(|(_, site)| *site)
        .find(|(_, listed)| Some(*listed) == site)
        .map(|(url, _)| url);
    let mut body = json!({
        "app_name": app,
        "start_time": ping.span.start().to_string(),
        "end_time": ping.span.end().to_string(),
    });
    if let Some(url) = url {
        body["url"] = url.into();
    }
    if ping.attention == Attention::Passive {
        body["passive"] = true.into();
    }
    if let Some(seq) = ping.seq {
        body["seq"] = seq.into();
    }
    match ping.wrong {
        Some(Wrong::Turned) => body["end_time"] = body["start_time"].clone(),
        Some(Wrong::Nameless) => body["app_name"] = " ".into(),
        Some(Wrong::NoUrl) => body["url"] = "no url".into(),
        Some(Wrong::Future | Wrong::Old | Wrong::Long) | None => {}
    }
    body
}

fn ms(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::usage::{AppName, Domain, Rules};

    use super::*;

    const NOW: UnixMs = UnixMs(1_795_348_800_123);

    fn maker(seed: u64) -> Maker {
        Maker::new(Random::new(7), Random::new(seed), NOW)
    }

    #[test]
    fn what_a_walk_makes_is_sound_until_the_longest_run_ends() {
        let rules = Rules::default();
        let later = NOW.after(Duration::from_hours(4));
        let mut maker = maker(1);
        for _ in 0..200 {
            for ping in maker.walk(50) {
                let span = rules.span(ping.span.start(), ping.span.end(), later);
                assert_eq!(span, Ok(ping.span));
                assert!(ping.span.end() <= NOW);
                assert_eq!(rules.span(ping.span.start(), ping.span.end(), NOW), Ok(ping.span));
            }
        }
    }

    #[test]
    fn live_pings_follow_each_other() {
        let mut maker = maker(2);
        let mut last = NOW;
        for step in 1..200 {
            let now = NOW.plus_ms(step * 50);
            if let Some(ping) = maker.live(now) {
                assert_eq!(ping.span.start(), last);
                assert!(Rules::default().span(ping.span.start(), ping.span.end(), now).is_ok());
                last = ping.span.end();
            }
        }
        assert!(last > NOW);
    }

    #[test]
    fn what_is_wrong_is_wrong_in_the_way_it_says() {
        let mut maker = maker(3);
        for _ in 0..200 {
            let ping = maker.wrong(NOW);
            let sent = body(&ping);
            let at = |field: &str| {
                let text = sent[field].as_str().expect(field);
                UnixMs::floor(text.parse().expect("RFC 3339"))
            };
            let span = Rules::default().span(at("start_time"), at("end_time"), NOW);
            match ping.wrong.expect("wrong") {
                Wrong::Turned | Wrong::Future | Wrong::Old | Wrong::Long => assert!(span.is_err(), "{sent}"),
                Wrong::Nameless => assert!(AppName::parse(sent["app_name"].as_str().expect("text")).is_err()),
                Wrong::NoUrl => assert!(Domain::of_url(sent["url"].as_str().expect("text")).is_err()),
            }
        }
    }

    #[test]
    fn every_label_is_what_the_door_makes_of_it() {
        for (app, site) in LABELS {
            assert_eq!(AppName::parse(app).expect(app).as_str(), app);
            if let Some((url, site)) = site {
                assert_eq!(
                    Domain::of_url(url).expect(url),
                    Label::trusted("x", Some(site)).domain,
                    "{url}"
                );
            }
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_pings() {
        let made = |seed| {
            let pings = maker(seed).walk(30);
            pings.iter().map(body).collect::<Vec<_>>()
        };
        assert_eq!(made(4), made(4));
        assert_ne!(made(4), made(5));
    }
}
