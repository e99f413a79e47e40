//! The page on which a person confirms a device by the code that it shows. Plain forms: it needs no script, and may run none.
//!
//! What the person is signed in with is the cookie of `POST /api/v1/auth/login?session=cookie`, so the forms go to a path that it is sent to. A session that
//! was begun here ends with the answer to the device.

mod form;
mod view;

use std::net::IpAddr;
use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY, SET_COOKIE,
};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::accounts::{Caller, DeviceKey, Email, UserCode};
use services::Kind;
use services::accounts::{AccountsError, Proof, Shown, SignInAttempt, SignedIn};

use crate::Services;
use crate::accounts::end_of_step;
use crate::address::ClientAddress;
use crate::cross_site;
use crate::door::Door;
use crate::limits::{ByAddress, whole_secs};
use crate::problem::Problem;

use form::Form;
use view::{Page, View};

/// Where the page is.
pub(crate) const PATH: &str = "/device";
/// Where its forms go, and its style is.
pub(crate) const FORMS: &str = "/api/v1/auth/device";
/// Its style.
pub(crate) const STYLE: &str = "/device.css";

/// The page may use its style and send its forms here, and nothing else.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The key of the device that a browser is while it confirms another one.
const DEVICE_KEY: &str = "daybook-device-page";

/// Asks for the code; `?user_code=` fills it in.
#[get("/device")]
pub(crate) async fn ask(_: ByAddress, request: HttpRequest) -> HttpResponse {
    let query = form::values(request.query_string().as_bytes());
    let code = query.get("user_code").map(String::as_str).unwrap_or_default();
    let code = UserCode::parse(code).map(|code| code.text()).unwrap_or_default();
    Page::new(View::Code, code).answer(StatusCode::OK)
}

#[get("/device.css")]
pub(crate) async fn style(_: ByAddress) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/css; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(include_str!("device_page/device.css"))
}

/// Takes each of the page's forms: the code, then who it is, then the answer.
#[post("/api/v1/auth/device")]
pub(crate) async fn step(
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
        return Ok(page.saying(UNKNOWN).answer(StatusCode::NOT_FOUND));
    };
    let visit = Visit {
        services: &services,
        address: Some(ClientAddress::of(&request).0),
        code,
    };
    let signed_in = match visit.sign_in(&form, door.refresh_cookie.read(request.headers())).await {
        Ok(Some(signed_in)) => signed_in,
        Ok(None) => return Ok(Page::new(View::SignIn, code.text()).answer(StatusCode::OK)),
        Err(error) => {
            if matches!(error, AccountsError::SignInRefused) {
                end_of_step(asked).await;
            }
            let page = Page::new(View::SignIn, code.text()).of(form.text("email"));
            return page.refused(error);
        }
    };
    let caller = visit.caller(&signed_in)?;
    let decision = match form.text("decision") {
        "approve" => Some(true),
        "deny" => Some(false),
        _ => None,
    };
    let Some(approve) = decision else {
        let shown = visit.show(&caller).await?;
        return Ok(with_cookie(shown, door.refresh_cookie.set(&signed_in.refresh_token)));
    };
    let answered = visit.answer(&caller, approve).await?;
    if signed_in.device.key.as_str() != DEVICE_KEY {
        return Ok(with_cookie(answered, door.refresh_cookie.set(&signed_in.refresh_token)));
    }
    services.sign_out.this_device(&caller, visit.address).await?;
    Ok(with_cookie(answered, door.refresh_cookie.clear()))
}

const UNKNOWN: &str = "No device shows this code, or no longer. Look at it again, or begin anew on the device.";

/// One step of somebody who has typed a code.
struct Visit<'a> {
    services: &'a Services,
    address: Option<IpAddr>,
    code: UserCode,
}

impl Visit<'_> {
    /// Signs the person in by what they typed, or by their cookie; `None` when there is neither, or the cookie is good no longer.
    async fn sign_in(&self, form: &Form, cookie: Option<&str>) -> Result<Option<SignedIn>, AccountsError> {
        if !form.text("email").is_empty() {
            let attempt = self.attempt(form);
            return self.services.sign_in.sign_in(attempt).await.map(Some);
        }
        let Some(cookie) = cookie else {
            return Ok(None);
        };
        match self.services.refresh.refresh(cookie, self.address).await {
            Ok(signed_in) => Ok(Some(signed_in)),
            Err(error) if error.kind() == Kind::Unauthenticated => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn attempt(&self, form: &Form) -> SignInAttempt {
        let code = form.text("code").trim();
        SignInAttempt {
            email: Email::parse(form.text("email")).ok(),
            proof: Proof {
                password: form.password(),
                code: (!code.is_empty()).then(|| code.to_owned()),
            },
            key: DeviceKey::parse(DEVICE_KEY).expect("visible ASCII"),
            device_name: Some("Browser, to confirm a device".to_owned()),
            platform: Some("web".to_owned()),
            address: self.address,
        }
    }

    fn caller(&self, signed_in: &SignedIn) -> Result<Caller, Problem> {
        match self.services.authenticate.authenticate(&signed_in.access_token)? {
            Shown::Known(known) => Ok(known.caller),
            Shown::Key(_) => Err(AccountsError::TokenRefused.into()),
        }
    }

    /// The device that shows the code, to be confirmed.
    async fn show(&self, caller: &Caller) -> Result<HttpResponse, Problem> {
        let page = |view| Page::new(view, self.code.text());
        match self
            .services
            .device_sign_in
            .look(caller, &self.code, self.address)
            .await
        {
            Ok(device) => {
                let user = self.services.profile.show(caller).await?;
                let view = View::confirm(&device, user.email.as_str(), self.services.clock.now());
                Ok(page(view).answer(StatusCode::OK))
            }
            Err(error) => page(View::Code).refused(error),
        }
    }

    async fn answer(&self, caller: &Caller, approve: bool) -> Result<HttpResponse, Problem> {
        let page = |view| Page::new(view, self.code.text());
        let answered = self
            .services
            .device_sign_in
            .answer(caller, &self.code, approve, self.address);
        match answered.await {
            Ok(()) if approve => Ok(page(View::Approved).answer(StatusCode::OK)),
            Ok(()) => Ok(page(View::Denied).answer(StatusCode::OK)),
            Err(error) => page(View::Code).refused(error),
        }
    }
}

fn with_cookie(mut answer: HttpResponse, cookie: HeaderValue) -> HttpResponse {
    answer.headers_mut().insert(SET_COOKIE, cookie);
    answer
}

impl Page {
    /// The page once more, saying why it goes no further; or the problem, where nobody at the page can do anything about it.
    fn refused(self, error: AccountsError) -> Result<HttpResponse, Problem> {
        let (status, words) = match &error {
            AccountsError::SignInRefused => (
                StatusCode::FORBIDDEN,
                "E-mail address or password is wrong.".to_owned(),
            ),
            AccountsError::SecondFactorRequired => (
                StatusCode::FORBIDDEN,
                "Your account asks for a second factor. Type your password again, and the code that your authenticator shows."
                    .to_owned(),
            ),
            AccountsError::SecondFactorRefused => (
                StatusCode::FORBIDDEN,
                "The code of the second factor is wrong, or was used already.".to_owned(),
            ),
            AccountsError::NoSuchDeviceCode => (StatusCode::NOT_FOUND, UNKNOWN.to_owned()),
            AccountsError::TooSoon { wait } => (
                StatusCode::TOO_MANY_REQUESTS,
                format!("After so many failures, wait {} seconds before you try again.", whole_secs(*wait).max(1)),
            ),
            _ => return Err(error.into()),
        };
        Ok(self.saying(&words).answer(status))
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
