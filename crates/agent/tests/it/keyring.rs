//! The keyring: a private bus with a small Secret Service on it, locked and unlocked.

#![expect(
    clippy::unused_self,
    clippy::needless_pass_by_value,
    reason = "what is called on a bus is a method that is given values"
)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use agent::keyring::{Keyring, KeyringError};
use agent::secret::Secret;
use agent::session::{Session, Tokens};
use agent::store::{Place, SavedSession, SessionStore};
use tokio::runtime::Runtime;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, interface};

/// A bus of its own; ended when dropped.
struct Bus {
    daemon: Child,
    address: String,
    runtime: Runtime,
    service: Option<Connection>,
    kept: Arc<Mutex<Kept>>,
}

/// What the keyring holds.
#[derive(Default)]
struct Kept {
    items: Vec<(HashMap<String, String>, Vec<u8>)>,
    locked: bool,
    /// Whether the person at the prompt unlocks it.
    unlocks: bool,
    prompts: usize,
}

struct Service(Arc<Mutex<Kept>>);
struct Collection(Arc<Mutex<Kept>>);
struct Item(Arc<Mutex<Kept>>);
struct Prompt(Arc<Mutex<Kept>>);

type Carried = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

fn path(text: &'static str) -> OwnedObjectPath {
    ObjectPath::from_static_str_unchecked(text).into()
}

#[interface(name = "org.freedesktop.Secret.Service")]
impl Service {
    fn open_session(&self, algorithm: &str, input: Value<'_>) -> (OwnedValue, OwnedObjectPath) {
        assert_eq!((algorithm, &input), ("plain", &Value::from("")));
        let output = Value::from("").try_into().expect("text");
        (output, path("/org/freedesktop/secrets/session/1"))
    }

    fn read_alias(&self, name: &str) -> OwnedObjectPath {
        assert_eq!(name, "default");
        path("/org/freedesktop/secrets/collection/login")
    }

    fn search_items(&self, attributes: HashMap<String, String>) -> (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) {
        let kept = self.0.lock().expect("no panic");
        let found = kept.items.iter().any(|(of_item, _)| *of_item == attributes);
        let items = if found {
            vec![path("/org/freedesktop/secrets/collection/login/1")]
        } else {
            Vec::new()
        };
        if kept.locked {
            (Vec::new(), items)
        } else {
            (items, Vec::new())
        }
    }

    fn unlock(&self, objects: Vec<OwnedObjectPath>) -> (Vec<OwnedObjectPath>, OwnedObjectPath) {
        if self.0.lock().expect("no panic").locked {
            return (Vec::new(), path("/org/freedesktop/secrets/prompt/1"));
        }
        (objects, path("/"))
    }
}

#[interface(name = "org.freedesktop.Secret.Collection")]
impl Collection {
    fn create_item(
        &self,
        properties: HashMap<String, OwnedValue>,
        secret: Carried,
        replace: bool,
    ) -> (OwnedObjectPath, OwnedObjectPath) {
        assert!(replace);
        let attributes = properties["org.freedesktop.Secret.Item.Attributes"]
            .try_clone()
            .expect("no descriptor");
        let attributes: HashMap<String, String> = attributes.try_into().expect("texts");
        let mut kept = self.0.lock().expect("no panic");
        kept.items.retain(|(of_item, _)| *of_item != attributes);
        kept.items.push((attributes, secret.2));
        (path("/org/freedesktop/secrets/collection/login/1"), path("/"))
    }
}

#[interface(name = "org.freedesktop.Secret.Item")]
impl Item {
    fn get_secret(&self, session: OwnedObjectPath) -> (Carried,) {
        let kept = self.0.lock().expect("no panic");
        ((
            session,
            Vec::new(),
            kept.items[0].1.clone(),
            "application/json".to_owned(),
        ),)
    }

    fn delete(&self) -> OwnedObjectPath {
        self.0.lock().expect("no panic").items.clear();
        path("/")
    }
}

#[interface(name = "org.freedesktop.Secret.Prompt")]
impl Prompt {
    async fn prompt(&self, window: &str, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) {
        assert_eq!(window, "", "there is none");
        let dismissed = {
            let mut kept = self.0.lock().expect("no panic");
            kept.prompts += 1;
            kept.locked = !kept.unlocks;
            kept.locked
        };
        emitter.completed(dismissed, Value::from("")).await.expect("sent");
    }

    fn dismiss(&self) {}

    #[zbus(signal)]
    async fn completed(emitter: &SignalEmitter<'_>, dismissed: bool, result: Value<'_>) -> zbus::Result<()>;
}

impl Bus {
    fn start() -> Self {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon is there (Debian: dbus-daemon)");
        let mut lines = BufReader::new(daemon.stdout.take().expect("piped")).lines();
        let address = lines.next().expect("an address").expect("text");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        Self {
            daemon,
            address,
            runtime: runtime.expect("a runtime"),
            service: None,
            kept: Arc::default(),
        }
    }

    /// With a keyring on it.
    fn with_keyring() -> Self {
        let mut bus = Self::start();
        let kept = || Arc::clone(&bus.kept);
        let builder = || {
            zbus::connection::Builder::address(bus.address.as_str())?
                .name("org.freedesktop.secrets")?
                .serve_at("/org/freedesktop/secrets", Service(kept()))?
                .serve_at("/org/freedesktop/secrets/collection/login", Collection(kept()))?
                .serve_at("/org/freedesktop/secrets/collection/login/1", Item(kept()))?
                .serve_at("/org/freedesktop/secrets/prompt/1", Prompt(kept()))
        };
        let service = bus
            .runtime
            .block_on(async { builder().expect("a service").build().await });
        bus.service = Some(service.expect("on the bus"));
        bus
    }

    fn keyring(&self, device: &str, may_ask: bool) -> Keyring {
        Keyring {
            device_id: device.to_owned(),
            bus: Some(self.address.clone()),
            may_ask,
        }
    }

    fn lock(&self, unlocks: bool) {
        let mut kept = self.kept.lock().expect("no panic");
        (kept.locked, kept.unlocks) = (true, unlocks);
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn session(number: u8) -> Session {
    Session {
        server: "https://day.example.org".to_owned(),
        email: "ada@example.org".to_owned(),
        tokens: Tokens {
            access_token: secret(&format!("access-{number}")),
            access_until_ms: 900_000,
            refresh_token: secret(&format!("refresh-{number}")),
        },
    }
}

#[test]
fn a_secret_is_kept_replaced_and_forgotten_for_each_device() {
    let bus = Bus::with_keyring();
    let (laptop, phone) = (bus.keyring("laptop", false), bus.keyring("phone", false));
    assert_eq!(laptop.read().expect("read"), None);
    for text in ["first", "second"] {
        laptop.write(&secret(text)).expect("kept");
        assert_eq!(laptop.read().expect("read"), Some(secret(text)));
    }
    assert_eq!(phone.read().expect("read"), None);
    assert_eq!(bus.kept.lock().expect("no panic").items.len(), 1);
    laptop.forget().expect("forgotten");
    laptop.forget().expect("nothing to forget");
    assert_eq!(laptop.read().expect("read"), None);
}

#[test]
fn a_locked_keyring_is_unlocked_by_whoever_is_there_to_ask_and_waited_for_otherwise() {
    let bus = Bus::with_keyring();
    bus.keyring("laptop", false).write(&secret("x")).expect("kept");
    bus.lock(true);
    assert!(matches!(bus.keyring("laptop", false).read(), Err(KeyringError::Locked)));
    assert_eq!(
        bus.kept.lock().expect("no panic").prompts,
        0,
        "a service bothers nobody"
    );
    assert_eq!(bus.keyring("laptop", true).read().expect("read"), Some(secret("x")));
    bus.lock(false);
    assert!(matches!(
        bus.keyring("laptop", true).write(&secret("y")),
        Err(KeyringError::Locked)
    ));
    assert_eq!(bus.kept.lock().expect("no panic").prompts, 2);
}

#[test]
fn a_bus_without_a_keyring_is_as_none() {
    let bus = Bus::start();
    assert!(matches!(
        bus.keyring("laptop", false).read(),
        Err(KeyringError::Absent(_))
    ));
}

#[test]
fn the_tokens_are_in_the_keyring_and_not_in_the_file() {
    let bus = Bus::with_keyring();
    let dir = tempfile::tempdir().expect("a directory");
    let store = SessionStore {
        dir: dir.path().to_owned(),
        keyring: Some(bus.keyring("laptop", false)),
    };
    let file = || std::fs::read_to_string(dir.path().join("session.json")).expect("text");
    for number in [1, 2] {
        assert_eq!(store.save(&session(number)).expect("saved"), Place::Keyring);
        assert_eq!(store.load().expect("read"), Some(session(number)));
        assert!(!file().contains("refresh-"), "{}", file());
    }
    // Locked in between: no token is lost, and those in the file go back once it takes them again.
    bus.lock(false);
    assert!(store.load().is_err());
    assert_eq!(store.save(&session(3)).expect("saved"), Place::File);
    assert_eq!(store.load().expect("read"), Some(session(3)));
    bus.kept.lock().expect("no panic").locked = false;
    assert_eq!(
        store.load().expect("read"),
        Some(session(3)),
        "the newest are those in the file"
    );
    assert_eq!(store.save(&session(4)).expect("saved"), Place::Keyring);
    assert!(!file().contains("refresh-"), "{}", file());
    let saved = SavedSession::load(dir.path()).expect("read").expect("saved");
    assert_eq!(saved.place(), Place::Keyring);
}
