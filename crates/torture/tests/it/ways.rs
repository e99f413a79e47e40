//! A way between two programs does to them what it is told, and nothing else.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use torture::proxy::{Cut, Trick, Upstream, Way, Weather};

/// The longest that a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long nothing happens where nothing should. Never reached by what should happen.
const SILENCE: Duration = Duration::from_millis(150);

/// Answers each byte with the same, and tells which it got.
async fn echo() -> (SocketAddr, mpsc::UnboundedReceiver<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let address = listener.local_addr().expect("an address");
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let tell = tell.clone();
            tokio::spawn(async move {
                while let Ok(byte) = stream.read_u8().await {
                    let _ = tell.send(byte);
                    if stream.write_u8(byte).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    (address, told)
}

struct Stage {
    way: Way,
    got: mpsc::UnboundedReceiver<u8>,
    client: TcpStream,
}

impl Stage {
    async fn set() -> Self {
        let (address, got) = echo().await;
        let way = Way::open("client to echo", Upstream::Tcp(address), Trick::Honest)
            .await
            .expect("a way");
        let client = TcpStream::connect(way.address()).await.expect("connect");
        let mut stage = Self { way, got, client };
        assert_eq!(stage.exchange(1).await, Ok(1));
        assert_eq!(stage.got.recv().await, Some(1));
        stage
    }

    async fn exchange(&mut self, byte: u8) -> Result<u8, ErrorKind> {
        self.client.write_u8(byte).await.map_err(|error| error.kind())?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<u8, ErrorKind> {
        let answer = tokio::time::timeout(PATIENCE, self.client.read_u8())
            .await
            .expect("an answer or an end");
        answer.map_err(|error| error.kind())
    }
}

#[tokio::test]
async fn connections_are_cut_by_a_reset_or_in_order() {
    for (cut, kind) in [
        (Cut::Reset, ErrorKind::ConnectionReset),
        (Cut::Close, ErrorKind::UnexpectedEof),
    ] {
        let mut stage = Stage::set().await;
        stage.way.cut(cut);
        assert_eq!(stage.answer().await, Err(kind));
        // The next one is not struck.
        stage.client = TcpStream::connect(stage.way.address()).await.expect("connect");
        assert_eq!(stage.exchange(2).await, Ok(2));
    }
}

#[tokio::test]
async fn an_answer_is_swallowed_after_the_server_has_acted() {
    let mut stage = Stage::set().await;
    stage.way.set(Weather {
        swallows: true,
        ..Weather::default()
    });
    assert_eq!(stage.exchange(7).await, Err(ErrorKind::ConnectionReset));
    assert_eq!(stage.got.recv().await, Some(7));
}

#[tokio::test]
async fn what_is_held_arrives_when_it_is_let_go() {
    let mut stage = Stage::set().await;
    stage.way.set(Weather {
        holds_requests: true,
        ..Weather::default()
    });
    stage.client.write_u8(3).await.expect("write");
    assert!(
        tokio::time::timeout(SILENCE, stage.got.recv()).await.is_err(),
        "the request was held"
    );
    stage.way.set(Weather {
        holds_answers: true,
        ..Weather::default()
    });
    assert_eq!(stage.got.recv().await, Some(3));
    assert!(
        tokio::time::timeout(SILENCE, stage.client.read_u8()).await.is_err(),
        "the answer was held"
    );
    stage.way.set(Weather::default());
    assert_eq!(stage.answer().await, Ok(3));
}

#[tokio::test]
async fn new_connections_are_refused_and_old_ones_stay() {
    let mut stage = Stage::set().await;
    for refusing in [true, false] {
        if refusing {
            stage.way.set(Weather {
                refuses: true,
                ..Weather::default()
            });
        } else {
            stage.way.set(Weather::default());
            stage.way.lead_to(Upstream::Nobody);
        }
        let mut newcomer = TcpStream::connect(stage.way.address())
            .await
            .expect("the kernel answers");
        let answer = tokio::time::timeout(PATIENCE, newcomer.read_u8())
            .await
            .expect("an end");
        assert_eq!(answer.map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
    }
    assert_eq!(stage.exchange(4).await, Ok(4));
}

#[tokio::test]
async fn a_way_that_is_slow_is_slow_in_both_directions() {
    let mut stage = Stage::set().await;
    let delay = Duration::from_millis(60);
    stage.way.set(Weather {
        delay,
        ..Weather::default()
    });
    let began = tokio::time::Instant::now();
    assert_eq!(stage.exchange(5).await, Ok(5));
    assert!(began.elapsed() >= 2 * delay, "{:?}", began.elapsed());
}
