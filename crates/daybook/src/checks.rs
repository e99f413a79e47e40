//! What is right and wrong with the servers that Daybook stands on: asked by `doctor`, and by every part before it starts.

use adapters::postgres::{RoleReport, ServerReport};
use adapters::redis::{PowerCut, RedisFacts};

use crate::settings::RedisFsync;

/// The oldest Postgres with everything that the schema uses.
const POSTGRES_VERSION_MIN: i32 = 150_000;
/// How far clocks may be apart before it is worth a word.
const CLOCKS_APART_MS_NOTED: i64 = 2_000;
/// How far clocks may be apart before days and limits would be wrong.
const CLOCKS_APART_MS_MAX: i64 = 30_000;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// As it should be.
    Fine,
    /// Works, but somebody should know.
    Warning,
    /// An accepted ping can be lost. Refused, unless the operator says otherwise.
    Weak,
    /// Daybook cannot work with it.
    Broken,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub grade: Grade,
    /// What it is, and how to mend it, in a sentence.
    pub says: String,
}

impl Finding {
    /// A finding of this grade.
    pub fn new(grade: Grade, says: impl Into<String>) -> Self {
        Self {
            grade,
            says: says.into(),
        }
    }
}

/// What a Postgres says of itself, judged.
pub fn of_postgres(report: &ServerReport) -> Vec<Finding> {
    let mut findings = vec![Finding::new(
        Grade::Fine,
        format!("Postgres {} answers.", report.version),
    )];
    let mut find = |wrong: bool, grade, says: String| {
        if wrong {
            findings.push(Finding::new(grade, says));
        }
    };
    let too_old = report.version_number < POSTGRES_VERSION_MIN;
    find(
        too_old,
        Grade::Broken,
        format!("Postgres {} is too old: 15 or newer is needed.", report.version),
    );
    find(
        report.encoding != "UTF8",
        Grade::Broken,
        format!(
            "The database's encoding is {}: make it anew with UTF8.",
            report.encoding
        ),
    );
    find(
        report.is_replica,
        Grade::Broken,
        "The database is a replica: DATABASE_URL must name the primary.".to_owned(),
    );
    let no_gist = "The extension btree_gist is missing: install Postgres' contrib modules.".to_owned();
    find(!report.has_btree_gist, Grade::Broken, no_gist);
    for says in report.durability_faults() {
        find(true, Grade::Weak, says);
    }
    let says = "synchronous_commit is off in Postgres; Daybook's own connections switch it on.".to_owned();
    find(report.synchronous_commit == "off", Grade::Warning, says);
    let lacks = format!(
        "The database lacks the migrations {}: run daybook migrate.",
        report.migrations_pending.join(", ")
    );
    find(!report.migrations_pending.is_empty(), Grade::Broken, lacks);
    findings.extend(of_clock("Postgres", report.clock_ahead_ms));
    findings
}

/// A part of the program that works with the database as a role of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Sees one person at a time.
    Api,
    /// Merges many people at once, and reaches nothing but their time.
    Worker,
}

impl Part {
    fn role(self) -> &'static str {
        match self {
            Self::Api => "daybook_api",
            Self::Worker => "daybook_worker",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Api => "daybook api",
            Self::Worker => "daybook worker",
        }
    }
}

/// Whether the role that the database is reached as will do for `part`. Postgres must be what keeps people apart, also where a statement forgets to.
pub fn of_role(role: &RoleReport, part: Part) -> Finding {
    let (is_it, is_the_other) = match part {
        Part::Api => (role.is_api, role.is_worker),
        Part::Worker => (role.is_worker, role.is_api),
    };
    let because = if role.bypasses_policies {
        "whom row-level security does not hold"
    } else if role.owns_tables {
        "who owns the tables and so could change who sees what"
    } else if !is_it {
        "who may do nothing here"
    } else if is_the_other {
        "who has the rights of the other part as well"
    } else {
        return Finding::new(Grade::Fine, format!("Connected as {}, for {}.", role.name, part.name()));
    };
    let (part, fit) = (part.name(), part.role());
    let says = format!(
        "{part} is connected as {}, {because}: let DATABASE_URL name {fit}. `daybook migrate` makes that role; \
         an administrator gives it a password with ALTER ROLE {fit} PASSWORD '…'.",
        role.name
    );
    Finding::new(Grade::Broken, says)
}

/// For which parts the role that the database is reached as will do.
pub fn of_any_role(role: &RoleReport) -> Finding {
    if role.owns_tables {
        let says = format!("Connected as {}, for daybook migrate and daybook user.", role.name);
        return Finding::new(Grade::Fine, says);
    }
    let parts = [Part::Api, Part::Worker];
    let fits = parts
        .map(|part| of_role(role, part))
        .into_iter()
        .find(|finding| finding.grade == Grade::Fine);
    let says = "can at most migrate a new database: the parts connect as daybook_api and daybook_worker";
    fits.unwrap_or_else(|| Finding::new(Grade::Warning, format!("Connected as {}, who {says}.", role.name)))
}

/// What a Redis says of itself, judged; `wanted` is when it should force its file to disk.
pub fn of_redis(facts: &RedisFacts, wanted: RedisFsync) -> Vec<Finding> {
    let mut findings = vec![Finding::new(Grade::Fine, format!("Redis {} answers.", facts.version))];
    findings.extend(facts.version_fault().map(|says| Finding::new(Grade::Broken, says)));
    findings.extend(
        facts
            .durability_faults()
            .into_iter()
            .map(|says| Finding::new(Grade::Weak, says)),
    );
    let cuts = facts.power_cut_faults().into_iter();
    findings.extend(cuts.map(|(cut, says)| match cut {
        cut if cut.is_within(wanted.may_lose()) => Finding::new(Grade::Warning, says),
        PowerCut::LosesASecond => {
            let or = "Or say that a second may be lost: DAYBOOK_REDIS_FSYNC=everysec.";
            Finding::new(Grade::Weak, format!("{says} {or}"))
        }
        PowerCut::Unknown | PowerCut::LosesMore => Finding::new(Grade::Weak, says),
    }));
    findings.extend(of_clock("Redis", facts.clock_ahead_ms));
    findings
}

fn of_clock(server: &str, ahead_ms: i64) -> Option<Finding> {
    let apart_ms = ahead_ms.abs();
    if apart_ms <= CLOCKS_APART_MS_NOTED {
        return None;
    }
    let grade = if apart_ms <= CLOCKS_APART_MS_MAX {
        Grade::Warning
    } else {
        Grade::Broken
    };
    let side = if ahead_ms > 0 { "ahead of" } else { "behind" };
    let says = format!("The clock of {server} is {apart_ms} ms {side} this machine's: let both follow a time server.");
    Some(Finding::new(grade, says))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres() -> ServerReport {
        ServerReport {
            version: "17.2".to_owned(),
            version_number: 170_002,
            fsync: "on".to_owned(),
            synchronous_commit: "on".to_owned(),
            full_page_writes: "on".to_owned(),
            encoding: "UTF8".to_owned(),
            is_replica: false,
            has_btree_gist: true,
            clock_ahead_ms: 3,
            migrations_pending: Vec::new(),
            role: role("daybook_api", "a"),
        }
    }

    /// With powers by letter: `a`pi, `w`orker, `o`wner, `b`ypasses policies.
    fn role(name: &str, powers: &str) -> RoleReport {
        RoleReport {
            name: name.to_owned(),
            bypasses_policies: powers.contains('b'),
            owns_tables: powers.contains('o'),
            is_api: powers.contains('a'),
            is_worker: powers.contains('w'),
        }
    }

    #[test]
    fn each_part_takes_its_own_role_and_no_other() {
        for (powers, api, worker) in [
            ("a", Grade::Fine, Grade::Broken),
            ("w", Grade::Broken, Grade::Fine),
            ("aw", Grade::Broken, Grade::Broken),
            ("ao", Grade::Broken, Grade::Broken),
            ("wo", Grade::Broken, Grade::Broken),
            ("ab", Grade::Broken, Grade::Broken),
            ("wb", Grade::Broken, Grade::Broken),
            ("o", Grade::Broken, Grade::Broken),
            ("awob", Grade::Broken, Grade::Broken),
            ("", Grade::Broken, Grade::Broken),
        ] {
            let role = role("ada", powers);
            assert_eq!(of_role(&role, Part::Api).grade, api, "{powers:?}");
            assert_eq!(of_role(&role, Part::Worker).grade, worker, "{powers:?}");
        }
        let refused = of_role(&role("ada", "o"), Part::Worker).says;
        assert!(
            refused.contains("ada") && refused.contains("ALTER ROLE daybook_worker PASSWORD"),
            "{refused}"
        );
    }

    #[test]
    fn whoever_asks_is_told_which_part_their_role_is_for() {
        for (powers, grade, part) in [
            ("a", Grade::Fine, "daybook api"),
            ("w", Grade::Fine, "daybook worker"),
            ("o", Grade::Fine, "daybook migrate"),
            ("awob", Grade::Fine, "daybook migrate"),
            ("ab", Grade::Warning, "daybook_api and daybook_worker"),
            ("", Grade::Warning, "daybook_api and daybook_worker"),
        ] {
            let finding = of_any_role(&role("ada", powers));
            assert_eq!(finding.grade, grade, "{powers:?}");
            assert!(
                finding.says.contains("ada") && finding.says.contains(part),
                "{}",
                finding.says
            );
        }
    }

    fn worst(report: &ServerReport) -> Option<Grade> {
        of_postgres(report).iter().map(|finding| finding.grade).max()
    }

    #[test]
    fn a_redis_that_forces_its_file_too_seldom_is_weak_unless_that_was_said() {
        let facts = |append_fsync: Option<&str>| RedisFacts {
            version: "7.0.15".to_owned(),
            append_only: true,
            append_fsync: append_fsync.map(str::to_owned),
            no_fsync_on_rewrite: Some(false),
            memory_policy: "noeviction".to_owned(),
            clock_ahead_ms: 0,
        };
        for (fsync, wanted, grade) in [
            (Some("always"), RedisFsync::Always, Grade::Fine),
            (Some("always"), RedisFsync::EverySec, Grade::Fine),
            (Some("everysec"), RedisFsync::Always, Grade::Weak),
            (Some("everysec"), RedisFsync::EverySec, Grade::Warning),
            (Some("no"), RedisFsync::Always, Grade::Weak),
            (Some("no"), RedisFsync::EverySec, Grade::Weak),
            (None, RedisFsync::Always, Grade::Warning),
        ] {
            let findings = of_redis(&facts(fsync), wanted);
            let worst = findings.iter().map(|finding| finding.grade).max();
            assert_eq!(worst, Some(grade), "{fsync:?}: {findings:?}");
        }
    }

    #[test]
    fn a_sound_postgres_has_nothing_against_it() {
        assert_eq!(worst(&postgres()), Some(Grade::Fine));
    }

    #[test]
    fn each_fault_of_a_postgres_is_found() {
        type Spoil = fn(&mut ServerReport);
        let faults: [(Spoil, Grade); 10] = [
            (|report| report.version_number = 140_011, Grade::Broken),
            (|report| report.encoding = "SQL_ASCII".to_owned(), Grade::Broken),
            (|report| report.is_replica = true, Grade::Broken),
            (|report| report.has_btree_gist = false, Grade::Broken),
            (|report| report.fsync = "off".to_owned(), Grade::Weak),
            (|report| report.full_page_writes = "off".to_owned(), Grade::Weak),
            (|report| report.synchronous_commit = "off".to_owned(), Grade::Warning),
            (
                |report| report.migrations_pending = vec!["V2__usage".to_owned()],
                Grade::Broken,
            ),
            (|report| report.clock_ahead_ms = -2_001, Grade::Warning),
            (|report| report.clock_ahead_ms = 30_001, Grade::Broken),
        ];
        for (spoil, grade) in faults {
            let mut report = postgres();
            spoil(&mut report);
            assert_eq!(worst(&report), Some(grade), "{report:?}");
        }
    }
}
