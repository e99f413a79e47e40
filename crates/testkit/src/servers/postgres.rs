//! A private Postgres for one test, copied from a cluster that is made once.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use embedded::{Initdb, Postgres, PostgresBinaries, Search};

use super::home::Root;
use super::running::Running;

/// Raised when the cluster that is copied changes.
const FORMAT: u32 = 3;

/// For a small and quick server. A test that cuts the power sets the first three back.
const SETTINGS: [(&str, &str); 11] = [
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("synchronous_commit", "off"),
    ("max_connections", "50"),
    ("shared_buffers", "16MB"),
    ("max_wal_size", "64MB"),
    ("min_wal_size", "4MB"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("max_parallel_workers_per_gather", "0"),
    // In the data directory, with which it goes.
    ("dynamic_shared_memory_type", "mmap"),
];
/// What makes it durable again.
const DURABLE: [(&str, &str); 3] = [
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("synchronous_commit", "on"),
];

/// A Postgres of its own for a test: with an empty database, a role that owns it and the two that own nothing, on a unix socket. Gone when dropped.
pub struct TestPostgres {
    running: Running,
    server: Postgres,
}

impl TestPostgres {
    /// Starts it without forcing anything to disk: what is committed survives a kill of the server, not of the machine.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts it with every commit forced to disk.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start_durable() -> Self {
        Self::start_with(&DURABLE)
    }

    /// Starts it with these settings above those of every test server.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        let binaries = PostgresBinaries::find(&Search::of_system()).unwrap_or_else(|error| panic!("{error}"));
        let root = Root::take();
        let template = template(&root, &binaries);
        let home = root.home();
        // The copy is made beside those of other tests.
        drop(root);
        let place = home.place();
        fs::remove_dir(&place.dir)
            .and_then(|()| copy_tree(&template, &place.dir))
            .unwrap_or_else(|error| panic!("copy {}: {error}", template.display()));
        place.account.own(&place.dir).unwrap_or_else(|error| panic!("{error}"));
        let server = with(Postgres::new(binaries, place), SETTINGS.iter().chain(settings));
        Self {
            running: Running::start(Arc::new(server.clone()), home),
            server,
        }
    }

    /// Where the application connects to set its database up, as the owner of that; the same after a restart.
    #[must_use]
    pub fn database_url(&self) -> String {
        self.server.database_url()
    }

    /// The same as the role of the API.
    #[must_use]
    pub fn api_database_url(&self) -> String {
        self.server.api_database_url()
    }

    /// The same as the role of the worker.
    #[must_use]
    pub fn worker_database_url(&self) -> String {
        self.server.worker_database_url()
    }

    /// The same as the superuser.
    #[must_use]
    pub fn admin_url(&self) -> String {
        self.server.admin_url()
    }

    /// The process id of the postmaster; none while it is down.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.running.pid()
    }

    /// Stops all of its processes in their tracks: connections stay open and nothing is answered.
    ///
    /// # Panics
    /// When it is down.
    pub fn pause(&mut self) {
        self.running.pause();
    }

    /// Lets it go on after a pause.
    ///
    /// # Panics
    /// When it is down.
    pub fn resume(&mut self) {
        self.running.resume();
    }

    /// Kills all of its processes. It is down until [`TestPostgres::restart`].
    ///
    /// # Panics
    /// When it cannot be killed.
    pub fn kill(&mut self) {
        self.running.kill();
    }

    /// Ends it in order, breaking off what is in flight. It is down until [`TestPostgres::restart`].
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(&mut self) {
        self.running.stop();
    }

    /// Starts it again with its data, after ending it in order if it runs.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn restart(&mut self) {
        self.running.restart();
    }
}

/// The cluster that is copied for each test, made by whichever test comes first.
fn template(root: &Root, binaries: &PostgresBinaries) -> PathBuf {
    let template = root.join(&format!("postgres-{}-{FORMAT}", binaries.version()));
    if template.exists() {
        return template;
    }
    let home = root.home();
    let place = home.place();
    let cluster = place.dir.clone();
    let server = with(Postgres::new(binaries.clone(), place), &SETTINGS);
    let how = Initdb {
        durable: false,
        wal_segment_mb: 1,
    };
    server
        .initialize(how)
        .unwrap_or_else(|error| panic!("make a cluster: {error}"));
    let mut running = Running::start(Arc::new(server.clone()), home);
    server
        .ensure_database()
        .unwrap_or_else(|error| panic!("make a database: {error}"));
    running.stop();
    fs::rename(&cluster, &template).unwrap_or_else(|error| panic!("{}: {error}", template.display()));
    template
}

fn with<'a>(server: Postgres, settings: impl IntoIterator<Item = &'a (&'a str, &'a str)>) -> Postgres {
    settings
        .into_iter()
        .fold(server, |server, (name, value)| server.with(name, value))
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
