//! The commands that run a part, look after it, or refuse to.

use testkit::servers::{TestPostgres, TestRedis};

use crate::program::{Program, daybook, run, text};

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

#[test]
fn migrating_twice_is_once_and_a_part_refuses_a_database_that_was_not_migrated() {
    let (database, redis) = (TestPostgres::start_durable(), TestRedis::start());
    let (url, redis_url) = (database.database_url(), redis.url().to_owned());
    let settings = settings(&url, &redis_url);
    let refused = run(&["api"], &settings);
    assert!(
        text(&refused.stderr).contains("run daybook migrate"),
        "{}",
        text(&refused.stderr)
    );

    let first = run(&["migrate"], &settings);
    assert!(
        first.status.success() && text(&first.stdout).contains("Applied"),
        "{}",
        text(&first.stderr)
    );
    let second = run(&["migrate"], &settings);
    assert!(
        second.status.success() && text(&second.stdout).contains("up to date"),
        "{}",
        text(&second.stdout)
    );

    let doctor = run(&["doctor"], &settings);
    assert!(
        doctor.status.success(),
        "{}{}",
        text(&doctor.stdout),
        text(&doctor.stderr)
    );
}

#[test]
fn servers_that_can_lose_pings_are_refused_unless_the_operator_says_otherwise() {
    // The quick servers of tests do not force anything to disk.
    let (database, redis) = (TestPostgres::start(), TestRedis::start());
    let (url, redis_url) = (database.database_url(), redis.url().to_owned());
    let settings = settings(&url, &redis_url);
    assert!(run(&["migrate"], &settings).status.success());
    let doctor = run(&["doctor"], &settings);
    let said = text(&doctor.stdout);
    assert!(
        !doctor.status.success() && said.contains("unsafe") && said.contains("fsync"),
        "{said}"
    );
    let refused = run(&["worker"], &settings);
    assert!(
        !refused.status.success() && text(&refused.stderr).contains("fsync"),
        "{}",
        text(&refused.stderr)
    );

    let allowed = [settings.as_slice(), &[("DAYBOOK_ALLOW_WEAK_DURABILITY", "yes")]].concat();
    let worker = Program::start(daybook(&["worker"], &allowed));
    worker.line_with("worker is ready");
    assert!(worker.terminate().success());
}

#[test]
fn a_queue_that_is_divided_otherwise_is_refused_with_what_to_do() {
    let (database, redis) = (TestPostgres::start_durable(), TestRedis::start());
    let (url, redis_url) = (database.database_url(), redis.url().to_owned());
    let settings = settings(&url, &redis_url);
    assert!(run(&["migrate"], &settings).status.success());
    let worker = Program::start(daybook(&["worker"], &settings));
    worker.line_with("worker is ready");
    let other = [settings.as_slice(), &[("DAYBOOK_PING_SHARDS", "7")]].concat();
    let refused = run(&["api"], &other);
    assert!(
        text(&refused.stderr).contains("set it to 4"),
        "{}",
        text(&refused.stderr)
    );
    assert!(worker.terminate().success());
}
