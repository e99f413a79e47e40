//! Access tokens as they are made in earnest: each that is not just as we made it is refused, by the same words whichever part of it is wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use adapters::crypto::{RandomRefreshTokens, SignedAccessTokens, TokenKey};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use services::accounts::Tokens;

use crate::client::Answer;
use crate::house::{House, NOON, Person, good_ping};

const ME: &str = "/api/v1/users/me";

fn key(id: &str, byte: u8) -> TokenKey {
    TokenKey {
        id: id.to_owned(),
        secret: vec![byte; 32],
    }
}

/// A house whose tokens are signed with this key.
fn house() -> House {
    House::with(|services, _| {
        let access = Arc::new(SignedAccessTokens::new(&[key("now", 1)]).expect("usable keys"));
        let tokens = Tokens::new(access.clone(), Arc::new(RandomRefreshTokens));
        services.sign_in.tokens = tokens.clone();
        services.refresh.tokens = tokens;
        services.authenticate.access_tokens = access;
    })
}

fn part(json: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(json.to_string())
}

/// A part of a token, read.
fn read(part: &str) -> Value {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).expect("Base64");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn signed(header: &Value, claims: &Value, (algorithm, secret): (Algorithm, &[u8])) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let key = EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).expect("a signature");
    format!("{message}.{signature}")
}

/// All that a client can see of a refusal, but for what differs from one answer to the next.
fn seen(answer: Answer) -> (u16, BTreeMap<String, String>, Vec<u8>) {
    let mut headers = answer.headers;
    for differs in ["x-request-id", "date", "ratelimit"] {
        headers.remove(differs);
    }
    (answer.status, headers, answer.body)
}

/// Makes sure that these are refused alike wherever a token is asked for, and reach nothing.
fn are_refused(house: &House, ada: &Person, tokens: &[String]) {
    let knock = |token: &str| {
        let track = house
            .call("POST", "/api/v1/usage/track")
            .token(token)
            .json(&good_ping())
            .send();
        let show = house.call("GET", ME).token(token).send();
        (seen(track), seen(show))
    };
    let forged = knock("forged");
    assert_eq!((forged.0.0, forged.1.0), (401, 401));
    for token in tokens {
        assert_eq!(knock(token), forged, "{token}");
        house
            .post("/api/v1/auth/refresh", &json!({"refresh_token": token}))
            .expect(401);
    }
    assert_eq!(house.waiting(), 0);
    house.get(ada, ME).expect(200);
}

#[test]
fn a_token_that_says_something_else_is_refused_though_its_signature_is_right() {
    let house = house();
    let ada = house.person("ada");
    let parts: Vec<_> = ada.token.split('.').collect();
    let (header, claims) = (read(parts[0]), read(parts[1]));
    let ours = |header: &Value, claims: &Value| signed(header, claims, (Algorithm::HS256, &[1; 32]));
    let again = ours(&header, &claims);
    house.call("GET", ME).token(&again).send().expect(200);

    let with = |json: &Value, name: &str, value: Value| {
        let mut other = json.clone();
        other[name] = value;
        other
    };
    let without = |json: &Value, name: &str| {
        let mut other = json.clone();
        other.as_object_mut().expect("an object").remove(name);
        other
    };
    let secs = NOON.0 / 1_000;
    let other_headers = [
        with(&header, "alg", json!("none")),
        with(&header, "alg", json!("HS512")),
        with(&header, "alg", json!("RS256")),
        with(&header, "typ", json!("JWT")),
        with(&header, "typ", json!("rt+jwt")),
        without(&header, "typ"),
        with(&header, "kid", json!("then")),
        with(&header, "kid", json!("../../dev/null")),
        with(&header, "jwk", json!({"kty": "oct", "k": "AQEB"})),
        with(&header, "jku", json!("https://example.org/keys")),
        with(&header, "crit", json!(["exp"])),
    ];
    let other_claims = [
        with(&claims, "aud", json!("somebody")),
        with(&claims, "aud", json!(["daybook", "somebody"])),
        with(&claims, "iss", json!("somebody")),
        with(&claims, "exp", json!(secs)),
        with(&claims, "exp", json!("never")),
        with(&claims, "iat", json!(secs + 3_600)),
        with(&claims, "sub", json!("ada")),
        with(&claims, "sid", json!("any")),
        without(&claims, "exp"),
        without(&claims, "sid"),
        json!({}),
        json!([]),
    ];
    let of_headers = other_headers.iter().map(|header| ours(header, &claims));
    let of_claims = other_claims.iter().map(|claims| ours(&header, claims));
    are_refused(&house, &ada, &of_headers.chain(of_claims).collect::<Vec<_>>());
}

#[test]
fn a_token_that_we_did_not_sign_is_refused() {
    let house = house();
    let ada = house.person("ada");
    let parts: Vec<_> = ada.token.split('.').collect();
    let (header, claims) = (read(parts[0]), read(parts[1]));
    let none = part(&json!({"alg": "none", "typ": "at+jwt", "kid": "now"}));
    let tokens = [
        signed(&header, &claims, (Algorithm::HS256, &[2; 32])),
        signed(&header, &claims, (Algorithm::HS256, b"")),
        signed(&header, &claims, (Algorithm::HS256, b"now")),
        signed(&header, &claims, (Algorithm::HS512, &[1; 32])),
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], part(&json!({"sub": ada.id})), parts[2]),
        format!("{}..{}", parts[0], parts[2]),
        format!("{}.{}", ada.token, parts[2]),
        format!("{}=", ada.token),
    ];
    are_refused(&house, &ada, &tokens);
    let by_refresh = house.call("GET", ME).token(&ada.refresh).send().expect(401);
    let by_nothing = house.call("GET", ME).token("forged").send().expect(401);
    assert_eq!(seen(by_refresh), seen(by_nothing));
}

#[test]
fn a_token_that_is_cut_short_anywhere_is_refused() {
    let house = house();
    let ada = house.person("ada");
    let cuts = (0..ada.token.len()).step_by(7).chain([ada.token.len() - 1]);
    let tokens: Vec<_> = cuts.map(|cut| ada.token[..cut].to_owned()).collect();
    // One that is cut to nothing is no token at all, and is told so in the same words.
    are_refused(&house, &ada, &tokens);
}

#[test]
fn a_token_that_has_expired_is_refused_as_a_forged_one_is() {
    let house = house();
    let ada = house.person("ada");
    house.clock.advance(std::time::Duration::from_secs(299));
    house.get(&ada, ME).expect(200);
    house.clock.advance(std::time::Duration::from_secs(1));
    let fresh = house
        .post("/api/v1/auth/refresh", &json!({"refresh_token": ada.refresh}))
        .expect(200)
        .json();
    let fresh = Person {
        token: fresh["access_token"].as_str().expect("text").to_owned(),
        refresh: ada.refresh,
        id: ada.id,
        device: ada.device,
    };
    are_refused(&house, &fresh, &[ada.token]);
}

#[test]
fn a_token_speaks_for_the_person_that_it_was_made_for() {
    let house = house();
    let (ada, eve) = (house.person("ada"), house.person("eve"));
    assert_ne!(ada.id, eve.id);
    let (of_ada, of_eve): (Vec<_>, Vec<_>) = (ada.token.split('.').collect(), eve.token.split('.').collect());
    let swapped = format!("{}.{}.{}", of_eve[0], of_ada[1], of_eve[2]);
    are_refused(&house, &eve, &[swapped]);
    let claims = read(of_ada[1]);
    assert_eq!((&claims["sub"], &claims["did"]), (&json!(ada.id), &json!(ada.device)));
    let names: Vec<_> = claims
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        names,
        ["aud", "did", "exp", "iat", "iss", "prc", "sid", "sub"],
        "and says nothing else of them"
    );
}
