//! How an event of a watcher is written, with all that is kept of it.

use chrono::{DateTime, SecondsFormat};
use domain::trackers::activitywatch::{Presence, Told};
use domain::usage::{AppName, Domain};
use ports::trackers::WatchedEvent;
use serde_json::{Value, json};

use super::quoted;

/// The names of the columns.
pub(super) const HEAD: &[u8] = b"start_time,end_time,app_name,domain,present,bucket,hostname,device_id\r\n";

/// A line.
pub(super) fn csv_row(event: &WatchedEvent) -> String {
    let told = &event.event.told;
    let fields = [
        time(event.event.stretch.start_us),
        time(event.event.stretch.end_us),
        quoted(app_name(told).unwrap_or_default()),
        quoted(domain(told).unwrap_or_default()),
        present(told)
            .map(|is_present| is_present.to_string())
            .unwrap_or_default(),
        quoted(&event.bucket),
        quoted(&event.hostname),
        event.device.to_string(),
    ];
    fields.join(",") + "\r\n"
}

/// An object.
pub(super) fn json_row(event: &WatchedEvent) -> Value {
    let told = &event.event.told;
    json!({
        "start_time": time(event.event.stretch.start_us),
        "end_time": time(event.event.stretch.end_us),
        "app_name": app_name(told),
        "domain": domain(told),
        "present": present(told),
        "bucket": event.bucket,
        "hostname": event.hostname,
        "device_id": event.device.0,
    })
}

fn app_name(told: &Told) -> Option<&str> {
    match told {
        Told::App(app) => Some(AppName::as_str(app)),
        _ => None,
    }
}

fn domain(told: &Told) -> Option<&str> {
    match told {
        Told::Site(site) => Some(Domain::as_str(site)),
        _ => None,
    }
}

fn present(told: &Told) -> Option<bool> {
    match told {
        Told::Presence(presence) => Some(*presence == Presence::Here),
        _ => None,
    }
}

/// To the microsecond, in which watchers count.
fn time(at_us: i64) -> String {
    let at = DateTime::from_timestamp_micros(at_us).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
