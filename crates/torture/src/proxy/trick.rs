//! Ways that lie: they break a promise of Redis or of its client from outside, so that the checker has something to find.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::resp::{self, Command, Commands};

/// How long after its answer a write reaches Redis.
const LATE_BY: Duration = Duration::from_millis(400);
/// How the names of the streams of pings begin.
const PINGS: &[u8] = b"daybook:pings:";
/// How much is read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// What makes something else of what a client says.
pub(super) type Rewrite = Box<dyn FnMut(&[u8]) -> Vec<u8> + Send>;

/// How a way to Redis lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trick {
    /// Not at all.
    #[default]
    Honest,
    /// What a worker takes counts as settled at once: its reads are made to acknowledge.
    AckEarly,
    /// What the door writes is answered before Redis has got it.
    AnswerEarly,
}

impl Trick {
    /// What becomes of what clients say.
    pub(super) fn rewrite(self) -> Option<Rewrite> {
        if self != Self::AckEarly {
            return None;
        }
        let mut commands = Commands::default();
        Some(Box::new(move |bytes| {
            commands.feed(bytes);
            std::iter::from_fn(|| commands.next_whole())
                .flat_map(|command| resp::written(&acknowledging(command)))
                .collect()
        }))
    }
}

/// The command, which acknowledges what it reads if it reads for a group.
fn acknowledging(mut command: Command) -> Command {
    let streams = command.iter().position(|word| word.eq_ignore_ascii_case(b"STREAMS"));
    if let (true, Some(streams)) = (resp::is(&command, "XREADGROUP"), streams) {
        command.insert(streams, b"NOACK".to_vec());
    }
    command
}

/// Carries a connection to the Redis behind `socket`, answering writes of pings itself and passing them on later, over a connection of their own.
pub(super) async fn lie(client: &mut TcpStream, server: &mut UnixStream, socket: &Path) -> io::Result<()> {
    let (later, due) = mpsc::unbounded_channel();
    let late = UnixStream::connect(socket).await?;
    let passing_on = tokio::spawn(pass_on(late, due));
    let outcome = Session {
        client,
        server,
        later,
        answers: Vec::new(),
    }
    .run()
    .await;
    // What is due later is still passed on, unless Redis is gone.
    drop(passing_on);
    outcome
}

/// Passes on what is due, when it is due, until Redis is gone or nothing more can come.
async fn pass_on(mut redis: UnixStream, mut due: mpsc::UnboundedReceiver<(Instant, Vec<u8>)>) -> io::Result<()> {
    let (mut answers, mut requests) = redis.split();
    let mut nowhere = tokio::io::sink();
    let write = async {
        while let Some((at, bytes)) = due.recv().await {
            sleep_until(at).await;
            requests.write_all(&bytes).await?;
        }
        requests.shutdown().await
    };
    tokio::try_join!(write, async {
        tokio::io::copy(&mut answers, &mut nowhere).await.map(drop)
    })
    .map(drop)
}

struct Session<'a> {
    client: &'a mut TcpStream,
    server: &'a mut UnixStream,
    later: mpsc::UnboundedSender<(Instant, Vec<u8>)>,
    /// What the server has answered and nobody has taken yet.
    answers: Vec<u8>,
}

impl Session<'_> {
    /// One command or transaction after the other.
    async fn run(mut self) -> io::Result<()> {
        let mut commands = Commands::default();
        let mut together: Vec<Command> = Vec::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = self.client.read(&mut chunk).await?;
            if length == 0 {
                return Ok(());
            }
            commands.feed(&chunk[..length]);
            while let Some(command) = commands.next_whole() {
                together.push(command);
                let is_open =
                    resp::is(&together[0], "MULTI") && !together.last().is_some_and(|last| resp::is(last, "EXEC"));
                if !is_open {
                    self.carry(&together).await?;
                    together.clear();
                }
            }
        }
    }

    async fn carry(&mut self, together: &[Command]) -> io::Result<()> {
        let bytes: Vec<u8> = together.iter().flat_map(|command| resp::written(command)).collect();
        if together.iter().any(|command| keeps_pings(command)) {
            // That nobody is left to pass it on is what the lie is about.
            let _ = self.later.send((Instant::now() + LATE_BY, bytes));
            return self.client.write_all(&made_up(together)).await;
        }
        self.server.write_all(&bytes).await?;
        for _ in together {
            let answer = self.answer().await?;
            self.client.write_all(&answer).await?;
        }
        Ok(())
    }

    /// The server's next answer, whole.
    async fn answer(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = resp::answer_end(&self.answers, 0) {
                return Ok(self.answers.drain(..end).collect());
            }
            if self.server.read_buf(&mut self.answers).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

fn keeps_pings(command: &[Vec<u8>]) -> bool {
    resp::is(command, "XADD") && command.get(1).is_some_and(|stream| stream.starts_with(PINGS))
}

/// What Redis would answer to a write of pings: to each command by itself, or to a transaction.
fn made_up(together: &[Command]) -> Vec<u8> {
    let [first, within @ .., _] = together else {
        return together.iter().flat_map(|command| answer_to(command)).collect();
    };
    if !resp::is(first, "MULTI") {
        return together.iter().flat_map(|command| answer_to(command)).collect();
    }
    let mut answers = b"+OK\r\n".to_vec();
    for _ in within {
        answers.extend_from_slice(b"+QUEUED\r\n");
    }
    answers.extend_from_slice(format!("*{}\r\n", within.len()).as_bytes());
    answers.extend(within.iter().flat_map(|command| answer_to(command)));
    answers
}

fn answer_to(command: &[Vec<u8>]) -> Vec<u8> {
    if resp::is(command, "XADD") {
        return resp::bulk(b"1-1");
    }
    if resp::is(command, "HMGET") {
        // Through which number pings are merged is not known.
        let asked = command.len().saturating_sub(2);
        return format!("*{asked}\r\n{}", "$-1\r\n".repeat(asked)).into_bytes();
    }
    b":1\r\n".to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &str) -> Command {
        words.split(' ').map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn reads_for_a_group_are_made_to_acknowledge() {
        let mut rewrite = Trick::AckEarly.rewrite().expect("a rewrite");
        let read = resp::written(&command("XREADGROUP GROUP g w COUNT 1 STREAMS s >"));
        let (one, other) = read.split_at(9);
        assert_eq!(rewrite(one), b"");
        assert_eq!(
            rewrite(other),
            resp::written(&command("XREADGROUP GROUP g w COUNT 1 NOACK STREAMS s >"))
        );
        let other = resp::written(&command("XACK STREAMS g 1-1"));
        assert_eq!(rewrite(&other), other);
        assert!(Trick::Honest.rewrite().is_none());
    }

    #[test]
    fn made_up_answers_are_as_many_as_redis_would_give() {
        let alone = [command("XADD daybook:pings:1 * p x")];
        assert_eq!(made_up(&alone), b"$3\r\n1-1\r\n");
        let together = [
            "MULTI",
            "XADD daybook:pings:1 * p x",
            "HINCRBY b f 2",
            "HMGET m a b",
            "EXEC",
        ]
        .map(command);
        let answers = made_up(&together);
        let expected = "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n$3\r\n1-1\r\n:1\r\n*2\r\n$-1\r\n$-1\r\n";
        assert_eq!(String::from_utf8(answers).expect("text"), expected);
        assert!(!keeps_pings(&command("XADD daybook:standing * k v")));
    }
}
