//! What can go wrong with accounts, as problems.

use actix_web::ResponseError;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, WWW_AUTHENTICATE};
use services::accounts::AccountsError;

use super::{Problem, ProblemType};
use crate::faults::Faults;

impl From<AccountsError> for Problem {
    fn from(error: AccountsError) -> Self {
        let words = error.to_string();
        let problem = match error {
            AccountsError::Outside(error) => return error.into(),
            AccountsError::Invalid(faults) => return Self::invalid(Faults::of("", faults)),
            AccountsError::TooSoon { wait } => {
                return Self::too_many_requests("after so many failures, wait before you try again", wait);
            }
            AccountsError::TooManyWaiting { wait } => {
                return Self::too_many_requests("too many devices wait to be confirmed; try again later", wait);
            }
            AccountsError::TokenRefused => {
                return Self::unauthenticated(
                    "the access token or API key is not valid, or no longer; refresh it, or sign in again",
                    r#"Bearer error="invalid_token""#,
                );
            }
            AccountsError::StandingUnknown => return Self::unavailable(words),
            AccountsError::SecondFactorRequired => ProblemType::SecondFactorRequired,
            AccountsError::SignInRefused
            | AccountsError::SecondFactorRefused
            | AccountsError::SessionEnded
            | AccountsError::AccountGone => ProblemType::Unauthenticated,
            AccountsError::ProofRefused => ProblemType::ProofRefused,
            AccountsError::NoSuchDevice | AccountsError::NoSuchKey | AccountsError::NoSuchDeviceCode => {
                ProblemType::NotFound
            }
            AccountsError::DeviceCodePending => ProblemType::AuthorizationPending,
            AccountsError::DeviceCodeTooFast => ProblemType::SlowDown,
            AccountsError::DeviceCodeDenied => ProblemType::AccessDenied,
            AccountsError::DeviceCodeExpired => ProblemType::ExpiredToken,
            AccountsError::RulesChanged => ProblemType::Changed,
            AccountsError::EmailTaken => ProblemType::EmailTaken,
            AccountsError::TooManyDevices | AccountsError::TooManyKeys => ProblemType::LimitReached,
            AccountsError::SecondFactorInUse | AccountsError::NoSecondFactor => ProblemType::SecondFactorState,
        };
        let problem = Self::new(problem, words);
        if problem.status_code() == StatusCode::UNAUTHORIZED {
            return problem.with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        problem
    }
}
