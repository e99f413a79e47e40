//! A client of the API, as anybody could write one.

use serde_json::{Value, json};
use ureq::Agent;

#[derive(Clone)]
pub struct Client {
    agent: Agent,
    base: String,
}

/// Somebody who is signed in on a device.
#[derive(Clone)]
pub struct Caller {
    pub token: String,
    pub device: String,
    pub precedence: i32,
}

/// An answer: its status and body. No answer at all is status 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Client {
    pub fn new(base: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(std::time::Duration::from_secs(20)));
        Self {
            agent: config.build().into(),
            base: base.to_owned(),
        }
    }

    pub fn get(&self, path: &str, caller: Option<&Caller>) -> Answer {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        if let Some(caller) = caller {
            request = request.header("Authorization", format!("Bearer {}", caller.token));
        }
        answer(request.call())
    }

    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let request = headers.iter().fold(
            self.agent.post(format!("{}{path}", self.base)),
            |request, (name, value)| request.header(*name, *value),
        );
        answer(
            request
                .header("Content-Type", "application/json")
                .send(body.to_string()),
        )
    }

    pub fn register(&self, email: &str, timezone: &str) {
        let body =
            json!({"email": email, "password": "correct horse battery", "full_name": "Ada", "timezone": timezone});
        let registered = self.post("/api/v1/users/register", &[], &body);
        assert_eq!(registered.status, 201, "{registered:?}");
    }

    pub fn sign_in(&self, email: &str, device_key: &str) -> Caller {
        let body = json!({"email": email, "password": "correct horse battery"});
        let signed_in = self.post("/api/v1/auth/login", &[("X-Device-Id", device_key)], &body);
        assert_eq!(signed_in.status, 200, "{signed_in:?}");
        let signed_in = signed_in.json();
        let word = |pointer: &str| {
            signed_in
                .pointer(pointer)
                .and_then(Value::as_str)
                .expect(pointer)
                .to_owned()
        };
        let precedence = signed_in
            .pointer("/device/precedence")
            .and_then(Value::as_i64)
            .expect("a precedence");
        let precedence = i32::try_from(precedence).expect("small");
        Caller {
            token: word("/access_token"),
            device: word("/device/id"),
            precedence,
        }
    }

    pub fn track(&self, caller: &Caller, body: &Value) -> Answer {
        self.post(
            "/api/v1/usage/track",
            &[("Authorization", &format!("Bearer {}", caller.token))],
            body,
        )
    }

    /// The caller's timeline in `[from, to)`, byte for byte.
    pub fn timeline(&self, caller: &Caller, from: &str, to: &str) -> String {
        let answer = self.get(&format!("/api/v1/usage/timeline?from={from}&to={to}"), Some(caller));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }
}

fn answer(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    match result {
        Ok(mut response) => {
            let status = response.status().as_u16();
            let body = response.body_mut().read_to_string();
            body.map_or(
                Answer {
                    status: 0,
                    body: String::new(),
                },
                |body| Answer { status, body },
            )
        }
        Err(_) => Answer {
            status: 0,
            body: String::new(),
        },
    }
}
