use proptest::prelude::*;

use super::pattern::{AppPattern, SitePattern, folded, with_www};
use super::*;

fn rule(subject: &str, pattern: &str, action: &str) -> PlainRule {
    let pattern = Some(pattern.to_owned());
    let (app, site) = if subject == "app" {
        (pattern, None)
    } else {
        (None, pattern)
    };
    let (action, to) = match action.split_once(' ') {
        Some((action, to)) => (action, Some(to.to_owned())),
        None => (action, None),
    };
    PlainRule {
        app,
        site,
        action: action.to_owned(),
        to,
    }
}

fn rules(written: &[(&str, &str, &str)]) -> PrivacyRules {
    parsed(written).expect("sound rules")
}

fn parsed(written: &[(&str, &str, &str)]) -> Result<PrivacyRules, Vec<RuleFault>> {
    let plain: Vec<_> = written
        .iter()
        .map(|(subject, pattern, action)| rule(subject, pattern, action))
        .collect();
    PrivacyRules::parse(&plain)
}

/// `app` or `app@site` of what comes out of `app` or `app@site`.
fn out(rules: &PrivacyRules, label: &str) -> Option<String> {
    let (app, site) = match label.split_once('@') {
        Some((app, site)) => (app, Some(site)),
        None => (label, None),
    };
    rules.apply(&Label::trusted(app, site)).map(|out| match out.domain {
        Some(domain) => format!("{}@{}", out.app_name.as_str(), domain.as_str()),
        None => out.app_name.as_str().to_owned(),
    })
}

fn app_matches(pattern: &str, name: &str) -> bool {
    AppPattern::parse(pattern).expect(pattern).matches(&folded(name))
}

fn site_matches(pattern: &str, url: &str) -> bool {
    let domain = Domain::of_url(url).expect(url).expect("a host");
    SitePattern::parse(pattern).expect(pattern).matches(&with_www(&domain))
}

fn fault(written: (&str, &str, &str)) -> (String, &'static str) {
    let faults = parsed(&[written]).expect_err(written.1);
    assert_eq!(faults.len(), 1, "{faults:?}");
    (faults[0].pointer(), faults[0].fault.code)
}

#[test]
fn without_a_rule_everything_is_kept_as_it_is() {
    let none = PrivacyRules::default();
    assert!(none.is_empty());
    assert_eq!(
        out(&none, "Firefox@example.org").as_deref(),
        Some("Firefox@example.org")
    );
    assert_eq!(PrivacyRules::parse(&[]), Ok(none));
}

#[test]
fn a_name_is_matched_whole_and_in_any_case() {
    for (pattern, name) in [
        ("keepass", "KeePass"),
        ("  KeePass  ", "keepass"),
        ("STRASSE", "Straße"),
        ("straße", "STRASSE"),
        ("GROẞ", "groß"),
        ("ΟΔΟΣ", "οδος"),
        ("ΟΔΟΣ", "οδοσ"),
        ("Éditeur", "éDITEUR"),
        ("日記", "日記"),
        ("\u{212a}eePass", "keepass"),
    ] {
        assert!(app_matches(pattern, name), "{pattern} {name}");
    }
    for (pattern, name) in [
        ("keepass", "KeePassXC"),
        ("keepass", "A KeePass"),
        ("keepass", "keepas"),
        ("e", "é"),
        (".", "x"),
        ("k?epass", "keepass"),
        ("[a-z]", "k"),
    ] {
        assert!(!app_matches(pattern, name), "{pattern} {name}");
    }
}

#[test]
fn the_case_of_no_letter_counts() {
    for letter in '\0'..=char::MAX {
        let lower: String = letter.to_lowercase().collect();
        let upper: String = letter.to_uppercase().collect();
        let same = folded(&letter.to_string());
        assert_eq!((folded(&lower), folded(&upper)), (same.clone(), same), "{letter:?}");
    }
}

#[test]
fn a_star_is_any_run_of_characters_and_none_too() {
    for (pattern, name) in [
        ("*", "anything"),
        ("**", "anything"),
        ("keepass*", "KeePassXC"),
        ("keepass*", "KeePass"),
        ("*pass*", "KeePassXC"),
        ("*pass", "one pass pass"),
        ("a*b*c", "aXbYc"),
        ("a*b*c", "abcbc"),
        ("a**c", "ac"),
        ("*ab*ab*", "abab"),
        ("*ä*", "Räume"),
        ("a*a", "aa"),
    ] {
        assert!(app_matches(pattern, name), "{pattern} {name}");
    }
    for (pattern, name) in [
        ("keepass*", "A KeePass"),
        ("*pass", "KeePassXC"),
        ("a*b*c", "acb"),
        ("*ab*ab*", "aba"),
        ("a*a", "a"),
        ("ab*bc", "abc"),
    ] {
        assert!(!app_matches(pattern, name), "{pattern} {name}");
    }
}

#[test]
fn what_would_keep_a_backtracking_matcher_busy_for_ever_is_answered_at_once() {
    let pattern = "a*".repeat(8) + "b";
    let name = "a".repeat(AppName::CHARS_MAX);
    assert!(!app_matches(&pattern, &name));
    assert!(app_matches(&pattern, &(name + "b")));
}

#[test]
fn a_site_without_a_star_matches_itself_and_every_name_below_it() {
    for url in [
        "https://bank.example/",
        "https://www.bank.example/login",
        "https://www.www.bank.example/",
        "https://online.BANK.example:8443/a?b#c",
        "https://a.b.bank.example./",
    ] {
        for pattern in [
            "bank.example",
            "BANK.Example",
            "www.bank.example",
            "bank.example.",
            "example",
        ] {
            assert!(site_matches(pattern, url), "{pattern} {url}");
        }
    }
    for url in [
        "https://mybank.example/",
        "https://bank.example.org/",
        "https://bank.examples/",
        "https://xbank.example/",
    ] {
        assert!(!site_matches("bank.example", url), "{url}");
    }
    assert!(site_matches("localhost", "http://localhost:3000/"));
    assert!(site_matches("10.0.0.1", "http://10.0.0.1:8080/"));
    assert!(site_matches("[::1]", "http://[::1]:8080/"));
    assert!(site_matches("[0:0::1]", "http://[::1]:8080/"));
    assert!(site_matches("abcdef", "chrome-extension://AbCdEf/page.html"));
}

#[test]
fn a_site_with_a_star_matches_as_it_is_written() {
    for (pattern, url) in [
        ("*.bank.example", "https://online.bank.example/"),
        ("*.bank.example", "https://www.bank.example/"),
        ("*bank.example", "https://mybank.example/"),
        ("*bank*", "https://my-bank.example.org/"),
        ("bank.*", "https://bank.example/"),
        ("www.*.example", "https://www.bank.example/"),
        ("*", "https://bank.example/"),
        ("*.BANK.example.", "https://a.bank.example/"),
        ("10.0.*", "http://10.0.7.1/"),
    ] {
        assert!(site_matches(pattern, url), "{pattern} {url}");
    }
    for (pattern, url) in [
        ("bank.*", "https://online.bank.example/"),
        ("*.bank.example", "https://mybank.example/"),
        ("w*.example", "https://www.bank.example/"),
        ("*bank.example", "https://bank.example.org/"),
    ] {
        assert!(!site_matches(pattern, url), "{pattern} {url}");
    }
}

#[test]
fn sites_are_compared_in_the_form_in_which_they_are_kept() {
    for (pattern, url) in [
        ("bücher.example", "https://bücher.example/"),
        ("BÜCHER.example", "https://xn--bcher-kva.example/"),
        ("xn--bcher-kva.example", "https://laden.bücher.example/"),
        ("XN--Bcher-KVA.example", "https://bücher.example/"),
        ("*.bücher.example", "https://laden.bücher.example/"),
        ("bücher.*", "https://bücher.example/"),
        ("faß.example", "https://faß.example/"),
    ] {
        assert!(site_matches(pattern, url), "{pattern} {url}");
    }
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
        "a|b.example",
    ] {
        let found = fault(("site", bad, "hide"));
        assert_eq!(found, ("/rules/0/site".to_owned(), "invalid_host"), "{bad}");
    }
    let long = format!("{}{}", "a.".repeat(100), "b".repeat(54));
    assert_eq!(fault(("site", &long, "hide")).1, "invalid_host");
}

#[test]
fn a_label_becomes_what_may_be_kept_of_it() {
    let rules = rules(&[
        ("app", "keepass*", "exclude"),
        ("app", "x", "rename Y"),
        ("site", "*", "hide"),
    ]);
    for (before, kept, after) in [
        (Label::trusted("KeePass", None), false, Label::trusted("KeePass", None)),
        (Label::trusted("x", Some("a.example")), true, Label::trusted("Y", None)),
        (Label::trusted("z", None), true, Label::trusted("z", None)),
    ] {
        let mut label = before.clone();
        assert_eq!((rules.admits(&mut label), &label), (kept, &after), "{before:?}");
        assert!(PrivacyRules::default().admits(&mut label));
    }
}

#[test]
fn the_first_rule_that_matches_counts() {
    let rules = rules(&[
        ("app", "code*", "rename Codes"),
        ("app", "code-secret", "exclude"),
        ("app", "codium", "exclude"),
    ]);
    assert_eq!(out(&rules, "Code-Secret").as_deref(), Some("Codes"));
    assert_eq!(out(&rules, "Codium"), None);
}

#[test]
fn first_the_application_then_the_site_of_what_came_out() {
    let rules = rules(&[
        ("site", "bank.example", "exclude"),
        ("site", "news.example", "hide"),
        ("site", "*.corp.example", "rename work.example"),
        ("app", "firefox*", "rename Browser"),
        ("app", "keepass*", "exclude"),
    ]);
    for (label, kept) in [
        ("Firefox", Some("Browser")),
        ("firefox-esr@example.org", Some("Browser@example.org")),
        ("Firefox@bank.example", None),
        ("Firefox@a.bank.example", None),
        ("Chromium@news.example", Some("Chromium")),
        ("Firefox@wiki.corp.example", Some("Browser@work.example")),
        ("KeePassXC", None),
        ("KeePassXC@example.org", None),
        ("Terminal", Some("Terminal")),
    ] {
        assert_eq!(out(&rules, label).as_deref(), kept, "{label}");
    }
}

#[test]
fn all_but_some_can_be_excluded() {
    let rules = rules(&[
        ("app", "code", "rename Code"),
        ("app", "firefox", "rename Firefox"),
        ("app", "*", "exclude"),
        ("site", "example.org", "rename example.org"),
        ("site", "*", "hide"),
    ]);
    for (label, kept) in [
        ("CODE", Some("Code")),
        ("Firefox@docs.example.org", Some("Firefox@example.org")),
        ("Firefox@other.example", Some("Firefox")),
        ("Games", None),
    ] {
        assert_eq!(out(&rules, label).as_deref(), kept, "{label}");
    }
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

#[test]
fn rules_read_as_they_were_written() {
    let plain = [
        rule("site", "B\u{fc}cher.example", "hide"),
        rule("app", "KeePass*", "exclude"),
        rule("app", "x", "rename Y"),
        rule("site", "*.corp.example", "rename work.example"),
    ];
    let rules = PrivacyRules::parse(&plain).expect("sound");
    assert_eq!(rules.plain(), plain);
    assert_eq!(PrivacyRules::parse(&rules.plain()), Ok(rules));
}

#[test]
fn rules_do_not_show_in_debug_output() {
    let plain = [
        rule("app", "canary", "rename canaria"),
        rule("site", "canary.example", "hide"),
    ];
    let rules = PrivacyRules::parse(&plain).expect("sound");
    let shown = format!("{plain:?} {rules:?}");
    assert!(!shown.contains("canar"), "{shown}");
}

#[test]
fn rules_know_about_how_much_memory_they_take() {
    let small = rules(&[("app", "x", "exclude")]);
    let large = rules(&[("app", &"x".repeat(200), &format!("rename {}", "x".repeat(200)))]);
    assert!(
        large.bytes() >= small.bytes() + 598,
        "{} {}",
        large.bytes(),
        small.bytes()
    );
}

/// The meaning of a pattern, too plain and too slow to be wrong.
fn matches_slowly(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|skipped| matches_slowly(rest, &text[skipped..])),
        Some((first, rest)) => text
            .split_first()
            .is_some_and(|(c, text)| c == first && matches_slowly(rest, text)),
    }
}

fn some_rule() -> impl Strategy<Value = PlainRule> {
    let action = prop_oneof![Just("exclude".to_owned()), Just("hide".to_owned()), "rename [ab]{1,2}",];
    ("app|site", "[ab]{0,2}[ab*][ab]{0,1}", action)
        .prop_map(|(subject, pattern, action)| rule(&subject, &pattern, &action))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn a_pattern_means_what_it_says(pattern in "[abä*]{1,8}", name in "[abä]{1,12}") {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        prop_assert_eq!(app_matches(&pattern, &name), matches_slowly(&chars(&pattern), &chars(&name)));
    }

    #[test]
    fn applying_twice_is_applying_once(
        plain in prop::collection::vec(some_rule(), 0..6),
        app in "[ab]{1,3}",
        site in prop::option::of("[ab]{1,3}(\\.[ab]{1,2})?"),
    ) {
        let Ok(rules) = PrivacyRules::parse(&plain) else { return Ok(()) };
        let once = rules.apply(&Label::trusted(&app, site.as_deref()));
        let twice = once.as_ref().and_then(|label| rules.apply(label));
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn whatever_is_written_is_read_or_refused(
        pattern in "\\PC{0,20}|[a-zäß.*:\\[\\]/@%]{0,20}",
        to in prop::option::of("\\PC{0,10}"),
        subject in "app|site",
        action in "exclude|rename|hide",
    ) {
        let plain = PlainRule { to, ..rule(&subject, &pattern, &action) };
        if let Ok(rules) = PrivacyRules::parse(std::slice::from_ref(&plain)) {
            prop_assert_eq!(PrivacyRules::parse(&rules.plain()), Ok(rules));
        }
    }
}
