//! Whom the server takes us for, and whether policies hold them.

use super::failure::Failure;
use super::statements::ROLE_REPORT;
use super::values::column;
use tokio_postgres::Client;

/// The role that a database is reached as, for an operator to judge.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each asked of the server"
)]
pub struct RoleReport {
    /// Its name.
    pub name: String,
    /// Whether policies do not hold it: it is a superuser or has BYPASSRLS, or can become a role that is or has.
    pub bypasses_policies: bool,
    /// Whether it owns what is in the schema, or can become a role that does: an owner can change every policy.
    pub owns_tables: bool,
    /// Whether it is, or can become, the role of the API. Superusers can become any.
    pub is_api: bool,
    /// Whether it is, or can become, the role of the worker.
    pub is_worker: bool,
}

impl RoleReport {
    /// Of the role that `client` is connected as.
    pub(super) async fn read(client: &Client) -> Result<Self, Failure> {
        let row = client.query_one(ROLE_REPORT, &[]).await?;
        Ok(Self {
            name: column(&row, 0)?,
            bypasses_policies: column(&row, 1)?,
            owns_tables: column(&row, 2)?,
            is_api: column(&row, 3)?,
            is_worker: column(&row, 4)?,
        })
    }
}
