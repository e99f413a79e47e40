//! Mail into a folder: for development, and for who runs Daybook for themselves and hands the mails on.

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use ports::PortError;
use ports::accounts::{Mail, Mailer};
use tokio::fs;
use tokio::io::AsyncWriteExt;

use super::letter::Letterhead;

/// How many mails are kept; the oldest go.
const KEPT_MAX: usize = 1_000;
/// Only who runs the program reads them: they hold tokens.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
const EXTENSION: &str = "eml";

/// Writes each mail into a file of its own, `<id>.eml`; by name they are in the order of time.
pub struct FolderMailer {
    folder: PathBuf,
    letterhead: Letterhead,
}

impl FolderMailer {
    /// Into `folder`, which is made when it is not there.
    #[must_use]
    pub fn new(folder: PathBuf, letterhead: Letterhead) -> Self {
        Self { folder, letterhead }
    }
}

#[async_trait]
impl Mailer for FolderMailer {
    async fn send(&self, mail: &Mail) -> Result<(), PortError> {
        let (id, message) = self.letterhead.write(mail)?;
        let path = self.folder.join(format!("{id}.{EXTENSION}"));
        keep(&path, &message.formatted())
            .await
            .map_err(|error| PortError::unavailable(format!("write the mail {}", path.display()), error))?;
        tracing::info!(path = %path.display(), "a mail was written");
        drop_oldest(&self.folder)
            .await
            .map_err(|error| PortError::unavailable(format!("tidy up {}", self.folder.display()), error))
    }
}

/// Whoever sees the file sees all of it.
async fn keep(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(folder)
            .await?;
    }
    let part = path.with_extension("part");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(&part)
        .await?;
    file.write_all(content).await?;
    file.flush().await?;
    fs::rename(&part, path).await
}

async fn drop_oldest(folder: &Path) -> io::Result<()> {
    let mut mails = Vec::new();
    let mut files = fs::read_dir(folder).await?;
    while let Some(file) = files.next_entry().await? {
        let path = file.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            mails.push(path);
        }
    }
    mails.sort_unstable();
    let surplus = mails.len().saturating_sub(KEPT_MAX);
    for oldest in &mails[..surplus] {
        match fs::remove_file(oldest).await {
            // Another process tidies up too.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::letter::tests::{letterhead, mail};
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let files = std::fs::read_dir(folder).expect("the folder");
        let mut names: Vec<String> = files
            .map(|file| file.expect("a file").file_name().into_string().expect("UTF-8"))
            .collect();
        names.sort_unstable();
        names
    }

    #[tokio::test]
    async fn each_mail_is_a_file_that_only_its_owner_reads() {
        let home = tempfile::tempdir().expect("a directory");
        let folder = home.path().join("mail");
        let mailer = FolderMailer::new(folder.clone(), letterhead());
        mailer.send(&mail("ada@example.org")).await.expect("written");
        mailer.send(&mail("grace@example.org")).await.expect("written");
        let names = names(&folder);
        assert_eq!(names.len(), 2, "{names:?}");
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        for (name, to) in names.iter().zip(["ada", "grace"]) {
            let path = folder.join(name);
            assert_eq!(path.extension().and_then(|extension| extension.to_str()), Some("eml"));
            assert_eq!(mode(&path), 0o600);
            let text = std::fs::read_to_string(&path).expect("a mail");
            assert!(text.contains(&format!("To: {to}@example.org\r\n")), "{text}");
        }
    }

    #[tokio::test]
    async fn the_newest_are_kept_and_what_is_no_mail_is_left_alone() {
        let home = tempfile::tempdir().expect("a directory");
        for number in 0..KEPT_MAX {
            std::fs::write(home.path().join(format!("{number:08}-old.eml")), "old").expect("written");
        }
        std::fs::write(home.path().join("README"), "mine").expect("written");
        let ids = testkit::clock::TestIds::default();
        let newer = Letterhead {
            // After the names above.
            ids: std::sync::Arc::new(Later(ids)),
            ..letterhead()
        };
        let mailer = FolderMailer::new(home.path().to_owned(), newer);
        mailer.send(&mail("ada@example.org")).await.expect("written");
        let names = names(home.path());
        assert_eq!(names.len(), KEPT_MAX + 1);
        assert_eq!(names.first().map(String::as_str), Some("00000001-old.eml"));
        assert_eq!(names.last().map(String::as_str), Some("README"));
    }

    struct Later(testkit::clock::TestIds);

    impl ports::Ids for Later {
        fn new_id(&self) -> uuid::Uuid {
            uuid::Uuid::from_u128(self.0.new_id().as_u128() | 1 << 127)
        }
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_unavailable_and_no_address_is_told() {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join("file");
        std::fs::write(&file, "").expect("written");
        let mailer = FolderMailer::new(file.join("mail"), letterhead());
        let error = mailer.send(&mail("ada@example.org")).await.expect_err("no folder");
        assert!(error.is_unavailable());
        assert!(!error.chain().contains("ada"), "{}", error.chain());
    }
}
