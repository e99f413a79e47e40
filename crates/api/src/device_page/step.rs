//! Takes each of the page's forms: the code, then who it is, then the answer.

use std::net::IpAddr;
use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::accounts::{Email, UserCode};
use services::Kind;
use services::accounts::{AccountsError, Proof, Shown, Visitor};

use crate::Services;
use crate::accounts::end_of_step;
use crate::address::ClientAddress;
use crate::cross_site;
use crate::door::Door;
use crate::limits::ByAddress;
use crate::problem::Problem;

use super::form::Form;
use super::view::{Page, View};
use super::{CONFIRM, SIGN_IN, earlier, is_answered, see};

const NO_CODE: &str = "That is no code of a device: it has eight letters, such as WDJB-MJHT, and neither digits nor vowels. Look at it again.";

#[post("/api/v1/auth/device")]
pub(crate) async fn take(
    _: ByAddress,
    request: HttpRequest,
    form: Form,
    services: web::Data<Services>,
    door: web::Data<Door>,
) -> Result<HttpResponse, Problem> {
    cross_site::check(&request)?;
    let asked = Instant::now();
    let Ok(code) = UserCode::parse(form.text("user_code")) else {
        let page = Page::new(View::Code, form.text("user_code").to_owned());
        return Ok(page.saying(NO_CODE).answer(StatusCode::UNPROCESSABLE_ENTITY));
    };
    if is_answered(earlier(&request, &services, &door), &services, code) {
        return Ok(see(CONFIRM, Some(code)));
    }
    let step = Step {
        services: &services,
        door: &door,
        request: &request,
        address: Some(ClientAddress::of(&request).0),
    };
    let recognised = match step.recognise(&form).await {
        Ok(Some(recognised)) => recognised,
        Ok(None) => return Ok(see(SIGN_IN, Some(code))),
        Err(error) => {
            if matches!(error, AccountsError::SignInRefused) {
                end_of_step(asked).await;
            }
            let page = Page::new(View::SignIn, code.text()).of(form.text("email"));
            return page.refused(error);
        }
    };
    let mut answer = match step.go_on(&recognised.visitor, code, decision(&form)).await {
        Ok(visit) => with_cookie(see(CONFIRM, Some(code)), door.visit_cookie.set(&visit)),
        Err(error) => Page::new(View::Code, code.text()).refused(error)?,
    };
    if let Some(renewed) = recognised.renewed {
        answer = with_cookie(answer, renewed);
    }
    Ok(answer)
}

/// Whether the device may sign in, if that is what the form says.
fn decision(form: &Form) -> Option<bool> {
    match form.text("decision") {
        "approve" => Some(true),
        "deny" => Some(false),
        _ => None,
    }
}

fn with_cookie(mut answer: HttpResponse, cookie: HeaderValue) -> HttpResponse {
    answer.headers_mut().append(SET_COOKIE, cookie);
    answer
}

/// One step of somebody who has typed a code.
struct Step<'a> {
    services: &'a Services,
    door: &'a Door,
    request: &'a HttpRequest,
    address: Option<IpAddr>,
}

/// Somebody who was recognised at this step.
struct Recognised {
    visitor: Visitor,
    /// The next cookie of the session that they were recognised by.
    renewed: Option<HeaderValue>,
}

impl Step<'_> {
    /// Recognises the person by what they typed, by an earlier step, or by their session; `None` when there is none of these, or it is good no longer.
    async fn recognise(&self, form: &Form) -> Result<Option<Recognised>, AccountsError> {
        let visits = &self.services.device_visits;
        let alone = |visitor| Recognised { visitor, renewed: None };
        if !form.text("email").is_empty() {
            // What is no address is the address of nobody: that must look like a wrong password.
            let email = Email::parse(form.text("email")).ok();
            let visitor = visits.recognise(email.as_ref(), proof(form), self.address).await?;
            return Ok(Some(alone(visitor)));
        }
        if let Some(visit) = earlier(self.request, self.services, self.door) {
            let resumed = visits.resume(&visit).await;
            if let Some(visitor) = unless_ended(resumed)? {
                return Ok(Some(alone(visitor)));
            }
        }
        self.by_session().await
    }

    async fn by_session(&self) -> Result<Option<Recognised>, AccountsError> {
        let Some(token) = self.door.refresh_cookie.read(self.request.headers()) else {
            return Ok(None);
        };
        let refreshed = self.services.refresh.refresh(token, self.address).await;
        let Some(signed_in) = unless_ended(refreshed)? else {
            return Ok(None);
        };
        let caller = match self.services.authenticate.authenticate(&signed_in.access_token)? {
            Shown::Known(known) => known.caller,
            Shown::Key(_) => return Err(AccountsError::TokenRefused),
        };
        Ok(Some(Recognised {
            visitor: self.services.device_visits.recognise_session(&caller).await?,
            renewed: Some(self.door.refresh_cookie.set(&signed_in.refresh_token)),
        }))
    }

    /// Looks for the device, or answers it; what the browser is to keep of that.
    async fn go_on(&self, visitor: &Visitor, code: UserCode, decision: Option<bool>) -> Result<String, AccountsError> {
        let visits = &self.services.device_visits;
        match decision {
            Some(approve) => visits.answer(visitor, (code, approve), self.address).await,
            None => visits.look(visitor, code, self.address).await,
        }
    }
}

fn proof(form: &Form) -> Proof {
    let code = form.text("code").trim();
    Proof {
        password: form.password(),
        code: (!code.is_empty()).then(|| code.to_owned()),
    }
}

/// Nothing where it is only that somebody is signed in no longer.
fn unless_ended<T>(result: Result<T, AccountsError>) -> Result<Option<T>, AccountsError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == Kind::Unauthenticated => Ok(None),
        Err(error) => Err(error),
    }
}
