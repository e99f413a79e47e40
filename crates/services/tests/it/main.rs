//! The use cases over in-memory ports: given, when, then.

mod accounts;
mod merge;
mod reports;
mod track;
mod world;
