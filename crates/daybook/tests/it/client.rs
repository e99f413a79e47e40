//! A client of the API, as anybody could write one.

use serde_json::{Value, json};
use ureq::Agent;

use crate::program::wait_for;

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

    /// A step at a page for people, in a browser that keeps `cookie`: the page, or a form that is sent to it. The status, where it leads on to, the cookie
    /// since then, and the page.
    pub fn page(&self, path: &str, form: Option<&str>, cookie: &mut String) -> (u16, String, String) {
        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(std::time::Duration::from_secs(20)))
            .build()
            .into();
        let address = format!("{}{path}", self.base);
        let result = match form {
            None => agent.get(address).header("Cookie", &*cookie).call(),
            Some(form) => agent
                .post(address)
                .header("Cookie", &*cookie)
                .header("Sec-Fetch-Site", "same-origin")
                .header("Content-Type", "application/x-www-form-urlencoded")
                .send(form),
        };
        let mut response = result.expect("an answer");
        let header = |name: &str| {
            let value = response.headers().get(name);
            value.map(|value| value.to_str().expect("ASCII").to_owned())
        };
        if let Some(set) = header("set-cookie") {
            set.split(';').next().expect("a pair").clone_into(cookie);
        }
        let place = header("location").unwrap_or_default();
        let page = response.body_mut().read_to_string().expect("text");
        (response.status().as_u16(), place, page)
    }

    /// A change of something that is there.
    pub fn patch(&self, path: &str, caller: &Caller, body: &Value) -> Answer {
        let request = self.agent.patch(format!("{}{path}", self.base));
        answer(
            request
                .header("Authorization", format!("Bearer {}", caller.token))
                .header("Content-Type", "application/json")
                .send(body.to_string()),
        )
    }

    /// What takes the place of what was there.
    pub fn put(&self, path: &str, caller: &Caller, body: &Value) -> Answer {
        let request = self.agent.put(format!("{}{path}", self.base));
        answer(
            request
                .header("Authorization", format!("Bearer {}", caller.token))
                .header("Content-Type", "application/json")
                .send(body.to_string()),
        )
    }

    /// A deletion, which some of them ask a proof for.
    pub fn delete(&self, path: &str, caller: &Caller, proof: Option<&Value>) -> Answer {
        let request = self
            .agent
            .delete(format!("{}{path}", self.base))
            .header("Authorization", format!("Bearer {}", caller.token));
        answer(match proof {
            None => request.call(),
            Some(proof) => request
                .header("Content-Type", "application/json")
                .force_send_body()
                .send(proof.to_string()),
        })
    }

    /// What is answered with 200, whatever bytes it is.
    pub fn download(&self, path: &str, caller: &Caller) -> Vec<u8> {
        let ask = || {
            let request = self.agent.get(format!("{}{path}", self.base));
            let token = format!("Bearer {}", caller.token);
            let answer = request.header("Authorization", token).call().expect("an answer");
            Some(answer).filter(|answer| answer.status() != 503)
        };
        let mut answer = wait_for("an answer that is not 503", ask);
        assert_eq!(answer.status(), 200, "{path}");
        answer.body_mut().read_to_vec().expect("a whole body")
    }

    pub fn register(&self, email: &str, timezone: &str) {
        let body =
            json!({"email": email, "password": "correct horse battery", "full_name": "Ada", "timezone": timezone});
        let registered = self.post("/api/v1/users/register", &[], &body);
        assert_eq!(registered.status, 201, "{registered:?}");
    }

    pub fn sign_in(&self, email: &str, device_key: &str) -> Caller {
        let body = json!({"email": email, "password": "correct horse battery"});
        let signed_in = patiently(|| self.post("/api/v1/auth/login", &[("X-Device-Id", device_key)], &body));
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

    /// Tracks pings, again for as long as the server says that it cannot take them.
    pub fn track(&self, caller: &Caller, body: &Value) -> Answer {
        patiently(|| self.track_once(caller, body))
    }

    /// Tracks pings, and takes no for an answer.
    pub fn track_once(&self, caller: &Caller, body: &Value) -> Answer {
        self.post(
            "/api/v1/usage/track",
            &[("Authorization", &format!("Bearer {}", caller.token))],
            body,
        )
    }

    /// The caller's timeline in `[from, to)`, byte for byte.
    pub fn timeline(&self, caller: &Caller, from: &str, to: &str) -> String {
        let path = format!("/api/v1/usage/timeline?from={from}&to={to}");
        let answer = patiently(|| self.get(&path, Some(caller)));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }
}

/// What is answered once it is not that the server cannot do it just now: a machine full of tests may keep it from its Redis for a second.
pub fn patiently(ask: impl Fn() -> Answer) -> Answer {
    wait_for("an answer that is not 503", || {
        Some(ask()).filter(|answer| answer.status != 503)
    })
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
