//! A server from before, on servers of its own: what it keeps is in a form of its own, and nothing of the stage must depend on it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use embedded::Servers;
use testkit::runs::Failure;
use tokio::runtime::Runtime;

use crate::child::Child;
use crate::http::Connection;
use crate::sign_in::{self, PASSWORD};

use super::{BEFORE_DIR, Program, SHARDS, address, bare_command};

/// It runs until it is dropped.
pub struct Before {
    // Dropped in this order: the program before the servers that it uses.
    api: Program,
    servers: Servers,
}

impl Before {
    /// Starts `program` with its data in `dir`, which is the stage's.
    pub(super) fn start(program: &Path, dir: &Path) -> Result<Self, Failure> {
        let mut wanted = embedded::Options::new(dir.join(BEFORE_DIR));
        wanted.redis_memory_bytes_max = 0;
        // An fsync would hide what the program costs.
        wanted.redis_fsync = embedded::Fsync::EverySecond;
        let servers =
            Servers::start(&wanted).map_err(Failure::because("could not start servers for the one before"))?;
        Child::start("before-migrate", command(program, "migrate", &servers), dir)?.succeed()?;
        let child = Child::start("before-api", command(program, "api", &servers), dir)?;
        let address = address("before-api", &child)?;
        Ok(Self {
            api: Program { child, address },
            servers,
        })
    }

    /// Where it answers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.api.address
    }

    /// The processes of it.
    pub(super) fn api_pid(&self) -> u32 {
        self.api.child.pid()
    }

    /// Its servers.
    pub(super) fn servers(&self) -> &Servers {
        &self.servers
    }

    /// Registers `count` people, as anybody would.
    pub(super) fn register(&self, runtime: &Runtime, count: u32) -> Result<(), Failure> {
        let body = |number| {
            let email = email(number);
            format!(r#"{{"email":"{email}","password":"{PASSWORD}","full_name":"Bench"}}"#)
        };
        let request = |number| {
            let body = body(number);
            let length = body.len();
            let head = "POST /api/v1/users/register HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n";
            format!("{head}Content-Length: {length}\r\n\r\n{body}").into_bytes()
        };
        runtime.block_on(self.ask_for_each(count, request)).map(drop)
    }

    /// The access tokens of those people, newly signed in: how they are made is the server's own affair, and they do not live long.
    pub(super) fn tokens(&self, runtime: &Runtime, count: u32) -> Result<Vec<String>, Failure> {
        let request = |number| sign_in::request(&email(number), PASSWORD, number);
        let answers = runtime.block_on(self.ask_for_each(count, request))?;
        answers.iter().map(|answer| access_token(answer)).collect()
    }

    async fn ask_for_each(&self, count: u32, request: impl Fn(u32) -> Vec<u8>) -> Result<Vec<Vec<u8>>, Failure> {
        let failed = || Failure::because("could not speak to the server from before");
        let mut connection = Connection::open(self.address()).await.map_err(failed())?;
        let mut answers = Vec::new();
        for number in 0..count {
            let answer = connection.exchange(&request(number)).await.map_err(failed())?;
            if answer.status >= 300 {
                let (status, said) = (answer.status, String::from_utf8_lossy(answer.body));
                return Err(Failure::new(format!("the server from before answers {status}: {said}")));
            }
            answers.push(answer.body.to_vec());
        }
        Ok(answers)
    }
}

fn email(number: u32) -> String {
    format!("bench-{number}@example.org")
}

/// With nothing in its environment but what it knows: it refuses settings that came later. It connects as the owner, which had to be then.
fn command(program: &Path, subcommand: &str, servers: &Servers) -> Command {
    let mut command = bare_command(program, subcommand);
    command
        .env("DATABASE_URL", servers.database_url())
        .env("REDIS_URL", servers.redis_url())
        .env("DAYBOOK_ALLOW_WEAK_DURABILITY", "yes")
        .env("DAYBOOK_PING_SHARDS", SHARDS.to_string());
    command
}

fn access_token(body: &[u8]) -> Result<String, Failure> {
    let body: serde_json::Value = serde_json::from_slice(body).map_err(Failure::because(
        "could not read what the server from before says to a sign-in",
    ))?;
    let token = body.get("access_token").and_then(serde_json::Value::as_str);
    token
        .map(str::to_owned)
        .ok_or_else(|| Failure::new("the server from before answers a sign-in without an access token"))
}
