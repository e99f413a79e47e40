//! `daybook user`: accounts under the operator's hand, so that nobody is ever locked out of their own server.

use std::io::{BufRead, IsTerminal, Read, StdinLock};
use std::path::PathBuf;
use std::sync::Arc;

use adapters::ambient::{SystemClock, SystemIds};
use adapters::postgres::{Accounts, Database};
use domain::accounts::{Email, FullName, Password};
use domain::reports::Zone;
use ports::accounts::{Operation as Store, UserSummary};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use services::accounts::{AccountsError, Journal, NewPasswords, Operation, Register, Registration};

use crate::cli::UserAction;
use crate::failure::Failure;
use crate::parts::{self, argon2};
use crate::say::{ask, say};
use crate::settings::Settings;
use crate::up;

/// How many people are read at once.
const PAGE: usize = 500;
/// The most bytes of a password that is read: each character has up to four.
const PASSWORD_BYTES_MAX: u64 = 4 * 256 + 2;

/// Does what was asked, as the owner of the database.
pub async fn run(data_dir: Option<PathBuf>, action: UserAction, settings: &Settings) -> Result<(), Failure> {
    let url = up::database_of(data_dir, settings)?;
    let database = parts::database(&url, settings)?;
    expect_owner(&database).await?;
    let accounts = Arc::new(Accounts::new(database));
    let journal = Journal {
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    };
    let new_passwords = NewPasswords {
        passwords: Arc::new(argon2()),
    };
    let operation = Operation {
        users: accounts.clone(),
        credentials: accounts.clone(),
        factors: accounts.clone(),
        store: accounts.clone(),
        new_passwords: new_passwords.clone(),
        journal: journal.clone(),
    };
    match action {
        UserAction::Add { email, name, timezone } => {
            let register = Register {
                users: accounts,
                new_passwords,
                journal,
            };
            add(&register, &email, &name, &timezone).await
        }
        UserAction::List => list(accounts.as_ref()).await,
        UserAction::Disable { email } => {
            let ended = operation.close(&parsed(&email)?).await.map_err(failed)?;
            say(format!(
                "{email} is closed: nobody signs in to it, and {ended} sessions and API keys are refused within seconds."
            ));
            Ok(())
        }
        UserAction::Enable { email } => {
            operation.open(&parsed(&email)?).await.map_err(failed)?;
            say(format!(
                "{email} is open again. API keys work again within a quarter of an hour."
            ));
            Ok(())
        }
        UserAction::ResetPassword { email, second_factor } => {
            let email = parsed(&email)?;
            let password = new_password()?;
            let ended = operation.reset_password(&email, password).await.map_err(failed)?;
            say(format!("The password is set, and {ended} sessions have ended."));
            if second_factor {
                let is_removed = operation.remove_second_factor(&email).await.map_err(failed)?;
                say(if is_removed {
                    "The second factor is removed."
                } else {
                    "There was no second factor."
                });
            }
            Ok(())
        }
    }
}

/// Any other role would find nobody, or fail half-way.
async fn expect_owner(database: &Database) -> Result<(), Failure> {
    let report = database.report(&SystemClock).await;
    let report = report.map_err(Failure::because("the database cannot be worked with"))?;
    if !report.migrations_pending.is_empty() {
        return Err(Failure::new("the database lacks migrations").hint("Run daybook migrate first."));
    }
    if report.role.owns_tables || report.role.bypasses_policies {
        return Ok(());
    }
    let why = format!(
        "connected as {}, who sees one person at a time at most",
        report.role.name
    );
    Err(Failure::new(why).hint("Connect as the owner of the database, as for daybook migrate."))
}

async fn add(register: &Register, email: &str, name: &str, timezone: &str) -> Result<(), Failure> {
    let registration = Registration {
        email: parsed(email)?,
        full_name: FullName::parse(name).map_err(|fault| Failure::new(fault.to_string()))?,
        timezone: timezone
            .parse::<Zone>()
            .map_err(|_| Failure::new(format!("{timezone} is no zone of the IANA database")))?,
        password: new_password()?,
    };
    let user = register.register(registration, None).await.map_err(failed)?;
    say(format!("{email} is registered as {}.", user.id));
    Ok(())
}

async fn list(store: &dyn Store) -> Result<(), Failure> {
    let mut after: Option<Email> = None;
    let mut count = 0;
    loop {
        let page = store.list(after.as_ref(), PAGE).await;
        let page = page.map_err(Failure::because("the accounts could not be listed"))?;
        for person in &page {
            say(line(person));
        }
        count += page.len();
        let is_last = page.len() < PAGE;
        match page.into_iter().next_back() {
            Some(last) if !is_last => after = Some(last.email),
            _ => break,
        }
    }
    if count == 0 {
        say("There are no accounts.");
    }
    Ok(())
}

fn line(person: &UserSummary) -> String {
    let closed = if person.disabled { "  closed" } else { "" };
    format!(
        "{}  {}  {}  {}{closed}",
        person.id,
        person.created_at,
        person.email.as_str(),
        person.full_name.as_str()
    )
}

/// From standard input, asked for where somebody sits before it. Never from the command line, which others on the machine can read.
fn new_password() -> Result<Password, Failure> {
    let input = std::io::stdin().lock();
    let text = if input.is_terminal() {
        ask("New password: ");
        let text = unseen(input);
        say("");
        text
    } else {
        let mut text = String::new();
        input.take(PASSWORD_BYTES_MAX).read_to_string(&mut text).map(|_| text)
    };
    let text = text.map_err(Failure::because("no password can be read from standard input"))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    Password::parse(text).map_err(|fault| Failure::new(fault.to_string()).hint("Give it on standard input."))
}

/// A line from a terminal that does not show it.
fn unseen(mut terminal: StdinLock<'_>) -> std::io::Result<String> {
    let shown = tcgetattr(&terminal)?;
    let mut hidden = shown.clone();
    hidden.local_modes -= LocalModes::ECHO;
    tcsetattr(&terminal, OptionalActions::Flush, &hidden)?;
    let mut line = String::new();
    let read = terminal.read_line(&mut line);
    tcsetattr(&terminal, OptionalActions::Flush, &shown)?;
    read.map(|_| line)
}

fn parsed(email: &str) -> Result<Email, Failure> {
    Email::parse(email).map_err(|fault| Failure::new(fault.to_string()))
}

fn failed(error: AccountsError) -> Failure {
    match error {
        AccountsError::Invalid(faults) => {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            Failure::new(faults.join("; "))
        }
        AccountsError::AccountGone => Failure::new("nobody has that e-mail address"),
        AccountsError::Outside(error) => Failure::because("the database could not do it")(error),
        told => Failure::new(told.to_string()),
    }
}
