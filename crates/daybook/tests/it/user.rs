//! `daybook user`: accounts from the command line, as the owner of the database.

use std::io::Write;
use std::process::{Output, Stdio};

use adapters::postgres::migrate;
use testkit::servers::TestPostgres;

use crate::program::{daybook, text};

/// A database with all migrations.
struct Home(TestPostgres);

impl Home {
    fn new() -> Self {
        let server = TestPostgres::start();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let migrated = runtime.expect("a runtime").block_on(migrate(&server.database_url()));
        migrated.expect("migrate");
        Self(server)
    }

    /// Runs `daybook user` over the database at `url`, with this on its standard input.
    fn user_as(url: &str, arguments: &[&str], input: &str) -> Output {
        let arguments = [&["user"], arguments].concat();
        let mut command = daybook(&arguments, &[("DATABASE_URL", url)]);
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = child.spawn().expect("start");
        let mut stdin = child.stdin.take().expect("piped");
        // A command that refuses its arguments reads nothing.
        drop(stdin.write_all(input.as_bytes()));
        drop(stdin);
        child.wait_with_output().expect("it ends")
    }

    fn user(&self, arguments: &[&str], input: &str) -> Output {
        Self::user_as(&self.0.database_url(), arguments, input)
    }

    /// What it said, if it did what was asked.
    fn says(&self, arguments: &[&str], input: &str) -> String {
        let output = self.user(arguments, input);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// What it complained of.
    fn refuses(&self, arguments: &[&str], input: &str) -> String {
        let output = self.user(arguments, input);
        assert!(!output.status.success(), "{arguments:?}: {}", text(&output.stdout));
        text(&output.stderr)
    }
}

const ADD_ADA: [&str; 6] = ["add", "Ada@example.org", "--name", "Ada", "--timezone", "Europe/Berlin"];

#[test]
fn people_are_added_and_listed_and_what_cannot_be_is_refused_by_name() {
    let home = Home::new();
    assert!(home.says(&["list"], "").contains("There are no accounts."));
    assert!(
        home.refuses(&ADD_ADA, "password1\n")
            .contains("password: is among the first")
    );
    assert!(home.refuses(&ADD_ADA, "short\n").contains("password: must be 8 to 256"));
    assert!(
        home.refuses(&["add", "ada", "--name", "Ada"], "correct horse\n")
            .contains("email: ")
    );
    let no_zone = ["add", "ada@example.org", "--name", "Ada", "--timezone", "Mars/Olympus"];
    assert!(home.refuses(&no_zone, "correct horse\n").contains("Mars/Olympus"));

    // However the line ends.
    for (name, input) in [
        ("ada", "correct horse\n"),
        ("bob", "correct horse\r\n"),
        ("cy", "correct horse"),
    ] {
        home.says(&["add", &format!("{name}@example.org"), "--name", name], input);
    }
    assert!(home.refuses(&ADD_ADA, "correct horse\n").contains("taken"));
    let list = home.says(&["list"], "");
    let people: Vec<_> = list.lines().filter_map(|line| line.split("  ").nth(2)).collect();
    assert_eq!(people, ["ada@example.org", "bob@example.org", "cy@example.org"]);
}

#[test]
fn an_account_is_closed_and_opened_again_and_its_password_set() {
    let home = Home::new();
    home.says(&ADD_ADA, "correct horse\n");
    home.says(&["disable", "ada@example.org"], "");
    assert!(home.says(&["list"], "").contains("  closed"));
    home.says(&["enable", "ADA@example.org"], "");
    assert!(!home.says(&["list"], "").contains("  closed"));
    let reset = ["reset-password", "ada@example.org", "--second-factor"];
    let said = home.says(&reset, "another horse\n");
    assert!(
        said.contains("The password is set") && said.contains("no second factor"),
        "{said}"
    );
    assert!(!said.contains("another horse"), "{said}");
    for command in ["disable", "enable", "reset-password"] {
        let complaint = home.refuses(&[command, "nobody@example.org"], "another horse\n");
        assert!(complaint.contains("nobody has that e-mail address"), "{complaint}");
    }
}

#[test]
fn a_role_that_sees_one_person_at_a_time_is_no_operator() {
    let home = Home::new();
    home.says(&ADD_ADA, "correct horse\n");
    for url in [home.0.api_database_url(), home.0.worker_database_url()] {
        let refused = Home::user_as(&url, &["list"], "");
        assert!(!refused.status.success(), "{}", text(&refused.stdout));
        assert!(text(&refused.stderr).contains("owner"), "{}", text(&refused.stderr));
    }
}
