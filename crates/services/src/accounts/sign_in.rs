//! Signs a device in.

use std::sync::Arc;

use domain::accounts::{Caller, DeviceId, DeviceKey, Email, SessionId};
use ports::accounts::{Passwords, Sessions, SignIn as KeptSignIn, Users};
use ports::{Clock, Ids};

use super::{AccountsError, SignedIn, Tokens};

/// The use case.
#[derive(Clone)]
pub struct SignIn {
    /// Where people are kept.
    pub users: Arc<dyn Users>,
    /// How passwords are checked.
    pub passwords: Arc<dyn Passwords>,
    /// Where sign-ins are kept.
    pub sessions: Arc<dyn Sessions>,
    /// What a sign-in ends with.
    pub tokens: Tokens,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
}

/// What a client gives to sign in.
#[derive(Clone)]
pub struct SignInAttempt {
    /// The address; `None` when what was given is no address, which must look like a wrong password.
    pub email: Option<Email>,
    /// The password as typed.
    pub password: String,
    /// The device's own key.
    pub key: DeviceKey,
    /// What the device is called.
    pub device_name: Option<String>,
    /// What it runs on.
    pub platform: Option<String>,
}

impl SignIn {
    /// Signs the device in.
    ///
    /// # Errors
    /// [`AccountsError::SignInRefused`], the same and after the same work whether the address or the password is wrong; or something outside.
    pub async fn sign_in(&self, attempt: SignInAttempt) -> Result<SignedIn, AccountsError> {
        let known = match &attempt.email {
            Some(email) => self.users.by_email(email).await?,
            None => None,
        };
        let (user, hash) = known.unzip();
        let right = self.passwords.verify(attempt.password, hash).await?;
        let Some(user) = user.filter(|_| right) else {
            return Err(AccountsError::SignInRefused);
        };

        let now = self.clock.now();
        let session = SessionId(self.ids.new_id());
        let refresh = self.tokens.new_refresh(session, now)?;
        let kept = KeptSignIn {
            user: user.id,
            key: attempt.key,
            new_device: DeviceId(self.ids.new_id()),
            name: attempt.device_name,
            platform: attempt.platform,
            session,
            refresh: refresh.hash,
            now,
            expires_at: refresh.expires_at,
        };
        let device = self.sessions.sign_in(&kept).await?;
        let caller = Caller {
            user: user.id,
            device: device.id,
            session,
            precedence: device.precedence,
        };
        Ok(self.tokens.signed_in(&caller, device, refresh, now)?)
    }
}
