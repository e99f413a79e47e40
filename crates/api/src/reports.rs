//! Routes that answer where a person's time went.

pub(crate) mod contexts;
pub(crate) mod export;
mod question;
pub(crate) mod timeline;
pub(crate) mod totals;
