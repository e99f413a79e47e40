//! The page on which a person confirms a device by the code that it shows. Plain forms: it needs no script, and may run none.
//!
//! Each form is answered by sending the browser on to a page that it may load again, or go back to, at no harm. Meanwhile a cookie of a few minutes says who
//! was recognised and what became of the code; nothing is signed in by it but the device. Whoever has a session in the cookie of
//! `POST /api/v1/auth/login?session=cookie` need not sign in, so the forms go to a path that it is sent to.

mod form;
pub(crate) mod step;
mod view;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER,
};
use actix_web::{HttpRequest, HttpResponse, get, web};
use domain::accounts::UserCode;
use ports::accounts::{Visit, VisitState};
use services::Kind;
use services::accounts::AccountsError;

use crate::Services;
use crate::door::Door;
use crate::limits::{ByAddress, whole_secs};
use crate::problem::Problem;

use view::{Page, View};

/// Where the page is.
pub(crate) const PATH: &str = "/device";
/// Where its forms go.
pub(crate) const FORMS: &str = "/api/v1/auth/device";
/// Where it asks who somebody is.
const SIGN_IN: &str = "/device/sign-in";
/// Where it shows what became of a code.
const CONFIRM: &str = "/device/confirm";
/// Its style.
const STYLE: &str = "/device.css";

/// Everything of the page that a browser may ask for, but for where its forms go.
pub(crate) const PAGES: [&str; 5] = [PATH, "/device/", SIGN_IN, CONFIRM, STYLE];

/// The page may use its style and send its forms here, and nothing else.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const UNKNOWN: &str = "No device shows this code, or no longer: a code is good for ten minutes, and for one answer. Look at it again, or begin anew on the device.";

/// Asks for the code; `?user_code=` fills it in.
#[get("/device")]
pub(crate) async fn ask(_: ByAddress, request: HttpRequest) -> HttpResponse {
    let code = asked_code(&request).map(|code| code.text()).unwrap_or_default();
    Page::new(View::Code, code).answer(StatusCode::OK)
}

/// For those who type the address with a slash.
#[get("/device/")]
pub(crate) async fn with_slash(_: ByAddress, request: HttpRequest) -> HttpResponse {
    see(PATH, asked_code(&request))
}

/// For those who type the address that the forms go to.
#[get("/api/v1/auth/device")]
pub(crate) async fn at_forms(_: ByAddress, request: HttpRequest) -> HttpResponse {
    see(PATH, asked_code(&request))
}

/// Asks who somebody is that has typed a code.
#[get("/device/sign-in")]
pub(crate) async fn sign_in(
    _: ByAddress,
    request: HttpRequest,
    services: web::Data<Services>,
    door: web::Data<Door>,
) -> HttpResponse {
    match asked_code(&request) {
        None => see(PATH, None),
        Some(code) if is_answered(earlier(&request, &services, &door), &services, code) => see(CONFIRM, Some(code)),
        Some(code) => Page::new(View::SignIn, code.text()).answer(StatusCode::OK),
    }
}

/// Shows the device that shows a code, to be confirmed, or what became of that: to whoever was recognised, and of the code that they typed.
#[get("/device/confirm")]
pub(crate) async fn confirm(
    _: ByAddress,
    request: HttpRequest,
    services: web::Data<Services>,
    door: web::Data<Door>,
) -> Result<HttpResponse, Problem> {
    let visits = &services.device_visits;
    let Some(code) = asked_code(&request) else {
        return Ok(see(PATH, None));
    };
    let earlier = earlier(&request, &services, &door);
    let Some(visit) = earlier.filter(|visit| visits.is_about(visit, code)) else {
        return Ok(see(PATH, Some(code)));
    };
    let page = |view| Page::new(view, code.text());
    let unknown = || page(View::Code).saying(UNKNOWN).answer(StatusCode::NOT_FOUND);
    match visit.state {
        VisitState::Approved => return Ok(page(View::Approved).answer(StatusCode::OK)),
        VisitState::Denied => return Ok(page(View::Denied).answer(StatusCode::OK)),
        VisitState::Missed => return Ok(unknown()),
        VisitState::Found => {}
    }
    let visitor = match visits.resume(&visit).await {
        Ok(visitor) => visitor,
        Err(error) if error.kind() == Kind::Unauthenticated => return Ok(see(SIGN_IN, Some(code))),
        Err(error) => return Err(error.into()),
    };
    let Some(device) = visits.found(&visit).await? else {
        return Ok(unknown());
    };
    let view = View::confirm(&device, visitor.email.as_str(), services.clock.now());
    Ok(page(view).answer(StatusCode::OK))
}

#[get("/device.css")]
pub(crate) async fn style(_: ByAddress) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/css; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(include_str!("device_page/device.css"))
}

/// The code in the query of a request, however it is typed.
fn asked_code(request: &HttpRequest) -> Option<UserCode> {
    let query = form::values(request.query_string().as_bytes());
    UserCode::parse(query.get("user_code")?).ok()
}

/// The visit that the browser was given at an earlier step.
fn earlier(request: &HttpRequest, services: &Services, door: &Door) -> Option<Visit> {
    let token = door.visit_cookie.read(request.headers())?;
    services.device_visits.earlier(token)
}

/// Whether an earlier step was the answer to this very code: there is nothing more to ask.
fn is_answered(earlier: Option<Visit>, services: &Services, code: UserCode) -> bool {
    earlier.is_some_and(|visit| visit.state.is_settled() && services.device_visits.is_about(&visit, code))
}

/// Sends the browser on to another page, about a code.
fn see(path: &str, code: Option<UserCode>) -> HttpResponse {
    let location = match code {
        Some(code) => format!("{path}?user_code={}", code.text()),
        None => path.to_owned(),
    };
    HttpResponse::SeeOther().insert_header((LOCATION, location)).finish()
}

impl Page {
    /// The page once more, saying why it goes no further; or the problem, where nobody at the page can do anything about it.
    fn refused(self, error: AccountsError) -> Result<HttpResponse, Problem> {
        match error {
            AccountsError::SignInRefused => {
                let page = self.saying("E-mail address or password is wrong.");
                Ok(page.answer(StatusCode::FORBIDDEN))
            }
            AccountsError::SecondFactorRequired => {
                let page = self.asking_for_factor(
                    "Your account asks for a second factor. Type your password again, and the code that your authenticator shows.",
                );
                Ok(page.answer(StatusCode::FORBIDDEN))
            }
            AccountsError::SecondFactorRefused => {
                let page = self.asking_for_factor(
                    "The code of the second factor is wrong, or was used already. Type your password again, and the next code.",
                );
                Ok(page.answer(StatusCode::FORBIDDEN))
            }
            AccountsError::TooSoon { wait } => {
                let secs = whole_secs(wait).max(1);
                let unit = if secs == 1 { "second" } else { "seconds" };
                let page = self.saying(&format!(
                    "After so many failures, wait {secs} {unit} before you try again."
                ));
                let mut answer = page.answer(StatusCode::TOO_MANY_REQUESTS);
                answer.headers_mut().insert(RETRY_AFTER, secs.into());
                Ok(answer)
            }
            _ => Err(error.into()),
        }
    }

    fn answer(self, status: StatusCode) -> HttpResponse {
        HttpResponse::build(status)
            .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((CONTENT_SECURITY_POLICY, POLICY))
            // With none at all, a browser would not say where the forms come from.
            .insert_header((REFERRER_POLICY, "same-origin"))
            .body(self.html())
    }
}
