//! The use cases over in-memory ports: given, when, then.

mod accounts;
mod all_time;
mod forget;
mod import;
mod letters;
mod merge;
mod reports;
mod standing;
mod track;
mod watchers;
mod world;
