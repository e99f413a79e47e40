//! The wiring of accounts: every use case of people, their devices and their sign-ins.

use std::num::NonZeroUsize;
use std::sync::Arc;

use adapters::crypto::{
    Argon2Passwords, RandomApiKeys, RandomDeviceCodes, RandomRefreshTokens, RandomResetTokens, TotpFactors,
};
use adapters::postgres::Accounts;
use ports::accounts::{AccessTokens, Mailer, Passwords, SignInThrottle};
use services::accounts::{
    ApiKeys, Authenticate, ChangeEmail, ChangePassword, DeviceSignIn, DeviceVisits, Devices, Endings, ExportAccount,
    Journal, KeyRing, NewPasswords, Privacy, Profile, Recognition, Refresh, Register, ResetPassword, SecondFactorUse,
    SecurityLog, SignIn, SignOut, Standings, Tokens,
};

use super::Parts;

/// What the use cases of accounts share.
pub(super) struct People {
    pub(super) accounts: Arc<Accounts>,
    pub(super) recognition: Recognition,
    pub(super) endings: Endings,
    pub(super) journal: Journal,
    pub(super) mailer: Arc<dyn Mailer>,
    new_passwords: NewPasswords,
    tokens: Tokens,
}

impl People {
    /// Over the servers of `parts`.
    pub(super) fn new(parts: &Parts, access: Arc<dyn AccessTokens>, mailer: Arc<dyn Mailer>) -> Self {
        let accounts = Arc::new(Accounts::new(parts.database.clone()));
        let passwords: Arc<dyn Passwords> = Arc::new(argon2());
        let throttle: Arc<dyn SignInThrottle> = Arc::new(parts.redis.sign_in_throttle(Arc::clone(&parts.clock)));
        let journal = Journal {
            clock: Arc::clone(&parts.clock),
            ids: Arc::clone(&parts.ids),
        };
        Self {
            recognition: Recognition {
                users: accounts.clone(),
                passwords: Arc::clone(&passwords),
                credentials: accounts.clone(),
                factors: Arc::new(TotpFactors),
                factor_store: accounts.clone(),
                throttle,
                log: accounts.clone(),
                journal: journal.clone(),
            },
            endings: Endings {
                announcements: Arc::new(parts.redis.announcements()),
            },
            new_passwords: NewPasswords { passwords },
            tokens: Tokens::new(access, Arc::new(RandomRefreshTokens)),
            accounts,
            journal,
            mailer,
        }
    }

    pub(super) fn authenticate(&self, access_tokens: Arc<dyn AccessTokens>, standings: Arc<Standings>) -> Authenticate {
        let clock = &self.journal.clock;
        let keys = KeyRing::new(self.accounts.clone(), Arc::new(RandomApiKeys), Arc::clone(clock));
        Authenticate {
            access_tokens,
            keys: Arc::new(keys),
            standings,
            clock: Arc::clone(clock),
        }
    }

    pub(super) fn register(&self) -> Register {
        Register {
            users: self.accounts.clone(),
            new_passwords: self.new_passwords.clone(),
            journal: self.journal.clone(),
        }
    }

    pub(super) fn sign_in(&self) -> SignIn {
        SignIn {
            recognition: self.recognition.clone(),
            sessions: self.accounts.clone(),
            tokens: self.tokens.clone(),
            endings: self.endings.clone(),
            journal: self.journal.clone(),
        }
    }

    pub(super) fn device_sign_in(&self) -> DeviceSignIn {
        DeviceSignIn {
            codes: self.accounts.clone(),
            maker: Arc::new(RandomDeviceCodes),
            throttle: Arc::clone(&self.recognition.throttle),
            log: self.accounts.clone(),
            tokens: self.tokens.clone(),
            endings: self.endings.clone(),
            journal: self.journal.clone(),
        }
    }

    pub(super) fn device_visits(&self, standings: Arc<Standings>) -> DeviceVisits {
        DeviceVisits {
            device_sign_in: self.device_sign_in(),
            recognition: self.recognition.clone(),
            standings,
        }
    }

    pub(super) fn refresh(&self) -> Refresh {
        Refresh {
            sessions: self.accounts.clone(),
            tokens: self.tokens.clone(),
            endings: self.endings.clone(),
            journal: self.journal.clone(),
        }
    }

    pub(super) fn sign_out(&self) -> SignOut {
        SignOut {
            sessions: self.accounts.clone(),
            endings: self.endings.clone(),
            journal: self.journal.clone(),
        }
    }

    pub(super) fn devices(&self) -> Devices {
        Devices {
            devices: self.accounts.clone(),
            imports: self.accounts.clone(),
            sessions: self.accounts.clone(),
            announcements: Arc::clone(&self.endings.announcements),
            endings: self.endings.clone(),
            journal: self.journal.clone(),
        }
    }

    pub(super) fn api_keys(&self) -> ApiKeys {
        ApiKeys {
            keys: self.accounts.clone(),
            maker: Arc::new(RandomApiKeys),
            endings: self.endings.clone(),
            journal: self.journal.clone(),
        }
    }

    pub(super) fn profile(&self) -> Profile {
        Profile {
            users: self.accounts.clone(),
        }
    }

    pub(super) fn change_password(&self) -> ChangePassword {
        ChangePassword {
            recognition: self.recognition.clone(),
            new_passwords: self.new_passwords.clone(),
            credentials: self.accounts.clone(),
            endings: self.endings.clone(),
            mailer: Arc::clone(&self.mailer),
            journal: self.journal.clone(),
        }
    }

    pub(super) fn reset_password(&self) -> ResetPassword {
        ResetPassword {
            users: self.accounts.clone(),
            credentials: self.accounts.clone(),
            tokens: Arc::new(RandomResetTokens),
            new_passwords: self.new_passwords.clone(),
            mailer: Arc::clone(&self.mailer),
            log: self.accounts.clone(),
            endings: self.endings.clone(),
            journal: self.journal.clone(),
        }
    }

    pub(super) fn change_email(&self) -> ChangeEmail {
        ChangeEmail {
            recognition: self.recognition.clone(),
            users: self.accounts.clone(),
            mailer: Arc::clone(&self.mailer),
            journal: self.journal.clone(),
        }
    }

    pub(super) fn second_factor(&self) -> SecondFactorUse {
        SecondFactorUse {
            recognition: self.recognition.clone(),
            factors: Arc::new(TotpFactors),
            store: self.accounts.clone(),
            users: self.accounts.clone(),
            mailer: Arc::clone(&self.mailer),
            journal: self.journal.clone(),
        }
    }

    pub(super) fn security_log(&self) -> SecurityLog {
        SecurityLog {
            log: self.accounts.clone(),
        }
    }

    pub(super) fn privacy(&self) -> Privacy {
        Privacy {
            store: self.accounts.clone(),
            announcements: Arc::clone(&self.endings.announcements),
            journal: self.journal.clone(),
        }
    }

    pub(super) fn export(&self) -> ExportAccount {
        ExportAccount {
            users: self.accounts.clone(),
            devices: self.accounts.clone(),
            imports: self.accounts.clone(),
            keys: self.accounts.clone(),
            privacy: self.accounts.clone(),
            log: self.accounts.clone(),
            journal: self.journal.clone(),
        }
    }
}

/// Passwords, on half of the processors, at least one: a burst of sign-ins leaves the rest to pings.
pub fn argon2() -> Argon2Passwords {
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    Argon2Passwords::new(NonZeroUsize::new(processors / 2).unwrap_or(NonZeroUsize::MIN))
}
