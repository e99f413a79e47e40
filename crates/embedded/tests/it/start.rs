//! Starting: from nothing, again, twice at once, in odd places, and on what cannot be started.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use embedded::{DataDir, EmbeddedError, Fsync, Options, ServerState, Servers, Signal};

use crate::support::{options, process_named, processes, scratch, start, store, until, value};

#[test]
fn a_first_start_makes_everything_and_a_second_keeps_it() {
    let dir = scratch();
    let data = dir.path().join("not/there/yet");
    let servers = Servers::start(&Options::new(&data)).unwrap();
    assert_eq!(store(servers.database_url(), servers.redis_url()), (1, 1));
    servers.stop();
    assert_eq!(processes(&data), []);
    let servers = start(&data);
    assert_eq!(store(servers.database_url(), servers.redis_url()), (2, 2));
}

#[test]
fn dropping_the_servers_stops_them() {
    let dir = scratch();
    let servers = start(dir.path());
    let status = servers.status();
    assert_eq!(
        (status.postgres.state, status.redis.state),
        (ServerState::Up, ServerState::Up)
    );
    assert_eq!((status.postgres.restarts, status.redis.restarts), (0, 0));
    let found = processes(dir.path());
    assert!(
        [status.postgres.pid, status.redis.pid]
            .iter()
            .all(|pid| found.contains(&pid.unwrap())),
        "{found:?}"
    );
    drop(servers);
    assert_eq!(processes(dir.path()), []);
}

#[test]
fn what_is_acknowledged_is_on_disk() {
    let dir = scratch();
    let servers = start(dir.path());
    for (setting, wanted) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
    ] {
        assert_eq!(
            value(servers.database_url(), &format!("SHOW {setting}")),
            wanted,
            "{setting}"
        );
    }
    let client = redis::Client::open(servers.redis_url()).unwrap();
    let mut connection = client.get_connection().unwrap();
    for (setting, wanted) in [
        ("appendonly", "yes"),
        ("appendfsync", "always"),
        ("maxmemory-policy", "noeviction"),
        ("save", ""),
    ] {
        let got: Vec<String> = redis::cmd("CONFIG")
            .arg("GET")
            .arg(setting)
            .query(&mut connection)
            .unwrap();
        assert_eq!(got, [setting, wanted]);
    }
}

#[test]
fn redis_takes_its_options() {
    let dir = scratch();
    let options = Options {
        redis_fsync: Fsync::EverySecond,
        redis_memory_bytes_max: 64 << 20,
        ..options(dir.path())
    };
    let servers = Servers::start(&options).unwrap();
    let mut connection = redis::Client::open(servers.redis_url())
        .unwrap()
        .get_connection()
        .unwrap();
    for (setting, wanted) in [("appendfsync", "everysec"), ("maxmemory", "67108864")] {
        let got: Vec<String> = redis::cmd("CONFIG")
            .arg("GET")
            .arg(setting)
            .query(&mut connection)
            .unwrap();
        assert_eq!(got, [setting, wanted]);
    }
}

#[test]
fn the_servers_listen_in_a_private_directory_and_nowhere_else() {
    let dir = scratch();
    let servers = start(dir.path());
    assert_eq!(value(servers.database_url(), "SHOW listen_addresses"), "");
    for private in ["run", "run/.s.PGSQL.5432", "run/redis.sock"] {
        let mode = fs::metadata(dir.path().join(private)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{private}");
    }
    let mut connection = redis::Client::open(servers.redis_url())
        .unwrap()
        .get_connection()
        .unwrap();
    let port: Vec<String> = redis::cmd("CONFIG")
        .arg("GET")
        .arg("port")
        .query(&mut connection)
        .unwrap();
    assert_eq!(port, ["port", "0"]);
}

#[test]
fn the_application_owns_its_database_and_is_no_superuser() {
    let dir = scratch();
    let servers = start(dir.path());
    let made = value(
        servers.database_url(),
        "SELECT current_user || ' ' || current_database()",
    );
    assert_eq!(made, "daybook daybook");
    let is_superuser = "SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user";
    assert_eq!(value(servers.database_url(), is_superuser), "false");
    let dir = DataDir::open(dir.path()).expect("it is there");
    assert_eq!(dir.database_url(), servers.database_url());
}

#[test]
fn the_roles_of_the_api_and_the_worker_own_nothing_and_can_do_nothing_by_themselves() {
    let dir = scratch();
    // A second start finds them there.
    start(dir.path()).stop();
    let servers = start(dir.path());
    for (url, role) in [
        (servers.api_database_url(), "daybook_api"),
        (servers.worker_database_url(), "daybook_worker"),
    ] {
        assert_eq!(
            value(url, "SELECT current_user || ' ' || current_database()"),
            format!("{role} daybook")
        );
        let powers = "SELECT concat_ws(' ', rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, \
            EXISTS (SELECT FROM pg_auth_members WHERE member = oid), EXISTS (SELECT FROM pg_shdepend WHERE refobjid = oid)) \
            FROM pg_roles WHERE rolname = current_user";
        assert_eq!(value(url, powers), "f f f f f f f", "{role}");
    }
}

#[test]
fn a_second_instance_on_the_same_directory_is_refused() {
    let dir = scratch();
    let servers = start(dir.path());
    let Err(error) = Servers::start(&options(dir.path())) else {
        panic!("two instances on one directory")
    };
    assert!(
        matches!(error, EmbeddedError::InUse { pid: Some(pid), .. } if pid == std::process::id()),
        "{error}"
    );
    assert_eq!(store(servers.database_url(), servers.redis_url()), (1, 1));
}

#[test]
fn two_instances_on_two_directories_do_not_meet() {
    let (one, other) = (scratch(), scratch());
    let (first, second) = (start(one.path()), start(other.path()));
    assert_eq!(store(first.database_url(), first.redis_url()), (1, 1));
    drop(first);
    assert_eq!(store(second.database_url(), second.redis_url()), (1, 1));
}

#[test]
fn a_long_path_moves_only_the_sockets() {
    let dir = scratch();
    let data = dir.path().join("d".repeat(120));
    let servers = start(&data);
    assert_eq!(store(servers.database_url(), servers.redis_url()), (1, 1));
    assert!(
        !servers.redis_url().contains(&"d".repeat(120)),
        "{}",
        servers.redis_url()
    );
    let sockets = Path::new(servers.redis_url().strip_prefix("redis+unix://").unwrap())
        .parent()
        .unwrap()
        .to_owned();
    assert_eq!(fs::metadata(&sockets).unwrap().permissions().mode() & 0o777, 0o700);
    servers.stop();
    let servers = start(&data);
    assert_eq!(store(servers.database_url(), servers.redis_url()), (2, 2));
    servers.stop();
    fs::remove_dir_all(sockets).unwrap();
}

#[test]
fn a_path_may_have_any_characters() {
    let dir = scratch();
    let servers = start(&dir.path().join("it's, \"a\" 100% ödd&näme=#?"));
    assert_eq!(store(servers.database_url(), servers.redis_url()), (1, 1));
}

#[test]
fn an_unfinished_cluster_is_made_anew_and_what_still_works_on_it_is_ended() {
    let dir = scratch();
    let unfinished = dir.path().join("postgres.new");
    fs::create_dir(&unfinished).unwrap();
    fs::write(unfinished.join("PG_VERSION"), "15\n").unwrap();
    let mut initdb = process_named("initdb", &unfinished);
    let servers = start(dir.path());
    assert_eq!(store(servers.database_url(), servers.redis_url()), (1, 1));
    assert!(!unfinished.exists());
    assert_eq!(initdb.wait().unwrap().signal(), Some(Signal::KILL.as_raw()));
}

#[test]
fn a_directory_with_something_else_in_it_is_not_touched() {
    let dir = scratch();
    fs::create_dir(dir.path().join("postgres")).unwrap();
    fs::write(dir.path().join("postgres/diary"), "mine").unwrap();
    let error = Servers::start(&options(dir.path())).err().unwrap();
    assert!(error.to_string().contains("make room for a cluster"), "{error}");
    assert_eq!(fs::read_to_string(dir.path().join("postgres/diary")).unwrap(), "mine");
}

#[test]
fn a_server_that_cannot_start_says_why_and_leaves_nothing_running() {
    let dir = scratch();
    start(dir.path()).stop();
    fs::write(dir.path().join("postgres/postgresql.conf"), "no = 'setting'\n").unwrap();
    let error = Servers::start(&options(dir.path())).err().unwrap();
    assert!(
        matches!(error, EmbeddedError::Died { server: "postgres", .. }),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("unrecognized configuration parameter \"no\""),
        "{error}"
    );
    until("redis has stopped too", || processes(dir.path()).is_empty());
}

#[test]
fn an_operator_may_change_what_is_not_fixed() {
    let dir = scratch();
    start(dir.path()).stop();
    let path = dir.path().join("postgres/postgresql.conf");
    let settings = fs::read_to_string(&path).unwrap() + "\nwork_mem = '7MB'\nfsync = off\nlisten_addresses = '*'\n";
    fs::write(&path, settings).unwrap();
    let servers = start(dir.path());
    assert_eq!(value(servers.database_url(), "SHOW work_mem"), "7MB");
    assert_eq!(value(servers.database_url(), "SHOW fsync"), "on");
    assert_eq!(value(servers.database_url(), "SHOW listen_addresses"), "");
}

#[test]
fn each_start_has_a_log_of_its_own_and_keeps_one_before() {
    let dir = scratch();
    for _ in 0..3 {
        start(dir.path()).stop();
    }
    let mut logs: Vec<_> = fs::read_dir(dir.path().join("log"))
        .unwrap()
        .map(|log| log.unwrap().file_name())
        .collect();
    logs.sort();
    assert_eq!(logs, ["postgres.log", "postgres.log.1", "redis.log", "redis.log.1"]);
    let last = fs::read_to_string(dir.path().join("log/postgres.log")).unwrap();
    assert_eq!(last.matches("ready to accept connections").count(), 1, "{last}");
}

#[test]
fn a_database_that_was_dropped_is_made_again() {
    let dir = scratch();
    let servers = start(dir.path());
    let admin = servers
        .database_url()
        .replace("/daybook?", "/postgres?")
        .replace("user=daybook", "user=postgres");
    crate::support::block_on(async {
        let client = crate::support::client(&admin).await.unwrap();
        client
            .batch_execute("DROP DATABASE daybook WITH (FORCE)")
            .await
            .unwrap();
    });
    servers.stop();
    let servers = start(dir.path());
    assert_eq!(store(servers.database_url(), servers.redis_url()), (1, 1));
}

#[test]
fn the_logs_hold_no_values() {
    let dir = scratch();
    let servers = start(dir.path());
    let failed = crate::support::block_on(async {
        let client = crate::support::client(servers.database_url()).await.unwrap();
        client
            .batch_execute("CREATE TABLE person (email text UNIQUE); INSERT INTO person VALUES ('ann@example.org')")
            .await
            .unwrap();
        client
            .batch_execute("INSERT INTO person VALUES ('ann@example.org')")
            .await
            .is_err()
    });
    assert!(failed);
    servers.stop();
    let log = fs::read_to_string(dir.path().join("log/postgres.log")).unwrap();
    assert!(
        log.contains("duplicate key value") && !log.contains("ann@example.org"),
        "{log}"
    );
}
