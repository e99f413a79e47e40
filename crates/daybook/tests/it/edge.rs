//! The settings of what stands between the network and the routes, as an operator meets them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use testkit::servers::{Fsync, TestPostgres, TestRedis};

use crate::client::Client;
use crate::ledger::now_ms;
use crate::program::{Program, daybook, run, text, wait_for};

/// A migrated installation.
struct Servers {
    database: TestPostgres,
    redis: TestRedis,
}

impl Servers {
    fn start() -> Self {
        let servers = Self {
            database: TestPostgres::start_durable(),
            redis: TestRedis::start_with(Fsync::Always, 0),
        };
        let url = servers.database.database_url();
        let migrated = run(&["migrate"], &servers.settings(&url, &[]));
        assert!(migrated.status.success(), "{}", text(&migrated.stderr));
        servers
    }

    fn settings<'a>(&'a self, url: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let own = [
            ("DATABASE_URL", url),
            ("REDIS_URL", self.redis.url()),
            ("DAYBOOK_LISTEN", "127.0.0.1:0"),
        ];
        [&own, more].concat()
    }

    /// The API with these settings, and its address.
    fn api(&self, settings: &[(&str, &str)]) -> (Program, String) {
        let url = self.database.api_database_url();
        let program = Program::start(daybook(&["api"], &self.settings(&url, settings)));
        let address = program.address();
        (program, address)
    }
}

/// The whole answer to a GET with these headers.
fn get(address: &str, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).expect("it listens");
    let patience = Some(Duration::from_secs(30));
    stream.set_read_timeout(patience).expect("a bound");
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn ping() -> serde_json::Value {
    let time = |ms| domain::time::UnixMs(ms).to_string();
    json!({"app_name": "Editor", "start_time": time(now_ms() - 5_000), "end_time": time(now_ms())})
}

#[test]
fn limits_are_on_and_each_can_be_changed_or_all_be_off() {
    let servers = Servers::start();
    let (api, address) = servers.api(&[]);
    let answer = get(&address, "/nothing", "");
    assert!(
        answer.contains("ratelimit-policy: \"address\";q=400;w=20\r\n"),
        "{answer}"
    );
    assert!(answer.contains("ratelimit: \"address\";r=399;t=1\r\n"), "{answer}");
    assert!(api.terminate().success());

    let (api, address) = servers.api(&[
        ("DAYBOOK_LIMIT_PINGS", "1/h burst 2"),
        ("DAYBOOK_LIMIT_ADDRESS", "1/h burst 3"),
    ]);
    let client = Client::new(&address);
    client.register("ada@example.org", "UTC");
    let ada = client.sign_in("ada@example.org", "laptop");
    let statuses = [(); 3].map(|()| client.track(&ada, &ping()).status);
    assert_eq!(statuses, [202, 202, 429]);
    let statuses = [(); 2].map(|()| client.get("/nothing", None).status);
    assert_eq!(statuses, [404, 429]);
    assert!(api.terminate().success());

    let (api, address) = servers.api(&[("DAYBOOK_RATE_LIMITS", "off"), ("DAYBOOK_LIMIT_PINGS", "1/h burst 1")]);
    let client = Client::new(&address);
    let ada = client.sign_in("ada@example.org", "laptop");
    let statuses = [(); 3].map(|()| client.track(&ada, &ping()).status);
    assert_eq!(statuses, [202; 3]);
    assert!(!get(&address, "/nothing", "").contains("ratelimit"));
    assert!(api.terminate().success());
}

#[test]
fn the_public_url_proxies_origins_and_time_outs_reach_the_door() {
    let servers = Servers::start();
    let (api, address) = servers.api(&[
        ("DAYBOOK_PUBLIC_URL", "https://daybook.example.org"),
        ("DAYBOOK_TRUSTED_PROXIES", "127.0.0.1, ::1"),
        ("DAYBOOK_CORS_ORIGINS", "https://a.example, http://localhost:5173"),
        ("DAYBOOK_LIMIT_ADDRESS", "1/h burst 1"),
        ("DAYBOOK_CONNECTIONS_MAX", "100"),
        ("DAYBOOK_HEAD_WITHIN", "1s"),
        ("DAYBOOK_BODY_WITHIN", "1s"),
    ]);
    let of = |client: &str| get(&address, "/nothing", &format!("X-Forwarded-For: {client}\r\n"));
    let first = of("203.0.113.1");
    assert!(
        first.starts_with("HTTP/1.1 404") && first.contains("strict-transport-security: max-age="),
        "{first}"
    );
    assert!(of("203.0.113.1").starts_with("HTTP/1.1 429"));
    assert!(of("203.0.113.2").starts_with("HTTP/1.1 404"));
    let page = get(&address, "/health/live", "Origin: http://localhost:5173\r\n");
    assert!(
        page.contains("access-control-allow-origin: http://localhost:5173\r\n"),
        "{page}"
    );

    let mut slow = TcpStream::connect(address.trim_start_matches("http://")).expect("it listens");
    slow.set_read_timeout(Some(Duration::from_secs(30))).expect("a bound");
    slow.write_all(b"GET / HT").expect("sent");
    let mut answer = String::new();
    slow.read_to_string(&mut answer).expect("closed within the bound");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(api.terminate().success());
}

#[test]
fn as_many_files_may_be_opened_as_the_connections_need() {
    let servers = Servers::start();
    let url = servers.database.api_database_url();
    let settings = servers.settings(&url, &[("DAYBOOK_CONNECTIONS_MAX", "100")]);
    let start = |limit: &str| {
        let api = daybook(&["api"], &settings);
        let mut limited = Command::new("sh");
        limited
            .args(["-c", &format!("ulimit {limit}; exec \"$0\" api")])
            .arg(api.get_program())
            .env_clear()
            .envs(api.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let program = Program::start(limited);
        program.address();
        program
    };
    let program = start("-Sn 512");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", program.pid())).expect("it runs");
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .expect("a limit");
    assert_eq!(files.split_whitespace().nth(3), Some("1224"), "{files}");
    assert!(program.terminate().success());

    let program = start("-n 512");
    wait_for("the warning", || {
        program.errors().contains("DAYBOOK_CONNECTIONS_MAX").then_some(())
    });
    assert!(program.terminate().success());
}

#[test]
fn nonsense_is_refused_by_name() {
    let nonsense = [
        ("DAYBOOK_RATE_LIMITS", "no"),
        ("DAYBOOK_LIMIT_PINGS", "50"),
        ("DAYBOOK_LIMIT_ACCOUNT", "0/s burst 1"),
        ("DAYBOOK_LIMIT_ADDRESS", "20/s"),
        ("DAYBOOK_PUBLIC_URL", "daybook.example.org"),
        ("DAYBOOK_TRUSTED_PROXIES", "10.0.0.0/40"),
        ("DAYBOOK_CORS_ORIGINS", "*"),
        ("DAYBOOK_CONNECTIONS_MAX", "0"),
        ("DAYBOOK_HEAD_WITHIN", "soon"),
        ("DAYBOOK_BODY_WITHIN", "0s"),
    ];
    let refused = run(&["api"], &nonsense);
    let said = text(&refused.stderr);
    assert!(!refused.status.success());
    for (name, _) in nonsense {
        assert!(said.contains(name), "{name} in {said}");
    }
}
