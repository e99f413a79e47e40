//! How what is exported is written.

mod heartbeat;
mod watched;

use std::fmt::Display;

use domain::accounts::{Scope, SecurityEntry};
use domain::privacy::PlainRule;
use domain::time::SECOND_MS;
use domain::usage::{Domain, Heartbeat, Segment};
use ports::trackers::WatchedEvent;
use serde_json::{Value, json};
use services::accounts::ExportedAccount;

/// A table of which there may be any number of rows, and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    /// The pieces of the timeline.
    Timeline(Format),
    /// The heartbeats.
    Heartbeats(Format),
    /// What ActivityWatch's watchers told.
    Watched(Format),
}

impl Table {
    /// The name of its file.
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Timeline(Format::Csv) => "timeline.csv",
            Self::Timeline(Format::Json) => "timeline.json",
            Self::Heartbeats(Format::Csv) => "heartbeats.csv",
            Self::Heartbeats(Format::Json) => "heartbeats.json",
            Self::Watched(Format::Csv) => "activitywatch.csv",
            Self::Watched(Format::Json) => "activitywatch.json",
        }
    }

    /// What stands before its rows.
    pub(super) fn head(self) -> &'static [u8] {
        match (self, self.format()) {
            (_, Format::Json) => b"[",
            (Self::Timeline(_), Format::Csv) => b"start_time,end_time,seconds,app_name,domain,device_id\r\n",
            (Self::Heartbeats(_), Format::Csv) => heartbeat::HEAD,
            (Self::Watched(_), Format::Csv) => watched::HEAD,
        }
    }

    /// How it is written.
    pub(super) fn format(self) -> Format {
        let (Self::Timeline(format) | Self::Heartbeats(format) | Self::Watched(format)) = self;
        format
    }
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// A line for each row, for spreadsheets.
    Csv,
    /// One array, for programs.
    Json,
}

/// How a row is written, in each format.
struct Row<T> {
    csv: fn(&T) -> String,
    json: fn(&T) -> Value,
}

impl Format {
    /// What stands after the rows.
    pub(super) fn tail(self) -> &'static [u8] {
        match self {
            Self::Csv => b"",
            Self::Json => b"\n]\n",
        }
    }

    /// Some rows; the first of all where `is_first`.
    fn rows<T>(self, some: &[T], is_first: bool, row: &Row<T>) -> Vec<u8> {
        let rows = some.iter().enumerate().map(|(index, item)| match self {
            Self::Csv => (row.csv)(item),
            Self::Json if is_first && index == 0 => format!("\n{}", (row.json)(item)),
            Self::Json => format!(",\n{}", (row.json)(item)),
        });
        rows.collect::<String>().into_bytes()
    }
}

/// Pieces of the timeline; the first of all where `is_first`.
pub(super) fn pieces(format: Format, pieces: &[Segment], is_first: bool) -> Vec<u8> {
    let row = Row {
        csv: csv_row,
        json: json_row,
    };
    format.rows(pieces, is_first, &row)
}

/// Heartbeats; the first of all where `is_first`.
pub(super) fn heartbeats(format: Format, heartbeats: &[Heartbeat], is_first: bool) -> Vec<u8> {
    let row = Row {
        csv: heartbeat::csv_row,
        json: heartbeat::json_row,
    };
    format.rows(heartbeats, is_first, &row)
}

/// What watchers told; the first of all where `is_first`.
pub(super) fn watched(format: Format, events: &[WatchedEvent], is_first: bool) -> Vec<u8> {
    let row = Row {
        csv: watched::csv_row,
        json: watched::json_row,
    };
    format.rows(events, is_first, &row)
}

/// The account, without what is secret: passwords, tokens and keys are kept as hashes, and those are nobody's business.
pub(super) fn account_json(account: &ExportedAccount) -> Vec<u8> {
    let user = &account.user;
    let devices = account.devices.iter().map(|state| {
        json!({
            "id": state.device.id.0,
            "name": state.device.name,
            "key": state.device.key.as_str(),
            "platform": state.device.platform,
            "precedence": state.device.precedence,
            "signed_in_at": state.signed_in_at.to_string(),
            "last_seen_at": state.last_seen_at.to_string(),
            "last_address": state.last_address,
        })
    });
    let imports = account.imports.iter().map(|import| {
        json!({
            "id": import.id.0,
            "name": import.name,
            "source": import.source.as_str(),
            "precedence": import.precedence,
            "made_at": import.made_at.to_string(),
            "used_at": import.used_at.to_string(),
        })
    });
    let keys = account.keys.iter().map(|key| {
        json!({
            "id": key.id.0,
            "name": key.name,
            "scopes": key.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
            "device_id": key.device.0,
            "created_at": key.created_at.to_string(),
            "last_used_at": key.last_used_at.map(|at| at.to_string()),
        })
    });
    let account = json!({
        "profile": {
            "id": user.id.0,
            "email": user.email.as_str(),
            "full_name": user.full_name.as_str(),
            "timezone": user.timezone.name(),
            "day_start": user.day_start.secs(),
            "heartbeat_timeout": user.heartbeat_timeout.secs(),
            "created_at": user.created_at.to_string(),
            "second_factor": account.second_factor,
        },
        "devices": devices.collect::<Vec<_>>(),
        "imports": imports.collect::<Vec<_>>(),
        "api_keys": keys.collect::<Vec<_>>(),
        "privacy_rules": account.privacy.rules.plain().into_iter().map(rule_json).collect::<Vec<_>>(),
        "security_log": account.log.iter().map(entry_json).collect::<Vec<_>>(),
    });
    format!("{account:#}\n").into_bytes()
}

fn rule_json(rule: PlainRule) -> Value {
    let parts = [
        ("app", rule.app),
        ("site", rule.site),
        ("action", Some(rule.action)),
        ("to", rule.to),
    ];
    let parts = parts
        .into_iter()
        .filter_map(|(name, text)| Some((name.to_owned(), text?.into())));
    Value::Object(parts.collect())
}

/// The security log, newest first.
pub(super) fn log_csv(log: &[SecurityEntry]) -> Vec<u8> {
    let mut csv = "at,event,device_id,session_id,address,count\r\n".to_owned();
    for entry in log {
        let fields = [
            entry.at.to_string(),
            entry.event.word().to_owned(),
            optional(entry.device),
            optional(entry.session),
            optional(entry.address),
            optional(entry.count),
        ];
        csv.push_str(&fields.join(","));
        csv.push_str("\r\n");
    }
    csv.into_bytes()
}

fn entry_json(entry: &SecurityEntry) -> Value {
    let mut json = json!({
        "id": entry.id.0,
        "at": entry.at.to_string(),
        "event": entry.event.word(),
        "device_id": entry.device.map(|device| device.0),
        "session_id": entry.session.map(|session| session.0),
        "address": entry.address,
    });
    if let Some(count) = entry.count {
        json["count"] = count.into();
    }
    json
}

fn csv_row(piece: &Segment) -> String {
    let label = &piece.holder.label;
    let domain = label.domain.as_ref().map_or("", Domain::as_str);
    format!(
        "{},{},{},{},{},{}\r\n",
        piece.span.start(),
        piece.span.end(),
        seconds(piece),
        quoted(label.app_name.as_str()),
        quoted(domain),
        piece.holder.rank.device,
    )
}

fn json_row(piece: &Segment) -> Value {
    let label = &piece.holder.label;
    json!({
        "start_time": piece.span.start().to_string(),
        "end_time": piece.span.end().to_string(),
        "app_name": label.app_name.as_str(),
        "domain": label.domain.as_ref().map(Domain::as_str),
        "device_id": piece.holder.rank.device.0,
    })
}

/// To the millisecond.
fn seconds(piece: &Segment) -> String {
    let ms = piece.span.ms();
    format!("{}.{:03}", ms / SECOND_MS, ms % SECOND_MS)
}

fn optional<T: Display>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A field of a CSV file (RFC 4180). Text that a spreadsheet would run as a formula is made plain text.
fn quoted(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let plain = if is_formula { "'" } else { "" };
    format!("\"{plain}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_quoted_and_never_a_formula() {
        for (text, field) in [
            ("Editor", r#""Editor""#),
            ("", r#""""#),
            (r#"a "b", c"#, r#""a ""b"", c""#),
            ("=cmd|'x'!A1", r#""'=cmd|'x'!A1""#),
            ("@x", r#""'@x""#),
            ("a=b", r#""a=b""#),
        ] {
            assert_eq!(quoted(text), field);
        }
    }
}
