//! What is never recorded: time in private mode, and what the person's rules exclude. Everything passes here before it reaches the disk.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::privacy::PrivacyRules;
use domain::time::{Span, UnixMs};
use domain::usage::Label;

use crate::chain::Chain;
use crate::files;
use crate::watch::Ping;

use private::Private;
use server::ServerRules;

pub mod changes;
pub mod news;
pub mod private;
pub mod rules;
pub mod server;

pub use rules::PrivacyError;

/// How many private times that are over are remembered, for pings that come late.
const PAST_MAX: usize = 256;

/// The person's wishes, as the files say that hold them.
#[derive(Debug)]
pub struct Privacy {
    dir: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    local: PrivacyRules,
    server: Option<ServerRules>,
    private: Option<Private>,
    past: VecDeque<Private>,
}

/// Where the files are, in the agent's data directory.
#[must_use]
pub fn dir_in(data: &Path) -> PathBuf {
    data.join("privacy")
}

impl Privacy {
    /// Reads what there is. Rules that cannot be understood are an error, since nothing may be recorded against them.
    pub fn open(data: &Path) -> Result<Self, PrivacyError> {
        let dir = dir_in(data);
        files::make_private_dir(&dir)?;
        let state = State {
            local: rules::load(&dir)?,
            server: ServerRules::load(&dir)?,
            private: Private::load(&dir)?,
            past: VecDeque::new(),
        };
        let state = Mutex::new(state);
        Ok(Self { dir, state })
    }

    /// Where the files are.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Reads the person's files again. One that cannot be understood now changes nothing.
    pub fn reload(&self) {
        let local = rules::load(&self.dir);
        let private = Private::load(&self.dir);
        let mut state = self.lock();
        match local {
            Ok(local) => state.local = local,
            Err(error) => tracing::error!(error = %Chain(&error), "the rules stay as they were"),
        }
        match private {
            Ok(private) => state.turn(private),
            Err(error) => tracing::error!(error = %Chain(&error), "private mode stays as it was"),
        }
    }

    /// The private time that is on at this moment.
    #[must_use]
    pub fn private(&self, now: UnixMs) -> Option<Private> {
        self.lock().private.filter(|private| private.is_on(now))
    }

    /// The private time that was told last, be it over or not.
    #[must_use]
    pub fn last_private(&self) -> Option<Private> {
        self.lock().private
    }

    /// What of a ping may be kept: nothing of private time, and the rest as the local rules, and then the server's, leave it.
    #[must_use]
    pub fn admit(&self, ping: Ping) -> Vec<Ping> {
        let state = self.lock();
        let Some(label) = state.rule(ping.app, ping.domain) else {
            return Vec::new();
        };
        let kept = |span| Ping {
            app: label.app_name.clone(),
            domain: label.domain.clone(),
            passive: ping.passive,
            span,
        };
        state.public(ping.span).into_iter().map(kept).collect()
    }

    /// What may be kept of an application and a site, by the rules alone.
    #[must_use]
    pub fn rule(&self, label: &Label) -> Option<Label> {
        self.lock().rule(label.app_name.clone(), label.domain.clone())
    }

    /// What of a stretch of time is not private.
    #[must_use]
    pub fn public(&self, span: Span) -> Vec<Span> {
        self.lock().public(span)
    }

    /// Whether there are rules, local or the server's.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        let state = self.lock();
        !state.local.is_empty() || state.server.as_ref().is_some_and(|server| !server.rules.is_empty())
    }

    /// What the server said of this account's rules, if it did.
    #[must_use]
    pub fn server_rules(&self) -> Option<ServerRules> {
        self.lock().server.clone()
    }

    /// Keeps what the server says, on the disk too, for when it cannot be asked.
    pub fn set_server_rules(&self, rules: ServerRules) -> Result<(), PrivacyError> {
        let saved = rules.save(&self.dir);
        self.lock().server = Some(rules);
        saved
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment, so it is whole whoever panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn rule(&self, app_name: domain::usage::AppName, domain: Option<domain::usage::Domain>) -> Option<Label> {
        let label = self.local.apply(&Label { app_name, domain })?;
        match &self.server {
            Some(server) => server.rules.apply(&label),
            None => Some(label),
        }
    }

    /// Takes in a change of private mode, and remembers what was before.
    fn turn(&mut self, private: Option<Private>) {
        let before = std::mem::replace(&mut self.private, private);
        let Some(before) = before.filter(|before| private.is_none_or(|private| private.since != before.since)) else {
            return;
        };
        if self.past.len() == PAST_MAX {
            self.past.pop_front();
        }
        self.past.push_back(before);
    }

    /// What of the stretch is not private.
    fn public(&self, span: Span) -> Vec<Span> {
        let mut left = vec![span];
        for private in self.past.iter().chain(&self.private) {
            let end = private.until.unwrap_or(UnixMs(i64::MAX));
            left = left
                .into_iter()
                .flat_map(|span| {
                    let before = Span::new(span.start(), span.end().min(private.since));
                    let after = Span::new(span.start().max(end), span.end());
                    before.into_iter().chain(after)
                })
                .collect();
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use domain::privacy::PlainRule;
    use domain::usage::AppName;

    use super::*;

    fn ping(app: &str, start: i64, end: i64) -> Ping {
        let span = Span::new(UnixMs(start), UnixMs(end)).expect("not empty");
        Ping::of_app(AppName::parse(app).expect("a name"), span)
    }

    fn admitted(privacy: &Privacy, ping: Ping) -> Vec<(String, i64, i64)> {
        let kept = privacy.admit(ping);
        kept.iter()
            .map(|ping| (ping.app.as_str().to_owned(), ping.span.start().0, ping.span.end().0))
            .collect()
    }

    fn rename(app: &str, to: &str) -> PlainRule {
        PlainRule {
            app: Some(app.to_owned()),
            action: "rename".to_owned(),
            to: Some(to.to_owned()),
            ..PlainRule::default()
        }
    }

    #[test]
    fn private_time_is_cut_out_of_pings_however_late_they_come() {
        let data = tempfile::tempdir().expect("a directory");
        let privacy = Privacy::open(data.path()).expect("opened");
        private::pause(privacy.dir(), UnixMs(100), Some(std::time::Duration::from_millis(100))).expect("paused");
        privacy.reload();
        private::pause(privacy.dir(), UnixMs(300), None).expect("paused again");
        privacy.reload();
        let spans = |start, end| {
            admitted(&privacy, ping("A", start, end))
                .iter()
                .map(|(_, start, end)| (*start, *end))
                .collect::<Vec<_>>()
        };
        assert_eq!(spans(0, 400), [(0, 100), (200, 300)]);
        assert_eq!(spans(100, 200), []);
        assert_eq!(spans(99, 201), [(99, 100), (200, 201)]);
        assert_eq!(spans(300, 301), []);
        assert_eq!(
            (
                privacy.private(UnixMs(400)).is_some(),
                privacy.private(UnixMs(0)).is_some()
            ),
            (true, true)
        );
        private::resume(privacy.dir(), UnixMs(350)).expect("resumed");
        privacy.reload();
        assert_eq!(spans(0, 400), [(0, 100), (200, 300), (350, 400)]);
        assert_eq!(privacy.private(UnixMs(350)), None);
        // A start anew knows the last one.
        let again = Privacy::open(data.path()).expect("opened");
        assert_eq!(admitted(&again, ping("A", 340, 360)), [("A".to_owned(), 350, 360)]);
    }

    #[test]
    fn more_private_times_than_are_remembered_forget_the_oldest() {
        let data = tempfile::tempdir().expect("a directory");
        let privacy = Privacy::open(data.path()).expect("opened");
        for number in 0..=i64::try_from(PAST_MAX).expect("small") + 1 {
            let mut state = privacy.lock();
            state.turn(Some(Private {
                since: UnixMs(10 * number),
                until: Some(UnixMs(10 * number + 5)),
            }));
        }
        assert_eq!(admitted(&privacy, ping("A", 0, 5)), [("A".to_owned(), 0, 5)]);
        assert_eq!(admitted(&privacy, ping("A", 10, 15)), []);
    }

    #[test]
    fn the_rules_of_the_machine_come_first_then_those_of_the_server() {
        let data = tempfile::tempdir().expect("a directory");
        let privacy = Privacy::open(data.path()).expect("opened");
        rules::add(privacy.dir(), rename("a", "b")).expect("added");
        privacy.reload();
        let server = ServerRules {
            server: "https://day.example.org".to_owned(),
            email: "ada@example.org".to_owned(),
            etag: Some("\"7\"".to_owned()),
            rules: PrivacyRules::parse(&[rename("b", "c")]).expect("sound"),
        };
        privacy.set_server_rules(server.clone()).expect("saved");
        assert_eq!(admitted(&privacy, ping("A", 0, 1)), [("c".to_owned(), 0, 1)]);
        let offline = Privacy::open(data.path()).expect("opened");
        assert_eq!(offline.server_rules(), Some(server));
        assert_eq!(admitted(&offline, ping("A", 0, 1)), [("c".to_owned(), 0, 1)]);
    }

    #[test]
    fn files_that_cannot_be_understood_stop_a_start_and_change_nothing_while_it_runs() {
        let data = tempfile::tempdir().expect("a directory");
        let privacy = Privacy::open(data.path()).expect("opened");
        rules::add(privacy.dir(), rename("a", "b")).expect("added");
        private::pause(privacy.dir(), UnixMs(100), None).expect("paused");
        privacy.reload();
        for file in ["rules.json", "private.json", "server.json"] {
            fs::write(privacy.dir().join(file), "{").expect("damaged");
        }
        privacy.reload();
        assert_eq!(admitted(&privacy, ping("A", 0, 200)), [("b".to_owned(), 0, 100)]);
        assert!(Privacy::open(data.path()).is_err());
        fs::remove_file(privacy.dir().join("rules.json")).expect("removed");
        assert!(Privacy::open(data.path()).is_err());
        fs::remove_file(privacy.dir().join("private.json")).expect("removed");
        let opened = Privacy::open(data.path()).expect("the server tells its own anew");
        assert_eq!(opened.server_rules(), None);
    }
}
