//! How the outside does it: Postgres, Redis, cryptography, the system's clock. Translates, never decides.

pub mod ambient;
pub mod crypto;
pub mod postgres;
pub mod redis;
