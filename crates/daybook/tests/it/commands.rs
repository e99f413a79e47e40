//! The commands that run a part, look after it, or refuse to.

use std::process::Output;

use testkit::servers::{Fsync, TestPostgres, TestRedis};

use crate::client::Client;
use crate::program::{Program, daybook, run, text, wait_for};

fn settings<'a>(database: &'a str, redis: &'a str) -> [(&'static str, &'a str); 3] {
    [
        ("DATABASE_URL", database),
        ("REDIS_URL", redis),
        ("DAYBOOK_LISTEN", "127.0.0.1:0"),
    ]
}

#[test]
fn every_fault_of_the_settings_is_named_and_nothing_starts() {
    let refused = run(
        &["api"],
        &[
            ("DAYBOOK_LISTENN", "x"),
            ("DAYBOOK_PING_SHARDS", "0"),
            ("DATABASE_URL", "postgres://a:hunter2@b/c"),
        ],
    );
    let said = text(&refused.stderr);
    assert!(!refused.status.success());
    assert!(
        said.contains("DAYBOOK_LISTENN") && said.contains("DAYBOOK_PING_SHARDS"),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_part_without_servers_says_which_setting_is_missing() {
    for part in ["api", "worker", "migrate", "doctor"] {
        let refused = run(&[part], &[]);
        assert!(
            !refused.status.success() && text(&refused.stderr).contains("DATABASE_URL"),
            "{part}: {}",
            text(&refused.stderr)
        );
    }
}

/// Two servers, and what each part is told of them.
struct Installation {
    database: TestPostgres,
    redis: TestRedis,
}

impl Installation {
    fn of(database: TestPostgres) -> Self {
        let redis = TestRedis::start_with(Fsync::Always, 0);
        Self { database, redis }
    }

    /// Runs `command` to its end as the role that it is meant for.
    fn run(&self, command: &str) -> Output {
        self.run_as(&self.url(command), command)
    }

    fn run_as(&self, database_url: &str, command: &str) -> Output {
        run(&[command], &settings(database_url, self.redis.url()))
    }

    /// Starts `part` with `more` settings.
    fn start(&self, part: &str, more: &[(&str, &str)]) -> Program {
        let url = self.url(part);
        let settings = [settings(&url, self.redis.url()).as_slice(), more].concat();
        Program::start(daybook(&[part], &settings))
    }

    fn url(&self, command: &str) -> String {
        match command {
            "api" => self.database.api_database_url(),
            "worker" => self.database.worker_database_url(),
            _ => self.database.database_url(),
        }
    }

    /// Sets Redis otherwise while it runs.
    fn set(&self, name: &str, value: &str) {
        let client = redis::Client::open(self.redis.url()).expect("a URL");
        let mut connection = client.get_connection().expect("a connection");
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg(name).arg(value);
        set.query::<()>(&mut connection).expect(name);
    }
}

#[test]
fn migrating_twice_is_once_and_a_part_refuses_a_database_that_was_not_migrated() {
    let installation = Installation::of(TestPostgres::start_durable());
    for part in ["api", "worker"] {
        let refused = installation.run(part);
        assert!(
            text(&refused.stderr).contains("run daybook migrate"),
            "{}",
            text(&refused.stderr)
        );
    }

    let first = installation.run("migrate");
    assert!(
        first.status.success() && text(&first.stdout).contains("Applied"),
        "{}",
        text(&first.stderr)
    );
    let second = installation.run("migrate");
    assert!(
        second.status.success() && text(&second.stdout).contains("up to date"),
        "{}",
        text(&second.stdout)
    );

    for (command, role) in [
        ("migrate", "daybook"),
        ("api", "daybook_api"),
        ("worker", "daybook_worker"),
    ] {
        let doctor = installation.run_as(&installation.url(command), "doctor");
        let said = text(&doctor.stdout);
        assert!(
            doctor.status.success() && said.contains(&format!("ok      Connected as {role}, for daybook {command}")),
            "{said}{}",
            text(&doctor.stderr)
        );
    }
}

#[test]
fn a_part_refuses_a_role_that_is_not_its_own_and_says_which_is() {
    let installation = Installation::of(TestPostgres::start_durable());
    assert!(installation.run("migrate").status.success());
    let database = &installation.database;
    for (part, role, others) in [
        (
            "api",
            "daybook_api",
            [
                database.worker_database_url(),
                database.database_url(),
                database.admin_url(),
            ],
        ),
        (
            "worker",
            "daybook_worker",
            [
                database.api_database_url(),
                database.database_url(),
                database.admin_url(),
            ],
        ),
    ] {
        for url in others {
            let refused = installation.run_as(&url, part);
            let said = text(&refused.stderr);
            assert!(
                !refused.status.success() && said.contains(&format!("let DATABASE_URL name {role}")),
                "{part} at {url}: {said}"
            );
        }
        let program = installation.start(part, &[]);
        program.line_with("is ready");
        assert!(program.terminate().success());
    }
}

#[test]
fn servers_that_can_lose_pings_are_refused_unless_the_operator_says_otherwise() {
    // The quick servers of tests do not force anything to disk.
    let installation = Installation::of(TestPostgres::start());
    assert!(installation.run("migrate").status.success());
    let doctor = installation.run("doctor");
    let said = text(&doctor.stdout);
    assert!(
        !doctor.status.success() && said.contains("unsafe") && said.contains("fsync"),
        "{said}"
    );
    let refused = installation.run("worker");
    assert!(
        !refused.status.success() && text(&refused.stderr).contains("fsync"),
        "{}",
        text(&refused.stderr)
    );

    let weak = [("DAYBOOK_ALLOW_WEAK_DURABILITY", "yes")];
    let worker = installation.start("worker", &weak);
    worker.line_with("worker is ready");
    assert!(worker.terminate().success());
    let api = installation.start("api", &weak);
    let client = Client::new(&api.address());
    wait_for("a node that lives with it", || {
        (client.get("/health/ready", None).status == 200).then_some(())
    });
    assert!(api.terminate().success());
}

#[test]
fn a_redis_that_can_lose_pings_is_refused_unless_it_is_said_how_many() {
    let installation = Installation::of(TestPostgres::start_durable());
    assert!(installation.run("migrate").status.success());
    for (name, weak, sound, but_for) in [
        ("appendonly", "no", "yes", ("DAYBOOK_ALLOW_WEAK_DURABILITY", "yes")),
        (
            "maxmemory-policy",
            "allkeys-lru",
            "noeviction",
            ("DAYBOOK_ALLOW_WEAK_DURABILITY", "yes"),
        ),
        ("appendfsync", "no", "always", ("DAYBOOK_ALLOW_WEAK_DURABILITY", "yes")),
        ("appendfsync", "everysec", "always", ("DAYBOOK_REDIS_FSYNC", "everysec")),
        (
            "no-appendfsync-on-rewrite",
            "yes",
            "no",
            ("DAYBOOK_ALLOW_WEAK_DURABILITY", "yes"),
        ),
    ] {
        installation.set(name, weak);
        for part in ["api", "worker"] {
            let refused = installation.run(part);
            let said = text(&refused.stderr);
            assert!(
                !refused.status.success() && said.contains(&format!("set {name} to {sound}")),
                "{part}: {said}"
            );
            assert!(said.contains(but_for.0), "{part}: {said}");
        }
        let worker = installation.start("worker", &[but_for]);
        worker.line_with("worker is ready");
        assert!(worker.terminate().success());
        installation.set(name, sound);
    }
    let worker = installation.start("worker", &[]);
    worker.line_with("worker is ready");
    assert!(worker.terminate().success());
}

#[test]
fn a_node_that_runs_is_held_to_what_it_would_be_refused_for_at_its_start() {
    let installation = Installation::of(TestPostgres::start_durable());
    assert!(installation.run("migrate").status.success());
    let strict = installation.start("api", &[]);
    let gives_up_a_second = installation.start("api", &[("DAYBOOK_REDIS_FSYNC", "everysec")]);
    let careless = installation.start("api", &[("DAYBOOK_ALLOW_WEAK_DURABILITY", "yes")]);
    let nodes = [&strict, &gives_up_a_second, &careless].map(|node| Client::new(&node.address()));
    let ready = || nodes.each_ref().map(|node| node.get("/health/ready", None));
    let come_to = |wanted: [u16; 3]| {
        wait_for("readiness as it should be", || {
            let answers = ready();
            (answers.each_ref().map(|answer| answer.status) == wanted).then_some(answers)
        })
    };
    for (fsync, wanted) in [
        ("always", [200, 200, 200]),
        ("everysec", [503, 200, 200]),
        ("no", [503, 503, 200]),
        ("always", [200, 200, 200]),
    ] {
        installation.set("appendfsync", fsync);
        let answers = come_to(wanted);
        for answer in answers.iter().filter(|answer| answer.status == 503) {
            assert!(answer.body.contains("redis_durability"), "{answer:?}");
        }
        for (answer, asks) in answers.iter().zip([true, true, false]) {
            let said = answer.status == 503 || answer.body.contains("postgres_durability") == asks;
            assert!(said, "{answer:?}");
        }
    }
    for node in [strict, gives_up_a_second, careless] {
        assert!(node.terminate().success());
    }
}

#[test]
fn a_queue_that_is_divided_otherwise_is_refused_with_what_to_do() {
    let installation = Installation::of(TestPostgres::start_durable());
    assert!(installation.run("migrate").status.success());
    let worker = installation.start("worker", &[]);
    worker.line_with("worker is ready");
    let url = installation.url("api");
    let other = [
        settings(&url, installation.redis.url()).as_slice(),
        &[("DAYBOOK_PING_SHARDS", "7")],
    ]
    .concat();
    let refused = run(&["api"], &other);
    assert!(
        text(&refused.stderr).contains("set it to 4"),
        "{}",
        text(&refused.stderr)
    );
    assert!(worker.terminate().success());
}
