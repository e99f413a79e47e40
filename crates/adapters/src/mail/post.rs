//! Everything behind the port of mail, put together for a node.

use std::sync::Arc;

use ports::PortError;
use ports::accounts::Mailer;

use super::{FolderMailer, Letterhead, Nowhere, Outbox, QueuedMailer, Route, SmtpMailer};

/// A node's mail.
pub struct Post {
    mailer: Arc<dyn Mailer>,
    outbox: Option<Outbox>,
}

impl Post {
    /// By this route, or to nowhere; on the present runtime.
    ///
    /// # Errors
    /// When the machine has no certificates to know mail servers by.
    pub fn open(route: Option<&Route>, letterhead: Letterhead) -> Result<Self, PortError> {
        let mailer: Arc<dyn Mailer> = match route {
            Some(Route::Folder(folder)) => Arc::new(FolderMailer::new(folder.clone(), letterhead)),
            Some(Route::Smtp(server)) => Arc::new(SmtpMailer::new(server, letterhead)?),
            None => {
                return Ok(Self {
                    mailer: Arc::new(Nowhere),
                    outbox: None,
                });
            }
        };
        let (queued, outbox) = QueuedMailer::start(mailer);
        Ok(Self {
            mailer: Arc::new(queued),
            outbox: Some(outbox),
        })
    }

    /// Who takes mail, and lets nobody wait.
    #[must_use]
    pub fn mailer(&self) -> Arc<dyn Mailer> {
        Arc::clone(&self.mailer)
    }

    /// Takes no more mail, and hands over what waits if that can be done soon.
    pub async fn stop(self) {
        if let Some(outbox) = self.outbox {
            outbox.stop().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::{letterhead, mail};
    use super::*;

    #[tokio::test]
    async fn what_was_taken_has_gone_its_way_when_the_node_has_stopped() {
        let home = tempfile::tempdir().expect("a directory");
        let route = Route::Folder(home.path().join("mail"));
        let written = || std::fs::read_dir(home.path().join("mail")).map_or(0, Iterator::count);
        for (route, files) in [(None, 0), (Some(&route), 1)] {
            let post = Post::open(route, letterhead()).expect("open");
            post.mailer().send(&mail("ada@example.org")).await.expect("taken");
            post.stop().await;
            assert_eq!(written(), files);
        }
    }
}
