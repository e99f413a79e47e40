//! Mail to people: by SMTP, or into a folder, behind a queue that lets nobody wait. Neither an address nor a text leaves here but in the mail itself.

mod folder;
mod letter;
mod nowhere;
mod outbox;
mod post;
mod route;
mod smtp;

pub use folder::FolderMailer;
pub use letter::{Letterhead, Sender};
pub use nowhere::Nowhere;
pub use outbox::{Outbox, QueuedMailer};
pub use post::Post;
pub use route::{Route, RouteError, SmtpUrl};
pub use smtp::SmtpMailer;
