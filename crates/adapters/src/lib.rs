//! How the outside does it: Postgres, Redis, cryptography, mail, the system's clock. Translates, never decides.

pub mod ambient;
pub mod crypto;
pub mod key_rotation;
pub mod mail;
pub mod postgres;
pub mod redis;
