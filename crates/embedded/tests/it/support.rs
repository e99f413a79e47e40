//! What these tests share: a place for data, clients of both servers, and a process that supervises servers and can be killed.

use std::fs::{self, Permissions};
use std::future::Future;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use embedded::{Account, Initdb, Options, Servers, processes_in};
use rustix::process::geteuid;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// What is expected to happen happens within this, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(40);
/// Names the data directory to the process that supervises servers.
const DATA_DIR: &str = "DAYBOOK_TEST_DATA_DIR";

/// A directory that the account of the servers can reach.
pub(crate) fn scratch() -> TempDir {
    let dir = tempfile::tempdir().expect("a directory for temporary files");
    fs::set_permissions(dir.path(), Permissions::from_mode(0o711)).expect("our own directory");
    dir
}

/// The options that a program has, but for a new cluster that is quickly made.
pub(crate) fn options(data_dir: &Path) -> Options {
    Options {
        initdb: Initdb {
            durable: false,
            wal_segment_mb: 1,
        },
        ..Options::new(data_dir)
    }
}

/// Runs both servers on `data_dir`.
pub(crate) fn start(data_dir: &Path) -> Servers {
    Servers::start(&options(data_dir)).unwrap_or_else(|error| panic!("start on {}: {error:#?}", data_dir.display()))
}

/// Waits until `happened`.
pub(crate) fn until(what: &str, happened: impl Fn() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The processes of both servers on `data_dir`.
pub(crate) fn processes(data_dir: &Path) -> Vec<u32> {
    let of = |server: &str| processes_in(&data_dir.join(server), &[server]);
    [of("postgres"), of("redis")].concat()
}

/// A process called `name`, of the account of the servers, that works in `dir` until it is ended or dropped by this one.
pub(crate) fn process_named(name: &str, dir: &Path) -> Child {
    let program = dir.join(name);
    // The name of a script's process is the script's.
    fs::write(&program, "#!/bin/sh\nread -r _\n").expect("a new file");
    fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("our own file");
    let mut command = Command::new(&program);
    if geteuid().is_root() {
        command.uid(Account::of_servers().expect("an account").uid());
    }
    let process = command
        .current_dir(dir)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a process");
    // Before it has become the script, it is this program.
    let comm = format!("/proc/{}/comm", process.id());
    until("it has its name", || {
        fs::read_to_string(&comm).is_ok_and(|comm| comm.trim() == name)
    });
    process
}

/// Stores one more row and one more count, and says how many of each there are.
pub(crate) fn store(database_url: &str, redis_url: &str) -> (i64, i64) {
    let rows = "CREATE TABLE IF NOT EXISTS row (id serial); INSERT INTO row DEFAULT VALUES";
    let count = block_on(async {
        let client = client(database_url).await.expect("a connection to Postgres");
        client.batch_execute(rows).await.expect("a row that is stored");
        client
            .query_one("SELECT count(*) FROM row", &[])
            .await
            .expect("a count")
            .get(0)
    });
    let client = redis::Client::open(redis_url).expect("a URL that the client reads");
    let mut connection = client.get_connection().expect("a connection to Redis");
    (
        count,
        redis::cmd("INCR").arg("n").query(&mut connection).expect("a count"),
    )
}

/// The one value that `statement` returns, as text.
pub(crate) fn value(database_url: &str, statement: &str) -> String {
    block_on(async {
        let client = client(database_url).await.expect("a connection to Postgres");
        client.query_one(statement, &[]).await.expect("a row").get(0)
    })
}

pub(crate) async fn client(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// Another process that runs the servers.
pub(crate) struct Supervisor {
    child: Child,
    /// Kept open: it may still write.
    _output: BufReader<ChildStdout>,
    /// What it said when it was ready, or why it is not.
    pub(crate) outcome: Result<(String, String), String>,
}

impl Supervisor {
    /// Starts it, as the user `uid` if one is given, and waits until the servers can be used or have failed to start.
    pub(crate) fn start(data_dir: &Path, uid: Option<u32>) -> Self {
        let mut child = supervisor(data_dir, uid);
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let outcome = output.by_ref().lines().map_while(Result::ok).find_map(|line| {
            // The name of the test stands before it on the same line.
            let (_, said) = line.split_once("outcome: ")?;
            Some(match said.split_once(' ').expect("two words at least") {
                ("failed", why) => Err(why.to_owned()),
                (database_url, redis_url) => Ok((database_url.to_owned(), redis_url.to_owned())),
            })
        });
        Self {
            child,
            _output: output,
            outcome: outcome.expect("an outcome"),
        }
    }

    /// Kills it, and nothing else.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("our own child");
        self.child.wait().expect("our own child");
    }

    /// Tells it to stop the servers and end.
    pub(crate) fn stop(&mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().expect("our own child").success());
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the other process and does not wait for anything.
pub(crate) fn supervisor(data_dir: &Path, uid: Option<u32>) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
    command.args(["--exact", "support::supervise", "--ignored", "--nocapture"]);
    command
        .env(DATA_DIR, data_dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if let Some(uid) = uid {
        command.uid(uid).gid(uid);
    }
    command.spawn().expect("this program once more")
}

/// The other process. It stops the servers when its input ends.
#[test]
#[ignore = "run by other tests as a process of its own"]
fn supervise() {
    let Some(data_dir) = std::env::var_os(DATA_DIR).map(PathBuf::from) else {
        return;
    };
    match Servers::start(&options(&data_dir)) {
        Ok(servers) => {
            println!("outcome: {} {}", servers.database_url(), servers.redis_url());
            std::io::stdin().read_line(&mut String::new()).unwrap();
            servers.stop();
        }
        Err(error) => println!("outcome: failed {}", error.to_string().replace('\n', " ")),
    }
}
