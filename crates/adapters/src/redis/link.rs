//! A connection that is opened when it is first needed and replaced after it broke.

use std::time::Duration;

use ports::PortError;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult};
use redis::{ServerError, ServerErrorKind, Value};
use tokio::sync::Mutex;

/// A connection of its own to Redis, for one or for many tasks.
pub(super) struct Link {
    client: Client,
    config: AsyncConnectionConfig,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    /// Counts up with each new connection, so that one that was replaced already is not replaced again.
    number: u64,
    connection: Option<MultiplexedConnection>,
}

impl Link {
    /// To the server that `client` names. Opening it takes at most `connect_max`, an answer at most `answer_max`.
    pub(super) fn new(client: Client, connect_max: Duration, answer_max: Duration) -> Self {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connect_max))
            .set_response_timeout(Some(answer_max));
        Self {
            client,
            config,
            open: Mutex::default(),
        }
    }

    /// Sends a command once and awaits its answer.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let (number, mut connection) = self.connection().await?;
        let answer = command.query_async(&mut connection).await;
        self.watch(number, answer).await
    }

    /// Sends a command that may take effect twice: when the connection turns out to be broken, once more over a new one. So nobody notices that Redis was
    /// restarted while nothing was asked of it.
    pub(super) async fn query_again<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        match self.query(command).await {
            Err(error) if is_cut(&error) => self.query(command).await,
            answer => answer,
        }
    }

    /// Sends commands together that may take effect twice, likewise, and awaits all of their answers. An error of one of them is that of all.
    pub(super) async fn query_all_again(&self, commands: &Pipeline) -> RedisResult<Vec<Value>> {
        match self.query_all(commands).await {
            Err(error) if is_cut(&error) => self.query_all(commands).await,
            answers => answers,
        }
    }

    async fn query_all(&self, commands: &Pipeline) -> RedisResult<Vec<Value>> {
        let (number, mut connection) = self.connection().await?;
        let answers = commands.query_async(&mut connection).await;
        self.watch(number, answers).await
    }

    async fn connection(&self) -> RedisResult<(u64, MultiplexedConnection)> {
        let mut open = self.open.lock().await;
        if let Some(connection) = &open.connection {
            return Ok((open.number, connection.clone()));
        }
        let connection = self
            .client
            .get_multiplexed_async_connection_with_config(&self.config)
            .await?;
        open.number += 1;
        open.connection = Some(connection.clone());
        Ok((open.number, connection))
    }

    /// Lets go of a connection that broke, or that owes an answer and may never give it.
    async fn watch<T>(&self, number: u64, answer: RedisResult<T>) -> RedisResult<T> {
        if answer.as_ref().is_err_and(is_broken) {
            let mut open = self.open.lock().await;
            if open.number == number {
                open.connection = None;
            }
        }
        answer
    }
}

/// Whether the connection is to blame, not the command. One that leads to a server which has become a replica is: the name may stand for another by now.
pub(super) fn is_broken(error: &RedisError) -> bool {
    says(error, |error| error.kind() == Some(ServerErrorKind::ReadOnly))
        || error.is_io_error()
        || error.is_timeout()
        || error.is_unrecoverable_error()
}

/// Whether Redis said this, to the command or to one of a transaction, which it then did not run at all.
fn says(error: &RedisError, is_it: impl Fn(&ServerError) -> bool) -> bool {
    let refused = error.clone().into_server_errors();
    refused.is_some_and(|refused| refused.iter().any(|(_, error)| is_it(error)))
}

/// Whether Redis has no memory left for it.
pub(super) fn is_full(error: &RedisError) -> bool {
    says(error, |error| error.code() == "OOM")
}

/// Whether the connection was there and is no longer. One that could not be opened, or that was silent for too long, was tried long enough.
fn is_cut(error: &RedisError) -> bool {
    is_broken(error) && !error.is_timeout() && !error.is_connection_refusal()
}

/// Whether Redis has lost the stream or its group, or somebody removed them: before the command, or while it waited.
pub(super) fn is_without_stream(error: &RedisError) -> bool {
    matches!(error.code(), Some("NOGROUP" | "UNBLOCKED"))
}

/// The error in the words of the ports. Only what Redis will always refuse is a bug; that it is away, full, loading, read-only or cannot write its file
/// may end.
pub(super) fn port_error(attempted: impl Into<String>, error: RedisError) -> PortError {
    let is_bug = match error.kind() {
        ErrorKind::UnexpectedReturnType | ErrorKind::Client => true,
        ErrorKind::Server(ServerErrorKind::ExecAbort) => {
            says(&error, |error| error.kind() == Some(ServerErrorKind::ResponseError))
        }
        ErrorKind::Server(kind) => matches!(kind, ServerErrorKind::ResponseError | ServerErrorKind::CrossSlot),
        _ => error.code() == Some("WRONGTYPE"),
    };
    if is_bug {
        PortError::bug(attempted, error)
    } else if is_full(&error) {
        PortError::full(attempted, error)
    } else {
        PortError::unavailable(attempted, error)
    }
}
