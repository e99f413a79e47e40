//! A year that is written in bulk is a year of timelines.

use bench::figures;
use bench::year::write;
use domain::time::{DAY_MS, Span};
use domain::usage::Timeline;
use ports::reports::TimelineReader;

use crate::people::Stored;

#[tokio::test]
async fn everybody_has_something_on_every_day_and_nothing_overlaps() {
    let stored = Stored::start().await;
    let callers = stored.people(3).await;
    write(&stored.client, &callers, 1_000).await.expect("written");
    let today = figures::now().day_start();
    let year = Span::new(today.plus_ms(-365 * DAY_MS), today).expect("a year");
    for caller in &callers {
        let pieces = stored.timelines.pieces(caller.user, year).await.expect("read");
        assert_eq!(pieces.len(), 1_000);
        let timeline = Timeline::of(pieces.clone());
        assert_eq!(timeline.segments(), pieces, "gaps on either side, so nothing to join");
        for day in year.utc_days() {
            assert!(!timeline.clip(day).segments().is_empty(), "nothing on {}", day.start());
        }
    }
}
