//! `daybook dead-letters`: shows what could not be merged, and puts it back into the queue.

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
        DeadContent::Arrival(arrival) => format!("a ping of user {}", arrival.user()),
        DeadContent::Unreadable(bytes) => format!("{} unreadable bytes", bytes.len()),
    };
    format!("{}  {}  {what}: {}", kept.id, kept.died_at, kept.letter.reason)
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
