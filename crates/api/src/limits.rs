//! How much anybody may ask of this node: a bucket of tokens for each device's pings, each account's other requests, and each address whose requests show
//! no sound token. Whoever is refused is refused before anything is read or kept.

mod allowance;
mod bounded;
mod buckets;
mod rate;
mod waiting;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use domain::accounts::Caller;
use metrics::{Counter, counter};

use crate::address::ClientAddress;
use crate::door::Door;
use crate::problem::Problem;
use crate::usage::{import, track};

pub(crate) use allowance::{Allowance, whole_secs};
use buckets::Buckets;
pub use rate::{Rate, Rates};
use waiting::{Crowd, Waiting};

/// How often buckets that are full again are forgotten.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// How long a request waits at most until its device may send again, where its client would throw away what is refused.
const TURN_WAIT_MAX: Duration = Duration::from_secs(10);

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// A device's pings.
    Device,
    /// An account's other requests.
    Account,
    /// Requests of an address that show no sound token.
    Address,
}

/// The buckets of this node.
pub(crate) struct Limits {
    device: Limited,
    account: Limited,
    address: Limited,
    waiting: Waiting,
}

/// The buckets of one limit.
struct Limited {
    buckets: Buckets,
    policy: HeaderValue,
    refused: Counter,
}

/// A request that need not show a token: it is counted by the address it comes from.
pub(crate) struct ByAddress;

impl Limits {
    /// With these rates.
    pub(crate) fn new(rates: &Rates) -> Self {
        let limited = |limit: Limit, rate: Rate| Limited {
            buckets: Buckets::new(rate),
            policy: allowance::policy(limit, rate),
            refused: counter!("daybook_requests_limited_total", "limit" => limit.name()),
        };
        Self {
            device: limited(Limit::Device, rates.pings),
            account: limited(Limit::Account, rates.account),
            address: limited(Limit::Address, rates.address),
            waiting: Waiting::default(),
        }
    }

    /// Forgets buckets that are full again, every minute, for ever.
    pub(crate) async fn sweep(&self) -> Infallible {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            for limited in [&self.device, &self.account, &self.address] {
                limited.buckets.sweep();
            }
        }
    }

    /// Says in the headers of an answer what is left.
    pub(crate) fn tell(&self, allowance: Allowance, headers: &mut HeaderMap) {
        headers.insert(RATE_LIMIT, allowance.header());
        headers.insert(RATE_LIMIT_POLICY, self.of(allowance.limit).policy.clone());
    }

    fn of(&self, limit: Limit) -> &Limited {
        match limit {
            Limit::Device => &self.device,
            Limit::Account => &self.account,
            Limit::Address => &self.address,
        }
    }

    /// Takes a token out of a bucket; what is left is told with the answer to `request`.
    fn take(&self, limit: Limit, key: u128, request: &HttpRequest) -> Result<(), Problem> {
        let wait = self.try_take(limit, key, request);
        wait.map_or(Ok(()), |wait| Err(self.refused(limit, wait)))
    }

    /// The same; how long to wait for one, if there was none.
    fn try_take(&self, limit: Limit, key: u128, request: &HttpRequest) -> Option<Duration> {
        let taken = self.of(limit).buckets.take(key);
        request.extensions_mut().insert(Allowance {
            limit,
            remaining: taken.remaining,
            full_in: taken.full_in,
        });
        taken.wait
    }

    /// Waits until there is a token in the bucket of a device.
    async fn turn(&self, device: u128, request: &HttpRequest) -> Result<(), Problem> {
        let Some(mut wait) = self.try_take(Limit::Device, device, request) else {
            return Ok(());
        };
        let _place = self.waiting.enter(device).map_err(|crowd| match crowd {
            Crowd::Device => self.refused(Limit::Device, wait),
            Crowd::Node => Problem::crowded(),
        })?;
        let mut waited = wait;
        while waited <= TURN_WAIT_MAX {
            tokio::time::sleep(wait).await;
            match self.try_take(Limit::Device, device, request) {
                None => return Ok(()),
                Some(more) => wait = more,
            }
            waited += wait;
        }
        Err(self.refused(Limit::Device, wait))
    }

    fn refused(&self, limit: Limit, wait: Duration) -> Problem {
        self.of(limit).refused.increment(1);
        Problem::too_many_requests(limit.refusal(), wait)
    }
}

impl Limit {
    fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Account => "account",
            Self::Address => "address",
        }
    }

    fn refusal(self) -> &'static str {
        match self {
            Self::Device => "this device sends too many requests; put more pings into each, up to 1000",
            Self::Account => "this account sends too many requests",
            Self::Address => "too many requests without a sound access token come from this address",
        }
    }
}

/// Lets a request through whose token has been looked at, if there is room for it: a ping in the bucket of its device, anything else in that of its account,
/// and in that of its address what shows no sound token.
///
/// # Errors
/// What was wrong with the token, or too many requests.
pub(crate) fn admit(request: &HttpRequest, verified: Result<Caller, Problem>) -> Result<Caller, Problem> {
    let Some(limits) = &Door::of(request).limits else {
        return verified;
    };
    let (limit, key) = match &verified {
        Ok(caller) if [track::PATH, import::PATH].contains(&request.path()) => {
            (Limit::Device, caller.device.0.as_u128())
        }
        Ok(caller) => (Limit::Account, caller.user.0.as_u128()),
        Err(_) => (Limit::Address, ClientAddress::of(request).counted()),
    };
    limits.take(limit, key, request)?;
    verified
}

/// Counts a request by its address, before what it shows is asked for.
///
/// # Errors
/// Too many requests.
pub(crate) fn count_unknown(request: &HttpRequest) -> Result<(), Problem> {
    let limits = Door::of(request).limits.as_ref();
    let take = |limits: &Limits| limits.take(Limit::Address, ClientAddress::of(request).counted(), request);
    limits.map_or(Ok(()), take)
}

/// Counts a request that shows no sound token by its address; what is to be said of it then.
pub(crate) fn refuse(request: &HttpRequest, problem: Problem) -> Problem {
    count_unknown(request).err().unwrap_or(problem)
}

/// Counts a request with pings of the caller's device.
///
/// # Errors
/// Too many requests.
pub(crate) fn count_device(request: &HttpRequest, caller: &Caller) -> Result<(), Problem> {
    let limits = Door::of(request).limits.as_ref();
    let take = |limits: &Limits| limits.take(Limit::Device, caller.device.0.as_u128(), request);
    limits.map_or(Ok(()), take)
}

/// Counts a request with events of the caller's device, and lets it wait for its turn: a device that sends faster than it may is slowed down.
///
/// # Errors
/// Too many requests, where its turn would not come within [`TURN_WAIT_MAX`], or so many of it wait that no more may; and where so many of all devices do, no
/// room.
pub(crate) async fn await_device(request: &HttpRequest, caller: &Caller) -> Result<(), Problem> {
    match &Door::of(request).limits {
        Some(limits) => limits.turn(caller.device.0.as_u128(), request).await,
        None => Ok(()),
    }
}

impl FromRequest for ByAddress {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(count_unknown(request).map(|()| Self))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;
    use actix_web::http::StatusCode;
    use actix_web::http::header::RETRY_AFTER;
    use actix_web::test::TestRequest;
    use futures_util::FutureExt;

    use super::waiting::{WAITING_MAX, WAITING_OF_DEVICE_MAX};
    use super::*;

    /// What a request of a device is answered at once; nothing where it waits.
    fn answer(limits: &Limits, device: u128) -> Option<StatusCode> {
        let request = TestRequest::default().to_http_request();
        let turn = limits.turn(device, &request).now_or_never()?;
        let Err(problem) = turn else {
            return Some(StatusCode::OK);
        };
        assert!(problem.error_response().headers().contains_key(RETRY_AFTER));
        Some(problem.status_code())
    }

    #[tokio::test]
    async fn beyond_so_many_that_wait_the_next_is_refused_and_who_need_not_wait_is_not() {
        let limits = Limits::new(&Rates {
            pings: "1/s burst 1".parse().expect("a rate"),
            ..Rates::default()
        });
        for device in 1..=3 {
            assert_eq!(answer(&limits, device), Some(StatusCode::OK));
            assert_eq!(answer(&limits, device), None, "and leaves its place");
        }
        let of_device: Vec<_> = (0..WAITING_OF_DEVICE_MAX).map(|_| limits.waiting.enter(1)).collect();
        assert_eq!(answer(&limits, 1), Some(StatusCode::TOO_MANY_REQUESTS));
        assert_eq!(answer(&limits, 2), None);
        let others = 100..100 + u128::try_from(WAITING_MAX - WAITING_OF_DEVICE_MAX).expect("few");
        let mut others: Vec<_> = others.map(|device| limits.waiting.enter(device)).collect();
        assert_eq!(answer(&limits, 2), Some(StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(answer(&limits, 4), Some(StatusCode::OK));
        others.pop();
        assert_eq!(answer(&limits, 2), None);
        assert!(of_device.iter().chain(&others).all(Result::is_ok));
    }
}
