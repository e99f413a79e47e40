//! Which passwords are guessed first: NIST SP 800-63B, section 5.1.1.2, asks to refuse them, and to ask for no kinds of characters instead.

use domain::accounts::Password;
use zxcvbn::matching::patterns::MatchPattern;

/// How many characters are looked up. What is longer, and no repetition, is no single word.
const CHARS_MAX: usize = 32;
/// How many different signs may stand for letters, as in `p@$$word`. Each further one multiplies the ways to read the password, and nobody's word has more.
const SIGNS_MAX: usize = 5;
/// The signs that zxcvbn reads as letters, but for digits, which cost it little.
const SIGNS: [char; 10] = ['@', '(', '{', '[', '<', '!', '|', '$', '+', '%'];
/// How many words of a person are looked at.
const OWN_WORDS_MAX: usize = 64;

/// Whether the password is a common one, or one of the person's own words, or nothing but one word, name, date, sequence, repetition or walk over the
/// keyboard. Two words are two choices, so they are let pass.
pub(super) fn is_common(password: &Password, own_words: &[&str]) -> bool {
    let part = repeated(password.expose());
    let chars = part.chars().count();
    if chars < Password::CHARS_MIN {
        return true;
    }
    let own_words = spellings(own_words);
    if own_words.contains(&part.to_lowercase()) {
        return true;
    }
    let signs = SIGNS.iter().filter(|sign| part.contains(**sign)).count();
    if chars > CHARS_MAX || signs > SIGNS_MAX {
        return false;
    }
    let own_words: Vec<&str> = own_words.iter().map(String::as_str).collect();
    let read = zxcvbn::zxcvbn(part, &own_words);
    matches!(read.sequence(), [whole] if whole.pattern != MatchPattern::BruteForce)
}

/// The shortest text that makes up the whole one when it is repeated: the whole one itself, mostly.
fn repeated(text: &str) -> &str {
    let bytes = text.as_bytes();
    let repeats =
        |len: &usize| bytes.len().is_multiple_of(*len) && bytes.chunks(*len).all(|part| part == &bytes[..*len]);
    let shortest = (1..=bytes.len() / 2).find(repeats);
    // What follows a part begins as the part does, so the cut lies between two characters.
    &text[..shortest.unwrap_or(text.len())]
}

/// In lower case: each text as it is, its letters and digits in one, and its words.
fn spellings(texts: &[&str]) -> Vec<String> {
    let is_separator = |c: char| !c.is_alphanumeric();
    let of_one = |text: &&str| {
        let text = text.to_lowercase();
        let joined = text.replace(is_separator, "");
        let words: Vec<String> = text.split(is_separator).map(str::to_owned).collect();
        [text, joined].into_iter().chain(words)
    };
    let spellings = texts.iter().flat_map(of_one);
    spellings.filter(|word| !word.is_empty()).take(OWN_WORDS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OWN: [&str; 2] = ["ada.king@example.org", "Ada Lovelace"];

    fn common(text: &str) -> bool {
        is_common(&Password::parse(text).expect(text), &OWN)
    }

    #[test]
    fn what_is_guessed_first_is_common() {
        for bad in [
            "password",
            "password1",
            "Password123",
            "PASSWORD",
            "drowssap",
            "12345678",
            "0123456789",
            "qwertyuiop",
            "1qaz2wsx3edc",
            "!@#$%^&*()",
            "P@ssw0rd",
            "p@$$w0rd",
            "iloveyou",
            "Wednesday",
            "elizabeth",
            "abcdefghijkl",
            "19851224",
            "12.24.1985",
        ] {
            assert!(common(bad), "{bad}");
        }
    }

    #[test]
    fn more_than_one_word_is_not() {
        for good in [
            "correct horse",
            "correct horse battery",
            "correct horse battery staple",
            "tr0ub4dor&3",
            "aB3$xY7!",
            "Schneeflöckchen im Mai",
            "hardly ever",
        ] {
            assert!(!common(good), "{good}");
        }
    }

    #[test]
    fn a_repetition_is_as_good_as_what_it_repeats() {
        let longest = "a".repeat(Password::CHARS_MAX);
        for bad in [
            "aaaaaaaa",
            "ääääääää",
            &longest,
            "x9$kx9$k",
            "abcabcabc",
            "passwordpassword",
        ] {
            assert!(common(bad), "{bad}");
        }
        assert!(!common("correct horsecorrect horse"));
        assert!(!common("aaaaaaaab!"));
    }

    #[test]
    fn what_a_person_tells_of_themselves_is_no_secret() {
        for bad in [
            "ada.king@example.org",
            "Ada.King@Example.org",
            "ADA LOVELACE",
            "adalovelace",
            "adaking@example.org",
            "ada.king",
            "Lovelace",
            "L0v3l4ce",
            "ecalevol",
        ] {
            let own: Vec<&str> = OWN.iter().copied().chain(["ada.king", "adaking@example.org"]).collect();
            assert!(is_common(&Password::parse(bad).expect(bad), &own), "{bad}");
        }
        assert!(!is_common(&Password::parse("adalovelace").expect("valid"), &[]));
        let long = format!("{}@example.org", "ab.cd-".repeat(8));
        assert!(is_common(&Password::parse(&long).expect("valid"), &[&long]));
        assert!(!is_common(&Password::parse(&long).expect("valid"), &[]));
    }

    #[test]
    fn what_would_take_long_to_read_is_not_looked_up() {
        let walk = r"zxcvbnm,./;lkjhgfdsaqwertyuiop[]\";
        assert!(common(&walk[..CHARS_MAX]));
        assert!(!common(&walk[..=CHARS_MAX]));
        assert!(common("!@#$%^&*()"), "five of the signs");
        assert!(!common("!@#$%^&*()_+"), "six of them");
    }

    proptest! {
        #[test]
        fn any_password_gets_an_answer(text in "\\PC{8,64}|[a4@8({\\[<369!1|7$5+%02]{8,64}|[İßŉA1 -]{8,256}") {
            common(&text);
        }
    }
}
