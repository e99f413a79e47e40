//! The second factor on two nodes: each code is good once, on one of them.

use serde_json::{Value, json};
use totp_rs::{Algorithm, Builder, Totp};

use super::house::{House, Node, PASSWORD, events};
use crate::client::Answer;
use crate::ledger::now_ms;

const EMAIL: &str = "ada@example.org";
/// How long a code is shown.
const STEP_SECS: u64 = 30;

/// An authenticator with the secret that it was given.
struct Authenticator(Totp);

impl Authenticator {
    fn with(secret: &str) -> Self {
        let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6);
        let totp = builder.with_step_duration(STEP_SECS).with_secret(of_base32(secret));
        Self(totp.build().expect("a secret of the right length"))
    }

    /// The code that it shows so many steps from now.
    fn code(&self, steps: u64) -> String {
        let now_secs = now_ms().cast_unsigned() / 1_000;
        self.0.generate(now_secs + steps * STEP_SECS).to_string()
    }
}

/// RFC 4648, section 6, without padding.
fn of_base32(text: &str) -> [u8; 20] {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let value = |byte: u8| ALPHABET.iter().position(|known| *known == byte).expect("Base32");
    let bits: Vec<usize> = text
        .bytes()
        .flat_map(|byte| (0..5).rev().map(move |bit| value(byte) >> bit & 1))
        .collect();
    let byte = |bits: &[usize]| {
        bits.iter()
            .fold(0, |byte, bit| byte << 1 | u8::try_from(*bit).expect("a bit"))
    };
    let bytes: Vec<u8> = bits.chunks_exact(8).map(byte).collect();
    bytes.try_into().expect("160 bits")
}

fn sign_in(node: &Node, password: &str, code: &str) -> Answer {
    let body = json!({"email": EMAIL, "password": password, "code": code});
    node.client
        .post("/api/v1/auth/login", &[("X-Device-Id", "phone")], &body)
}

#[test]
fn a_code_that_was_used_on_one_node_is_good_for_nothing_on_the_other() {
    let house = House::start();
    let [a, b] = &house.nodes();
    a.client.register(EMAIL, "UTC");
    let ada = a.sign_in(EMAIL, "laptop").caller;
    let begun = a
        .post("/api/v1/users/me/totp", &ada, &json!({"password": PASSWORD}))
        .json();
    let authenticator = Authenticator::with(begun["secret"].as_str().expect("a secret"));
    assert_eq!(b.attempt(EMAIL, PASSWORD, "phone").status, 200, "it is not in use yet");
    let confirmed = b.post(
        "/api/v1/users/me/totp/confirm",
        &ada,
        &json!({"code": authenticator.code(0)}),
    );
    assert_eq!(confirmed.status, 200, "{confirmed:?}");
    let on_paper = confirmed.json()["recovery_codes"].clone();
    let on_paper = |number: usize| on_paper[number].as_str().expect("a code").to_owned();

    let wrong = a.attempt(EMAIL, "a wrong password", "phone");
    for node in [a, b] {
        let asked = node.attempt(EMAIL, PASSWORD, "phone");
        assert!(
            asked.status == 401 && asked.body.contains("second_factor_required"),
            "{asked:?}"
        );
    }
    assert_eq!(
        sign_in(b, "a wrong password", &authenticator.code(1)),
        wrong,
        "no hint which part was wrong"
    );
    let code = authenticator.code(1);
    assert_eq!(sign_in(a, PASSWORD, &code).status, 200);
    assert_eq!(sign_in(b, PASSWORD, &code).status, 401, "it was used");
    assert_eq!(sign_in(b, PASSWORD, &on_paper(0)).status, 200);
    assert_eq!(sign_in(a, PASSWORD, &on_paper(0)).status, 401, "it was used");

    let mut change = json!({"password": PASSWORD, "new_password": "a horse of another stable"});
    assert_eq!(
        a.post("/api/v1/users/me/password", &ada, &change).status,
        403,
        "it is asked for"
    );
    change["code"] = Value::String(on_paper(1));
    assert_eq!(a.post("/api/v1/users/me/password", &ada, &change).status, 204);
    let proof = json!({"password": "a horse of another stable", "code": on_paper(2)});
    assert_eq!(b.client.delete("/api/v1/users/me/totp", &ada, Some(&proof)).status, 204);
    assert_eq!(a.attempt(EMAIL, "a horse of another stable", "phone").status, 200);

    let log = events(b, &ada);
    for word in [
        "second_factor_enabled",
        "second_factor_failed",
        "recovery_code_used",
        "second_factor_disabled",
    ] {
        assert!(log.iter().any(|event| event == word), "{word} in {log:?}");
    }
}
