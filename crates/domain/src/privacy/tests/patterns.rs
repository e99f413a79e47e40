//! What a pattern matches: names in any letter case, sites and what lies below them, and what a star stands for.

use proptest::prelude::*;

use crate::privacy::pattern::{AppPattern, SitePattern, folded, with_www};
use crate::usage::{AppName, Domain};

fn app_matches(pattern: &str, name: &str) -> bool {
    AppPattern::parse(pattern).expect(pattern).matches(&folded(name))
}

fn site_matches(pattern: &str, url: &str) -> bool {
    let domain = Domain::of_url(url).expect(url).expect("a host");
    SitePattern::parse(pattern).expect(pattern).matches(&with_www(&domain))
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
        ("*www.bank.example", "https://www.bank.example/"),
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn a_pattern_means_what_it_says(pattern in "[abä*]{1,8}", name in "[abä]{1,12}") {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        prop_assert_eq!(app_matches(&pattern, &name), matches_slowly(&chars(&pattern), &chars(&name)));
    }
}
