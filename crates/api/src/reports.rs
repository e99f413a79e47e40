//! Routes that answer where a person's time went.

mod question;
pub(crate) mod timeline;
pub(crate) mod totals;
