//! Nobody reaches what is somebody else's: looked up in the catalogue of a migrated database, and tried on every table that the catalogue names.

mod attempts;
mod catalogue;
mod roles;
