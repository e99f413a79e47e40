//! Signs a device in.

use std::net::IpAddr;
use std::sync::Arc;

use domain::accounts::{Caller, DeviceId, DeviceKey, Email, SecurityEvent, SessionId};
use ports::accounts::{Sessions, SignIn as KeptSignIn, SignInOutcome};

use super::{AccountsError, Endings, Journal, Proof, Recognition, SignedIn, Tokens};

/// The use case.
#[derive(Clone)]
pub struct SignIn {
    /// Asks who it is.
    pub recognition: Recognition,
    /// Where sign-ins are kept.
    pub sessions: Arc<dyn Sessions>,
    /// What a sign-in ends with.
    pub tokens: Tokens,
    /// Tells every node that the session before has ended.
    pub endings: Endings,
    /// Dates and numbers what happens.
    pub journal: Journal,
}

/// What a client gives to sign in.
#[derive(Debug, Clone)]
pub struct SignInAttempt {
    /// The address; `None` when what was given is no address, which must look like a wrong password.
    pub email: Option<Email>,
    /// What the person shows.
    pub proof: Proof,
    /// The device's own key.
    pub key: DeviceKey,
    /// What the device is called.
    pub device_name: Option<String>,
    /// What it runs on.
    pub platform: Option<String>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
}

impl SignIn {
    /// Signs the device in. If it was signed in, that session ends.
    ///
    /// # Errors
    /// [`AccountsError::SignInRefused`], the same and after the same work whether the address or the password is wrong; what [`Recognition`] refuses besides;
    /// [`AccountsError::TooManyDevices`]; or something outside.
    pub async fn sign_in(&self, attempt: SignInAttempt) -> Result<SignedIn, AccountsError> {
        let email = attempt.email.as_ref();
        let account = self.recognition.of_email(email, attempt.proof, attempt.address).await?;
        let user = account.user.id;
        let now = self.journal.now();
        let session = SessionId(self.journal.ids.new_id());
        let refresh = self.tokens.new_refresh(session, now)?;
        let mut entry = self.journal.entry(SecurityEvent::SignedIn, Some(user), attempt.address);
        entry.session = Some(session);
        let kept = KeptSignIn {
            user,
            key: attempt.key,
            new_device: DeviceId(self.journal.ids.new_id()),
            name: attempt.device_name,
            platform: attempt.platform,
            session,
            refresh: refresh.hash,
            now,
            expires_at: refresh.expires_at,
            address: attempt.address,
            password_version: account.password_version,
            entry,
        };
        let (device, replaced) = match self.sessions.sign_in(&kept).await? {
            SignInOutcome::SignedIn { device, replaced } => (device, replaced),
            SignInOutcome::TooManyDevices => return Err(AccountsError::TooManyDevices),
            SignInOutcome::Outdated => return Err(AccountsError::SignInRefused),
        };
        self.endings.announce(replaced.as_slice()).await?;
        let caller = Caller {
            user,
            device: device.id,
            session,
            precedence: device.precedence,
        };
        Ok(self.tokens.signed_in(&caller, device, refresh, now)?)
    }
}
