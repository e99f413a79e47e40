//! The pool of connections that every adapter here shares, and the bounds on every wait.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use ports::PortError;
use tokio::time::timeout;
use tokio_postgres::{Config, NoTls};

use super::failure::Failure;

/// Where the database is, and how long to wait for it.
#[derive(Clone)]
pub struct Settings {
    /// `postgresql://user:password@host/database`, or key words as libpq has them.
    pub url: String,
    /// The most connections at a time that work; one more looks whether the database is there.
    pub connections_max: usize,
    /// How long a call waits for a free connection, and a new connection for the server.
    pub wait_max: Duration,
    /// How long the server works on one statement, or waits for one lock.
    pub statement_max: Duration,
    /// How long a call takes altogether, also when the server does not answer at all.
    pub call_max: Duration,
    /// The same of a call that is short work and that a person waits for.
    pub prompt_max: Duration,
}

impl Settings {
    /// The usual bounds for the database at `url`.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections_max: 8,
            wait_max: Duration::from_secs(5),
            statement_max: Duration::from_secs(10),
            call_max: Duration::from_secs(30),
            prompt_max: Duration::from_secs(10),
        }
    }
}

/// Shows nothing of the URL, which can hold a password.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("connections_max", &self.connections_max)
            .field("wait_max", &self.wait_max)
            .field("statement_max", &self.statement_max)
            .field("call_max", &self.call_max)
            .field("prompt_max", &self.prompt_max)
            .finish_non_exhaustive()
    }
}

/// A database, reached over a small pool of connections. Clones share the pool.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
    /// One connection beside the pool, for who must not wait for those that work.
    apart: Pool,
    call_max: Duration,
    prompt_max: Duration,
}

/// The pool's state, and nothing of the connection.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("pool", &self.pool.status())
            .finish_non_exhaustive()
    }
}

/// The database of `settings`. Nothing is connected before it is needed, so this succeeds while the server is away.
///
/// Connections are not encrypted: they go over a Unix socket, the loopback or a private network. Prepared statements and session settings are used, so a
/// PgBouncer in between must be 1.21 or later and pool by session.
pub fn connect(settings: &Settings) -> Result<Database, PortError> {
    let mut config = config(&settings.url)?;
    config.connect_timeout(settings.wait_max);
    let recycling = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let pool = |connections_max| {
        Pool::builder(Manager::from_config(config.clone(), NoTls, recycling.clone()))
            .max_size(connections_max)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(settings.wait_max))
            .create_timeout(Some(settings.wait_max))
            .post_create(session(settings.statement_max))
            .build()
            .map_err(|error| PortError::bug("make a pool of database connections", error))
    };
    Ok(Database {
        pool: pool(settings.connections_max)?,
        apart: pool(1)?,
        call_max: settings.call_max,
        prompt_max: settings.prompt_max,
    })
}

/// The URL, read, with what every connection of ours has.
pub(super) fn config(url: &str) -> Result<Config, PortError> {
    // The driver's error repeats parts of the URL, so it is left out.
    let mut config: Config = url
        .parse()
        .map_err(|_| PortError::bug("read the URL of the database", "it is no PostgreSQL connection string"))?;
    config.application_name("daybook");
    // Connections to a machine that is gone end soon, instead of when the kernel gives up.
    config.keepalives_idle(Duration::from_secs(15));
    config.tcp_user_timeout(Duration::from_secs(30));
    Ok(config)
}

impl Database {
    /// What `work` answers, unless it takes longer than a call may; `attempt` names it in an error.
    pub(super) async fn call<T>(
        &self,
        attempt: impl Fn() -> String,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, PortError> {
        self.call_within(self.call_max, attempt, work).await
    }

    /// The same of what is short work whoever it is for, such as to read an account or to sign in: a person who waits for it learns soon that the server does
    /// not answer.
    pub(super) async fn call_promptly<T>(
        &self,
        attempt: impl Fn() -> String,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, PortError> {
        self.call_within(self.prompt_max, attempt, work).await
    }

    async fn call_within<T>(
        &self,
        max: Duration,
        attempt: impl Fn() -> String,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, PortError> {
        let outcome = timeout(max, work).await.unwrap_or(Err(Failure::Overdue(max)));
        if outcome.as_ref().is_err_and(Failure::is_stale_plan) {
            // Whoever tries again prepares them again.
            self.pool.manager().statement_caches.clear();
        }
        outcome.map_err(|failure| failure.while_trying_to(attempt()))
    }

    /// A connection, given back when dropped.
    pub(super) async fn client(&self) -> Result<Object, Failure> {
        Ok(self.pool.get().await?)
    }

    /// The connection that is not for work, likewise: it is there also while the others are all busy.
    pub(super) async fn client_apart(&self) -> Result<Object, Failure> {
        Ok(self.apart.get().await?)
    }
}

/// What a new connection is told first.
///
/// The plans of our statements must not depend on statistics, which are missing for a partition that was just made and wrong for one that grows: all of
/// them find rows by a key, so the planner is left no other way, and plans once for all parameters. A commit is on disk before it is answered, whatever the
/// server is set to, then or later, because pings are acknowledged by it: what a session has set itself is not changed by a reload of the server's settings.
fn session(statement_max: Duration) -> Hook {
    let sql = format!(
        "SET statement_timeout = {ms}; SET lock_timeout = {ms}; SET idle_in_transaction_session_timeout = {ms}; \
         SET plan_cache_mode = force_generic_plan; SET jit = off; \
         SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off; SET enable_sort = off; \
         SELECT set_config('synchronous_commit', coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on'), false)",
        ms = statement_max.as_millis()
    );
    Hook::async_fn(move |client, _| {
        let sql = sql.clone();
        Box::pin(async move { client.batch_execute(&sql).await.map_err(HookError::Backend) })
    })
}

#[cfg(test)]
mod tests {
    use testkit::servers::TestPostgres;

    use super::*;

    #[tokio::test]
    async fn every_connection_commits_durably_and_waits_a_bounded_time() {
        let server = TestPostgres::start_with(&[("synchronous_commit", "off")]);
        let mut settings = Settings::new(server.database_url());
        settings.statement_max = Duration::from_millis(2_500);
        let database = connect(&settings).expect("a pool");
        let client = database.client().await.expect("connect");
        for (name, value) in [
            ("synchronous_commit", "on"),
            ("statement_timeout", "2500ms"),
            ("lock_timeout", "2500ms"),
            ("plan_cache_mode", "force_generic_plan"),
        ] {
            let row = client.query_one(&format!("SHOW {name}"), &[]).await.expect(name);
            assert_eq!(row.get::<_, &str>(0), value, "{name}");
        }
    }

    #[tokio::test]
    async fn a_synchronous_commit_that_does_no_less_is_left_as_it_is_and_kept_whatever_is_set_later() {
        for value in ["on", "remote_apply"] {
            let server = TestPostgres::start_with(&[("synchronous_commit", value)]);
            let database = connect(&Settings::new(server.database_url())).expect("a pool");
            let client = database.client().await.expect("connect");
            let read = "SELECT setting, source FROM pg_settings WHERE name = 'synchronous_commit'";
            let row = client.query_one(read, &[]).await.expect("read");
            // A reload changes only what the session has not set.
            assert_eq!((row.get(0), row.get(1)), (value, "session"));
        }
    }

    #[test]
    fn a_password_shows_neither_in_debug_output_nor_in_an_error() {
        let settings = Settings::new("postgresql://ada:secret@[::1/daybook");
        assert!(!format!("{settings:?}").contains("secret"));
        let error = connect(&settings).expect_err("no URL");
        assert!(!error.is_unavailable());
        assert!(!error.chain().contains("secret"), "{}", error.chain());
    }
}
