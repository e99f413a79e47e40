//! A token whose session has ended, one of which that is not known, and one of a device that was reordered.

use std::time::Duration;

use domain::accounts::SessionId;
use domain::usage::Arrival;
use ports::accounts::{Announcements, StandingChange};
use ports::usage::{Batch, Part, PingSource};
use serde_json::Value;

use crate::client::{Answer, document};
use crate::house::{House, Person, good_ping};

/// The session of a token in memory: it is named in its end.
fn session(person: &Person) -> SessionId {
    let named = person.token.rsplit('.').next().and_then(|id| id.parse().ok());
    SessionId(named.expect("a session"))
}

fn announce(house: &House, change: StandingChange) {
    let told = house.runtime.block_on(house.announcements.announce(&[change]));
    told.expect("told");
    house.hear();
}

/// Every route that asks for a token, by method and path.
fn protected() -> Vec<(String, String)> {
    let paths = document()["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().expect("operations");
        item.iter().map(move |(method, operation)| (method, path, operation))
    });
    let asks = |operation: &Value| operation["security"].as_array().is_some_and(|ways| !ways.is_empty());
    operations
        .filter(|(.., operation)| asks(operation))
        .map(|(method, path, _)| (method.to_ascii_uppercase(), path.clone()))
        .collect()
}

fn knock(house: &House, (method, path): &(String, String), token: &str) -> Answer {
    let call = house.call(method, path).token(token);
    if method == "GET" {
        call.send()
    } else {
        call.json(&good_ping()).send()
    }
}

/// All that a client can see of an answer, but for what differs from one answer to the next.
fn seen(mut answer: Answer) -> (u16, Vec<(String, String)>, Vec<u8>) {
    for differs in ["x-request-id", "date", "ratelimit"] {
        answer.headers.remove(differs);
    }
    (answer.status, answer.headers.into_iter().collect(), answer.body)
}

#[test]
fn the_token_of_an_ended_session_is_refused_everywhere_as_a_forged_one_is() {
    let house = House::new();
    let (ada, eve) = (house.person("ada"), house.person("eve"));
    announce(&house, StandingChange::Ended(session(&ada)));
    let routes = protected();
    assert!(routes.len() >= 7, "{routes:?}");
    for route in &routes {
        let ended = seen(knock(&house, route, &ada.token));
        assert_eq!(ended.0, 401, "{route:?}");
        assert_eq!(ended, seen(knock(&house, route, "forged")), "{route:?}");
    }
    assert_eq!(house.waiting(), 0);
    house.track(&eve, &good_ping()).expect(202);
}

#[test]
fn where_it_is_not_known_nobody_is_let_in_and_all_are_told_to_come_back() {
    let house = House::new();
    let ada = house.person("ada");
    house.steady.advance(Duration::from_secs(1));
    house.track(&ada, &good_ping()).expect(202);
    house.steady.advance(Duration::from_millis(1));
    for route in &protected() {
        let answer = knock(&house, route, &ada.token).expect(503);
        assert!(answer.header("retry-after").is_some(), "{route:?}");
        assert_eq!(knock(&house, route, "forged").status, 401, "{route:?}");
    }
    assert_eq!(house.waiting(), 1, "what came before");
    // Signing in asks for no token.
    house
        .post(
            "/api/v1/auth/refresh",
            &serde_json::json!({"refresh_token": ada.refresh}),
        )
        .expect(200);
    house.hear();
    house.track(&ada, &good_ping()).expect(202);
}

#[test]
fn a_ping_is_kept_with_the_precedence_that_its_device_has_by_then() {
    let house = House::new();
    let ada = house.person("ada");
    house.track(&ada, &good_ping()).expect(202);
    let reordered = StandingChange::Precedence {
        session: session(&ada),
        precedence: -5,
    };
    announce(&house, reordered);
    house.track(&ada, &good_ping()).expect(202);
    let source = house.queue.source("reader", Duration::from_mins(1));
    let mut precedences = Vec::new();
    while let Some(batch) = house
        .runtime
        .block_on(source.take(0, Part::Live, Batch::ARRIVALS_MAX))
        .expect("the queue is there")
    {
        precedences.extend(batch.arrivals.iter().map(|arrival| match arrival {
            Arrival::Claim { claim, .. } => claim.segment.holder.rank.precedence,
            _ => panic!("it was good"),
        }));
    }
    assert_eq!(precedences, [1, -5]);
}
