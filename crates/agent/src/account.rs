//! Signed in, and staying so: the saved session, then its refresh token, then the password, until there is a token that the server takes.

use std::path::PathBuf;

use domain::time::UnixMs;

use crate::chain::Chain;
use crate::files;
use crate::secret::Secret;
use crate::server::{Grant, Server, SignIn, SignInError};
use crate::session::{Device, Session, Tokens};
use crate::store::SessionStore;

/// Where the password comes from when it is needed.
#[derive(Debug, Clone)]
pub enum PasswordSource {
    /// There is none: somebody has to sign in by hand.
    Absent,
    /// From the environment or the terminal.
    Given(Secret),
    /// The first line of a file, read each time.
    File(PathBuf),
}

/// A device's access to its person's account.
#[derive(Debug)]
pub struct Account {
    /// The server.
    pub server: Server,
    /// Whose account.
    pub email: String,
    /// The password, if there is one.
    pub password: PasswordSource,
    /// This device.
    pub device: Device,
    /// Its name for people.
    pub device_name: String,
    /// Where the session is saved.
    pub store: SessionStore,
    /// The wall clock.
    pub now: fn() -> UnixMs,
    /// What signs requests, and what turned out not to.
    pub state: SignInState,
}

/// What is known of the session. Starts empty.
#[derive(Debug, Default)]
pub struct SignInState {
    session: Option<Session>,
    dead: Option<Secret>,
    wrong_password: Option<Secret>,
}

/// A token for the next request.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// The token.
    pub secret: Secret,
    /// Whether the server gave it just now.
    pub is_new: bool,
}

impl Account {
    /// A token that should work: the one at hand, or a new one.
    pub fn token(&mut self) -> Result<AccessToken, SignInError> {
        if let Some(token) = self.fresh_token() {
            return Ok(token);
        }
        self.take_saved();
        if let Some(token) = self.fresh_token() {
            return Ok(token);
        }
        let secret = self.renew()?;
        Ok(AccessToken { secret, is_new: true })
    }

    /// The server did not take the token, so the next must be a new one.
    pub fn token_was_refused(&mut self) {
        if let Some(session) = &mut self.state.session {
            session.tokens.access_until_ms = i64::MIN;
        }
    }

    /// Signs in with the password, whatever session there is.
    pub fn sign_in(&mut self) -> Result<Secret, SignInError> {
        let password = self.read_password()?;
        if self.state.wrong_password.as_ref() == Some(&password) {
            // Asking again would only lock the account.
            return Err(SignInError::SignedOut(
                "the server did not accept this password before".to_owned(),
            ));
        }
        let who = SignIn {
            email: &self.email,
            password: &password,
            device_id: &self.device.device_id,
            device_name: &self.device_name,
        };
        match self.server.login(&who) {
            Ok(grant) => Ok(self.take(grant)),
            Err(error) => {
                if matches!(error, SignInError::Refused(_)) {
                    self.state.wrong_password = Some(password);
                }
                Err(error)
            }
        }
    }

    fn fresh_token(&self) -> Option<AccessToken> {
        let tokens = &self.state.session.as_ref()?.tokens;
        let secret = tokens.access_token.clone();
        let fresh = tokens.are_fresh((self.now)());
        fresh.then_some(AccessToken { secret, is_new: false })
    }

    fn renew(&mut self) -> Result<Secret, SignInError> {
        if let Some(session) = &self.state.session {
            match self.server.refresh(&session.tokens.refresh_token) {
                Ok(grant) => return Ok(self.take(grant)),
                Err(SignInError::Refused(why)) => {
                    tracing::warn!(answer = why, "the session has ended");
                    self.state.dead = self.state.session.take().map(|session| session.tokens.refresh_token);
                }
                Err(error) => return Err(error),
            }
        }
        self.sign_in()
    }

    /// Takes the session that somebody saved since, as `daybook-agent login` does.
    fn take_saved(&mut self) {
        let current = self.state.session.as_ref().map(|session| &session.tokens.refresh_token);
        let server = self.server.address().to_string();
        match self.store.load() {
            Ok(Some(saved)) => {
                let token = Some(&saved.tokens.refresh_token);
                let is_ours = saved.server == server && saved.email == self.email;
                if is_ours && token != current && token != self.state.dead.as_ref() {
                    self.state.session = Some(saved);
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(error = %Chain(&error), "the saved session cannot be read"),
        }
    }

    /// Saves the tokens before anything is signed with them: the old ones are used up.
    pub fn take(&mut self, grant: Grant) -> Secret {
        let session = Session {
            server: self.server.address().to_string(),
            email: self.email.clone(),
            tokens: Tokens {
                access_token: grant.access_token,
                access_until_ms: (self.now)().plus_ms(i64::from(grant.expires_in) * 1_000).0,
                refresh_token: grant.refresh_token,
            },
        };
        if let Err(error) = self.store.save(&session) {
            // Without the new ones there is no way on at all.
            tracing::warn!(error = %Chain(&error), "the session cannot be saved: after a restart, sign in again");
        }
        let secret = session.tokens.access_token.clone();
        self.state = SignInState {
            session: Some(session),
            ..SignInState::default()
        };
        secret
    }

    fn read_password(&self) -> Result<Secret, SignInError> {
        let missing = |why: String| SignInError::SignedOut(why);
        match &self.password {
            PasswordSource::Given(password) => Ok(password.clone()),
            PasswordSource::Absent => Err(missing("there is no password, so use `daybook-agent login`".to_owned())),
            PasswordSource::File(path) => {
                let bytes = files::read(path).map_err(|error| missing(Chain(&error).to_string()))?;
                let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
                let first = text.as_deref().and_then(|text| text.lines().next());
                let password = first.filter(|line| !line.is_empty());
                password
                    .map(|line| Secret::new(line.to_owned()))
                    .ok_or_else(|| missing(format!("there is no password in {}", path.display())))
            }
        }
    }
}
