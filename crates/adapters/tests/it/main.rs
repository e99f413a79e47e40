//! The adapters against real servers.

mod postgres;
mod redis;
