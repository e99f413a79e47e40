//! Where the session is kept: who and where in a file, and the tokens in the desktop's keyring where there is one, else in that file too.
//!
//! Tokens in the file are newer than any in the keyring, or as good: the file is cleared of them only after the keyring has taken its successors, and the
//! server takes the token that was used last once more.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::chain::Chain;
use crate::files::{self, FileError};
use crate::keyring::{Keyring, KeyringError};
use crate::secret::Secret;
use crate::session::{Session, Tokens};

const SESSION_FILE: &str = "session.json";

/// Keeps the session of one data directory.
#[derive(Debug, Clone)]
pub struct SessionStore {
    /// The data directory.
    pub dir: PathBuf,
    /// The keyring, where it may be used.
    pub keyring: Option<Keyring>,
}

/// Where tokens are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the keyring.
    Keyring,
    /// In a file that nobody else may read.
    File,
}

/// A session that cannot be read now.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
}

/// A session as its file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSession {
    /// The address of the server.
    pub server: String,
    /// Whose session it is.
    pub email: String,
    /// The tokens, unless they are in the keyring.
    #[serde(flatten)]
    tokens: Option<Tokens>,
}

impl SavedSession {
    /// What the file says, if there is one.
    pub fn load(dir: &Path) -> Result<Option<Self>, FileError> {
        files::load(&dir.join(SESSION_FILE))
    }

    /// Where the tokens are.
    #[must_use]
    pub fn place(&self) -> Place {
        if self.tokens.is_some() {
            Place::File
        } else {
            Place::Keyring
        }
    }
}

impl SessionStore {
    /// The session that was saved last, if any.
    pub fn load(&self) -> Result<Option<Session>, StoreError> {
        let Some(saved) = SavedSession::load(&self.dir)? else {
            return Ok(None);
        };
        let tokens = match saved.tokens {
            Some(tokens) => Some(tokens),
            None => self.tokens_in_keyring()?,
        };
        Ok(tokens.map(|tokens| Session {
            server: saved.server,
            email: saved.email,
            tokens,
        }))
    }

    /// Saves the session, and says where its tokens are. Once this returned, they survive a crash.
    pub fn save(&self, session: &Session) -> Result<Place, FileError> {
        let place = self.place_for(&session.tokens);
        let saved = SavedSession {
            server: session.server.clone(),
            email: session.email.clone(),
            tokens: (place == Place::File).then(|| session.tokens.clone()),
        };
        if place == Place::File || SavedSession::load(&self.dir)?.as_ref() != Some(&saved) {
            files::replace(&self.dir.join(SESSION_FILE), &files::json(&saved))?;
        }
        Ok(place)
    }

    /// Puts the tokens into the keyring, if that takes them.
    fn place_for(&self, tokens: &Tokens) -> Place {
        let Some(keyring) = &self.keyring else {
            return Place::File;
        };
        let text = String::from_utf8(files::json(tokens)).expect("JSON is text");
        match keyring.write(&Secret::new(text)) {
            Ok(()) => Place::Keyring,
            Err(KeyringError::Absent(_)) => Place::File,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the tokens are kept in a file instead");
                Place::File
            }
        }
    }

    fn tokens_in_keyring(&self) -> Result<Option<Tokens>, KeyringError> {
        let Some(keyring) = &self.keyring else {
            return Ok(None);
        };
        let secret = keyring.read()?;
        let tokens = secret.and_then(|secret| serde_json::from_str(secret.expose()).ok());
        Ok(tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(number: u8) -> Session {
        Session {
            server: "https://day.example.org".to_owned(),
            email: "ada@example.org".to_owned(),
            tokens: Tokens {
                access_token: Secret::new(format!("hush{number}")),
                access_until_ms: 900_000,
                refresh_token: Secret::new(format!("hush{number}")),
            },
        }
    }

    #[test]
    fn without_a_keyring_the_tokens_are_in_the_file_and_never_shown() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = SessionStore {
            dir: dir.path().to_owned(),
            keyring: None,
        };
        assert_eq!(store.load().expect("read"), None);
        for number in [1, 2] {
            assert_eq!(store.save(&session(number)).expect("saved"), Place::File);
            assert_eq!(store.load().expect("read"), Some(session(number)));
        }
        let saved = SavedSession::load(dir.path()).expect("read").expect("saved");
        assert_eq!(saved.place(), Place::File);
        assert!(!format!("{saved:?}").contains("hush"));
    }

    #[test]
    fn a_keyring_that_is_not_there_leaves_them_in_the_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let keyring = Keyring {
            device_id: "x".to_owned(),
            bus: Some(format!("unix:path={}/none", dir.path().display())),
            may_ask: false,
        };
        assert!(matches!(keyring.read(), Err(KeyringError::Absent(_))));
        let store = SessionStore {
            dir: dir.path().to_owned(),
            keyring: Some(keyring),
        };
        assert_eq!(store.save(&session(1)).expect("saved"), Place::File);
        assert_eq!(store.load().expect("read"), Some(session(1)));
    }

    #[test]
    fn files_of_before_are_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let before = r#"{"server":"https://day.example.org","email":"ada@example.org","access_token":"hush1","access_until_ms":900000,"refresh_token":"hush1"}"#;
        files::replace(&dir.path().join(SESSION_FILE), before.as_bytes()).expect("written");
        let store = SessionStore {
            dir: dir.path().to_owned(),
            keyring: None,
        };
        assert_eq!(store.load().expect("read"), Some(session(1)));
    }
}
