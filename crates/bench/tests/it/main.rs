//! The load generator against servers of its own, on loopback.

mod auth;
mod http;
mod load;
mod people;
mod rows;
mod server;
mod year;
