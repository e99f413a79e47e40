//! What the tests of accounts share: stores in memory, the use cases over them, and Ada.

use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use domain::accounts::{Caller, DeviceKey, Email, FullName, Password, SecurityEntry, SecurityEvent, SessionId, User};
use ports::accounts::{AccessTokens, Account, Hearing, Mail, Operation, SecurityLog, StandingChange, Users};
use ports::{Clock, Ids};
use services::Kind;
use services::accounts::{
    AccountsError, Endings, Journal, NewPasswords, Proof, Recognition, Refresh, Register, Registration,
    SecondFactorUse, SignIn, SignInAttempt, SignedIn, Tokens,
};
use testkit::clock::{TestClock, TestIds};
use testkit::contract::second_factors::Authenticator;
use testkit::memory::accounts::MemoryAccounts;
use testkit::memory::crypto::{MemoryAccessTokens, MemoryPasswords, MemoryRefreshTokens};
use testkit::memory::factors::MemoryFactors;
use testkit::memory::mail::MemoryMailer;
use testkit::memory::standing::MemoryAnnouncements;
use testkit::memory::throttle::MemoryThrottle;

use crate::world::NOW;

pub const ADA: &str = "ada@example.org";
pub const PASSWORD: &str = "correct horse";
/// Where requests come from.
pub const ADDRESS: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)));

/// Everything that the use cases stand on.
pub struct People {
    pub accounts: Arc<MemoryAccounts>,
    pub announcements: Arc<MemoryAnnouncements>,
    pub access: Arc<MemoryAccessTokens>,
    pub factors: Arc<MemoryFactors>,
    pub mailer: Arc<MemoryMailer>,
    pub throttle: Arc<MemoryThrottle>,
    pub clock: Arc<TestClock>,
    pub ids: Arc<TestIds>,
    tokens: Tokens,
}

/// With nobody registered yet.
pub fn people() -> People {
    let clock = Arc::new(TestClock::at(NOW));
    let access = Arc::new(MemoryAccessTokens::default());
    People {
        accounts: Arc::default(),
        announcements: Arc::default(),
        tokens: Tokens::new(access.clone(), Arc::new(MemoryRefreshTokens::default())),
        access,
        factors: Arc::default(),
        mailer: Arc::default(),
        throttle: Arc::new(MemoryThrottle::new(clock.clone())),
        clock,
        ids: Arc::default(),
    }
}

/// With Ada, who has registered.
pub async fn people_with_ada() -> (People, User) {
    let people = people();
    let ada = people.register().register(registration(ADA), ADDRESS).await;
    (people, ada.expect("registered"))
}

/// With Ada, who is signed in on her laptop.
pub async fn people_with_ada_signed_in() -> (People, Caller) {
    let (people, _) = people_with_ada().await;
    let caller = people.signed_in(ADA, "laptop").await;
    (people, caller)
}

pub fn email(text: &str) -> Email {
    Email::parse(text).expect("an address")
}

pub fn password(text: &str) -> Password {
    Password::parse(text).expect("a password")
}

pub fn registration(address: &str) -> Registration {
    Registration {
        email: email(address),
        password: password(PASSWORD),
        full_name: FullName::parse("Ada").expect("a name"),
        timezone: domain::reports::Zone::Europe__Berlin,
    }
}

/// The right password alone.
pub fn proof() -> Proof {
    proof_of(PASSWORD, None)
}

pub fn proof_of(password: &str, code: Option<&str>) -> Proof {
    Proof {
        password: password.to_owned(),
        code: code.map(str::to_owned),
    }
}

/// As somebody types it who wants to sign in on a device of that key.
pub fn attempt(address: &str, proof: Proof, device: &str) -> SignInAttempt {
    SignInAttempt {
        email: Email::parse(address).ok(),
        proof,
        key: DeviceKey::parse(device).expect("a key"),
        device_name: None,
        platform: None,
        address: ADDRESS,
    }
}

pub fn ended(session: SessionId) -> StandingChange {
    StandingChange::Ended(session)
}

impl People {
    pub fn journal(&self) -> Journal {
        Journal {
            clock: self.clock.clone(),
            ids: self.ids.clone(),
        }
    }

    pub fn endings(&self) -> Endings {
        Endings {
            announcements: self.announcements.clone(),
        }
    }

    pub fn new_passwords() -> NewPasswords {
        NewPasswords {
            passwords: Arc::new(MemoryPasswords),
        }
    }

    pub fn recognition(&self) -> Recognition {
        Recognition {
            users: self.accounts.clone(),
            passwords: Arc::new(MemoryPasswords),
            credentials: self.accounts.clone(),
            factors: self.factors.clone(),
            factor_store: self.accounts.clone(),
            throttle: self.throttle.clone(),
            log: self.accounts.clone(),
            journal: self.journal(),
        }
    }

    pub fn register(&self) -> Register {
        Register {
            users: self.accounts.clone(),
            new_passwords: Self::new_passwords(),
            journal: self.journal(),
        }
    }

    pub fn sign_in(&self) -> SignIn {
        SignIn {
            recognition: self.recognition(),
            sessions: self.accounts.clone(),
            tokens: self.tokens.clone(),
            endings: self.endings(),
            journal: self.journal(),
        }
    }

    pub fn refresh(&self) -> Refresh {
        Refresh {
            sessions: self.accounts.clone(),
            tokens: self.tokens.clone(),
            endings: self.endings(),
            journal: self.journal(),
        }
    }

    pub fn second_factor(&self) -> SecondFactorUse {
        SecondFactorUse {
            recognition: self.recognition(),
            factors: self.factors.clone(),
            store: self.accounts.clone(),
            users: self.accounts.clone(),
            mailer: self.mailer.clone(),
            journal: self.journal(),
        }
    }

    /// Tries to sign in with this password and code.
    pub async fn try_sign_in(&self, password: &str, code: Option<&str>) -> Result<SignedIn, AccountsError> {
        let attempt = attempt(ADA, proof_of(password, code), "laptop");
        self.sign_in().sign_in(attempt).await
    }

    /// Somebody who has signed in with the right password.
    pub async fn signed_in(&self, address: &str, device: &str) -> Caller {
        let signed_in = self.sign_in().sign_in(attempt(address, proof(), device)).await;
        self.caller(&signed_in.expect("signed in"))
    }

    /// Whom an access token speaks for.
    pub fn caller(&self, signed_in: &SignedIn) -> Caller {
        let caller = self.access.verify(&signed_in.access_token, self.clock.now());
        caller.expect("a token that was just made")
    }

    /// Ada's authenticator is in use from now on; it shows this code, which was used to confirm it. Answers a recovery code too.
    pub async fn enable_factor(&self, caller: &Caller) -> (domain::accounts::TotpSecret, String) {
        let factor = self.second_factor();
        let new = factor.begin(caller, proof(), ADDRESS).await.expect("begun");
        let code = self.factors.code(&new.secret, self.clock.now());
        let codes = factor.confirm(caller, &code, ADDRESS).await.expect("confirmed");
        (new.secret, codes[0].text())
    }

    /// What was announced, all in all.
    pub async fn announced(&self) -> Vec<StandingChange> {
        self.announcements.after(None).await.expect("heard").changes
    }

    /// The subjects of the mails to an address, oldest first.
    pub fn subjects(&self, address: &str) -> Vec<String> {
        self.mails(address).into_iter().map(|mail| mail.subject).collect()
    }

    pub fn mails(&self, address: &str) -> Vec<Mail> {
        self.mailer.sent_to(&email(address))
    }

    pub async fn account(&self, address: &str) -> Account {
        let account = self.accounts.by_email(&email(address)).await;
        account.expect("the store is there").expect("somebody has the address")
    }

    /// What happened to an account, the latest first.
    pub async fn events(&self, address: &str) -> Vec<SecurityEvent> {
        let user = self.account(address).await.user.id;
        let log = self.accounts.page(user, None, 1_000).await.expect("the log is there");
        log.into_iter().map(|entry| entry.event).collect()
    }

    /// The last thing that happened to an account.
    pub async fn last_entry(&self, address: &str) -> SecurityEntry {
        let user = self.account(address).await.user.id;
        let mut log = self.accounts.page(user, None, 1).await.expect("the log is there");
        log.pop().expect("something happened")
    }

    /// The operator closes the account.
    pub async fn disable(&self, address: &str) {
        let entry = SecurityEntry {
            id: domain::accounts::EntryId(self.ids.new_id()),
            user: None,
            at: self.clock.now(),
            event: SecurityEvent::Disabled,
            device: None,
            session: None,
            address: None,
            count: None,
        };
        let disabled = self.accounts.set_disabled(&email(address), true, NOW, &entry).await;
        assert!(disabled.expect("the store is there").is_some());
    }
}

/// Asserts that something was away.
pub fn assert_unavailable<T: Debug>(result: Result<T, AccountsError>) {
    let error = result.expect_err("something is away");
    assert_eq!(error.kind(), Kind::Unavailable, "{error:?}");
}

/// Asserts that one field was refused, and why.
pub fn assert_fault<T: Debug>(result: Result<T, AccountsError>, field: &str, code: &str) {
    match result {
        Err(AccountsError::Invalid(faults)) => {
            let faults: Vec<_> = faults.iter().map(|fault| (fault.field, fault.code)).collect();
            assert_eq!(faults, [(field, code)]);
        }
        other => panic!("{field} {code}: {other:?}"),
    }
}
