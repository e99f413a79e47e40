//! What a way does with each connection.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::time::sleep;

use super::trick::{Rewrite, Trick, lie};
use super::{Cut, State, Upstream};

/// How much is carried at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Takes connections until the way is gone.
pub(super) async fn all(listener: TcpListener, state: Arc<watch::Sender<State>>, trick: Trick) {
    loop {
        // Too many open files, or a client that is gone already: the next may do better.
        let Ok((client, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        tokio::spawn(one(client, state.subscribe(), trick));
    }
}

async fn one(mut client: TcpStream, mut state: watch::Receiver<State>, trick: Trick) {
    // What is sent is sent at once; the delays here are on purpose.
    let _ = client.set_nodelay(true);
    let (upstream, refuses) = {
        let state = state.borrow_and_update();
        (state.upstream.clone(), state.weather.refuses)
    };
    let ended = match upstream {
        _ if refuses => Err(refused()),
        Upstream::Nobody => Err(refused()),
        Upstream::Tcp(address) => match TcpStream::connect(address).await {
            Ok(mut server) => {
                let _ = server.set_nodelay(true);
                let ended = until_cut(&mut client, &mut server, state, trick).await;
                if ended.is_err() {
                    let _ = server.set_zero_linger();
                }
                ended
            }
            Err(error) => Err(error),
        },
        Upstream::Unix(path) => match UnixStream::connect(&path).await {
            Ok(mut server) if trick == Trick::AnswerEarly => {
                let cut = cut(state.clone());
                tokio::select! {
                    ended = lie(&mut client, &mut server, &path) => ended,
                    ended = cut => ended,
                }
            }
            Ok(mut server) => until_cut(&mut client, &mut server, state, trick).await,
            Err(error) => Err(error),
        },
    };
    if ended.is_err() {
        // Closed by a reset instead of in order.
        let _ = client.set_zero_linger();
    }
}

fn refused() -> io::Error {
    io::ErrorKind::ConnectionRefused.into()
}

/// Carries both ways until both have ended, or the connection is cut. An error asks for a reset.
async fn until_cut<S>(
    client: &mut TcpStream,
    server: &mut S,
    state: watch::Receiver<State>,
    trick: Trick,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = tokio::io::split(server);
    let requests = Pump {
        state: state.clone(),
        is_answers: false,
        rewrite: trick.rewrite(),
    };
    let answers = Pump {
        state: state.clone(),
        is_answers: true,
        rewrite: None,
    };
    let both = async {
        tokio::try_join!(
            requests.run(from_client, to_server),
            answers.run(from_server, to_client)
        )
    };
    tokio::select! {
        ended = both => ended.map(drop),
        ended = cut(state) => ended,
    }
}

/// Waits for the next cut, and says how it is. The end of the way is one, too.
async fn cut(mut state: watch::Receiver<State>) -> io::Result<()> {
    let seen = state.borrow().cuts;
    match state.wait_for(|state| state.cuts != seen).await.map(|state| state.cut) {
        Ok(Cut::Reset) => Err(io::ErrorKind::ConnectionReset.into()),
        Ok(Cut::Close) | Err(_) => Ok(()),
    }
}

/// One direction of a connection.
struct Pump {
    state: watch::Receiver<State>,
    is_answers: bool,
    rewrite: Option<Rewrite>,
}

impl Pump {
    async fn run<R, W>(mut self, mut from: R, mut to: W) -> io::Result<()>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = from.read(&mut chunk).await?;
            if length == 0 {
                // The other direction may have something to say yet.
                return to.shutdown().await;
            }
            self.get_through().await?;
            match &mut self.rewrite {
                Some(rewrite) => to.write_all(&rewrite(&chunk[..length])).await?,
                None => to.write_all(&chunk[..length]).await?,
            }
        }
    }

    /// Waits as long as the weather demands. An error when what was read shall not arrive.
    async fn get_through(&mut self) -> io::Result<()> {
        let is_answers = self.is_answers;
        let lets_pass = |state: &State| {
            !if is_answers {
                state.weather.holds_answers
            } else {
                state.weather.holds_requests
            }
        };
        let weather = match self.state.wait_for(lets_pass).await {
            Ok(state) => state.weather,
            Err(_) => return Err(io::ErrorKind::ConnectionAborted.into()),
        };
        if is_answers && weather.swallows {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if !weather.delay.is_zero() {
            sleep(weather.delay).await;
        }
        Ok(())
    }
}
