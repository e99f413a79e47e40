//! A person's stored time, read for themselves: what a merge would find.

use async_trait::async_trait;
use domain::accounts::{DeviceId, UserId};
use domain::time::Span;
use domain::usage::{Beat, Segment};
use ports::PortError;
use ports::usage::OwnTimeline;
use tokio_postgres::types::ToSql;

use crate::postgres::failure::Failure;
use crate::postgres::statements::HEARTBEATS_NEAR;
use crate::postgres::values::Labels;

use super::Timelines;
use super::heartbeats::{Stretches, beat};

impl Timelines {
    async fn read_beats(&self, user: UserId, near: &[(DeviceId, Span)]) -> Result<Vec<Beat>, Failure> {
        if near.is_empty() {
            return Ok(Vec::new());
        }
        let mut stretches = Stretches::default();
        stretches.extend(user, near);
        let asked: [&(dyn ToSql + Sync); 4] = stretches.columns();
        let rows = self.database.as_user(user).query(HEARTBEATS_NEAR, &asked).await?;
        let mut labels = Labels::default();
        rows.iter().map(|row| beat(row, &mut labels)).collect()
    }
}

#[async_trait]
impl OwnTimeline for Timelines {
    async fn stored(&self, user: UserId, window: Span) -> Result<Vec<Segment>, PortError> {
        let attempt = || format!("read what is stored of {user}");
        self.database.call(attempt, self.read_pieces(user, window)).await
    }

    async fn beats(&self, user: UserId, near: &[(DeviceId, Span)]) -> Result<Vec<Beat>, PortError> {
        let attempt = || format!("read the points of {user}");
        self.database.call(attempt, self.read_beats(user, near)).await
    }
}
