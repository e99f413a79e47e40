//! What is kept in Postgres: people's accounts and everybody's timelines. No pool, row or driver error leaves this module.

mod accounts;
mod database;
mod ended_sessions;
mod failure;
mod health;
mod migrations;
mod months;
mod role;
mod scope;
mod statements;
mod timelines;
mod token_keys;
mod values;
mod watching;

pub use accounts::Accounts;
pub use database::{Database, Settings, connect};
pub use ended_sessions::EndedSessions;
pub use health::{Durability, Health, ServerReport};
pub use migrations::{migrate, migrations_pending};
pub use role::RoleReport;
pub use timelines::Timelines;
pub use token_keys::TokenKeys;
pub use watching::Watching;
