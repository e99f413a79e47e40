//! Whether something that Daybook stands on is there.

use async_trait::async_trait;

use crate::PortError;

/// One thing outside that a node needs before it can work.
#[async_trait]
pub trait Probe: Send + Sync {
    /// What it is called in answers: `postgres`, `redis`.
    fn name(&self) -> &'static str;

    /// Asks it for a sign of life, and answers within a second or two either way.
    async fn check(&self) -> Result<(), PortError>;
}
