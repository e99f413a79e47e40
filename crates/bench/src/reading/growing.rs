//! Makes the timeline large, quickly: whole months, each filled as a table by itself, without what guards against mistakes that a statement here cannot make.

use std::time::{Duration, Instant};

use chrono::{Datelike, Months, NaiveDate};
use domain::accounts::Caller;
use futures_util::future::try_join_all;
use testkit::runs::Failure;
use tokio_postgres::{Client, Error};

use crate::people::BEGIN_DAYS_AGO;
use crate::progress::say;
use crate::stage::Stage;
use crate::year::today;

/// Over how many months rows are spread.
pub const MONTHS: u32 = 12;
/// How many pieces a month has of each person: 27 a day.
pub(super) const PIECES_A_MONTH: u32 = 833;
/// How many statements fill months at a time.
const AT_ONCE: usize = 2;

/// The months that are filled.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    /// The first day of the first.
    pub first: NaiveDate,
}

impl Stretch {
    /// The last twelve in which no ping of a load lies.
    pub fn before_the_load() -> Result<Self, Failure> {
        let days = chrono::Days::new(BEGIN_DAYS_AGO.unsigned_abs() + 1);
        let first = (today()? - days).with_day(1).map(|day| day - Months::new(MONTHS));
        first
            .map(|first| Self { first })
            .ok_or_else(|| Failure::new("the calendar has no such month"))
    }

    fn each(self) -> impl Iterator<Item = NaiveDate> {
        (0..MONTHS).map(move |month| self.first + Months::new(month))
    }
}

/// Gives each of `people` so many pieces in each of the months, and tells how long that took. No worker may run.
pub(super) fn grow(stage: &Stage, stretch: Stretch, people: &[Caller], pieces: u32) -> Result<Duration, Failure> {
    let began = Instant::now();
    let (runtime, _) = stage.database();
    let grown = runtime.block_on(async {
        let clients = try_join_all((0..AT_ONCE).map(|_| stage.connect())).await?;
        fill(&clients, stretch, people, pieces).await?;
        // What a server that has run for so long has long done.
        say("tidying up");
        let tidied = clients[0].batch_execute("VACUUM (ANALYZE) app_usage").await;
        tidied.map_err(Failure::because("could not tidy up after filling the timeline"))
    });
    grown.map(|()| began.elapsed())
}

/// Fills months, each client one after the other.
pub async fn fill(clients: &[Client], stretch: Stretch, people: &[Caller], pieces: u32) -> Result<(), Failure> {
    let users: Vec<_> = people.iter().map(|caller| caller.user.0).collect();
    let devices: Vec<_> = people.iter().map(|caller| caller.device.0).collect();
    let pieces = i32::try_from(pieces).unwrap_or(i32::MAX);
    let (users, devices, pieces) = (&users, &devices, &pieces);
    let filling = clients.iter().enumerate().map(async |(place, client)| {
        client.batch_execute(include_str!("../sql/grow.sql")).await?;
        for month in stretch.each().skip(place).step_by(clients.len()) {
            let month = format!("'{month}'::date");
            // Each in a transaction of its own, so that the parent is locked for moments.
            let of = |step: &str| format!("SELECT pg_temp.grow_{step}({month})");
            client.batch_execute(&of("prepare")).await?;
            let fill = format!("SELECT pg_temp.grow_fill({month}, $1, $2, $3)");
            client.execute(&fill, &[users, devices, pieces]).await?;
            client.batch_execute(&of("attach")).await?;
        }
        Ok::<_, Error>(())
    });
    let filled = try_join_all(filling).await;
    filled
        .map(drop)
        .map_err(Failure::because("could not fill the timeline"))
}
