//! The second factor: put into use, asked for, used up, replaced on paper, taken out of use.

use std::time::Duration;

use domain::accounts::TotpSecret;
use ports::Clock;
use serde_json::{Value, json};
use testkit::contract::second_factors::Authenticator;
use testkit::memory::factors::MemoryFactors;

use crate::house::{House, PASSWORD, Person};

const TOTP: &str = "/api/v1/users/me/totp";
const CONFIRM: &str = "/api/v1/users/me/totp/confirm";
const CODES: &str = "/api/v1/users/me/totp/recovery-codes";
/// How long a code is shown.
const STEP: Duration = Duration::from_secs(30);

/// Somebody's second factor, in their hands.
pub struct Factor {
    secret: TotpSecret,
    pub recovery_codes: Vec<String>,
}

impl Factor {
    /// Puts a factor into use. Its code of this half minute is used up by that.
    pub fn enable(house: &House, person: &Person) -> Self {
        let mut factor = Self::begin(house, person);
        let confirmed = house.send(person, "POST", CONFIRM, &json!({"code": factor.code(house)}));
        factor.recovery_codes = texts(&confirmed.expect(200).json()["recovery_codes"]);
        factor
    }

    fn begin(house: &House, person: &Person) -> Self {
        let begun = house
            .send(person, "POST", TOTP, &json!({"password": PASSWORD}))
            .expect(200)
            .json();
        Self {
            secret: secret(begun["secret"].as_str().expect("text")),
            recovery_codes: Vec::new(),
        }
    }

    /// What the authenticator shows now.
    pub fn code(&self, house: &House) -> String {
        MemoryFactors::default().code(&self.secret, house.clock.now()).expose()
    }

    /// What it was set up with.
    pub fn base32(&self) -> String {
        self.secret.base32()
    }

    /// What it shows once the code of now is gone.
    pub fn next_code(&self, house: &House) -> String {
        house.clock.advance(STEP);
        self.code(house)
    }
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list").iter();
    list.map(|text| text.as_str().expect("text").to_owned()).collect()
}

/// Reads Base32, as an authenticator does.
fn secret(base32: &str) -> TotpSecret {
    let mut bits = base32.bytes().flat_map(|byte| {
        let five = if byte.is_ascii_digit() {
            byte - b'2' + 26
        } else {
            byte - b'A'
        };
        (0..5).rev().map(move |bit| five >> bit & 1)
    });
    TotpSecret::new(std::array::from_fn(|_| {
        bits.by_ref().take(8).fold(0, |byte, bit| byte << 1 | bit)
    }))
}

#[test]
fn it_is_asked_for_once_a_code_of_it_was_shown() {
    let house = House::new();
    let ada = house.person("ada");
    let begun = house
        .send(&ada, "POST", TOTP, &json!({"password": PASSWORD}))
        .expect(200)
        .json();
    let uri = begun["uri"].as_str().expect("text");
    assert!(uri.starts_with("otpauth://totp/") && uri.contains(begun["secret"].as_str().expect("text")));
    house.sign_in("ada", "phone");

    let factor = Factor::enable(&house, &ada);
    assert_eq!(factor.recovery_codes.len(), 10);
    let login = |code: Option<&str>| house.login("ada", "phone", (PASSWORD, code));
    let asked = login(None).expect(401);
    assert_eq!(asked.problem(), "second_factor_required");
    assert_eq!(asked.header("www-authenticate"), Some("Bearer"));
    login(Some(&factor.code(&house))).expect(401);
    let code = factor.next_code(&house);
    login(Some(&code)).expect(200);
    login(Some(&code)).expect(401);
    login(Some(&factor.next_code(&house))).expect(200);
    assert_eq!(house.mails("ada").len(), 1, "who has the address is told");
}

#[test]
fn a_wrong_code_is_told_from_a_wrong_password_only_to_who_has_the_password() {
    let house = House::new();
    let ada = house.person("ada");
    let factor = Factor::enable(&house, &ada);
    let code = factor.next_code(&house);
    let wrong_password = house.login("ada", "x", ("wrong horse", None)).expect(401);
    let also_with_code = house.login("ada", "x", ("wrong horse", Some(&code))).expect(401);
    assert_eq!(wrong_password.body, also_with_code.body);
    assert_eq!(wrong_password.problem(), "unauthenticated");
    for wrong in ["000000", "", "nonsense", "0000-0000-0000-0000", &"9".repeat(64)] {
        let answer = house.login("bob", "x", (PASSWORD, Some(wrong))).expect(401);
        assert_eq!(answer.body, wrong_password.body, "nobody has that address");
    }
    let wrong = house.login("ada", "x", (PASSWORD, Some("000000"))).expect(401);
    assert_eq!(wrong.problem(), "unauthenticated");
    assert_ne!(wrong.body, wrong_password.body);
    house.login("ada", "x", (PASSWORD, Some(&code))).expect(200);
    let too_long = house.login("ada", "x", (PASSWORD, Some(&"9".repeat(65))));
    too_long.expect_faults(&[("/code", "too_long")]);
    assert_eq!(house.log(&ada)[..2], ["signed_in", "second_factor_failed"]);
}

#[test]
fn a_recovery_code_stands_in_for_it_once() {
    let house = House::new();
    let ada = house.person("ada");
    let factor = Factor::enable(&house, &ada);
    let typed = factor.recovery_codes[3].to_uppercase().replace('-', " ");
    house.login("ada", "phone", (PASSWORD, Some(&typed))).expect(200);
    house.login("ada", "phone", (PASSWORD, Some(&typed))).expect(401);
    house
        .login("ada", "phone", (PASSWORD, Some(&factor.recovery_codes[4])))
        .expect(200);
    let log = house.log(&ada);
    assert_eq!(log.iter().filter(|event| *event == "recovery_code_used").count(), 2);
}

#[test]
fn new_recovery_codes_void_the_old_ones() {
    let house = House::new();
    let ada = house.person("ada");
    let factor = Factor::enable(&house, &ada);
    let body = json!({"password": PASSWORD, "code": factor.next_code(&house)});
    let renewed = texts(&house.send(&ada, "POST", CODES, &body).expect(200).json()["recovery_codes"]);
    assert!(renewed.iter().all(|code| !factor.recovery_codes.contains(code)));
    house
        .login("ada", "x", (PASSWORD, Some(&factor.recovery_codes[0])))
        .expect(401);
    house.login("ada", "x", (PASSWORD, Some(&renewed[0]))).expect(200);
}

#[test]
fn it_is_taken_out_of_use_by_who_has_it() {
    let house = House::new();
    let ada = house.person("ada");
    let factor = Factor::enable(&house, &ada);
    for body in [
        json!({"password": PASSWORD}),
        json!({"password": PASSWORD, "code": "000000"}),
        json!({"password": "wrong horse", "code": factor.next_code(&house)}),
    ] {
        let refused = house.send(&ada, "DELETE", TOTP, &body).expect(403);
        assert_eq!(refused.problem(), "proof_refused");
    }
    house.login("ada", "x", (PASSWORD, None)).expect(401);
    let body = json!({"password": PASSWORD, "code": factor.next_code(&house)});
    house.send(&ada, "DELETE", TOTP, &body).expect(204);
    house.login("ada", "x", (PASSWORD, None)).expect(200);
    assert_eq!(house.mails("ada").len(), 2);
    assert_eq!(house.log(&ada)[1], "second_factor_disabled");
}

#[test]
fn what_does_not_fit_its_state_is_409() {
    let house = House::new();
    let ada = house.person("ada");
    let proof = json!({"password": PASSWORD});
    let conflict = |method: &str, path: &str, body: &Value| {
        let answer = house.send(&ada, method, path, body).expect(409);
        assert_eq!(answer.problem(), "second_factor_state", "{method} {path}");
    };
    conflict("POST", CONFIRM, &json!({"code": "123456"}));
    conflict("DELETE", TOTP, &proof);
    conflict("POST", CODES, &proof);
    let factor = Factor::enable(&house, &ada);
    let body = json!({"password": PASSWORD, "code": factor.next_code(&house)});
    conflict("POST", TOTP, &body);
    conflict("POST", CONFIRM, &json!({"code": factor.code(&house)}));
}

#[test]
fn a_code_that_is_none_or_wrong_does_not_confirm_it() {
    let house = House::new();
    let ada = house.person("ada");
    let first = Factor::begin(&house, &ada);
    let second = Factor::begin(&house, &ada);
    let confirm = |code: &str| house.send(&ada, "POST", CONFIRM, &json!({"code": code}));
    for none in ["", "12345", "1234567", "12345a", "١٢٣٤٥٦"] {
        confirm(none).expect_faults(&[("/code", "invalid_code")]);
    }
    confirm(&first.code(&house)).expect_faults(&[("/code", "wrong_code")]);
    house.login("ada", "x", (PASSWORD, None)).expect(200);
    let code = second.code(&house);
    confirm(&format!("{} {}", &code[..3], &code[3..])).expect(200);
}

#[test]
fn the_password_is_asked_for_before_it_is_touched() {
    let house = House::new();
    let ada = house.person("ada");
    for (method, path) in [("POST", TOTP), ("DELETE", TOTP), ("POST", CODES)] {
        let wrong = house
            .send(&ada, method, path, &json!({"password": "wrong horse"}))
            .expect(403);
        assert_eq!(wrong.problem(), "proof_refused");
        house
            .send(&ada, method, path, &json!({}))
            .expect_faults(&[("/password", "required")]);
    }
}
