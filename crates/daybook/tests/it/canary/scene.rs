//! Two API nodes and a worker whose every word to Redis and Postgres is recorded, and all the places where a name could be.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;
use testkit::servers::{Fsync, TestPostgres, TestRedis};
use tokio_postgres::{NoTls, SimpleQueryMessage};
use zip::ZipArchive;

use super::wire::Wire;
use crate::client::{Answer, Caller, Client, patiently};
use crate::program::{Program, daybook, run, text, wait_for};

/// Into how many streams pings are divided.
const SHARDS: u16 = 4;

/// The servers, and the ways to them.
pub struct Scene {
    pub database: TestPostgres,
    pub redis: TestRedis,
    to_postgres: Wire,
    to_redis: Wire,
    runtime: tokio::runtime::Runtime,
}

/// A node, and where it tells its metrics.
pub struct Node {
    pub program: Program,
    metrics: String,
}

/// An API node and a client of it.
pub struct Door {
    pub node: Node,
    pub client: Client,
}

impl Scene {
    pub fn set() -> Self {
        let (database, redis) = (TestPostgres::start_durable(), TestRedis::start_with(Fsync::Always, 0));
        let migrated = run(&["migrate"], &[("DATABASE_URL", &database.database_url())]);
        assert!(migrated.status.success(), "{}", text(&migrated.stderr));
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let sockets = sql(&runtime, &database, "SHOW unix_socket_directories");
        let to_postgres = Wire::to(&Path::new(sockets[0].trim_matches('"')).join(".s.PGSQL.5432"));
        let to_redis = Wire::to(Path::new(redis.url().trim_start_matches("redis+unix://")));
        Self {
            database,
            redis,
            to_postgres,
            to_redis,
            runtime,
        }
    }

    pub fn door(&self) -> Door {
        let node = self.node("api");
        let client = Client::new(&node.program.address());
        Door { node, client }
    }

    pub fn worker(&self) -> Node {
        let worker = self.node("worker");
        worker.program.line_with("worker is ready");
        worker
    }

    fn node(&self, part: &str) -> Node {
        let database = if part == "api" {
            self.database.api_database_url()
        } else {
            self.database.worker_database_url()
        };
        let settings = [
            (
                "DATABASE_URL",
                led_through(&database, ".s.PGSQL.5432", &self.to_postgres),
            ),
            ("REDIS_URL", led_through(self.redis.url(), "redis.sock", &self.to_redis)),
            ("DAYBOOK_LISTEN", "127.0.0.1:0".to_owned()),
            ("DAYBOOK_METRICS_LISTEN", "127.0.0.1:0".to_owned()),
            ("DAYBOOK_RATE_LIMITS", "off".to_owned()),
            ("DAYBOOK_LOG", "debug".to_owned()),
        ];
        let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
        let program = Program::start(daybook(&[part], &settings));
        let said = program.line_with("Metrics are at http://");
        let metrics = said.trim_start_matches("Metrics are at ").to_owned();
        Node { program, metrics }
    }

    /// The first column of what a statement answers, as the superuser.
    pub fn sql(&self, statement: &str) -> Vec<String> {
        sql(&self.runtime, &self.database, statement)
    }

    /// Waits until nothing waits in the queue: all that was accepted is merged or dead.
    pub fn drained(&self) {
        let mut redis = self.connection();
        wait_for("an empty queue", || {
            let mut waiting = |shard, lane| -> u64 {
                let stream = format!("daybook:pings:{shard}{lane}");
                redis::cmd("XLEN").arg(stream).query(&mut redis).expect("a length")
            };
            let mut lanes = (0..SHARDS).flat_map(|shard| [(shard, ""), (shard, ":bulk")]);
            lanes.all(|(shard, lane)| waiting(shard, lane) == 0).then_some(())
        });
    }

    /// Everything that Redis has in its directory.
    pub fn redis_files(&self) -> Vec<u8> {
        let mut redis = self.connection();
        let (_, folder): (String, String) = redis::cmd("CONFIG")
            .arg("GET")
            .arg("dir")
            .query(&mut redis)
            .expect("its directory");
        files_in(Path::new(&folder))
    }

    /// Has Redis write its file anew, with what it holds and nothing of what it held; uncompressed, so that it can be searched.
    pub fn rewrite(&self) {
        let mut redis = self.connection();
        let plain = redis::cmd("CONFIG")
            .arg(&["SET", "rdbcompression", "no"])
            .query::<String>(&mut redis);
        assert_eq!(plain.as_deref(), Ok("OK"));
        let said = |redis: &mut redis::Connection, what: &str| -> String {
            let info: String = redis::cmd("INFO").arg("persistence").query(redis).expect("info");
            let line = info.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':'));
            line.expect(what).to_owned()
        };
        let before = said(&mut redis, "aof_base_size");
        let _: String = redis::cmd("BGREWRITEAOF").query(&mut redis).expect("begun");
        wait_for("a rewritten file", || {
            let is_over = said(&mut redis, "aof_rewrite_in_progress") == "0"
                && said(&mut redis, "aof_rewrite_scheduled") == "0"
                && said(&mut redis, "aof_base_size") != before;
            is_over.then_some(())
        });
        assert_eq!(said(&mut redis, "aof_last_bgrewrite_status"), "ok");
    }

    /// Everything that Postgres has in its directory, the log of its writes among it.
    pub fn postgres_files(&self) -> Vec<u8> {
        self.sql("CHECKPOINT");
        files_in(Path::new(&self.sql("SHOW data_directory")[0]))
    }

    /// Every row of every table.
    pub fn dump(&self) -> Vec<u8> {
        let tables =
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
        let rows = |table: &String| self.sql(&format!("SELECT row_to_json(t)::text FROM {table} AS t"));
        self.sql(tables)
            .iter()
            .flat_map(rows)
            .collect::<Vec<_>>()
            .join("\n")
            .into_bytes()
    }

    /// What was said to Redis and Postgres and what they answered.
    pub fn wires(&self) -> BTreeMap<&'static str, Vec<u8>> {
        let of = |wire: &Wire| wire.tapes().join(&b"\n"[..]);
        [
            ("the way to Redis", of(&self.to_redis)),
            ("the way to Postgres", of(&self.to_postgres)),
        ]
        .into()
    }

    fn connection(&self) -> redis::Connection {
        let client = redis::Client::open(self.redis.url()).expect("a URL");
        client.get_connection().expect("connected")
    }
}

impl Node {
    /// The page that Prometheus reads.
    pub fn metrics(&self) -> Vec<u8> {
        let mut page = ureq::get(&self.metrics).call().expect("an answer");
        page.body_mut().read_to_vec().expect("a whole page")
    }
}

impl Door {
    /// Puts rules in the place of those before.
    pub fn put_rules(&self, caller: &Caller, rules: &Value) -> Answer {
        patiently(|| self.client.put("/api/v1/users/me/privacy-rules", caller, rules))
    }

    /// What of somebody's could not be merged.
    pub fn letters(&self, caller: &Caller) -> Vec<u8> {
        let letters = patiently(|| self.client.get("/api/v1/usage/dead-letters?limit=500", Some(caller)));
        assert_eq!(letters.status, 200, "{letters:?}");
        letters.body.into_bytes()
    }

    /// What is in somebody's archive, file by file.
    pub fn export(&self, caller: &Caller) -> Vec<u8> {
        let bytes = self.client.download("/api/v1/users/me/export", caller);
        let mut archive = ZipArchive::new(Cursor::new(bytes)).expect("a ZIP");
        let mut all = Vec::new();
        for index in 0..archive.len() {
            archive
                .by_index(index)
                .expect("a file")
                .read_to_end(&mut all)
                .expect("whole");
        }
        all
    }
}

/// A URL that leads through a wire to the server whose socket it names.
fn led_through(url: &str, socket: &str, wire: &Wire) -> String {
    let (front, rest) = if let Some((front, rest)) = url.split_once("host=") {
        // Postgres is told the directory, percent-encoded or not.
        let end = rest.find('&').unwrap_or(rest.len());
        (format!("{front}host="), rest[end..].to_owned())
    } else {
        let (front, _) = url.split_once("unix://").expect("a socket");
        (format!("{front}unix://"), format!("/{socket}"))
    };
    format!("{front}{}{rest}", wire.dir().display())
}

fn sql(runtime: &tokio::runtime::Runtime, database: &TestPostgres, statement: &str) -> Vec<String> {
    let url = database.admin_url();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("connect");
        tokio::spawn(connection);
        let said = client.simple_query(statement).await.expect(statement);
        let rows = said.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        });
        rows.collect()
    })
}

/// The bytes of all files under a folder, one after the other. One that goes meanwhile is not there.
fn files_in(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map_while(Result::ok) {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => all.extend(fs::read(entry.path()).unwrap_or_default()),
                _ => {}
            }
        }
    }
    assert!(!all.is_empty(), "{} holds nothing", folder.display());
    all
}
