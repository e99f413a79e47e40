//! The keyring of the desktop, where there is one: the Secret Service by D-Bus. One item holds the tokens of one device.
//!
//! The secrets go to the keyring as they are: the bus is the user's own, and whoever may listen on it may ask the keyring too.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::runtime::Builder;
use tokio::time::timeout;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, Proxy};

use crate::secret::Secret;

const SERVICE: &str = "org.freedesktop.secrets";
const SERVICE_PATH: &str = "/org/freedesktop/secrets";
/// How long a question to the keyring may take in all.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How long a person may take to unlock it.
const UNLOCK_MAX: Duration = Duration::from_mins(2);
/// Object paths of the Secret Service that stand for none.
const NONE: &str = "/";
const CONTENT_TYPE: &str = "application/json";

/// A secret as it is carried: session, parameters, value, content type.
type Carried = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

/// The item of one device in the keyring.
#[derive(Debug, Clone)]
pub struct Keyring {
    /// By which the item is found.
    pub device_id: String,
    /// The bus; that of the user's session when not given.
    pub bus: Option<String>,
    /// Whether somebody is there to unlock it.
    pub may_ask: bool,
}

/// The keyring did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// There is no bus, or no keyring on it.
    #[error("there is no keyring")]
    Absent(#[source] zbus::Error),
    /// There is a keyring without a place for items.
    #[error("the keyring has no default collection")]
    NoCollection,
    /// It is locked, and nobody unlocked it.
    #[error("the keyring is locked")]
    Locked,
    /// No answer.
    #[error("the keyring did not answer within {} seconds", .0.as_secs())]
    Silent(Duration),
    /// It refused, or said what no keyring says.
    #[error("the keyring refused")]
    Refused(#[source] zbus::Error),
    /// There is no thread of execution to be had.
    #[error("the keyring cannot be asked")]
    System(#[source] std::io::Error),
}

impl From<zbus::Error> for KeyringError {
    fn from(error: zbus::Error) -> Self {
        Self::Refused(error)
    }
}

impl Keyring {
    /// The secret of this device, if the keyring has one.
    pub fn read(&self) -> Result<Option<Secret>, KeyringError> {
        self.ask(async |open| {
            let Some(item) = open.item(self).await? else {
                return Ok(None);
            };
            let item = open.proxy(&item, "org.freedesktop.Secret.Item").await?;
            let (_, _, value, _): Carried = item.call("GetSecret", &(&open.session,)).await?;
            Ok(String::from_utf8(value).ok().map(Secret::new))
        })
    }

    /// Keeps a secret in place of the one before. Once this returned, the keyring has it.
    pub fn write(&self, secret: &Secret) -> Result<(), KeyringError> {
        self.ask(async |open| {
            let collection = open.collection().await?;
            open.unlock(&collection, self.may_ask).await?;
            let label = "Daybook: the session of this device";
            let properties = HashMap::from([
                ("org.freedesktop.Secret.Item.Label", Value::from(label)),
                ("org.freedesktop.Secret.Item.Attributes", Value::from(self.attributes())),
            ]);
            let carried: (&OwnedObjectPath, &[u8], &[u8], &str) =
                (&open.session, &[], secret.expose().as_bytes(), CONTENT_TYPE);
            let collection = open.proxy(&collection, "org.freedesktop.Secret.Collection").await?;
            let made: (OwnedObjectPath, OwnedObjectPath) =
                collection.call("CreateItem", &(properties, carried, true)).await?;
            if made.0.as_str() == NONE {
                open.prompt(&made.1, self.may_ask).await?;
            }
            Ok(())
        })
    }

    /// Removes the secret, if there is one.
    pub fn forget(&self) -> Result<(), KeyringError> {
        self.ask(async |open| {
            let Some(item) = open.item(self).await? else {
                return Ok(());
            };
            let item = open.proxy(&item, "org.freedesktop.Secret.Item").await?;
            let prompt: OwnedObjectPath = item.call("Delete", &()).await?;
            if prompt.as_str() == NONE {
                return Ok(());
            }
            open.prompt(&prompt, self.may_ask).await
        })
    }

    fn attributes(&self) -> HashMap<&str, &str> {
        HashMap::from([("application", "daybook-agent"), ("device", &self.device_id)])
    }

    /// Asks on a connection of its own: it happens every few minutes, and in between nothing of it is held.
    fn ask<T, F: Future<Output = Result<T, KeyringError>>>(
        &self,
        question: impl FnOnce(Open) -> F,
    ) -> Result<T, KeyringError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let bound = if self.may_ask { UNLOCK_MAX } else { ANSWER_MAX };
        runtime.map_err(KeyringError::System)?.block_on(async {
            let asked = timeout(bound, async { question(Open::on(self.bus.as_deref()).await?).await });
            asked.await.map_err(|_| KeyringError::Silent(bound))?
        })
    }
}

/// A conversation with the keyring.
struct Open {
    connection: Connection,
    session: OwnedObjectPath,
}

impl Open {
    async fn on(bus: Option<&str>) -> Result<Self, KeyringError> {
        let connection = match bus {
            Some(address) => zbus::connection::Builder::address(address),
            None => zbus::connection::Builder::session(),
        };
        let connection = async { connection?.build().await };
        let connection = connection.await.map_err(KeyringError::Absent)?;
        let service = service(&connection).await?;
        let plain = ("plain", Value::from(""));
        let opened = service.call("OpenSession", &plain).await;
        let (_, session): (OwnedValue, OwnedObjectPath) = opened.map_err(KeyringError::Absent)?;
        Ok(Self { connection, session })
    }

    async fn proxy(&self, path: &OwnedObjectPath, interface: &'static str) -> Result<Proxy<'static>, KeyringError> {
        let path = path.clone().into_inner();
        Ok(Proxy::new(&self.connection, SERVICE, path, interface).await?)
    }

    /// Where new items go.
    async fn collection(&self) -> Result<OwnedObjectPath, KeyringError> {
        let path: OwnedObjectPath = service(&self.connection)
            .await?
            .call("ReadAlias", &("default",))
            .await?;
        if path.as_str() == NONE {
            return Err(KeyringError::NoCollection);
        }
        Ok(path)
    }

    /// The item of a device, unlocked.
    async fn item(&self, keyring: &Keyring) -> Result<Option<OwnedObjectPath>, KeyringError> {
        let service = service(&self.connection).await?;
        let found = service.call("SearchItems", &(keyring.attributes(),)).await?;
        let (mut unlocked, mut locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) = found;
        if let Some(item) = unlocked.pop() {
            return Ok(Some(item));
        }
        let Some(item) = locked.pop() else {
            return Ok(None);
        };
        self.unlock(&item, keyring.may_ask).await?;
        Ok(Some(item))
    }

    async fn unlock(&self, object: &OwnedObjectPath, may_ask: bool) -> Result<(), KeyringError> {
        let objects: Vec<&ObjectPath<'_>> = vec![object];
        let service = service(&self.connection).await?;
        let (_, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) = service.call("Unlock", &(objects,)).await?;
        if prompt.as_str() == NONE {
            return Ok(());
        }
        self.prompt(&prompt, may_ask).await
    }

    /// Has a person asked, if there is one to ask.
    async fn prompt(&self, prompt: &OwnedObjectPath, may_ask: bool) -> Result<(), KeyringError> {
        let prompt = self.proxy(prompt, "org.freedesktop.Secret.Prompt").await?;
        if !may_ask {
            // The keyring would keep it for somebody.
            prompt.call::<_, _, ()>("Dismiss", &()).await?;
            return Err(KeyringError::Locked);
        }
        let mut completed = prompt.receive_signal("Completed").await?;
        prompt.call::<_, _, ()>("Prompt", &("",)).await?;
        let answer = completed.next().await.ok_or(KeyringError::Locked)?;
        let (dismissed, _): (bool, OwnedValue) = answer.body().deserialize()?;
        if dismissed { Err(KeyringError::Locked) } else { Ok(()) }
    }
}

async fn service(connection: &Connection) -> Result<Proxy<'static>, KeyringError> {
    let service = Proxy::new(connection, SERVICE, SERVICE_PATH, "org.freedesktop.Secret.Service").await;
    service.map_err(KeyringError::Absent)
}
