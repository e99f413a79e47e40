//! What a form of the page sends: `application/x-www-form-urlencoded`, of bounded size, within a bounded time.

use std::collections::BTreeMap;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use domain::accounts::Password;
use futures_util::future::LocalBoxFuture;

use crate::body;
use crate::problem::Problem;

/// More fields than any form has.
const FIELDS_MAX: usize = 16;

/// The fields of a form. Of one that is given twice the first counts.
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// What was typed into a field; nothing where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The password as it was typed. No password is longer than its limit, so one character more is as wrong as a million, and cheaper to hash.
    pub(super) fn password(&self) -> String {
        self.text("password").chars().take(Password::CHARS_MAX + 1).collect()
    }
}

impl FromRequest for Form {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let bytes = body::form(&request, payload).await?;
            Ok(Self(values(&bytes)))
        })
    }
}

/// The values of a form, or of a query as a browser writes it.
pub(super) fn values(bytes: &[u8]) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(bytes).take(FIELDS_MAX) {
        values.entry(name.into_owned()).or_insert_with(|| value.into_owned());
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_two_counts_and_no_more_are_read_than_any_form_has() {
        let form = Form(values(
            b"user_code=BBBB-BBBB&user_code=CCCC-CCCC&email=ada%40example.org&x=a+b",
        ));
        assert_eq!(form.text("user_code"), "BBBB-BBBB");
        assert_eq!(
            (form.text("email"), form.text("x"), form.text("y")),
            ("ada@example.org", "a b", "")
        );
        let many: Vec<String> = (0..FIELDS_MAX + 5).map(|number| format!("f{number:02}=1")).collect();
        assert_eq!(values(many.join("&").as_bytes()).len(), FIELDS_MAX);
    }

    #[test]
    fn a_password_is_bounded() {
        let form = Form(values(format!("password={}", "a".repeat(10_000)).as_bytes()));
        assert_eq!(form.password().len(), Password::CHARS_MAX + 1);
    }
}
