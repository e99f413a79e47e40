//! What rules make of a label, and that they are kept as they were written and shown to nobody.

use proptest::prelude::*;

use super::{Label, PlainRule, PrivacyRules, out, rule, rules};

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

fn some_rule() -> impl Strategy<Value = PlainRule> {
    let action = prop_oneof![Just("exclude".to_owned()), Just("hide".to_owned()), "rename [ab]{1,2}",];
    ("app|site", "[ab]{0,2}[ab*][ab]{0,1}", action)
        .prop_map(|(subject, pattern, action)| rule(&subject, &pattern, &action))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

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
