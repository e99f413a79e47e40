//! The desktop tracker: watches the focused window and pings a Daybook server.
//!
//! ```text
//! desktop ⇒ capture → watch (pure) → keeper → spool ⇒ disk
//! watchers ⇒ relay → join (pure) ───────────→ spool → sender → server ⇒ HTTP
//! ```
//!
//! The capture waits for the display alone, the keeper for the disk, the sender for the network, and the relay has two threads of its own. What is
//! in the spool stays there until the server says that it is merged into the person's timeline.

pub mod account;
pub mod address;
pub mod capture;
pub mod chain;
pub mod clock;
pub mod commands;
pub mod desktop;
pub mod device_login;
pub mod files;
pub mod import;
pub mod keeper;
pub mod keyring;
pub mod outbox;
pub mod password;
pub mod privacy;
pub mod relay;
pub mod schedule;
pub mod seat;
pub mod secret;
pub mod sender;
pub mod server;
pub mod session;
pub mod settings;
pub mod spool;
pub mod store;
pub mod threads;
pub mod watch;
