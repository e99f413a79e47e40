//! `daybook dead-letters`: shows what could not be merged, and puts it back into the queue.

use std::fmt::Write;

use domain::usage::{Arrival, Attention, ContextText, Domain, Heartbeat, Mention, Segment};
use ports::usage::{DeadContent, DeadLetters, KeptLetter};

use crate::cli::DeadLetterAction;
use crate::failure::Failure;
use crate::say::say;

/// How many letters are read at once.
const PAGE: usize = 500;

/// Does what was asked.
pub async fn run(letters: &dyn DeadLetters, action: DeadLetterAction) -> Result<(), Failure> {
    match action {
        DeadLetterAction::List { limit, after } => list(letters, usize::from(limit), after.as_deref()).await,
        DeadLetterAction::Show { id } => show(letters, &id).await,
        DeadLetterAction::Replay { ids, all: false } => replay(letters, &ids).await,
        DeadLetterAction::Replay { all: true, .. } => replay_all(letters).await,
    }
}

async fn list(letters: &dyn DeadLetters, limit: usize, after: Option<&str>) -> Result<(), Failure> {
    let kept = letters.list(after, limit).await.map_err(cannot_read)?;
    if kept.is_empty() {
        say(if after.is_some() {
            "There are no more dead letters."
        } else {
            "There are no dead letters."
        });
    }
    for letter in &kept {
        say(line(letter));
    }
    if kept.len() == limit
        && let Some(last) = kept.last()
    {
        say(format!("There may be more: --after {}", last.id));
    }
    Ok(())
}

async fn show(letters: &dyn DeadLetters, id: &str) -> Result<(), Failure> {
    let kept = letters.find(id).await.map_err(cannot_read)?;
    let kept = kept.ok_or_else(|| Failure::new(format!("There is no dead letter {id}.")))?;
    for (name, value) in whole(&kept) {
        say(format!("{name:<11} {value}"));
    }
    Ok(())
}

async fn replay(letters: &dyn DeadLetters, ids: &[String]) -> Result<(), Failure> {
    let mut missing = Vec::new();
    for id in ids {
        if !letters.replay(id).await.map_err(cannot_read)? {
            missing.push(id.as_str());
        }
    }
    say(format!(
        "{} put back into the queue.",
        letters_in_words(ids.len() - missing.len())
    ));
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!("There is no dead letter {}.", missing.join(", "))))
    }
}

/// Those that are there now: one that dies again meanwhile is left for the next time, or this would never end.
async fn replay_all(letters: &dyn DeadLetters) -> Result<(), Failure> {
    let mut ids: Vec<String> = Vec::new();
    loop {
        let page = letters
            .list(ids.last().map(String::as_str), PAGE)
            .await
            .map_err(cannot_read)?;
        let full = page.len() == PAGE;
        ids.extend(page.into_iter().map(|letter| letter.id));
        if !full {
            break;
        }
    }
    let mut replayed = 0;
    for id in &ids {
        replayed += usize::from(letters.replay(id).await.map_err(cannot_read)?);
    }
    say(format!("{} put back into the queue.", letters_in_words(replayed)));
    Ok(())
}

/// One line, without what the person did: a label belongs to them, not to a terminal's history.
fn line(kept: &KeptLetter) -> String {
    let what = match &kept.letter.content {
        DeadContent::Arrival(Arrival::Heartbeat { heartbeat }) => format!("a heartbeat of user {}", heartbeat.user),
        DeadContent::Arrival(arrival) => format!("a ping of user {}", arrival.user()),
        DeadContent::Unreadable(bytes) => format!("{} unreadable bytes", bytes.len()),
    };
    format!("{}  {}  {what}: {}", kept.id, kept.died_at, kept.letter.reason)
}

/// Everything of it, by name. Whoever asks for one letter asks for what is in it.
fn whole(kept: &KeptLetter) -> Vec<(&'static str, String)> {
    let mut whole = vec![
        ("id", kept.id.clone()),
        ("died at", kept.died_at.to_string()),
        ("reason", kept.letter.reason.clone()),
    ];
    match &kept.letter.content {
        DeadContent::Arrival(Arrival::Claim { claim, seq }) => {
            let Segment { span, holder } = &claim.segment;
            let domain = holder.label.domain.as_ref().map(Domain::as_str);
            whole.extend([
                ("user", claim.user.to_string()),
                ("device", holder.rank.device.to_string()),
                (
                    "number",
                    seq.map_or_else(|| "none".to_owned(), |seq| seq.get().to_string()),
                ),
                ("app name", holder.label.app_name.as_str().to_owned()),
                ("domain", domain.unwrap_or("none").to_owned()),
                ("start", span.start().to_string()),
                ("end", span.end().to_string()),
                ("passive", (holder.rank.attention == Attention::Passive).to_string()),
                ("precedence", holder.rank.precedence.to_string()),
            ]);
        }
        DeadContent::Arrival(Arrival::Refused { user, device, seq }) => whole.extend([
            ("user", user.to_string()),
            ("device", device.to_string()),
            ("number", format!("{}, of a ping that was refused", seq.get())),
        ]),
        DeadContent::Arrival(Arrival::Heartbeat { heartbeat }) => whole.extend(heartbeat_whole(heartbeat)),
        DeadContent::Unreadable(bytes) => whole.push(("bytes", hex(bytes))),
    }
    whole
}

fn heartbeat_whole(heartbeat: &Heartbeat) -> Vec<(&'static str, String)> {
    let (beat, context) = (&heartbeat.beat, &heartbeat.context);
    let text = |text: &Option<ContextText>| text.as_ref().map_or("none", ContextText::as_str).to_owned();
    let mention = |mention: &Option<Mention>| match mention {
        None => "none".to_owned(),
        Some(Mention::Last) => "the last one".to_owned(),
        Some(Mention::Named(text)) => text.as_str().to_owned(),
    };
    vec![
        ("user", heartbeat.user.to_string()),
        ("device", beat.device.to_string()),
        ("app name", beat.label.app_name.as_str().to_owned()),
        (
            "domain",
            beat.label.domain.as_ref().map_or("none", Domain::as_str).to_owned(),
        ),
        ("time", beat.at.to_string()),
        ("patience", format!("{} ms", beat.patience.ms())),
        ("passive", (beat.attention == Attention::Passive).to_string()),
        ("precedence", beat.precedence.to_string()),
        ("kind", context.kind.word().to_owned()),
        ("category", text(&context.category)),
        ("project", mention(&context.project)),
        ("branch", mention(&context.branch)),
        ("language", mention(&context.language)),
        ("editor", text(&context.editor)),
        ("machine", text(&context.machine)),
        ("runs", text(&context.operating_system)),
        (
            "is write",
            context
                .is_write
                .map_or("none".to_owned(), |is_write| is_write.to_string()),
        ),
    ]
}

fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(hex, "{byte:02x}").expect("a string takes all that is written to it");
    }
    hex
}

fn letters_in_words(count: usize) -> String {
    if count == 1 {
        "1 dead letter".to_owned()
    } else {
        format!("{count} dead letters")
    }
}

fn cannot_read(error: ports::PortError) -> Failure {
    Failure::because("the dead letters could not be reached")(error)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::accounts::{DeviceId, UserId};
    use domain::time::{Span, UnixMs};
    use domain::usage::{Beat, Claim, Context, Holder, Kind, Label, Patience, Rank, Seq};
    use ports::usage::DeadLetter;

    use super::*;

    fn shown(content: DeadContent) -> String {
        let kept = KeptLetter {
            id: "7-0".to_owned(),
            died_at: UnixMs(0),
            letter: DeadLetter {
                content,
                reason: "a test".to_owned(),
            },
        };
        let lines = whole(&kept)
            .into_iter()
            .map(|(name, value)| format!("{name}: {value}\n"));
        lines.collect()
    }

    #[test]
    fn a_letter_is_shown_whole() {
        let (user, device) = (UserId(uuid::Uuid::from_u128(1)), DeviceId(uuid::Uuid::from_u128(2)));
        let seq = Seq::new(9).expect("in range");
        let span = Span::new(UnixMs(0), UnixMs(5_000)).expect("not empty");
        let rank = Rank {
            attention: Attention::Passive,
            precedence: 3,
            device,
            beat: None,
        };
        let label = Label::trusted("Firefox", Some("example.org"));
        let segment = Segment {
            span,
            holder: Holder { rank, label },
        };
        let claim = Claim { user, segment };
        let ping = shown(DeadContent::Arrival(Arrival::Claim { claim, seq: Some(seq) }));
        for line in [
            "id: 7-0",
            "reason: a test",
            "number: 9",
            "app name: Firefox",
            "domain: example.org",
            "end: 1970-01-01T00:00:05Z",
            "passive: true",
        ] {
            assert!(ping.lines().any(|shown| shown == line), "{line} in\n{ping}");
        }
        assert!(ping.contains(&format!("user: {user}")) && ping.contains(&format!("device: {device}")));
        let refused = shown(DeadContent::Arrival(Arrival::Refused { user, device, seq }));
        assert!(refused.contains("number: 9, of a ping that was refused"), "{refused}");
        let context = Context {
            project: Some(Mention::Last),
            editor: Some(ContextText::trusted("vim")),
            ..Context::of_kind(Kind::File)
        };
        let beat = Beat {
            device,
            at: UnixMs(5_000),
            attention: Attention::Active,
            precedence: 3,
            label: Label::trusted("vim", None),
            patience: Patience::default(),
        };
        let heartbeat = Heartbeat {
            user,
            beat,
            context: Arc::new(context),
        };
        let heartbeat = shown(DeadContent::Arrival(Arrival::Heartbeat { heartbeat }));
        for line in [
            "time: 1970-01-01T00:00:05Z",
            "patience: 600000 ms",
            "kind: file",
            "project: the last one",
            "branch: none",
            "editor: vim",
        ] {
            assert!(heartbeat.lines().any(|shown| shown == line), "{line} in\n{heartbeat}");
        }
        let unreadable = shown(DeadContent::Unreadable(vec![0, 0xab, 0xff]));
        assert!(unreadable.ends_with("bytes: 00abff\n"), "{unreadable}");
    }
}
