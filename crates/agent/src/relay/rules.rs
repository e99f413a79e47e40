//! What ActivityWatch's server does with buckets and events, over any store.

use std::collections::BTreeMap;

use domain::trackers::activitywatch::{Beat, Stretch, fate};

use super::event::{Bucket, Event, Exported, Filled};
use super::store::{Store, StoreError, Window};

/// Creates the bucket. False if there is one of that name, which stays as it is.
pub fn create(store: &mut impl Store, bucket: &Bucket) -> Result<bool, StoreError> {
    if store.bucket(&bucket.id)?.is_some() {
        return Ok(false);
    }
    store.keep_bucket(bucket)?;
    Ok(true)
}

/// Takes in a heartbeat, and gives the event that it is part of; nothing if there is no such bucket.
pub fn heartbeat(
    store: &mut impl Store,
    bucket: &str,
    beat: &Event,
    pulsetime_us: i64,
) -> Result<Option<Event>, StoreError> {
    if store.bucket(bucket)?.is_none() {
        return Ok(None);
    }
    let start_us = beat.stretch.start_us;
    let until = Window {
        to_us: start_us,
        limit: 1,
        ..Window::ALL
    };
    let same = |event: &Event| event.data == beat.data;
    let before = store.events(bucket, &until)?.pop().filter(same);
    let mut after = store.after(bucket, start_us)?.filter(same);
    let mut beating = Beat {
        stretch: beat.stretch,
        pulsetime_us,
        before: before.as_ref().map(|event| event.stretch),
        after: after.as_ref().map(|event| event.stretch),
    };
    // What comes late and is long may reach several of those after it.
    let fate = loop {
        let fate = fate(beating);
        let Some(taken) = after.take().filter(|_| fate.takes_after) else {
            break fate;
        };
        if let Some(id) = taken.id {
            store.delete_event(bucket, id)?;
        }
        after = store.after(bucket, taken.stretch.start_us)?.filter(same);
        beating.stretch = fate.event;
        beating.after = after.as_ref().map(|event| event.stretch);
    };
    let grows = before.filter(|_| fate.grows_before);
    let mut event = Event {
        id: grows.as_ref().and_then(|event| event.id),
        stretch: fate.event,
        data: beat.data.clone(),
    };
    if grows.is_none_or(|grows| grows.stretch != event.stretch) {
        event.id = Some(store.keep_event(bucket, &event)?);
    }
    Ok(Some(event))
}

/// Keeps events, and gives them with their numbers. One with a number that is there replaces it. Nothing if there is no such bucket.
pub fn insert(store: &mut impl Store, bucket: &str, events: &[Event]) -> Result<Option<Vec<Event>>, StoreError> {
    if store.bucket(bucket)?.is_none() {
        return Ok(None);
    }
    let mut kept = Vec::with_capacity(events.len());
    for event in events {
        let id = Some(store.keep_event(bucket, event)?);
        kept.push(Event { id, ..event.clone() });
    }
    Ok(Some(kept))
}

/// The events of a window, cut to it, newest first; nothing if there is no such bucket.
pub fn events(store: &impl Store, bucket: &str, window: &Window) -> Result<Option<Vec<Event>>, StoreError> {
    if store.bucket(bucket)?.is_none() {
        return Ok(None);
    }
    let mut events = store.events(bucket, window)?;
    for event in &mut events {
        let Stretch { start_us, end_us } = event.stretch;
        event.stretch = Stretch {
            start_us: start_us.max(window.from_us),
            end_us: end_us.min(window.to_us),
        };
    }
    Ok(Some(events))
}

/// One bucket with its events, or all; nothing if there is no such bucket.
pub fn export(store: &impl Store, bucket: Option<&str>) -> Result<Option<BTreeMap<String, Exported>>, StoreError> {
    let extents = match bucket {
        None => store.buckets()?,
        Some(id) => match store.bucket(id)? {
            Some(extent) => vec![extent],
            None => return Ok(None),
        },
    };
    let mut exported = BTreeMap::new();
    for extent in extents {
        let events = store.events(&extent.bucket.id, &Window::ALL)?;
        exported.insert(extent.bucket.id.clone(), Exported { extent, events });
    }
    Ok(Some(exported))
}

/// Takes in what was exported. A bucket that is there stays as it is and gets the events that it does not have: importing twice changes nothing.
pub fn import(store: &mut impl Store, buckets: &[Filled]) -> Result<(), StoreError> {
    for Filled { bucket, events } in buckets {
        create(store, bucket)?;
        for event in events {
            let around = Window {
                from_us: event.stretch.start_us,
                to_us: event.stretch.start_us,
                limit: usize::MAX,
            };
            let there = store.events(&bucket.id, &around)?;
            if !there
                .iter()
                .any(|known| known.stretch == event.stretch && known.data == event.data)
            {
                let event = Event {
                    id: None,
                    ..event.clone()
                };
                store.keep_event(&bucket.id, &event)?;
            }
        }
    }
    Ok(())
}
