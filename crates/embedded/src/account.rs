//! The account that the servers run as: the caller's own, or a lesser one when the caller is root.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{getegid, geteuid};

use crate::error::EmbeddedError;

/// Whom the servers run as when the caller is root, the first that exists.
const LESSER: [&str; 3] = ["daybook", "postgres", "nobody"];

/// A user for the servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    name: String,
    uid: u32,
    gid: u32,
    /// Whether children must change to it, because the caller is root.
    lesser: bool,
}

impl Account {
    /// The account that servers started by this process run as: its own, or for root the first of `daybook`, `postgres` and `nobody`
    /// that exists.
    pub fn of_servers() -> Result<Self, EmbeddedError> {
        let uid = geteuid().as_raw();
        if uid != 0 {
            return Ok(Self {
                name: format!("uid {uid}"),
                uid,
                gid: getegid().as_raw(),
                lesser: false,
            });
        }
        let passwd = Path::new("/etc/passwd");
        let entries = fs::read_to_string(passwd).map_err(EmbeddedError::on("read", passwd))?;
        LESSER
            .iter()
            .find_map(|name| Self::lesser(&entries, name))
            .ok_or_else(|| EmbeddedError::NoAccount {
                wanted: LESSER.join(", "),
                first: LESSER[0],
            })
    }

    /// The user id.
    #[must_use]
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// The account's name, or its number when it is the caller's own.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes `command` run as this account.
    pub(crate) fn apply(&self, command: &mut Command) {
        if self.lesser {
            // Together with the ids, std drops root's supplementary groups.
            command.gid(self.gid).uid(self.uid);
        }
    }

    /// Gives `path`, and what is in it if it is a directory, to this account, unless `path` is its own already. Needed for root only;
    /// links are not followed.
    pub fn own(&self, path: &Path) -> Result<(), EmbeddedError> {
        let metadata = fs::symlink_metadata(path).map_err(EmbeddedError::on("look at", path))?;
        if !self.lesser || metadata.uid() == self.uid {
            return Ok(());
        }
        if metadata.is_dir() {
            for entry in fs::read_dir(path).map_err(EmbeddedError::on("list", path))? {
                self.own(&entry.map_err(EmbeddedError::on("list", path))?.path())?;
            }
        }
        // Last, so that a directory is its own only when everything in it is.
        lchown(path, Some(self.uid), Some(self.gid)).map_err(EmbeddedError::on("change the owner of", path))
    }

    /// The error for this account being refused to run `program` in `dir`, with the first directory that does not let it pass.
    pub(crate) fn refused(&self, dir: &Path, program: &Path) -> EmbeddedError {
        let (path, blocked_by) = [dir, program]
            .into_iter()
            .find_map(|path| self.first_closed(path).map(|closed| (path, Some(closed))))
            .unwrap_or((dir, None));
        EmbeddedError::Unreachable {
            account: self.name.clone(),
            path: path.to_owned(),
            blocked_by,
        }
    }

    fn first_closed(&self, path: &Path) -> Option<PathBuf> {
        let mut way: Vec<&Path> = path.ancestors().collect();
        way.reverse();
        way.into_iter().find(|dir| self.is_closed(dir)).map(Path::to_owned)
    }

    /// By the mode bits alone: it words an error, and decides nothing.
    fn is_closed(&self, dir: &Path) -> bool {
        let Ok(metadata) = fs::metadata(dir) else { return false };
        let pass = match (metadata.uid() == self.uid, metadata.gid() == self.gid) {
            (true, _) => 0o100,
            (false, true) => 0o010,
            (false, false) => 0o001,
        };
        metadata.mode() & pass == 0
    }

    fn lesser(passwd: &str, name: &str) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let found = fields.next()? == name;
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            (found && uid != 0).then(|| Self {
                name: name.to_owned(),
                uid,
                gid,
                lesser: true,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Account;

    #[test]
    fn an_account_is_read_from_its_passwd_line() {
        let passwd =
            "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:104:PostgreSQL,,,:/var/lib/postgresql:/bin/bash\n";
        let found = Account::lesser(passwd, "postgres").unwrap();
        assert_eq!((found.name(), found.uid, found.gid), ("postgres", 101, 104));
    }

    #[test]
    fn an_account_that_is_missing_or_root_under_another_name_is_none() {
        let passwd = "toor:x:0:0::/:/bin/sh\nshort:x\n";
        assert_eq!(Account::lesser(passwd, "nobody"), None);
        assert_eq!(Account::lesser(passwd, "toor"), None);
        assert_eq!(Account::lesser(passwd, "short"), None);
    }
}
