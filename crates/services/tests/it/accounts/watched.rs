//! Ports that write down how they are called.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::accounts::{Email, EntryId, Password, SecurityEntry, User, UserId};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{
    Account, Attempt, EmailChange, PasswordHash, Passwords, ProfileChange, SecurityLog, SignInThrottle, Users, Verified,
};

/// The names of the methods that were called, in their order.
#[derive(Clone, Default)]
pub struct Calls(Arc<Mutex<Vec<&'static str>>>);

impl Calls {
    /// Those since this was asked last.
    pub fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().expect("no test panicked"))
    }

    fn note(&self, call: &'static str) {
        self.0.lock().expect("no test panicked").push(call);
    }
}

/// A port whose calls are written down.
pub struct Watched<T> {
    port: Arc<T>,
    calls: Calls,
}

impl<T> Watched<T> {
    pub fn new(port: Arc<T>, calls: &Calls) -> Self {
        let calls = calls.clone();
        Self { port, calls }
    }

    fn called(&self, call: &'static str) -> &T {
        self.calls.note(call);
        &self.port
    }
}

#[async_trait]
impl<T: Users> Users for Watched<T> {
    async fn insert(&self, user: &User, password: &PasswordHash, entry: &SecurityEntry) -> Result<bool, PortError> {
        self.called("insert").insert(user, password, entry).await
    }

    async fn by_email(&self, email: &Email) -> Result<Option<Account>, PortError> {
        self.called("by_email").by_email(email).await
    }

    async fn account(&self, id: UserId) -> Result<Option<Account>, PortError> {
        self.called("account").account(id).await
    }

    async fn by_id(&self, id: UserId) -> Result<Option<User>, PortError> {
        self.called("by_id").by_id(id).await
    }

    async fn update(&self, id: UserId, change: &ProfileChange) -> Result<Option<User>, PortError> {
        self.called("update").update(id, change).await
    }

    async fn change_email(&self, id: UserId, email: &Email, entry: &SecurityEntry) -> Result<EmailChange, PortError> {
        self.called("change_email").change_email(id, email, entry).await
    }
}

#[async_trait]
impl<T: Passwords> Passwords for Watched<T> {
    async fn hash(&self, password: Password) -> Result<PasswordHash, PortError> {
        self.called("hash").hash(password).await
    }

    async fn verify(&self, attempt: String, hash: Option<PasswordHash>) -> Result<Verified, PortError> {
        self.called("verify").verify(attempt, hash).await
    }

    fn is_common(&self, password: &Password, own_words: &[&str]) -> bool {
        self.called("is_common").is_common(password, own_words)
    }
}

#[async_trait]
impl<T: SignInThrottle> SignInThrottle for Watched<T> {
    async fn attempt(&self, attempt: &Attempt) -> Result<Option<Duration>, PortError> {
        self.called("attempt").attempt(attempt).await
    }

    async fn failed(&self, attempt: &Attempt) -> Result<(), PortError> {
        self.called("failed").failed(attempt).await
    }

    async fn succeeded(&self, attempt: &Attempt) -> Result<(), PortError> {
        self.called("succeeded").succeeded(attempt).await
    }
}

#[async_trait]
impl<T: SecurityLog> SecurityLog for Watched<T> {
    async fn record(&self, entry: &SecurityEntry) -> Result<(), PortError> {
        self.called("record").record(entry).await
    }

    async fn page(&self, user: UserId, before: Option<EntryId>, limit: usize) -> Result<Vec<SecurityEntry>, PortError> {
        self.called("page").page(user, before, limit).await
    }

    async fn forget_nobody_before(&self, at: UnixMs) -> Result<(), PortError> {
        self.called("forget_nobody_before").forget_nobody_before(at).await
    }
}
