//! `daybook migrate`.

use crate::failure::Failure;
use crate::say::say;
use crate::settings::Secret;

/// Brings the database at `url` up to date, and says what was done.
pub async fn run(url: &Secret) -> Result<(), Failure> {
    let applied = bring_up_to_date(url).await?;
    if applied.is_empty() {
        say("The database is up to date.");
    }
    for migration in applied {
        say(format!("Applied {migration}."));
    }
    Ok(())
}

/// Brings the database at `url` up to date, and answers the migrations that were applied.
pub async fn bring_up_to_date(url: &Secret) -> Result<Vec<String>, Failure> {
    let applied = adapters::postgres::migrate(url.expose()).await;
    applied.map_err(Failure::because("the database could not be brought up to date"))
}
