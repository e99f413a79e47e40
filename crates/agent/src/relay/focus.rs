//! What the agent itself saw of browsers, kept beside what they say of their tabs, so that the sites can be joined when they are known.

use serde_json::Map;

use domain::trackers::activitywatch::{Browser, Stretch};

use crate::watch::Ping;

use super::event::{Bucket, Data, Event};
use super::joiner::OWN_FOCUS;
use super::rules;
use super::store::{Store, StoreError};

/// The bucket's name.
const BUCKET: &str = "daybook-agent_focus";

/// Keeps those pings that a bucket of tabs may have a site for.
pub fn keep(store: &mut impl Store, pings: &[Ping]) -> Result<(), StoreError> {
    let buckets = store.buckets()?.into_iter().map(|extent| extent.bucket);
    let tabs = buckets.filter(|bucket| bucket.kind == "web.tab.current");
    let browsers: Vec<Browser> = tabs.filter_map(|bucket| Browser::of_bucket(&bucket.id)).collect();
    for ping in pings {
        if !browsers.iter().any(|browser| browser.is(&ping.app)) {
            continue;
        }
        let bucket = Bucket {
            id: BUCKET.to_owned(),
            kind: OWN_FOCUS.to_owned(),
            client: "daybook-agent".to_owned(),
            hostname: String::new(),
            created_us: None,
            data: Data::default(),
        };
        rules::create(store, &bucket)?;
        let object = Map::from_iter([("app".to_owned(), ping.app.as_str().into())]);
        let data = Data::of(object).map_err(|error| StoreError::new("keep", error))?;
        let stretch = Stretch {
            start_us: ping.span.start().0.saturating_mul(1_000),
            end_us: ping.span.end().0.saturating_mul(1_000),
        };
        let id = None;
        rules::heartbeat(store, BUCKET, &Event { id, stretch, data }, 0)?;
    }
    Ok(())
}
