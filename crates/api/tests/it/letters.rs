//! A person's own dead letters: listed in pages, shown, tried again.

use domain::accounts::{DeviceId, UserId};
use domain::usage::Arrival;
use ports::usage::PingQueue;
use serde_json::{Value, json};
use testkit::arrivals::heartbeat;

use crate::house::{House, Person};

const LETTERS: &str = "/api/v1/usage/dead-letters";

fn page(house: &House, person: &Person, query: &str) -> Value {
    house.get(person, &format!("{LETTERS}{query}")).expect(200).json()
}

#[test]
fn a_letter_is_shown_whole_and_tried_again() {
    let house = House::new();
    let ada = house.person("ada");
    assert_eq!(page(&house, &ada, ""), json!({"dead_letters": [], "next_cursor": null}));
    let id = house.bury(&ada);
    let letter = json!({
        "id": id,
        "died_at": "2026-03-01T12:00:00Z",
        "reason": "a test",
        "device_id": ada.device,
        "seq": null,
        "ping": {
            "app_name": "Diary",
            "domain": null,
            "start_time": "2026-03-01T07:00:00Z",
            "end_time": "2026-03-01T07:00:05Z",
            "passive": false,
        },
        "heartbeat": null,
    });
    assert_eq!(
        page(&house, &ada, ""),
        json!({"dead_letters": [letter], "next_cursor": null})
    );
    assert_eq!(house.get(&ada, &format!("{LETTERS}/{id}")).expect(200).json(), letter);

    let replay = || {
        house
            .call("POST", &format!("{LETTERS}/{id}/replay"))
            .token(&ada.token)
            .send()
    };
    replay().expect(204);
    assert_eq!(house.waiting(), 1);
    assert_eq!(replay().expect(404).problem(), "not_found");
    assert_eq!(
        house.get(&ada, &format!("{LETTERS}/{id}")).expect(404).problem(),
        "not_found"
    );
    house.merge();
    let timeline = house
        .get(&ada, "/api/v1/usage/timeline?from=2026-03-01&to=2026-03-02")
        .expect(200)
        .json();
    assert_eq!(timeline["segments"][0]["app_name"], "Diary");
}

#[test]
fn a_heartbeat_is_shown_as_one() {
    let house = House::new();
    let ada = house.person("ada");
    let Arrival::Heartbeat { mut heartbeat } = heartbeat(1, 0) else {
        panic!("it is one")
    };
    heartbeat.user = UserId(ada.id.parse().expect("an id"));
    heartbeat.beat.device = DeviceId(ada.device.parse().expect("an id"));
    let pushed = house.queue.push(vec![Arrival::Heartbeat { heartbeat }]);
    house.runtime.block_on(pushed).expect("kept");
    let id = house.give_up();
    let letter = json!({
        "id": id,
        "died_at": "2026-03-01T12:00:00Z",
        "reason": "a test",
        "device_id": ada.device,
        "seq": null,
        "ping": null,
        "heartbeat": {"app_name": "Editor", "domain": null, "time": "2026-03-01T09:00:00Z", "passive": false},
    });
    assert_eq!(house.get(&ada, &format!("{LETTERS}/{id}")).expect(200).json(), letter);
}

#[test]
fn pages_join_to_ones_own_letters_among_those_of_others() {
    let house = House::new();
    let (ada, eve) = (house.person("ada"), house.person("eve"));
    let hers: Vec<String> = (0..5)
        .map(|_| {
            house.bury(&eve);
            house.bury(&ada)
        })
        .collect();
    for limit in [1, 2, 5, 500] {
        let (mut ids, mut query) = (Vec::new(), format!("?limit={limit}"));
        loop {
            let page = page(&house, &ada, &query);
            let letters = page["dead_letters"].as_array().expect("a list");
            assert!(letters.len() <= limit);
            ids.extend(
                letters
                    .iter()
                    .map(|letter| letter["id"].as_str().expect("an id").to_owned()),
            );
            match page["next_cursor"].as_str() {
                Some(cursor) => query = format!("?limit={limit}&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(ids, hers, "{limit} at a time");
    }
}

#[test]
fn what_is_no_letter_of_ones_own_is_nothing() {
    let house = House::new();
    let (ada, eve) = (house.person("ada"), house.person("eve"));
    let of_eve = house.bury(&eve);
    for id in [of_eve.as_str(), "0", "99999999999999999999-1", "-", "%28", "ada"] {
        assert_eq!(
            house.get(&ada, &format!("{LETTERS}/{id}")).expect(404).problem(),
            "not_found",
            "{id}"
        );
        let replay = house
            .call("POST", &format!("{LETTERS}/{id}/replay"))
            .token(&ada.token)
            .send();
        assert_eq!(replay.expect(404).problem(), "not_found", "{id}");
    }
    for query in [
        "?limit=0",
        "?limit=501",
        "?limit=x",
        "?cursor=x",
        "?cursor=1-2-3",
        "?other=1",
    ] {
        house.get(&ada, &format!("{LETTERS}{query}")).expect(422);
    }
    assert_eq!(page(&house, &eve, "")["dead_letters"][0]["id"], of_eve.as_str());
}
