//! What org.freedesktop.login1 says of our session, over the system's D-Bus.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use futures_util::Stream;
use zbus::message::Type;
use zbus::zvariant::{OwnedFd, OwnedObjectPath, OwnedValue};
use zbus::{Connection, Message, MessageStream};

use super::{Event, Porter};

const LOGIND: &str = "org.freedesktop.login1";
const MANAGER_PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSION: &str = "org.freedesktop.login1.Session";
const USER: &str = "org.freedesktop.login1.User";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const BUS: &str = "org.freedesktop.DBus";
const BUS_PATH: &str = "/org/freedesktop/DBus";
/// How long finding the session may take.
const SET_UP_MAX: Duration = Duration::from_secs(10);

/// logind does not tell, or not any more.
#[derive(Debug, thiserror::Error)]
pub enum LogindError {
    /// There is no bus, or none that lets us in.
    #[error("cannot reach the system's D-Bus")]
    Bus(#[source] zbus::Error),
    /// It knows nothing of our session.
    #[error("cannot ask logind about this session")]
    Session(#[source] zbus::Error),
    /// It did not answer in time.
    #[error("logind did not answer within {} s", SET_UP_MAX.as_secs())]
    Silent,
    /// The bus closed the connection.
    #[error("the system's D-Bus is gone")]
    Lost,
    /// It ended, and what it knows now has to be asked anew.
    #[error("logind ended")]
    Ended,
}

/// Our session, as its signals name it.
struct Followed {
    connection: Connection,
    messages: MessageStream,
    session: OwnedObjectPath,
    delay: Option<OwnedFd>,
}

/// Follows the session until that is not possible any more, and says why. `reached` becomes true with the first answer.
pub(super) async fn follow(porter: &Porter, session: Option<&str>, reached: &mut bool) -> LogindError {
    let set_up = tokio::time::timeout(SET_UP_MAX, set_up(session));
    let mut followed = match set_up.await {
        Ok(Ok(followed)) => followed,
        Ok(Err(error)) => return error,
        Err(_) => return LogindError::Silent,
    };
    *reached = true;
    tracing::info!("logind tells of locked screens and sleep");
    match followed.is_locked().await {
        Ok(locked) => porter.tell(Event::Locked(locked), None),
        Err(error) => return LogindError::Session(error),
    }
    loop {
        let next = poll_fn(|context| Pin::new(&mut followed.messages).poll_next(context)).await;
        let Some(Ok(message)) = next else {
            return LogindError::Lost;
        };
        if let Err(error) = followed.hear(&message, porter).await {
            return error;
        }
    }
}

async fn set_up(session: Option<&str>) -> Result<Followed, LogindError> {
    let connection = Connection::system().await.map_err(LogindError::Bus)?;
    // From here on nothing is lost, whenever we get to reading it.
    let messages = MessageStream::from(&connection);
    let session = find_session(&connection, session).await.map_err(LogindError::Session)?;
    let rules = [
        format!("type='signal',sender='{LOGIND}',interface='{MANAGER}',member='PrepareForSleep'"),
        format!("type='signal',sender='{LOGIND}',path='{}'", session.as_str()),
        format!("type='signal',sender='{BUS}',member='NameOwnerChanged',arg0='{LOGIND}'"),
    ];
    for rule in rules {
        let asked = connection.call_method(Some(BUS), BUS_PATH, Some(BUS), "AddMatch", &rule);
        asked.await.map_err(LogindError::Bus)?;
    }
    let delay = delay_sleep(&connection).await;
    Ok(Followed {
        connection,
        messages,
        session,
        delay,
    })
}

/// The session of that name, else the one that this process is in, else the one that its user looks at, as for a service of theirs.
async fn find_session(connection: &Connection, name: Option<&str>) -> zbus::Result<OwnedObjectPath> {
    if let Some(name) = name
        && let Ok(answer) = call(connection, "GetSession", &name).await
    {
        return answer.body().deserialize();
    }
    if let Ok(answer) = call(connection, "GetSessionByPID", &std::process::id()).await {
        return answer.body().deserialize();
    }
    let answer = call(connection, "GetUser", &rustix::process::getuid().as_raw()).await?;
    let user: OwnedObjectPath = answer.body().deserialize()?;
    let display = property(connection, &user, (USER, "Display")).await?;
    let (_, session): (String, OwnedObjectPath) = display.try_into()?;
    Ok(session)
}

/// Keeps the machine awake for the moment that it takes to write down what was before. Not everybody may.
async fn delay_sleep(connection: &Connection) -> Option<OwnedFd> {
    let what = ("sleep", "Daybook", "Writes down what was done until then", "delay");
    let answer = call(connection, "Inhibit", &what).await.ok()?;
    answer.body().deserialize().ok()
}

async fn call<B>(connection: &Connection, method: &str, body: &B) -> zbus::Result<Message>
where
    B: serde::Serialize + zbus::zvariant::DynamicType,
{
    let called = connection.call_method(Some(LOGIND), MANAGER_PATH, Some(MANAGER), method, body);
    called.await
}

async fn property(connection: &Connection, path: &OwnedObjectPath, of: (&str, &str)) -> zbus::Result<OwnedValue> {
    let called = connection.call_method(Some(LOGIND), path.as_str(), Some(PROPERTIES), "Get", &of);
    called.await?.body().deserialize()
}

impl Followed {
    async fn is_locked(&self) -> zbus::Result<bool> {
        let hint = property(&self.connection, &self.session, (SESSION, "LockedHint")).await?;
        Ok(hint.try_into()?)
    }

    async fn hear(&mut self, message: &Message, porter: &Porter) -> Result<(), LogindError> {
        if message.message_type() != Type::Signal {
            return Ok(());
        }
        let header = message.header();
        let member = header.member().map(zbus::names::MemberName::as_str);
        match member.unwrap_or_default() {
            "PrepareForSleep" => {
                let sleeps = message.body().deserialize().map_err(LogindError::Session)?;
                let delay = if sleeps { self.delay.take() } else { None };
                porter.tell(Event::Asleep(sleeps), delay);
                if !sleeps {
                    self.delay = delay_sleep(&self.connection).await;
                }
            }
            "Lock" => porter.tell(Event::Left, None),
            "PropertiesChanged" => {
                let body = message.body();
                let (_, changed, gone): (String, HashMap<String, OwnedValue>, Vec<String>) =
                    body.deserialize().map_err(LogindError::Session)?;
                if changed.contains_key("LockedHint") || gone.iter().any(|name| name == "LockedHint") {
                    let locked = self.is_locked().await.map_err(LogindError::Session)?;
                    porter.tell(Event::Locked(locked), None);
                }
            }
            "NameOwnerChanged" => return Err(LogindError::Ended),
            _ => {}
        }
        Ok(())
    }
}
