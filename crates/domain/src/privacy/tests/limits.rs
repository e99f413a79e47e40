//! What no rule may be: each limit, each fault by its name and its place.

use super::{PlainRule, PrivacyRules, RuleFault, out, parsed, rule, rules};

fn fault(written: (&str, &str, &str)) -> (String, &'static str) {
    let faults = parsed(&[written]).expect_err(written.1);
    assert_eq!(faults.len(), 1, "{faults:?}");
    (faults[0].pointer(), faults[0].fault.code)
}

#[test]
fn a_pattern_has_1_to_255_characters_8_stars_and_no_control_character() {
    assert!(parsed(&[("app", &"ä".repeat(255), "exclude")]).is_ok());
    let pointer = |field: &str| format!("/rules/0/{field}");
    for (subject, pattern, code) in [
        ("app", "ä".repeat(256), "too_long"),
        ("app", " ".to_owned(), "empty"),
        ("app", "a\tb".to_owned(), "control_character"),
        ("site", "*".repeat(256), "too_long"),
        ("app", "a*".repeat(9), "too_many_stars"),
        ("site", "a*".repeat(9), "too_many_stars"),
        ("site", String::new(), "empty"),
        ("site", "a.\u{7f}*".to_owned(), "control_character"),
    ] {
        assert_eq!(
            fault((subject, &pattern, "exclude")),
            (pointer(subject), code),
            "{pattern:?}"
        );
    }
    assert!(parsed(&[("site", &("a*".repeat(8) + &"b".repeat(231) + ".example"), "exclude")]).is_ok());
}

#[test]
fn a_site_is_a_host_and_nothing_else_of_an_address() {
    for bad in [
        "https://bank.example",
        "bank.example/login",
        "bank.example:8443",
        "ada@bank.example",
        "bank.example?q",
        "bank.example#a",
        "bank example",
        "bank%2eexample",
        "bank\\example",
        "[::1",
        "*.bank.example/login",
        "*://bank.example",
        "*.bank example",
        "*.bank.example:8443",
        "b\u{fc}*.example",
        "*.[::1]",
        ".",
        "..",
        ".bank.example",
        "bank..example",
        "bank.example..",
        "\u{3002}bank.example",
        "*..*",
        "*.bank..example",
        "*.bank.example..",
        ".*.example",
        "a|b.example",
    ] {
        let found = fault(("site", bad, "hide"));
        assert_eq!(found, ("/rules/0/site".to_owned(), "invalid_host"), "{bad}");
    }
    let long = format!("{}{}", "a.".repeat(100), "b".repeat(54));
    assert_eq!(fault(("site", &long, "hide")).1, "invalid_host");
}

#[test]
fn a_name_that_may_not_be_kept_is_refused_when_the_rule_is_made() {
    let to = |code| ("/rules/0/to".to_owned(), code);
    assert_eq!(fault(("app", "x", "rename  ")), to("empty"));
    assert_eq!(
        fault(("app", "x", &format!("rename {}", "a".repeat(256)))),
        to("too_long")
    );
    assert_eq!(fault(("app", "x", "rename a\u{1}b")), to("control_character"));
    assert_eq!(fault(("app", "x", "rename")), to("required"));
    assert_eq!(fault(("app", "x", "exclude y")), to("not_allowed"));
    assert_eq!(fault(("site", "x", "hide y")), to("not_allowed"));
    for bad in ["", "https://y", "y/z", "y z", "*", "*.example"] {
        assert_eq!(
            fault(("site", "x", &format!("rename {bad}"))),
            to("invalid_host"),
            "{bad}"
        );
    }
    let renamed = rules(&[
        ("site", "x", "rename WWW.B\u{fc}cher.example"),
        ("app", "x", "rename  Y "),
    ]);
    assert_eq!(out(&renamed, "x@x").as_deref(), Some("Y@xn--bcher-kva.example"));
}

#[test]
fn a_new_name_that_the_rules_would_change_again_is_refused() {
    for written in [
        [("app", "x", "rename y"), ("app", "y", "exclude")],
        [("app", "x", "rename y"), ("app", "Y", "rename z")],
        [("app", "x", "rename y"), ("app", "*", "rename z")],
        [("site", "x.example", "rename y.example"), ("site", "y.example", "hide")],
        [
            ("site", "x.example", "rename y.example"),
            ("site", "example", "exclude"),
        ],
        [
            ("site", "x.example", "rename y.example"),
            ("site", "y.example", "rename z.example"),
        ],
    ] {
        let faults = parsed(&written).expect_err("changed again");
        assert_eq!(
            (faults[0].pointer().as_str(), faults[0].fault.code),
            ("/rules/0/to", "changed_again")
        );
        assert_eq!(faults.len(), 1);
    }
    // An application's name says nothing of a site's, nor the other way round.
    assert!(parsed(&[("app", "x", "rename y.example"), ("site", "y.example", "exclude")]).is_ok());
    assert!(parsed(&[("app", "*code*", "rename Code"), ("app", "y", "exclude")]).is_ok());
}

#[test]
fn a_rule_is_about_one_thing_and_does_one_that_is_known() {
    for (action, subject, code) in [
        ("Exclude", "app", "unknown_action"),
        ("", "site", "unknown_action"),
        ("drop", "site", "unknown_action"),
        ("hide", "app", "not_allowed"),
    ] {
        assert_eq!(
            fault((subject, "x", action)),
            ("/rules/0/action".to_owned(), code),
            "{action}"
        );
    }
    let both = PlainRule {
        app: Some("x".to_owned()),
        ..rule("site", "x", "exclude")
    };
    let neither = PlainRule {
        site: None,
        ..rule("site", "x", "exclude")
    };
    let faults = PrivacyRules::parse(&[both, rule("app", "x", "exclude"), neither]).expect_err("two");
    let found: Vec<_> = faults.iter().map(|fault| (fault.pointer(), fault.fault.code)).collect();
    assert_eq!(
        found,
        [
            ("/rules/0/site".to_owned(), "not_allowed"),
            ("/rules/2/app".to_owned(), "required")
        ]
    );
}

#[test]
fn every_fault_of_every_rule_is_told() {
    let faults = parsed(&[("app", "", "drop"), ("app", "x", "exclude"), ("site", "a b", "rename")]);
    let pointers: Vec<_> = faults.expect_err("four").iter().map(RuleFault::pointer).collect();
    assert_eq!(
        pointers,
        ["/rules/0/app", "/rules/0/action", "/rules/2/site", "/rules/2/to"]
    );
}

#[test]
fn a_person_has_at_most_500_rules() {
    let many = |count| vec![rule("app", "x", "exclude"); count];
    assert_eq!(PrivacyRules::parse(&many(500)).map(|rules| rules.len()), Ok(500));
    let mut bad = many(501);
    bad[0] = PlainRule::default();
    let faults = PrivacyRules::parse(&bad).expect_err("501");
    assert_eq!(faults.len(), 1);
    assert_eq!(
        (faults[0].pointer().as_str(), faults[0].fault.code),
        ("/rules", "too_many")
    );
}
