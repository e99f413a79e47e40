//! Real Postgres and Redis servers for tests: a fresh, private one for each test, gone with the test however it ends.

mod home;
mod postgres;
mod redis;
mod running;

use std::thread;

pub use embedded::Fsync;

pub use self::postgres::TestPostgres;
pub use self::redis::TestRedis;

/// Both servers, for a test that needs both.
pub struct TestServers {
    /// The database.
    pub postgres: TestPostgres,
    /// The queue.
    pub redis: TestRedis,
}

impl TestServers {
    /// Starts both at once.
    ///
    /// # Panics
    /// When either cannot be started.
    #[must_use]
    pub fn start() -> Self {
        thread::scope(|scope| {
            let redis = scope.spawn(TestRedis::start);
            let postgres = TestPostgres::start();
            Self {
                postgres,
                redis: redis.join().expect("the start of Redis said why it panicked"),
            }
        })
    }
}
