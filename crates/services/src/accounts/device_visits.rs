//! A person's visit to the page that confirms devices: they are recognised as by a sign-in, and nothing is signed in by it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::accounts::{Caller, Email, SecurityEvent, UserCode};
use domain::time::UnixMs;
use ports::accounts::{Account, Visit, VisitState, WaitingDevice};

use super::device_sign_in::Confirmer;
use super::{AccountsError, DeviceSignIn, Proof, Recognition, Standing, Standings};

/// How long a person is known at the page. No longer than an access token lives: of sessions that ended before, it is not known that they did.
pub const VISIT_LIFETIME: Duration = Duration::from_mins(5);

/// The use case.
#[derive(Clone)]
pub struct DeviceVisits {
    /// What the page is for.
    pub device_sign_in: DeviceSignIn,
    /// Asks who it is.
    pub recognition: Recognition,
    /// What became of sessions.
    pub standings: Arc<Standings>,
}

/// Somebody at the page who was recognised.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Their address, as the page shows it.
    pub email: Email,
    confirmer: Confirmer,
    password_version: i32,
    expires_at: UnixMs,
}

impl DeviceVisits {
    /// Recognises whoever shows `proof`, with the bounds of a sign-in and the entry of one, which names no device. `None` is what was typed and is no address.
    ///
    /// # Errors
    /// As [`SignIn::sign_in`](super::SignIn::sign_in).
    pub async fn recognise(
        &self,
        email: Option<&Email>,
        proof: Proof,
        address: Option<IpAddr>,
    ) -> Result<Visitor, AccountsError> {
        let account = self.recognition.of_email(email, proof, address).await?;
        let event = SecurityEvent::SignedIn;
        let entry = self.recognition.journal.entry(event, Some(account.user.id), address);
        self.recognition.log.record(&entry).await?;
        let confirmer = Confirmer {
            user: account.user.id,
            on: None,
        };
        Ok(self.visitor(account, confirmer))
    }

    /// Whoever is signed in.
    ///
    /// # Errors
    /// [`AccountsError::AccountGone`], or something outside.
    pub async fn recognise_session(&self, caller: &Caller) -> Result<Visitor, AccountsError> {
        let account = self.recognition.users.account(caller.user).await?;
        let account = account.ok_or(AccountsError::AccountGone)?;
        Ok(self.visitor(account, caller.into()))
    }

    /// The visit that a browser was given at an earlier step, to its end.
    #[must_use]
    pub fn earlier(&self, token: &str) -> Option<Visit> {
        let tokens = &self.device_sign_in.tokens;
        tokens.read_visit(token, self.recognition.journal.now())
    }

    /// Whether a visit is about this code.
    #[must_use]
    pub fn is_about(&self, visit: &Visit, code: UserCode) -> bool {
        visit.code == self.device_sign_in.hash(code)
    }

    /// Whoever was recognised in a visit that goes on.
    ///
    /// # Errors
    /// [`AccountsError::SessionEnded`] when nobody is any more: they have answered, their password or account is not what it was, or what they were signed in on
    /// is signed out. [`AccountsError::StandingUnknown`], or something outside.
    pub async fn resume(&self, visit: &Visit) -> Result<Visitor, AccountsError> {
        let account = self.recognition.users.account(visit.user).await?;
        let is_good = |account: &Account| !account.disabled && account.password_version == visit.password_version;
        let account = account.filter(|account| is_good(account) && !visit.state.is_settled());
        let account = account.ok_or(AccountsError::SessionEnded)?;
        if let Some((device, session)) = visit.on {
            let caller = Caller {
                user: visit.user,
                device,
                session,
                precedence: 0,
            };
            match self.standings.of(&caller) {
                Standing::Good { .. } => {}
                Standing::Ended => return Err(AccountsError::SessionEnded),
                Standing::Unknown => return Err(AccountsError::StandingUnknown),
            }
        }
        let confirmer = Confirmer {
            user: visit.user,
            on: visit.on,
        };
        Ok(Visitor {
            expires_at: visit.expires_at,
            ..self.visitor(account, confirmer)
        })
    }

    /// Looks for the device that shows a code; what the browser is to keep of it.
    ///
    /// # Errors
    /// [`AccountsError::TooSoon`] after too many codes that no device shows, or something outside.
    pub async fn look(
        &self,
        visitor: &Visitor,
        code: UserCode,
        address: Option<IpAddr>,
    ) -> Result<String, AccountsError> {
        match self.device_sign_in.look(visitor.confirmer, &code, address).await {
            Ok(_) => self.token(visitor, code, VisitState::Found),
            Err(AccountsError::NoSuchDeviceCode) => self.token(visitor, code, VisitState::Missed),
            Err(error) => Err(error),
        }
    }

    /// The device of a visit's code, if it waits still. That it did was found by [`look`](Self::look), so this is no guess and counts as none.
    ///
    /// # Errors
    /// Something outside.
    pub async fn found(&self, visit: &Visit) -> Result<Option<WaitingDevice>, AccountsError> {
        let now = self.recognition.journal.now();
        Ok(self.device_sign_in.codes.look(visit.code, now).await?)
    }

    /// Confirms the device that shows a code, or turns it down; what the browser is to keep of it.
    ///
    /// # Errors
    /// As [`look`](Self::look).
    pub async fn answer(
        &self,
        visitor: &Visitor,
        answer: (UserCode, bool),
        address: Option<IpAddr>,
    ) -> Result<String, AccountsError> {
        let (code, approve) = answer;
        let answered = self
            .device_sign_in
            .answer(visitor.confirmer, &code, approve, address)
            .await;
        let state = match answered {
            Ok(()) if approve => VisitState::Approved,
            Ok(()) => VisitState::Denied,
            Err(AccountsError::NoSuchDeviceCode) => VisitState::Missed,
            Err(error) => return Err(error),
        };
        self.token(visitor, code, state)
    }

    fn visitor(&self, account: Account, confirmer: Confirmer) -> Visitor {
        Visitor {
            email: account.user.email,
            confirmer,
            password_version: account.password_version,
            expires_at: self.recognition.journal.now().after(VISIT_LIFETIME),
        }
    }

    fn token(&self, visitor: &Visitor, code: UserCode, state: VisitState) -> Result<String, AccountsError> {
        let visit = Visit {
            user: visitor.confirmer.user,
            password_version: visitor.password_version,
            on: visitor.confirmer.on,
            code: self.device_sign_in.hash(code),
            state,
            expires_at: visitor.expires_at,
        };
        Ok(self.device_sign_in.tokens.of_visit(&visit)?)
    }
}
