//! How what is exported is written.

use std::fmt::Display;

use domain::accounts::{Scope, SecurityEntry};
use domain::time::SECOND_MS;
use domain::usage::{Domain, Segment};
use serde_json::{Value, json};
use services::accounts::ExportedAccount;

/// How a timeline is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// A line for each piece, for spreadsheets.
    Csv,
    /// One array, for programs.
    Json,
}

impl Format {
    /// The name of its file.
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Csv => "timeline.csv",
            Self::Json => "timeline.json",
        }
    }

    /// What stands before the pieces.
    pub(super) fn head(self) -> &'static [u8] {
        match self {
            Self::Csv => b"start_time,end_time,seconds,app_name,domain,device_id\r\n",
            Self::Json => b"[",
        }
    }

    /// What stands after them.
    pub(super) fn tail(self) -> &'static [u8] {
        match self {
            Self::Csv => b"",
            Self::Json => b"\n]\n",
        }
    }

    /// Pieces; the first of all where `is_first`.
    pub(super) fn rows(self, pieces: &[Segment], is_first: bool) -> Vec<u8> {
        let rows = pieces.iter().enumerate().map(|(index, piece)| match self {
            Self::Csv => csv_row(piece),
            Self::Json if is_first && index == 0 => format!("\n{}", json_row(piece)),
            Self::Json => format!(",\n{}", json_row(piece)),
        });
        rows.collect::<String>().into_bytes()
    }
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
            "created_at": user.created_at.to_string(),
            "second_factor": account.second_factor,
        },
        "devices": devices.collect::<Vec<_>>(),
        "api_keys": keys.collect::<Vec<_>>(),
        "security_log": account.log.iter().map(entry_json).collect::<Vec<_>>(),
    });
    format!("{account:#}\n").into_bytes()
}

/// The security log, newest first.
pub(super) fn log_csv(log: &[SecurityEntry]) -> Vec<u8> {
    let mut csv = "at,event,device_id,session_id,address\r\n".to_owned();
    for entry in log {
        let fields = [
            entry.at.to_string(),
            entry.event.word().to_owned(),
            optional(entry.device),
            optional(entry.session),
            optional(entry.address),
        ];
        csv.push_str(&fields.join(","));
        csv.push_str("\r\n");
    }
    csv.into_bytes()
}

fn entry_json(entry: &SecurityEntry) -> Value {
    json!({
        "id": entry.id.0,
        "at": entry.at.to_string(),
        "event": entry.event.word(),
        "device_id": entry.device.map(|device| device.0),
        "session_id": entry.session.map(|session| session.0),
        "address": entry.address,
    })
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
