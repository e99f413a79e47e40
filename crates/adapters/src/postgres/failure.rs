//! Everything that Postgres and its driver can answer, turned into what the caller may do about it. The one place where that is decided.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use deadpool_postgres::{HookError, PoolError};
use ports::{PortError, PortErrorKind};
use refinery::error::Kind as MigrationErrorKind;
use thiserror::Error;
use tokio_postgres::error::{DbError, SqlState};

/// Where Postgres says that what a prepared statement answers has changed, as by a migration: with the code of what it cannot do, and a text in its language.
const STALE_PLAN_ROUTINE: &str = "RevalidateCachedQuery";
/// Where Postgres says that a new row breaks a policy.
const POLICY_ROUTINE: &str = "ExecWithCheckOptions";

/// Why a call did not do what it should.
#[derive(Debug, Error)]
pub(super) enum Failure {
    /// The server refused a statement, or the connection.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no connection, or it broke.
    #[error("no connection to the database")]
    Away(#[source] tokio_postgres::Error),
    /// Nothing became free or connected in time.
    #[error("no connection from the pool")]
    Pool(#[source] PoolError),
    /// It took longer than a call may.
    #[error("no answer within {} ms", .0.as_millis())]
    Overdue(Duration),
    /// The driver could not write a parameter or read a column.
    #[error("a value does not fit its type in the database")]
    Misfit(#[source] tokio_postgres::Error),
    /// A migration was refused for what it is, or the connection broke while migrating.
    #[error(transparent)]
    Migration(refinery::Error),
    /// The database is there, but not ready for this program.
    #[error("{0}")]
    Unready(String),
    /// What is stored, or what became of a statement, is not what this program writes.
    #[error("{0}")]
    Broken(String),
}

/// A refusal by the server, without its detail and hint: these can hold what people stored.
#[derive(Debug, Error)]
#[error("{message} (SQLSTATE {code}{})", .constraint.as_ref().map(|name| format!(", constraint {name}")).unwrap_or_default())]
pub(super) struct Refusal {
    code: String,
    message: String,
    constraint: Option<String>,
    table: Option<String>,
    is_policy: bool,
    is_stale_plan: bool,
}

impl Failure {
    /// The error of a port that tried to `attempted`.
    pub(super) fn while_trying_to(self, attempted: impl Into<String>) -> PortError {
        match self.kind() {
            PortErrorKind::Unavailable => PortError::unavailable(attempted, self),
            PortErrorKind::Bug => PortError::bug(attempted, self),
        }
    }

    /// What went wrong while a connection was made: nothing is converted then, so whatever the server does not refuse is about reaching it.
    pub(super) fn connecting(error: tokio_postgres::Error) -> Self {
        match Self::from(error) {
            Self::Misfit(error) => Self::Away(error),
            failure => failure,
        }
    }

    /// Whether a row had no partition to go to: an operator dropped or detached it.
    pub(super) fn lacks_partition(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == SqlState::CHECK_VIOLATION.code()
            && refusal.constraint.is_none()
            && refusal.table.as_deref() == Some("app_usage"))
    }

    /// Whether a table is not there.
    pub(super) fn lacks_table(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == SqlState::UNDEFINED_TABLE.code())
    }

    /// Whether the statements that are prepared are out of date: prepared again, they work.
    pub(super) fn is_stale_plan(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is_stale_plan)
    }

    /// Whether this constraint refused it.
    pub(super) fn violates(&self, constraint: &str) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.constraint.as_deref() == Some(constraint))
    }

    /// Whether what was asked for takes a grant that is missing.
    pub(super) fn lacks_grant(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == SqlState::INSUFFICIENT_PRIVILEGE.code() && !refusal.is_policy)
    }

    fn kind(&self) -> PortErrorKind {
        match self {
            // No operator can mend it: a statement of ours wrote for somebody else than its transaction is for.
            Self::Refused(refusal) if refusal.is_policy => PortErrorKind::Bug,
            Self::Refused(refusal) if refusal.is_stale_plan => PortErrorKind::Unavailable,
            Self::Refused(refusal) => kind_of(&refusal.code),
            Self::Migration(error) if matches!(error.kind(), MigrationErrorKind::Connection(..)) => {
                PortErrorKind::Unavailable
            }
            Self::Away(_) | Self::Pool(_) | Self::Overdue(_) | Self::Unready(_) => PortErrorKind::Unavailable,
            Self::Misfit(_) | Self::Migration(_) | Self::Broken(_) => PortErrorKind::Bug,
        }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(refused) = error.as_db_error() {
            return Self::Refused(refused.into());
        }
        // The driver does not show which of its errors this is. Those with a cause that is no I/O come from converting values.
        match error.source() {
            Some(cause) if !error.is_closed() && !cause.is::<io::Error>() => Self::Misfit(error),
            _ => Self::Away(error),
        }
    }
}

impl From<&DbError> for Refusal {
    fn from(error: &DbError) -> Self {
        Self {
            code: error.code().code().to_owned(),
            message: error.message().to_owned(),
            constraint: error.constraint().map(str::to_owned),
            table: error.table().map(str::to_owned),
            // It has the code of a missing grant, and a text in the server's language.
            is_policy: *error.code() == SqlState::INSUFFICIENT_PRIVILEGE && error.routine() == Some(POLICY_ROUTINE),
            is_stale_plan: *error.code() == SqlState::FEATURE_NOT_SUPPORTED
                && error.routine() == Some(STALE_PLAN_ROUTINE),
        }
    }
}

impl From<refinery::Error> for Failure {
    fn from(error: refinery::Error) -> Self {
        if let MigrationErrorKind::Connection(attempt, cause) = error.kind()
            && let Some(cause) = cause.downcast_ref::<tokio_postgres::Error>()
            && let Some(refused) = cause.as_db_error()
        {
            let mut refusal = Refusal::from(refused);
            // A migration's hint is written for whoever runs it.
            let hint = refused.hint().map(|hint| format!(". {hint}")).unwrap_or_default();
            refusal.message = format!("{attempt}: {}{hint}", refusal.message);
            return Self::Refused(refusal);
        }
        Self::Migration(error)
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => Self::connecting(error),
            error => Self::Pool(error),
        }
    }
}

/// What the caller may do about a SQLSTATE (PostgreSQL's documentation, appendix A). What is not known to pass by is refused for good.
fn kind_of(code: &str) -> PortErrorKind {
    let class = code.get(..2).unwrap_or(code);
    let passes = match class {
        // 08 connection, 28 sign-in, 3D no such database, 40 rolled back for others' sake, 53 out of resources, 55 in use or not ready, 57 an
        // operator stepped in, 58 the system below, F0 settings, XX the server itself: none of these is about what we asked.
        "08" | "28" | "3D" | "40" | "53" | "55" | "57" | "58" | "F0" | "XX" => true,
        // A server that became a replica; a transaction that stood still or lasted too long; a grant that is missing.
        _ => ["25006", "25P03", "25P04", "42501"].contains(&code),
    };
    if passes {
        PortErrorKind::Unavailable
    } else {
        PortErrorKind::Bug
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str) -> Failure {
        Failure::Refused(Refusal {
            code: code.to_owned(),
            message: "no".to_owned(),
            constraint: None,
            table: None,
            is_policy: false,
            is_stale_plan: false,
        })
    }

    #[test]
    fn what_may_pass_by_is_unavailable() {
        for code in [
            "08006", // connection failure
            "25006", // read-only transaction
            "25P03", // idle in transaction for too long
            "28P01", // invalid password
            "3D000", // no such database
            "40001", // serialization failure
            "40P01", // deadlock
            "42501", // insufficient privilege
            "53100", // disk full
            "53200", // out of memory
            "53300", // too many connections
            "55P03", // lock not available
            "57014", // statement time-out
            "57P01", // admin shutdown
            "57P03", // cannot connect now
            "58030", // I/O error
            "XX001", // data corrupted
        ] {
            assert_eq!(refused(code).kind(), PortErrorKind::Unavailable, "{code}");
        }
    }

    #[test]
    fn what_will_be_refused_again_is_a_bug() {
        for code in [
            "0A000", // feature not supported
            "21000", // cardinality
            "22021", // character not in repertoire
            "22P05", // untranslatable character
            "23505", // unique
            "23514", // check
            "23P01", // exclusion
            "25P02", // in failed transaction
            "42601", // syntax
            "42703", // undefined column
            "42P01", // undefined table
            "P0001", // raised
        ] {
            assert_eq!(refused(code).kind(), PortErrorKind::Bug, "{code}");
        }
    }

    #[test]
    fn a_wait_that_was_too_long_is_unavailable_and_a_broken_invariant_a_bug() {
        assert_eq!(
            Failure::Overdue(Duration::from_secs(1)).kind(),
            PortErrorKind::Unavailable
        );
        assert_eq!(Failure::Pool(PoolError::Closed).kind(), PortErrorKind::Unavailable);
        assert_eq!(Failure::Broken("odd".to_owned()).kind(), PortErrorKind::Bug);
    }

    #[test]
    fn a_refusal_is_told_on_one_line_with_its_constraint() {
        let refusal = Refusal {
            code: "23P01".to_owned(),
            message: "conflicting key value".to_owned(),
            constraint: Some("no_overlap".to_owned()),
            table: None,
            is_policy: false,
            is_stale_plan: false,
        };
        let error = Failure::Refused(refusal).while_trying_to("merge 3 pings");
        assert_eq!(
            error.chain(),
            "could not merge 3 pings: conflicting key value (SQLSTATE 23P01, constraint no_overlap)"
        );
    }
}
