//! The OpenAPI document: whole, sound, and true.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::client::document;
use crate::device_sign_in::Device;
use crate::house::House;
use crate::schema::{check, properties, resolve};

fn operations() -> Vec<(String, String, &'static Value)> {
    let paths = document()["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().expect("a path item");
        item.iter()
            .map(move |(method, operation)| (path.clone(), method.clone(), operation))
    });
    operations.collect()
}

fn body_of(method: &str, path: &str) -> &'static Value {
    &document()["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
}

#[test]
fn every_route_is_in_it_and_no_other() {
    let documented: BTreeSet<_> = operations()
        .into_iter()
        .map(|(path, method, _)| format!("{method} {path}"))
        .collect();
    let expected = [
        "delete /api/v1/api-keys/{id}",
        "delete /api/v1/devices/{id}",
        "delete /api/v1/users/me",
        "delete /api/v1/users/me/totp",
        "get /api/openapi.json",
        "get /api/v1/api-keys",
        "get /api/v1/auth/device-codes/{user_code}",
        "get /api/v1/devices",
        "get /api/v1/report/apps",
        "get /api/v1/report/days",
        "get /api/v1/report/editors",
        "get /api/v1/report/languages",
        "get /api/v1/report/projects",
        "get /api/v1/report/urls",
        "get /api/v1/usage/dead-letters",
        "get /api/v1/usage/dead-letters/{id}",
        "get /api/v1/usage/timeline",
        "get /api/v1/users/me",
        "get /api/v1/users/me/export",
        "get /api/v1/users/me/privacy-rules",
        "get /api/v1/users/me/security-log",
        "get /health/live",
        "get /health/ready",
        "patch /api/v1/devices/{id}",
        "patch /api/v1/users/me",
        "post /api/v1/api-keys",
        "post /api/v1/auth/device-code",
        "post /api/v1/auth/device-codes/{user_code}",
        "post /api/v1/auth/device-token",
        "post /api/v1/auth/login",
        "post /api/v1/auth/logout",
        "post /api/v1/auth/logout-all",
        "post /api/v1/auth/password-reset",
        "post /api/v1/auth/password-reset/confirm",
        "post /api/v1/auth/refresh",
        "post /api/v1/usage/dead-letters/{id}/replay",
        "post /api/v1/usage/import",
        "post /api/v1/usage/track",
        "post /api/v1/users/me/email",
        "post /api/v1/users/me/password",
        "post /api/v1/users/me/totp",
        "post /api/v1/users/me/totp/confirm",
        "post /api/v1/users/me/totp/recovery-codes",
        "post /api/v1/users/register",
        "put /api/v1/users/me/privacy-rules",
    ];
    assert_eq!(documented, expected.map(str::to_owned).into());
    let house = House::new();
    for (path, method, _) in operations() {
        let status = house.call(&method.to_uppercase(), &path).send().status;
        assert!(
            ![404, 405].contains(&status),
            "{method} {path} is documented and not served: {status}"
        );
    }
}

#[test]
fn it_is_openapi_3_1_in_its_parts() {
    let document = document();
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1."))
    );
    assert_eq!(document["info"]["title"], "Daybook");
    assert!(document["info"]["version"].is_string());
    let ids: BTreeSet<_> = operations()
        .iter()
        .map(|(_, _, operation)| operation["operationId"].as_str())
        .collect();
    assert_eq!(ids.len(), operations().len(), "each operation has an id of its own");
    for (path, method, operation) in operations() {
        let at = format!("{method} {path}");
        assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{at}");
        let responses = operation["responses"].as_object().expect("responses");
        assert!(responses.keys().any(|status| status.starts_with('2')), "{at}");
        for (status, response) in responses {
            assert!(
                response["description"].as_str().is_some_and(|text| !text.is_empty()),
                "{at} {status}"
            );
            let content = response["content"].as_object().into_iter().flatten();
            let wanted = match (status.as_str(), path.as_str()) {
                ("204" | "304", _) => None,
                ("200", "/api/v1/users/me/export") => Some("application/zip"),
                (status, _) if status.starts_with('2') => Some("application/json"),
                _ => Some("application/problem+json"),
            };
            let types: Vec<_> = content.map(|(name, _)| name.as_str()).collect();
            assert_eq!(types, wanted.as_slice(), "{at} {status}");
        }
        let mut seen = BTreeSet::new();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().expect("a name");
            assert!(
                parameter["in"].is_string() && parameter["schema"].is_object(),
                "{at} {name}"
            );
            assert!(parameter["description"].is_string(), "{at} {name}");
            assert!(seen.insert(name), "{at} {name} twice");
        }
        let guarded = operation["responses"]["403"].is_object();
        let keeps_cookie = ["/api/v1/auth/login", "/api/v1/auth/refresh"].contains(&path.as_str());
        assert_eq!(operation["security"].is_array() || keeps_cookie, guarded, "{at}");
        assert_eq!(operation["responses"]["401"].is_object(), guarded, "{at}");
        assert_eq!(operation["responses"]["404"].is_object(), path.contains('{'), "{at}");
        assert_eq!(
            operation["requestBody"].is_object(),
            operation["responses"]["415"].is_object(),
            "{at}"
        );
        let limited = operation["responses"]["429"]["headers"].as_object();
        assert_eq!(limited.is_some(), !path.starts_with("/health/"), "{at}");
        for header in limited
            .iter()
            .flat_map(|_| ["RateLimit", "RateLimit-Policy", "Retry-After"])
        {
            assert!(
                limited.is_some_and(|headers| headers.contains_key(header)),
                "{at} {header}"
            );
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let mut used = BTreeSet::new();
    let mut to_see = vec![document()];
    while let Some(value) = to_see.pop() {
        if let Some(reference) = value["$ref"].as_str() {
            resolve(value);
            used.extend(reference.strip_prefix("#/components/schemas/").map(str::to_owned));
        }
        match value {
            Value::Array(items) => to_see.extend(items),
            Value::Object(members) => to_see.extend(members.values()),
            _ => {}
        }
    }
    let schemas = document()["components"]["schemas"].as_object().expect("schemas");
    assert_eq!(used, schemas.keys().cloned().collect());
}

#[test]
fn what_a_body_may_hold_is_what_it_is_read_for() {
    let house = House::new();
    let ada = house.person("ada");
    for (method, path) in [
        ("post", "/api/v1/users/register"),
        ("post", "/api/v1/auth/login"),
        ("post", "/api/v1/auth/refresh"),
        ("post", "/api/v1/auth/password-reset"),
        ("post", "/api/v1/auth/password-reset/confirm"),
        ("patch", "/api/v1/users/me"),
        ("delete", "/api/v1/users/me"),
        ("post", "/api/v1/users/me/email"),
        ("post", "/api/v1/users/me/password"),
        ("post", "/api/v1/users/me/totp"),
        ("post", "/api/v1/users/me/totp/confirm"),
        ("delete", "/api/v1/users/me/totp"),
        ("post", "/api/v1/users/me/totp/recovery-codes"),
        ("patch", "/api/v1/devices/{id}"),
        ("post", "/api/v1/api-keys"),
        ("put", "/api/v1/users/me/privacy-rules"),
    ] {
        let schema = resolve(body_of(method, path));
        assert_eq!(schema["additionalProperties"], false, "{method} {path}");
        let owners = |name: &String| !["user_id", "device_id"].contains(&name.as_str());
        let names: Vec<_> = properties(schema)
            .into_iter()
            .map(|(name, _)| name)
            .filter(owners)
            .collect();
        let call = |body: &Value| {
            let call = house
                .call(&method.to_uppercase(), path)
                .token(&ada.token)
                .header("X-Device-Id", "laptop");
            call.json(body).send()
        };
        let wrong: Map<_, _> = names.iter().map(|name| (name.clone(), json!({}))).collect();
        let told: BTreeSet<_> = call(&Value::Object(wrong)).expect(422).faults().into_iter().collect();
        let expected = names
            .iter()
            .map(|name| (format!("/{name}"), "wrong_type".to_owned()))
            .collect();
        assert_eq!(told, expected, "{method} {path}");

        let required = schema["required"].as_array().into_iter().flatten();
        let missing = call(&json!({"stranger": 1})).expect(422).faults();
        let missing: BTreeSet<_> = missing.into_iter().filter(|(_, code)| code == "required").collect();
        let expected = required.map(|name| (format!("/{}", name.as_str().expect("text")), "required".to_owned()));
        assert_eq!(missing, expected.collect(), "{method} {path}");
    }
}

#[test]
fn a_ping_may_hold_what_it_is_read_for() {
    let house = House::new();
    let ada = house.person("ada");
    let ping = &document()["components"]["schemas"]["Ping"];
    let owners = |name: &String| !["user_id", "device_id"].contains(&name.as_str());
    let names: Vec<_> = properties(ping)
        .into_iter()
        .map(|(name, _)| name)
        .filter(owners)
        .collect();
    let wrong: Map<_, _> = names.iter().map(|name| (name.clone(), json!({}))).collect();
    let told: BTreeSet<_> = house
        .track(&ada, &Value::Object(wrong))
        .expect(422)
        .faults()
        .into_iter()
        .collect();
    assert_eq!(
        told,
        names
            .iter()
            .map(|name| (format!("/{name}"), "wrong_type".to_owned()))
            .collect()
    );
}

#[test]
fn what_a_query_may_hold_is_what_it_is_read_for() {
    let house = House::new();
    let ada = house.person("ada");
    let mut asked = 0;
    for (path, method, operation) in operations() {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        for parameter in parameters.filter(|parameter| parameter["in"] == "query") {
            let name = parameter["name"].as_str().expect("a name");
            assert_eq!(parameter["required"], false, "{path} {name}");
            let call = house.call(&method.to_uppercase(), &format!("{path}?{name}=%21"));
            let faults = call.token(&ada.token).json(&json!({})).send().expect(422).faults();
            assert_eq!(faults[0].0, format!("/query/{name}"));
            assert_ne!(faults[0].1, "unknown_field", "{path} {name}");
            asked += 1;
        }
    }
    assert_eq!(asked, 3 * 6 + 3 * 5 + 4 + 4 * 2 + 3 + 1);
}

#[test]
fn the_answers_are_as_they_are_documented() {
    let house = House::new();
    let ada = house.person("ada");
    house.tracked(
        &ada,
        &[(
            "Browser",
            Some("https://example.org/"),
            "2026-03-01T09:00:00Z",
            "2026-03-01T09:05:00Z",
        )],
    );
    let letter = house.bury(&ada);
    let device = Device::begin(&house, "tv");
    for (path, method, operation) in operations() {
        let has_list = method == "get" && operation["responses"]["200"]["content"]["application/json"].is_object();
        if has_list {
            // The client holds each answer against its schema.
            let path = path.replace("{id}", &letter).replace("{user_code}", &device.shown);
            house.get(&ada, &path).expect(200);
        }
    }
}

#[test]
fn an_answer_that_breaks_its_schema_is_noticed() {
    let schema = |name: &str| &document()["components"]["schemas"][name];
    let profile = json!({
        "id": "0195505a-0000-7000-8000-000000000000",
        "email": "ada@example.org",
        "full_name": "Ada",
        "timezone": "UTC",
        "day_start": 0,
        "heartbeat_timeout": 600,
        "created_at": "2026-03-01T12:00:00Z",
    });
    assert_eq!(check(&profile, schema("Profile")), Ok(()));
    for (name, value) in [
        ("id", json!("ada")),
        ("full_name", json!(null)),
        ("day_start", json!(86_400)),
        ("day_start", json!(0.5)),
        ("created_at", json!("today")),
        ("password", json!("correct horse")),
    ] {
        let mut other = profile.clone();
        other[name] = value;
        assert!(check(&other, schema("Profile")).is_err(), "{other}");
    }
    assert!(check(&json!({}), schema("Profile")).is_err());
    assert!(check(&json!({"recovery_codes": ["a"]}), schema("RecoveryCodes")).is_err());
    assert!(check(&json!(["all"]), &schema("NewApiKey")["properties"]["scopes"]).is_err());
    assert!(check(&json!({"current": true}), schema("DeviceState")).is_err());
}

#[test]
fn it_is_served_as_it_is_generated() {
    let house = House::new();
    let answer = house.call("GET", "/api/openapi.json").send().expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.json(), *document());
}
