//! Positive controls: each breaks one promise from outside, the program itself untouched, and the checker must find it.

use std::time::Duration;

use embedded::Fsync;

use crate::proxy::Trick;
use crate::world::STUCK_AFTER;

/// A promise that is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sabotage {
    /// Redis forces its file to disk once a second, and power is cut.
    Everysec,
    /// Postgres answers commits of usage before they are on disk, and power is cut.
    AsyncCommit,
    /// Workers acknowledge what they take as they take it, and are killed.
    AckEarly,
    /// The door is told that its pings are kept before Redis has got them, and Redis is killed.
    AnswerEarly,
    /// Workers merge the same people at once, without their locks.
    NoLock,
}

/// What the checker says of a ping that was accepted and is not stored.
const LOST: &str = "every accepted instant is stored";
/// Statements of a usage transaction are made to commit without waiting for the disk.
const ASYNC_COMMIT: &str = include_str!("sabotage/async_commit.sql");
/// A function that workers find before the one that locks.
const NO_LOCK: &str = "
    CREATE SCHEMA sabotage;
    GRANT USAGE ON SCHEMA sabotage TO PUBLIC;
    CREATE FUNCTION sabotage.pg_advisory_xact_lock(integer, integer) RETURNS void LANGUAGE plpgsql AS $$ BEGIN END $$;
";
/// Where workers look for functions then.
const NO_LOCK_OPTIONS: &str = "?options=-c%20search_path%3Dsabotage%2Cpublic%2Cpg_catalog";

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Everysec,
        Self::AsyncCommit,
        Self::AckEarly,
        Self::AnswerEarly,
        Self::NoLock,
    ];

    /// What it is called at the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Everysec => "everysec",
            Self::AsyncCommit => "async-commit",
            Self::AckEarly => "ack-early",
            Self::AnswerEarly => "answer-early",
            Self::NoLock => "no-lock",
        }
    }

    /// Whether a violation of `promise` comes of it. Others may come beside that, or for other reasons.
    #[must_use]
    pub fn shows_as(self, promise: &str) -> bool {
        let merged_wrong = [
            "every instant is held by the greatest claim to it",
            "no ping becomes a dead letter",
            "stored pieces are sorted, maximal and within a day",
        ];
        promise == LOST || self == Self::NoLock && merged_wrong.contains(&promise)
    }

    /// How long the queue may stay as it is before it counts as stuck.
    #[must_use]
    pub fn stuck_after(self) -> Duration {
        match self {
            // What is left was acknowledged: nobody will ever take it, so there is nothing to wait for.
            Self::AckEarly => Duration::from_secs(5),
            _ => STUCK_AFTER,
        }
    }

    /// When Redis forces its file to disk.
    #[must_use]
    pub fn fsync(self) -> Fsync {
        match self {
            Self::Everysec => Fsync::EverySecond,
            _ => Fsync::Always,
        }
    }

    /// What the superuser does to the migrated database.
    #[must_use]
    pub fn sql(self) -> Option<&'static str> {
        match self {
            Self::AsyncCommit => Some(ASYNC_COMMIT),
            Self::NoLock => Some(NO_LOCK),
            _ => None,
        }
    }

    /// What is added to the URL that workers reach Postgres by.
    #[must_use]
    pub fn worker_database_options(self) -> &'static str {
        match self {
            Self::NoLock => NO_LOCK_OPTIONS,
            _ => "",
        }
    }

    /// How ways of APIs to Redis lie.
    #[must_use]
    pub fn api_trick(self) -> Trick {
        match self {
            Self::AnswerEarly => Trick::AnswerEarly,
            _ => Trick::Honest,
        }
    }

    /// How ways of workers to Redis lie.
    #[must_use]
    pub fn worker_trick(self) -> Trick {
        match self {
            Self::AckEarly => Trick::AckEarly,
            _ => Trick::Honest,
        }
    }
}
