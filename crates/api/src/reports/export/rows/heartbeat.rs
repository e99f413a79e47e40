//! How a heartbeat is written: as it came, so that what it leaves to those before it stays so.

use domain::time::SECOND_MS;
use domain::usage::{Attention, ContextText, Domain, Heartbeat, Mention};
use serde_json::{Value, json};

use super::quoted;

/// The names of the columns.
pub(super) const HEAD: &[u8] = b"time,app_name,domain,passive,timeout_seconds,type,category,project,last_project,branch,last_branch,language,last_language,\
    editor,machine,operating_system,is_write,device_id\r\n";

/// A line.
pub(super) fn csv_row(heartbeat: &Heartbeat) -> String {
    let (beat, context) = (&heartbeat.beat, &heartbeat.context);
    let text = |text: &Option<ContextText>| quoted(text.as_ref().map_or("", ContextText::as_str));
    let mention = |mention: &Option<Mention>| {
        let is_last = *mention == Some(Mention::Last);
        format!("{},{is_last}", quoted(named(mention.as_ref()).unwrap_or_default()))
    };
    let fields = [
        beat.at.to_string(),
        quoted(beat.label.app_name.as_str()),
        quoted(beat.label.domain.as_ref().map_or("", Domain::as_str)),
        is_passive(heartbeat).to_string(),
        timeout_seconds(heartbeat),
        context.kind.word().to_owned(),
        text(&context.category),
        mention(&context.project),
        mention(&context.branch),
        mention(&context.language),
        text(&context.editor),
        text(&context.machine),
        text(&context.operating_system),
        context
            .is_write
            .map_or_else(String::new, |is_write| is_write.to_string()),
        beat.device.to_string(),
    ];
    format!("{}\r\n", fields.join(","))
}

/// An object.
pub(super) fn json_row(heartbeat: &Heartbeat) -> Value {
    let (beat, context) = (&heartbeat.beat, &heartbeat.context);
    let text = |text: &Option<ContextText>| text.as_ref().map(|text| text.as_str().to_owned());
    let is_last = |mention: &Option<Mention>| *mention == Some(Mention::Last);
    json!({
        "time": beat.at.to_string(),
        "app_name": beat.label.app_name.as_str(),
        "domain": beat.label.domain.as_ref().map(Domain::as_str),
        "passive": is_passive(heartbeat),
        "timeout_ms": beat.patience.ms(),
        "type": context.kind.word(),
        "category": text(&context.category),
        "project": named(context.project.as_ref()),
        "last_project": is_last(&context.project),
        "branch": named(context.branch.as_ref()),
        "last_branch": is_last(&context.branch),
        "language": named(context.language.as_ref()),
        "last_language": is_last(&context.language),
        "editor": text(&context.editor),
        "machine": text(&context.machine),
        "operating_system": text(&context.operating_system),
        "is_write": context.is_write,
        "device_id": beat.device.0,
    })
}

fn named(mention: Option<&Mention>) -> Option<&str> {
    match mention {
        Some(Mention::Named(text)) => Some(text.as_str()),
        _ => None,
    }
}

fn is_passive(heartbeat: &Heartbeat) -> bool {
    heartbeat.beat.attention == Attention::Passive
}

/// To the millisecond.
fn timeout_seconds(heartbeat: &Heartbeat) -> String {
    let ms = heartbeat.beat.patience.ms();
    format!("{}.{:03}", ms / SECOND_MS, ms % SECOND_MS)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::accounts::{DeviceId, UserId};
    use domain::time::UnixMs;
    use domain::usage::{Beat, Context, Kind, Label, Patience};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_heartbeat_is_written_as_it_came() {
        let text = ContextText::trusted;
        let context = Context {
            category: Some(text("coding")),
            project: Some(Mention::Named(text("=1+1"))),
            branch: Some(Mention::Last),
            editor: Some(text("vim")),
            is_write: Some(true),
            ..Context::of_kind(Kind::File)
        };
        let beat = Beat {
            device: DeviceId(Uuid::nil()),
            at: UnixMs(1_772_355_600_250),
            attention: Attention::Active,
            precedence: 1,
            label: Label::trusted("vim", None),
            patience: Patience::default(),
        };
        let heartbeat = Heartbeat {
            user: UserId(Uuid::nil()),
            beat,
            context: Arc::new(context),
        };
        let line = csv_row(&heartbeat);
        assert_eq!(
            line,
            "2026-03-01T09:00:00.250Z,\"vim\",\"\",false,600.000,file,\"coding\",\"'=1+1\",false,\"\",true,\"\",false,\"vim\",\"\",\"\",true,\
                00000000-0000-0000-0000-000000000000\r\n"
        );
        let columns = |line: &str| line.split(',').count();
        assert_eq!(columns(&line), columns(&String::from_utf8_lossy(HEAD)));
        let row = json_row(&heartbeat);
        assert_eq!(row["project"], "=1+1");
        assert_eq!((&row["branch"], &row["last_branch"]), (&Value::Null, &json!(true)));
        assert_eq!(
            (&row["timeout_ms"], &row["time"]),
            (&json!(600_000), &json!("2026-03-01T09:00:00.250Z"))
        );
    }
}
