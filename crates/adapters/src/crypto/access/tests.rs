use super::*;

const NOW: UnixMs = UnixMs(1_772_355_600_000);

fn key(id: &str, byte: u8) -> TokenKey {
    TokenKey {
        id: id.to_owned(),
        secret: vec![byte; 32],
    }
}

fn tokens(keys: &[TokenKey]) -> SignedAccessTokens {
    SignedAccessTokens::new(keys).expect("usable keys")
}

fn caller() -> Caller {
    Caller {
        user: UserId(Uuid::from_u128(1)),
        device: DeviceId(Uuid::from_u128(2)),
        session: SessionId(Uuid::from_u128(3)),
        precedence: -7,
    }
}

/// A token of our making, rightly signed by `key` whatever it says.
fn forged(header: &serde_json::Value, claims: &serde_json::Value, key: &TokenKey) -> String {
    forged_by(Algorithm::HS256, header, claims, key)
}

fn forged_by(algorithm: Algorithm, header: &serde_json::Value, claims: &serde_json::Value, key: &TokenKey) -> String {
    let part = |part: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signing = EncodingKey::from_secret(&key.secret);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &signing, algorithm).expect("a signature");
    format!("{message}.{signature}")
}

fn header(key: &str) -> serde_json::Value {
    serde_json::json!({"alg": "HS256", "kid": key, "typ": "at+jwt"})
}

fn claims() -> serde_json::Value {
    let iat = secs(NOW);
    serde_json::json!({
        "iss": "daybook", "aud": "daybook", "prc": -7, "iat": iat, "exp": iat + 300,
        "sub": Uuid::from_u128(1), "did": Uuid::from_u128(2), "sid": Uuid::from_u128(3),
    })
}

#[test]
fn a_token_speaks_for_the_caller_it_was_issued_to() {
    let tokens = tokens(&[key("a", 1)]);
    let (token, secs) = tokens.issue(&caller(), NOW).expect("a token");
    assert_eq!(secs, 300);
    assert_eq!(tokens.verify(&token, NOW), Some(caller()));
}

#[test]
fn a_token_lives_for_its_whole_lifetime_and_not_a_second_longer() {
    let tokens = tokens(&[key("a", 1)]);
    let (token, _) = tokens.issue(&caller(), NOW).expect("a token");
    assert!(tokens.verify(&token, NOW.plus_ms(299_999)).is_some());
    assert!(tokens.verify(&token, NOW.plus_ms(300_000)).is_none());
}

#[test]
fn a_token_from_the_future_is_refused_beyond_the_skew_of_clocks() {
    let tokens = tokens(&[key("a", 1)]);
    let (token, _) = tokens.issue(&caller(), NOW).expect("a token");
    assert!(tokens.verify(&token, NOW.plus_ms(-60_000)).is_some());
    assert!(tokens.verify(&token, NOW.plus_ms(-60_001)).is_none());
}

#[test]
fn other_programs_can_read_our_tokens() {
    let key = key("a", 1);
    let (token, _) = tokens(std::slice::from_ref(&key))
        .issue(&caller(), NOW)
        .expect("a token");
    let read = jsonwebtoken::decode_header(&token).expect("a header");
    assert_eq!(
        (read.alg, read.typ.as_deref(), read.kid.as_deref()),
        (Algorithm::HS256, Some("at+jwt"), Some("a"))
    );
    let mut validation = jsonwebtoken::Validation::new(Algorithm::HS256);
    validation.set_issuer(&["daybook"]);
    validation.set_audience(&["daybook"]);
    validation.validate_exp = false;
    let secret = DecodingKey::from_secret(&key.secret);
    let read = jsonwebtoken::decode::<serde_json::Value>(&token, &secret, &validation).expect("claims");
    assert_eq!(read.claims, claims());
}

#[test]
fn keys_are_replaced_without_signing_anybody_out() {
    let (old, new) = (key("old", 1), key("new", 2));
    let (token, _) = tokens(std::slice::from_ref(&old))
        .issue(&caller(), NOW)
        .expect("a token");
    let both = tokens(&[new.clone(), old.clone()]);
    assert_eq!(both.verify(&token, NOW), Some(caller()));
    let (successor, _) = both.issue(&caller(), NOW).expect("a token");
    let only_new = tokens(&[new]);
    assert_eq!(only_new.verify(&successor, NOW), Some(caller()));
    assert_eq!(only_new.verify(&token, NOW), None);
}

#[test]
fn keys_are_taken_over_while_tokens_are_in_use() {
    let (old, new) = (key("old", 1), key("new", 2));
    let tokens = tokens(std::slice::from_ref(&old));
    let (first, _) = tokens.issue(&caller(), NOW).expect("a token");
    tokens.take_over(&[new.clone(), old]).expect("usable keys");
    let (second, _) = tokens.issue(&caller(), NOW).expect("a token");
    assert_eq!(tokens.verify(&first, NOW), Some(caller()));
    assert_eq!(tokens.verify(&second, NOW), Some(caller()));
    tokens.take_over(std::slice::from_ref(&new)).expect("usable keys");
    assert_eq!(tokens.verify(&first, NOW), None);
    assert_eq!(tokens.take_over(&[]), Err(TokenKeysError::None));
    assert_eq!(tokens.verify(&second, NOW), Some(caller()), "the keys before stay");
}

#[test]
fn a_token_counts_under_the_key_it_names_and_no_other() {
    let (one, other) = (key("one", 1), key("other", 2));
    let tokens = tokens(&[one.clone(), other]);
    assert!(tokens.verify(&forged(&header("one"), &claims(), &one), NOW).is_some());
    assert!(tokens.verify(&forged(&header("other"), &claims(), &one), NOW).is_none());
    assert!(tokens.verify(&forged(&header("third"), &claims(), &one), NOW).is_none());
}

#[test]
fn any_other_header_is_refused_though_the_signature_is_right() {
    let key = key("a", 1);
    let tokens = tokens(std::slice::from_ref(&key));
    assert!(tokens.verify(&forged(&header("a"), &claims(), &key), NOW).is_some());
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    for other in [
        r#"{"alg":"HS256","kid":"a","typ":"JWT"}"#,
        r#"{"alg":"HS256","kid":"a","typ":"rt+jwt"}"#,
        r#"{"alg":"RS256","kid":"a","typ":"at+jwt"}"#,
        r#"{"alg":"HS256","kid":"a"}"#,
        r#"{"alg":"HS256","typ":"at+jwt"}"#,
        r#"{"alg":"none","kid":"a","typ":"at+jwt"}"#,
        r#"{"alg":"HS256","crit":["b64"],"b64":false,"kid":"a","typ":"at+jwt"}"#,
        r#"{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"},"kid":"a","typ":"at+jwt"}"#,
        "{}",
    ] {
        assert!(
            tokens.verify(&forged(&json(other), &claims(), &key), NOW).is_none(),
            "{other}"
        );
    }
    for (algorithm, name) in [(Algorithm::HS384, "HS384"), (Algorithm::HS512, "HS512")] {
        let mut header = header("a");
        let ours = forged_by(algorithm, &header, &claims(), &key);
        assert!(tokens.verify(&ours, NOW).is_none(), "signed by {name}");
        header["alg"] = serde_json::json!(name);
        let theirs = forged_by(algorithm, &header, &claims(), &key);
        assert!(tokens.verify(&theirs, NOW).is_none(), "signed by {name}, which it says");
    }
}

#[test]
fn a_token_without_a_signature_is_refused() {
    let tokens = tokens(&[key("a", 1)]);
    let (token, _) = tokens.issue(&caller(), NOW).expect("a token");
    let (signed, _) = token.rsplit_once('.').expect("a signature");
    let (_, payload) = signed.split_once('.').expect("a payload");
    let unsigned = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt","kid":"a"}"#);
    for bad in [
        format!("{signed}."),
        signed.to_owned(),
        format!("{unsigned}.{payload}."),
        format!("{signed}..."),
        format!(".{signed}"),
        "..".to_owned(),
        String::new(),
        "a.b.c".to_owned(),
    ] {
        assert!(tokens.verify(&bad, NOW).is_none(), "{bad}");
    }
}

#[test]
fn a_token_that_is_cut_short_anywhere_is_refused() {
    let tokens = tokens(&[key("a", 1)]);
    let (token, _) = tokens.issue(&caller(), NOW).expect("a token");
    for cut in 0..token.len() {
        assert!(tokens.verify(&token[..cut], NOW).is_none(), "cut to {cut}");
    }
}

#[test]
fn a_token_with_one_character_changed_is_refused() {
    let tokens = tokens(&[key("a", 1)]);
    let (token, _) = tokens.issue(&caller(), NOW).expect("a token");
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'Q' } else { b'A' };
        let changed = String::from_utf8(bytes).expect("ASCII");
        assert!(tokens.verify(&changed, NOW).is_none(), "character {at}");
    }
}

#[test]
fn each_claim_is_needed_and_must_be_ours() {
    let key = key("a", 1);
    let tokens = tokens(std::slice::from_ref(&key));
    let verify = |claims: &serde_json::Value| tokens.verify(&forged(&header("a"), claims, &key), NOW);
    assert_eq!(verify(&claims()), Some(caller()));
    for claim in ["iss", "aud", "sub", "did", "sid", "prc", "iat", "exp"] {
        let mut without = claims();
        without.as_object_mut().expect("an object").remove(claim);
        assert_eq!(verify(&without), None, "without {claim}");
    }
    for (claim, value) in [
        ("iss", serde_json::json!("somebody")),
        ("aud", serde_json::json!("somebody")),
        ("aud", serde_json::json!(["somebody", "daybook"])),
        ("sub", serde_json::json!("ada")),
        ("prc", serde_json::json!(1_u64 << 40)),
        ("exp", serde_json::json!("tomorrow")),
        ("exp", serde_json::json!(secs(NOW))),
    ] {
        let mut other = claims();
        other[claim] = value;
        assert_eq!(verify(&other), None, "{claim}: {}", other[claim]);
    }
}

#[test]
fn keys_that_cannot_be_used_are_refused() {
    let refused = |keys: &[TokenKey]| SignedAccessTokens::new(keys).err();
    assert_eq!(refused(&[]), Some(TokenKeysError::None));
    let short = TokenKey {
        id: "a".to_owned(),
        secret: vec![0; 31],
    };
    assert_eq!(
        refused(&[key("b", 1), short]),
        Some(TokenKeysError::Short("a".to_owned()))
    );
    assert_eq!(
        refused(&[key("a", 1), key("a", 2)]),
        Some(TokenKeysError::Twice("a".to_owned()))
    );
}

#[test]
fn a_key_does_not_show_its_secret() {
    let key = TokenKey {
        id: "a".to_owned(),
        secret: b"correct horse battery staple, yes".to_vec(),
    };
    assert_eq!(format!("{key:?}"), "TokenKey(a)");
}

#[test]
fn a_new_key_is_unlike_any_other() {
    let new = || TokenKey::random("a").expect("random bytes");
    assert_eq!(new().secret.len(), TokenKey::SECRET_BYTES_MIN);
    assert_ne!(new(), new());
    tokens(&[new()]);
}
