//! WakaTime's heartbeats as points: compact while files are read, named once everything that names is read, and sorted, each once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::time::{Span, UnixMs};
use domain::trackers::wakatime::Said;
use domain::usage::{AppName, Context, ContextText, Kind, Label};
use uuid::Uuid;

use crate::privacy::Privacy;

/// What heartbeats say, each thing held once, and when they say it.
#[derive(Debug, Default)]
pub struct Points {
    instants: Vec<(UnixMs, u32)>,
    spoken: Vec<Spoken>,
    known: HashMap<Spoken, u32>,
    programs: BTreeMap<String, Program>,
    machines: BTreeMap<String, String>,
}

/// What a heartbeat says, where a program or a machine may be named by an id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Spoken {
    /// In its own words. Of an address only the host.
    pub said: Said,
    /// The id of the program that sent it, or what that calls itself.
    pub agent: Option<String>,
    /// The id of the machine, or its name.
    pub machine: Option<String>,
}

/// What an id of a program stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Program {
    /// Its name for people.
    pub name: Option<String>,
    /// What it runs on.
    pub system: Option<String>,
}

/// A heartbeat as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// When.
    pub at: UnixMs,
    /// What it is about.
    pub about: Arc<About>,
}

/// What a heartbeat is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct About {
    /// What time is counted under.
    pub label: Label,
    /// What is said besides.
    pub context: Context,
}

/// All points, and what is to be told of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// Sorted, each once.
    pub points: Vec<Point>,
    /// How many the person's rules exclude.
    pub ruled_out: u64,
    /// How many name their program by an id alone that nothing explains.
    pub nameless: u64,
}

impl Points {
    /// Adds a heartbeat.
    pub fn add(&mut self, at: UnixMs, spoken: Spoken) {
        let known = self.known.get(&spoken).copied();
        let place = known.unwrap_or_else(|| {
            // There are fewer than rows, which fit.
            let place = u32::try_from(self.spoken.len()).unwrap_or(u32::MAX);
            self.spoken.push(spoken.clone());
            self.known.insert(spoken, place);
            place
        });
        self.instants.push((at, place));
    }

    /// Explains the id of a program. Of two explanations the greater counts, whichever is read first.
    pub fn explain_program(&mut self, id: String, program: Program) {
        let known = self.programs.entry(id).or_insert_with(|| program.clone());
        *known = program.max(known.clone());
    }

    /// Explains the id of a machine.
    pub fn explain_machine(&mut self, id: String, name: String) {
        let known = self.machines.entry(id).or_insert_with(|| name.clone());
        *known = name.max(known.clone());
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.instants.is_empty()
    }

    /// The points as they are sent, under the person's wishes.
    #[must_use]
    pub fn named(mut self, privacy: &Privacy) -> Named {
        self.known = HashMap::new();
        let mut named = Named::default();
        let about: Vec<(Option<Arc<About>>, bool)> = self
            .spoken
            .iter()
            .map(|spoken| (self.about(spoken, privacy).map(Arc::new), self.is_nameless(spoken)))
            .collect();
        for (at, place) in &self.instants {
            let Some((about, is_nameless)) = usize::try_from(*place).ok().and_then(|place| about.get(place)) else {
                continue;
            };
            let instant = Span::new(*at, at.plus_ms(1));
            let is_public = instant.is_some_and(|instant| !privacy.public(instant).is_empty());
            match about.as_ref().filter(|_| is_public) {
                Some(about) => {
                    named.nameless += u64::from(*is_nameless);
                    let about = Arc::clone(about);
                    named.points.push(Point { at: *at, about });
                }
                None => named.ruled_out += 1,
            }
        }
        named.points.sort_unstable();
        named.points.dedup();
        named
    }

    /// What a heartbeat is about; nothing where the rules exclude it.
    fn about(&self, spoken: &Spoken, privacy: &Privacy) -> Option<About> {
        let said = self.explained(spoken);
        let label = privacy.rule(&said.label().ok()?)?;
        let mut context = said.context();
        // A program that is called something else, or nothing, is so here too.
        context.editor = context.editor.and_then(|editor| {
            let app_name = AppName::parse(editor.as_str()).ok()?;
            let kept = privacy.rule(&Label { app_name, domain: None })?;
            Some(ContextText::trusted(kept.app_name.as_str()))
        });
        Some(About { label, context })
    }

    /// What it says, with names for ids.
    fn explained(&self, spoken: &Spoken) -> Said {
        let mut said = spoken.said.clone();
        if let Some(id) = &spoken.agent {
            let program = self.programs.get(id).cloned().unwrap_or_else(|| Program::of_text(id));
            said.program = said.program.or(program.name);
            said.system = said.system.or(program.system);
        }
        if let Some(id) = &spoken.machine {
            let name = self
                .machines
                .get(id)
                .cloned()
                .or_else(|| (!is_id(id)).then(|| id.clone()));
            said.machine = said.machine.or(name);
        }
        said
    }

    fn is_nameless(&self, spoken: &Spoken) -> bool {
        // An application is named by itself.
        spoken.said.kind != Kind::App
            && spoken.agent.as_ref().is_some_and(|id| is_id(id))
            && self.explained(spoken).program.is_none()
    }
}

impl Program {
    /// The program that calls itself so; none if that is an id.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let text = if is_id(text) { "" } else { text };
        Self {
            name: domain::trackers::wakatime::program(text),
            system: domain::trackers::wakatime::system(text).map(str::to_owned),
        }
    }
}

fn is_id(text: &str) -> bool {
    Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use crate::privacy::{private, rules};
    use domain::privacy::PlainRule;
    use domain::usage::Mention;

    use super::*;

    const ID: &str = "01f0a0a0-7c1e-4b1a-9a58-0c5a1f3b2d4e";
    const VIM: &str = "wakatime/13.1.0 (Linux-6.1) Python3.11.7.final.0 vim/9 vim-wakatime/8";

    fn privacy(dir: &tempfile::TempDir, rules: &[(&str, &str, Option<&str>)]) -> Privacy {
        let privacy = Privacy::open(dir.path()).expect("opened");
        for (app, action, to) in rules {
            let rule = PlainRule {
                app: Some((*app).to_owned()),
                action: (*action).to_owned(),
                to: to.map(str::to_owned),
                ..PlainRule::default()
            };
            rules::add(privacy.dir(), rule).expect("added");
        }
        privacy.reload();
        privacy
    }

    fn spoken(agent: Option<&str>, machine: Option<&str>, project: Option<&str>) -> Spoken {
        Spoken {
            said: Said {
                project: [project.map(str::to_owned), None],
                ..Said::of_kind(Kind::File)
            },
            agent: agent.map(str::to_owned),
            machine: machine.map(str::to_owned),
        }
    }

    fn named(points: Points, privacy: &Privacy) -> Vec<(i64, String, Option<String>)> {
        let named = points.named(privacy).points;
        let short = |point: &Point| {
            let context = &point.about.context;
            let project = match &context.project {
                Some(Mention::Named(name)) => name.as_str(),
                Some(Mention::Last) => "the last",
                None => "none",
            };
            let machine = context.machine.as_ref().map(|name| name.as_str().to_owned());
            (
                point.at.0,
                format!("{} {project}", point.about.label.app_name.as_str()),
                machine,
            )
        };
        named.iter().map(short).collect()
    }

    #[test]
    fn ids_are_explained_wherever_the_explanation_stands() {
        let dir = tempfile::tempdir().expect("a directory");
        let privacy = privacy(&dir, &[]);
        let mut points = Points::default();
        points.add(UnixMs(2), spoken(Some(ID), Some(ID), Some("daybook")));
        points.add(UnixMs(1), spoken(Some(VIM), Some("laptop"), Some("daybook")));
        points.add(UnixMs(1), spoken(Some(VIM), Some("laptop"), Some("daybook")));
        assert_eq!(Points::default().named(&privacy), Named::default());
        points.explain_program(
            ID.to_owned(),
            Program::of_text("wakatime/v1 (darwin-21) go1.22 vscode/1"),
        );
        points.explain_machine(ID.to_owned(), "desk".to_owned());
        let laptop = || Some("laptop".to_owned());
        assert_eq!(
            named(points, &privacy),
            [
                (1, "Vim daybook".to_owned(), laptop()),
                (2, "VS Code daybook".to_owned(), Some("desk".to_owned()))
            ]
        );
    }

    #[test]
    fn an_id_that_nothing_explains_names_nobody_and_is_counted() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut points = Points::default();
        points.add(UnixMs(1), spoken(Some(ID), Some(ID), None));
        points.add(UnixMs(2), spoken(None, None, None));
        let all = points.named(&privacy(&dir, &[]));
        assert_eq!((all.points.len(), all.nameless, all.ruled_out), (2, 1, 0));
        assert_eq!(all.points[0].about, all.points[1].about);
    }

    #[test]
    fn rules_and_private_time_apply_to_the_program_too() {
        let dir = tempfile::tempdir().expect("a directory");
        let privacy = privacy(&dir, &[("vim", "rename", Some("Editor")), ("emacs", "exclude", None)]);
        private::pause(privacy.dir(), UnixMs(100), Some(std::time::Duration::from_millis(50))).expect("paused");
        privacy.reload();
        let mut points = Points::default();
        points.add(UnixMs(1), spoken(Some(VIM), None, None));
        points.add(UnixMs(2), spoken(Some("emacs/29"), None, None));
        points.add(UnixMs(120), spoken(Some(VIM), None, None));
        let all = points.named(&privacy);
        assert_eq!((all.points.len(), all.ruled_out), (1, 2));
        let about = &all.points[0].about;
        assert_eq!(about.label, Label::trusted("Editor", None));
        assert_eq!(about.context.editor, Some(ContextText::trusted("Editor")));
    }

    #[test]
    fn what_is_left_to_the_one_before_stays_so_wherever_the_file_begins() {
        let dir = tempfile::tempdir().expect("a directory");
        let privacy = privacy(&dir, &[]);
        let told = |from: usize| {
            let last = Some("<<LAST_PROJECT>>");
            let all = [(0, Some("a")), (1, last), (2, Some("b")), (3, last), (4, None)];
            let mut points = Points::default();
            for (at, project) in &all[from..] {
                points.add(UnixMs(*at), spoken(None, None, *project));
            }
            let named = named(points, &privacy).into_iter();
            named.map(|(_, said, _)| said).collect::<Vec<_>>()
        };
        let all = [
            "Editor a",
            "Editor the last",
            "Editor b",
            "Editor the last",
            "Editor none",
        ];
        for from in 0..all.len() {
            assert_eq!(told(from), all[from..]);
        }
    }
}
