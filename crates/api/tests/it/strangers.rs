//! Every operation of the document, called by nobody, by another person with one's ids, and by a key that may not: none shows or changes anything.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::client::{Answer, Call, document};
use crate::export::exported;
use crate::house::{House, PASSWORD, Person};

/// The operations that need no token, as they are for people who have none yet, and for whoever watches the server.
const OPEN: [&str; 10] = [
    "begin_device_sign_in",
    "claim_device_sign_in",
    "health_live",
    "health_ready",
    "login",
    "refresh",
    "register",
    "request_password_reset",
    "reset_password",
    "show_openapi",
];

/// An operation of the document.
struct Operation {
    id: &'static str,
    method: String,
    path: &'static str,
    /// The ways to be let in; none where nobody is asked.
    ways: Vec<&'static str>,
}

/// Somebody with something of every kind.
struct Owner {
    person: Person,
    phone: Person,
    key: Value,
    letter: String,
}

fn operations() -> Vec<Operation> {
    let paths = document()["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().expect("operations").iter();
        item.map(move |(method, operation)| {
            let ways = operation["security"].as_array().into_iter().flatten();
            Operation {
                id: operation["operationId"].as_str().expect("an id"),
                method: method.to_uppercase(),
                path,
                ways: ways
                    .flat_map(|way| way.as_object().expect("a way").keys().map(String::as_str))
                    .collect(),
            }
        })
    });
    operations.collect()
}

fn guarded() -> Vec<Operation> {
    let all = operations();
    let guarded: Vec<_> = all.into_iter().filter(|operation| !operation.ways.is_empty()).collect();
    assert!(guarded.len() >= 24, "the document is read");
    guarded
}

/// A body that the operation takes; `None` where it takes none. Whoever adds an operation adds it here.
fn body(id: &str) -> Option<Value> {
    let proof = json!({"password": PASSWORD});
    match id {
        "track_pings" => Some(json!({
            "app_name": "Game",
            "start_time": "2026-03-01T08:00:00Z",
            "end_time": "2026-03-01T11:00:00Z",
        })),
        "import_history" => Some(json!({
            "source": "Eve's",
            "heartbeats": [{"time": "2026-03-01T08:00:00Z", "app_name": "Game"}, {"time": "2026-03-01T08:05:00Z", "app_name": "Game"}],
        })),
        "change_profile" => Some(json!({"full_name": "Eve", "timezone": "Asia/Tokyo", "day_start": 3_600})),
        "change_device" => Some(json!({"name": "Eve's", "precedence": 1_000})),
        "change_password" => Some(json!({"password": PASSWORD, "new_password": "horse of eve"})),
        "change_email" => Some(json!({"password": PASSWORD, "email": "new@example.org"})),
        "answer_waiting_device" => Some(json!({"approve": true})),
        "make_api_key" => Some(json!({"name": "Eve's"})),
        "change_privacy_rules" => Some(json!({"rules": [{"app": "*", "action": "exclude"}]})),
        "begin_second_factor" | "remove_second_factor" | "renew_recovery_codes" | "erase_account" => Some(proof),
        "logout" | "logout_all" => Some(json!({})),
        "confirm_second_factor" => Some(json!({"code": "123456"})),
        "show_waiting_device"
        | "list_api_keys"
        | "revoke_api_key"
        | "list_devices"
        | "sign_device_out"
        | "show_profile"
        | "show_privacy_rules"
        | "show_security_log"
        | "export_account"
        | "show_timeline"
        | "report_apps"
        | "report_urls"
        | "report_days"
        | "report_projects"
        | "report_languages"
        | "report_editors"
        | "list_dead_letters"
        | "show_dead_letter"
        | "replay_dead_letter" => None,
        other => panic!("{other} is called by no stranger: say here what it takes"),
    }
}

impl Operation {
    /// A call of it with the id of something, where it takes one, and a query.
    fn call(&self, house: &House, id: &str, query: &str) -> Call {
        let target = format!("{}{query}", self.path.replace("{id}", id));
        let call = house.call(&self.method, &target);
        match body(self.id) {
            Some(body) => call.json(&body),
            None => call,
        }
    }
}

impl Owner {
    fn new(house: &House) -> Self {
        let person = house.person("ada");
        let phone = house.sign_in("ada", "phone");
        let key = house.send(&person, "POST", "/api/v1/api-keys", &json!({"name": "Plug-in"}));
        let diary = (
            "Diary",
            Some("https://secret.example/"),
            "2026-03-01T09:00:00Z",
            "2026-03-01T10:00:00Z",
        );
        let letter = house.bury(&person);
        let rules = json!({"rules": [{"app": "Hers", "action": "exclude"}]});
        house
            .send(&person, "PUT", "/api/v1/users/me/privacy-rules", &rules)
            .expect(200);
        house.hear();
        house.tracked(&person, &[diary]);
        Self {
            letter,
            person,
            phone,
            key: key.expect(201).json(),
        }
    }

    /// The ids of hers that an operation may be given in its path.
    fn ids(&self) -> [&str; 3] {
        let text = |name: &str| self.key[name].as_str().expect("text");
        [&self.phone.device, text("id"), text("device_id")]
    }

    /// One that means something to an operation of this path.
    fn id_for(&self, path: &str) -> &str {
        if path.contains("api-keys") {
            self.ids()[1]
        } else if path.contains("dead-letters") {
            &self.letter
        } else {
            self.ids()[0]
        }
    }

    /// Everything that she can see of herself.
    fn dump(&self, house: &House) -> BTreeMap<String, Value> {
        let reads = [
            "/api/v1/users/me",
            "/api/v1/devices",
            "/api/v1/api-keys",
            "/api/v1/users/me/privacy-rules",
            "/api/v1/users/me/security-log?limit=500",
            "/api/v1/usage/timeline?from=2026-02-01&to=2026-03-02",
            "/api/v1/report/days?from=2026-02-01&to=2026-03-02",
            "/api/v1/usage/dead-letters",
        ];
        let seen = reads.map(|path| (path.to_owned(), house.get(&self.phone, path).expect(200).json()));
        let mut dump: BTreeMap<_, _> = seen.into();
        // The export is noted in the log, so it is taken last and its own lines are left out.
        for (name, text) in exported(house, &self.phone) {
            let lines: Vec<_> = text.lines().filter(|line| !line.contains("exported")).collect();
            if name != "account.json" {
                dump.insert(name, json!(lines));
            }
        }
        let log = dump
            .get_mut("/api/v1/users/me/security-log?limit=500")
            .expect("it was read");
        let entries = log["entries"].as_array_mut().expect("a list");
        entries.retain(|entry| entry["event"] != "exported");
        dump
    }

    /// Makes sure that an answer holds nothing of hers.
    #[track_caller]
    fn is_not_in(&self, answer: &Answer, at: &str) {
        let text = String::from_utf8_lossy(&answer.body);
        let names = ["ada@", "ada-laptop", "Diary", "secret.example", "Plug-in", "Hers"];
        for of_hers in names.into_iter().chain(self.ids()).chain([self.person.id.as_str()]) {
            assert!(!text.contains(of_hers), "{at} shows {of_hers}: {text}");
        }
    }
}

#[test]
fn what_needs_no_token_is_listed() {
    let open: BTreeSet<_> = operations()
        .into_iter()
        .filter(|operation| operation.ways.is_empty())
        .map(|operation| operation.id)
        .collect();
    assert_eq!(open, OPEN.into());
}

#[test]
fn nobody_is_answered() {
    let house = House::new();
    let owner = Owner::new(&house);
    let (ended, old) = (house.sign_in("ada", "tablet"), house.sign_in("ada", "tv"));
    let revoked = house
        .send(&ended, "POST", "/api/v1/api-keys", &json!({"name": "Old"}))
        .expect(201)
        .json();
    let revoked_path = format!("/api/v1/api-keys/{}", revoked["id"].as_str().expect("text"));
    house.delete(&ended, &revoked_path).expect(204);
    house
        .call("POST", "/api/v1/auth/logout")
        .token(&ended.token)
        .send()
        .expect(204);
    house.hear();
    let before = owner.dump(&house);
    house.clock.advance(std::time::Duration::from_secs(299));
    house.get(&old, "/api/v1/users/me").expect(200);
    house.clock.advance(std::time::Duration::from_secs(1));

    let key = revoked["key"].as_str().expect("text");
    let tokens = ["garbage", "", "a.b.c", &ended.token, &old.token, &old.refresh, key];
    let mut called = 0;
    for operation in guarded() {
        let id = owner.id_for(operation.path);
        let bare = operation.call(&house, id, "").send();
        let shown = tokens.map(|token| operation.call(&house, id, "").token(token).send());
        for answer in shown.into_iter().chain([bare]) {
            let answer = answer.expect(401);
            assert_eq!(answer.problem(), "unauthenticated", "{}", operation.id);
            owner.is_not_in(&answer, operation.id);
            called += 1;
        }
    }
    assert_eq!(called, guarded().len() * 8);
    assert_eq!(house.waiting(), 0);
    house.clock.set(crate::house::NOON);
    assert_eq!(owner.dump(&house), before);
}

#[test]
fn with_anothers_ids_everybody_gets_their_own_or_nothing_and_changes_nothing_of_the_other() {
    let house = House::new();
    let owner = Owner::new(&house);
    let before = owner.dump(&house);
    for (number, operation) in guarded().into_iter().enumerate() {
        // Some end the caller's session, so each is called by somebody new.
        let eve = house.person(&format!("eve{number}"));
        let send = |call: Call| {
            let answer = call.token(&eve.token).send();
            owner.is_not_in(&answer, operation.id);
            answer
        };
        for name in ["user_id", "device_id"] {
            let hers = if name == "user_id" {
                &owner.person.id
            } else {
                &owner.person.device
            };
            let refused = send(operation.call(&house, &eve.device, &format!("?{name}={hers}"))).expect(403);
            assert_eq!(refused.problem(), "not_yours", "{}", operation.id);
            if let Some(mut named) = body(operation.id) {
                named[name] = json!(hers);
                let path = operation.path.replace("{id}", &eve.device);
                let refused = send(house.call(&operation.method, &path).json(&named));
                assert_eq!(refused.status, 403, "{}: {refused:?}", operation.id);
                assert_eq!(refused.problem(), "not_yours", "{}", operation.id);
            }
        }
        if operation.path.contains("{id}") {
            for id in owner.ids().into_iter().chain([owner.letter.as_str()]) {
                let missing = send(operation.call(&house, id, "")).expect(404);
                assert_eq!(missing.problem(), "not_found", "{}", operation.id);
            }
        }
        if operation.path.starts_with("/api/v1/report/") {
            let of_device = send(operation.call(&house, "", &format!("?device={}", owner.person.device)));
            assert_eq!(of_device.expect(200).json()["total_seconds"], 0);
        }
        // And without any id of hers: what comes back is the caller's own.
        let own = send(operation.call(&house, &eve.device, ""));
        assert!(![401, 500, 503].contains(&own.status), "{}: {own:?}", operation.id);
        house.merge();
    }
    assert_eq!(owner.dump(&house), before);
}

#[test]
fn a_key_is_let_in_where_its_scope_allows_it_and_nowhere_else() {
    let house = House::new();
    let ada = house.person("ada");
    let make = |scopes: Value| {
        let made = house.send(
            &ada,
            "POST",
            "/api/v1/api-keys",
            &json!({"name": "Editor", "scopes": scopes}),
        );
        made.expect(201).json()["key"].as_str().expect("text").to_owned()
    };
    let (reads, writes) = (make(json!(["reports:read"])), make(json!(["pings:write"])));
    let both = make(json!(["reports:read", "pings:write"]));
    let mut let_in = BTreeSet::new();
    for operation in guarded() {
        let send = |key: &str| {
            let id = if operation.path.contains("dead-letters/") {
                house.bury(&ada)
            } else {
                ada.device.clone()
            };
            operation.call(&house, &id, "").token(key).send()
        };
        let (allowed, refused): (&[&String], &[&String]) = match (operation.ways.contains(&"api_key"), operation.id) {
            (false, _) => (&[], &[&reads, &writes, &both]),
            (true, "track_pings" | "import_history" | "replay_dead_letter" | "show_privacy_rules") => {
                (&[&writes, &both], &[&reads])
            }
            (true, _) => (&[&reads, &both], &[&writes]),
        };
        for key in refused {
            assert_eq!(send(key).expect(403).problem(), "not_for_keys", "{}", operation.id);
        }
        for key in allowed {
            assert!([200, 202, 204].contains(&send(key).status), "{}", operation.id);
            let_in.insert(operation.id);
        }
    }
    let expected = [
        "import_history",
        "list_dead_letters",
        "replay_dead_letter",
        "report_apps",
        "report_days",
        "report_editors",
        "report_languages",
        "report_projects",
        "report_urls",
        "show_dead_letter",
        "show_privacy_rules",
        "show_timeline",
        "track_pings",
    ];
    assert_eq!(let_in, expected.into());
    house.get(&ada, "/api/v1/users/me").expect(200);
    assert_eq!(
        house.get(&ada, "/api/v1/api-keys").json()["api_keys"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );
}
