//! A person's pieces as sums need them: many in few rows, because a row costs the reader more than what it holds.

use std::time::SystemTime;

use domain::accounts::{DeviceId, UserId};
use domain::reports::Stint;
use domain::time::Span;
use domain::usage::Label;
use tokio_postgres::types::ToSql;

use crate::postgres::failure::Failure;
use crate::postgres::statements::STINTS_READ;
use crate::postgres::values::{column, searchable, stored_span, time};

use super::Timelines;

impl Timelines {
    /// The stints that hold an instant of `window`, earliest first.
    pub(super) async fn read_stints(&self, user: UserId, window: Span) -> Result<Vec<Stint>, Failure> {
        let (start, end) = (searchable(window.start()), searchable(window.end()));
        let asked: [&(dyn ToSql + Sync); 4] = [&user.0, &time(start.day_start()), &time(end), &time(start)];
        let rows = self.database.as_user(user).query(STINTS_READ, &asked).await?;
        let mut stints = Vec::new();
        for row in &rows {
            let device = DeviceId(column(row, 0)?);
            let label = Label::trusted(column(row, 1)?, column(row, 2)?);
            let (starts, ends): (Vec<SystemTime>, Vec<SystemTime>) = (column(row, 3)?, column(row, 4)?);
            for (start, end) in starts.into_iter().zip(ends) {
                let span = stored_span(start, end)?;
                let label = label.clone();
                stints.push(Stint { span, device, label });
            }
        }
        // Each row's are in order already, which a stable sort makes use of.
        stints.sort_by_key(|stint| stint.span.start());
        Ok(stints)
    }
}
