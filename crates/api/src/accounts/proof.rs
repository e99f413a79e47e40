//! What a person shows once more before something that a stranger at their desk must not do.

use std::borrow::Cow;

use domain::accounts::Password;
use domain::fault::Fault;
use services::accounts::Proof;

use crate::fields::Fields;

/// More than any code has: what is longer is no code.
const CODE_CHARS_MAX: usize = 64;

/// The fields `password` and `code` of a body.
pub(super) fn proof(body: &mut Fields<'_>) -> Option<Proof> {
    let password = body.required("password", |text: Cow<'_, str>| Ok(bounded(&text)));
    let code = body.optional("code", None, |text: Cow<'_, str>| code(&text).map(Some));
    Some(Proof {
        password: password?,
        code: code?,
    })
}

/// No password is longer than its limit, so one character more is as wrong as a million, and cheaper to hash.
fn bounded(attempt: &str) -> String {
    attempt.chars().take(Password::CHARS_MAX + 1).collect()
}

fn code(text: &str) -> Result<String, Fault> {
    if text.chars().nth(CODE_CHARS_MAX).is_some() {
        let detail = format!("must be at most {CODE_CHARS_MAX} characters long");
        return Err(Fault::new("code", "too_long", detail));
    }
    Ok(text.to_owned())
}
