//! Signs a device in by a code that it shows and a person confirms on another one (RFC 8628): the device never sees a password.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::accounts::{Caller, DeviceId, DeviceKey, SecurityEntry, SecurityEvent, SessionId, UserCode, UserId};
use ports::accounts::{
    Attempt, Claimed, DeviceAnswer, DeviceClaim, DeviceCodeMaker, DeviceCodes, NewWaitingDevice, SecurityLog,
    SignInThrottle, UserCodeHash, WaitingDevice,
};

use super::{AccountsError, Endings, Journal, SignedIn, Tokens};

/// How long the codes are good.
pub const DEVICE_CODE_LIFETIME: Duration = Duration::from_mins(10);
/// When there may be room for one more device, once there was none.
const ROOM_WITHIN: Duration = Duration::from_mins(1);

/// The use case.
#[derive(Clone)]
pub struct DeviceSignIn {
    /// Where waiting devices are kept.
    pub codes: Arc<dyn DeviceCodes>,
    /// Makes codes.
    pub maker: Arc<dyn DeviceCodeMaker>,
    /// What slows guessing down.
    pub throttle: Arc<dyn SignInThrottle>,
    /// Where guesses are noted.
    pub log: Arc<dyn SecurityLog>,
    /// What a sign-in ends with.
    pub tokens: Tokens,
    /// Tells every node that the session before has ended.
    pub endings: Endings,
    /// Dates and numbers what happens.
    pub journal: Journal,
}

/// A device that wants to be signed in.
#[derive(Debug, Clone)]
pub struct AskingDevice {
    /// Its own key.
    pub key: DeviceKey,
    /// What it is called.
    pub name: Option<String>,
    /// What it runs on.
    pub platform: Option<String>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
}

/// What a device is told that wants to be signed in.
#[derive(Clone)]
pub struct ShownCode {
    /// With which it asks whether it was confirmed.
    pub device_code: String,
    /// What it shows.
    pub user_code: UserCode,
}

/// Who confirms a device, or turns it down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmer {
    /// The person.
    pub user: UserId,
    /// What they are signed in on, if they are.
    pub on: Option<(DeviceId, SessionId)>,
}

impl From<&Caller> for Confirmer {
    fn from(caller: &Caller) -> Self {
        Self {
            user: caller.user,
            on: Some((caller.device, caller.session)),
        }
    }
}

impl DeviceSignIn {
    /// Makes codes for a device.
    ///
    /// # Errors
    /// [`AccountsError::TooManyWaiting`], or something outside.
    pub async fn begin(&self, asking: AskingDevice) -> Result<ShownCode, AccountsError> {
        let now = self.journal.now();
        let codes = self.maker.make()?;
        let kept = NewWaitingDevice {
            device_hash: codes.device_hash,
            user_hash: codes.user_hash,
            device: WaitingDevice {
                key: asking.key,
                name: asking.name,
                platform: asking.platform,
                address: asking.address,
                asked_at: now,
                expires_at: now.after(DEVICE_CODE_LIFETIME),
            },
        };
        if !self.codes.keep(&kept).await? {
            return Err(AccountsError::TooManyWaiting { wait: ROOM_WITHIN });
        }
        Ok(ShownCode {
            device_code: codes.device_code,
            user_code: codes.user_code,
        })
    }

    /// The device that shows a code, for the person who is to confirm it.
    ///
    /// # Errors
    /// [`AccountsError::NoSuchDeviceCode`], [`AccountsError::TooSoon`] after too many of those, or something outside.
    pub async fn look(
        &self,
        confirmer: impl Into<Confirmer> + Send,
        code: &UserCode,
        address: Option<IpAddr>,
    ) -> Result<WaitingDevice, AccountsError> {
        let confirmer = confirmer.into();
        let attempt = self.wait_for(confirmer).await?;
        let found = self.codes.look(self.hash(*code), self.journal.now()).await?;
        match found {
            Some(device) => Ok(device),
            None => Err(self.missed(confirmer, &attempt, address).await?),
        }
    }

    /// Confirms the device that shows a code, or turns it down.
    ///
    /// # Errors
    /// As [`DeviceSignIn::look`].
    pub async fn answer(
        &self,
        confirmer: impl Into<Confirmer> + Send,
        code: &UserCode,
        approve: bool,
        address: Option<IpAddr>,
    ) -> Result<(), AccountsError> {
        let confirmer = confirmer.into();
        let attempt = self.wait_for(confirmer).await?;
        let event = if approve {
            SecurityEvent::DeviceCodeApproved
        } else {
            SecurityEvent::DeviceCodeDenied
        };
        let answer = DeviceAnswer {
            code: self.hash(*code),
            user: confirmer.user,
            approve,
            now: self.journal.now(),
            entry: self.entry(confirmer, event, address),
        };
        if !self.codes.answer(&answer).await? {
            return Err(self.missed(confirmer, &attempt, address).await?);
        }
        // The failures before are not forgotten: whoever guesses could have a device of their own to confirm now and then.
        Ok(())
    }

    /// Signs the device of a code in, if a person has confirmed it. If it was signed in, that session ends.
    ///
    /// # Errors
    /// [`AccountsError::DeviceCodePending`], [`AccountsError::DeviceCodeTooFast`], [`AccountsError::DeviceCodeDenied`], [`AccountsError::DeviceCodeExpired`],
    /// [`AccountsError::TooManyDevices`], or something outside.
    pub async fn claim(&self, device_code: &str, address: Option<IpAddr>) -> Result<SignedIn, AccountsError> {
        let code = self.maker.read(device_code).ok_or(AccountsError::DeviceCodeExpired)?;
        let now = self.journal.now();
        let session = SessionId(self.journal.ids.new_id());
        let refresh = self.tokens.new_refresh(session, now)?;
        let mut entry = self.journal.entry(SecurityEvent::SignedIn, None, address);
        entry.session = Some(session);
        let claim = DeviceClaim {
            code,
            new_device: DeviceId(self.journal.ids.new_id()),
            session,
            refresh: refresh.hash,
            now,
            expires_at: refresh.expires_at,
            address,
            entry,
        };
        let (user, device, replaced) = match self.codes.claim(&claim).await? {
            Claimed::SignedIn { user, device, replaced } => (user, device, replaced),
            Claimed::Pending => return Err(AccountsError::DeviceCodePending),
            Claimed::TooFast => return Err(AccountsError::DeviceCodeTooFast),
            Claimed::Denied => return Err(AccountsError::DeviceCodeDenied),
            Claimed::Expired => return Err(AccountsError::DeviceCodeExpired),
            Claimed::TooManyDevices => return Err(AccountsError::TooManyDevices),
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

    /// The hash that a code is kept by.
    pub(super) fn hash(&self, code: UserCode) -> UserCodeHash {
        self.maker.hash(&code)
    }

    fn entry(&self, confirmer: Confirmer, event: SecurityEvent, address: Option<IpAddr>) -> SecurityEntry {
        SecurityEntry {
            device: confirmer.on.map(|(device, _)| device),
            session: confirmer.on.map(|(_, session)| session),
            ..self.journal.entry(event, Some(confirmer.user), address)
        }
    }

    /// Codes are guessed as somebody who is signed in, so guesses are counted for the account, wherever they come from.
    async fn wait_for(&self, confirmer: Confirmer) -> Result<Attempt, AccountsError> {
        let attempt = Attempt {
            account: format!("device code {}", confirmer.user),
            address: None,
        };
        match self.throttle.attempt(&attempt).await? {
            Some(wait) => Err(AccountsError::TooSoon { wait }),
            None => Ok(attempt),
        }
    }

    async fn missed(
        &self,
        confirmer: Confirmer,
        attempt: &Attempt,
        address: Option<IpAddr>,
    ) -> Result<AccountsError, AccountsError> {
        let event = SecurityEvent::DeviceCodeUnknown;
        self.throttle.failed(attempt).await?;
        self.log.record(&self.entry(confirmer, event, address)).await?;
        Ok(AccountsError::NoSuchDeviceCode)
    }
}
